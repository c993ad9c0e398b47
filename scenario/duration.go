package scenario

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// String gives the duration as a scenario would write it: 30s, 1m30s, 5m, 250ms.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalJSON writes the duration as text, "30s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads what MarshalJSON wrote. A bare number is an error: its unit
// would be a guess.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a duration is text with a unit, as \"30s\": %w", err)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("duration %q: %w", s, err)
	}
	*d = Duration(v)
	return nil
}

// durationUnits are the units of a duration, in nanoseconds.
var durationUnits = map[string]float64{"us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}

// maxDuration bounds a duration: what is longer is a slip of the unit.
const maxDuration = 10000 * time.Hour

// ParseDuration reads 30s, 250ms, 1m30s, 1.5h. A unit is required; there is no
// sign. The error is a sentence that says what to write instead.
func ParseDuration(s string) (time.Duration, error) {
	if s == "" {
		return 0, fmt.Errorf("a duration is missing: write a number and a unit, as 30s")
	}
	var total float64
	rest := s
	for rest != "" {
		num, unit, tail := splitUnit(rest)
		v, err := strconv.ParseFloat(num, 64)
		if err != nil {
			return 0, badDuration(s)
		}
		if unit == "" {
			return 0, fmt.Errorf("%s what? write %ss", s, s)
		}
		f, ok := durationUnits[unit]
		if !ok {
			return 0, badDurationUnit(s, num, unit)
		}
		total += v * f
		rest = tail
	}
	if total > float64(maxDuration) {
		return 0, fmt.Errorf("%s is too long: at most %s", s, Duration(maxDuration))
	}
	return time.Duration(total + 0.5), nil
}

func badDuration(s string) error {
	return fmt.Errorf("%q is no duration: write a number and a unit, as 250ms, 30s, 5m, 1m30s or 1h", s)
}

// wordUnits are units as people write them out.
var wordUnits = map[string]string{"sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m", "hour": "h", "hours": "h", "S": "s", "H": "h", "MS": "ms"}

func badDurationUnit(s, num, unit string) error {
	if unit == "M" {
		return fmt.Errorf("%s is a size, not a duration: did you mean %sm?", s, num)
	}
	if _, ok := sizeUnits[unit]; ok {
		return fmt.Errorf("%s is a size, not a duration: write %ss, %sm or %sms", s, num, num, num)
	}
	if u, ok := wordUnits[unit]; ok {
		return fmt.Errorf("%q is no duration: write %s%s", s, num, u)
	}
	return badDuration(s)
}

// splitUnit splits "1m30s" into "1", "m", "30s". Anything that is no plain
// decimal number gives an empty or odd first part, which ParseFloat then refuses.
func splitUnit(s string) (num, unit, rest string) {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
		i++
	}
	j := i
	for j < len(s) && !(s[j] >= '0' && s[j] <= '9' || s[j] == '.') {
		j++
	}
	return s[:i], s[i:j], s[j:]
}
