package scenario

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// sizeUnits are the multipliers of a number of tokens: k = 1000, Ki = 1024.
var sizeUnits = map[string]float64{
	"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
}

// byteUnits are sizes in bytes, which need kv_bytes_per_token to become tokens.
var byteUnits = map[string]bool{"B": true, "kB": true, "KB": true, "MB": true, "GB": true, "TB": true, "KiB": true, "MiB": true, "GiB": true, "TiB": true}

// maxSize bounds a number of tokens so that products of sizes fit an int64.
const maxSize = int64(1e12)

// errBytes is returned for sizes in bytes.
type errBytes struct{ text string }

func (e errBytes) Error() string {
	return fmt.Sprintf("%s is a size in bytes: write tokens here, as 100k or 5M; in a scenario working_set and the capacities of target.tiers may be in bytes", e.text)
}

// ParseSize reads a number of tokens: 30000, 30k, 1.5M, 32Ki. The error is a
// sentence that says what to write instead.
func ParseSize(s string) (int64, error) {
	num, unit, rest := splitUnit(s)
	if strings.HasPrefix(unit, ",") && rest != "" {
		return 0, fmt.Errorf("%q is no number: write %s", s, strings.ReplaceAll(s, ",", ""))
	}
	if strings.Contains(s, "_") && num != "" {
		return 0, fmt.Errorf("%q is no number: write %s", s, strings.ReplaceAll(s, "_", ""))
	}
	v, err := strconv.ParseFloat(num, 64)
	if err != nil || rest != "" {
		return 0, fmt.Errorf("%q is no number of tokens: write 30000, 30k, 1.5M or 32Ki", s)
	}
	if unit == "" && plainInteger(num) && len(num) > 1 && num[0] == '0' {
		return 0, fmt.Errorf("%s starts with a zero: YAML may read it as octal; write it without", s)
	}
	f := 1.0
	if unit != "" {
		var ok bool
		if f, ok = sizeUnits[unit]; !ok {
			return 0, badSizeUnit(s, num, unit)
		}
	}
	return wholeTokens(s, v*f)
}

func wholeTokens(s string, v float64) (int64, error) {
	if v > float64(maxSize) {
		return 0, fmt.Errorf("%s is too large: at most %s tokens", s, FormatSize(maxSize))
	}
	n := math.Round(v)
	if math.Abs(v-n) > 1e-6*math.Max(1, v*1e-6) {
		return 0, fmt.Errorf("%s is no whole number of tokens", s)
	}
	return int64(n), nil
}

func badSizeUnit(s, num, unit string) error {
	if u := strings.TrimSpace(unit); u != unit && (sizeUnits[u] > 0 || byteUnits[u]) {
		return fmt.Errorf("%q has a space in it: write %s%s", s, num, u)
	}
	if byteUnits[unit] {
		return errBytes{s}
	}
	if u, ok := map[string]string{"K": "k", "m": "M", "g": "G", "t": "T", "ki": "Ki", "mi": "Mi", "KI": "Ki", "MI": "Mi", "mio": "M"}[unit]; ok {
		if unit == "m" {
			return fmt.Errorf("%s is a duration, did you mean %sM?", s, num)
		}
		return fmt.Errorf("%q is no number of tokens: write %s%s (k = 1000, Ki = 1024)", s, num, u)
	}
	if _, ok := durationUnits[unit]; ok {
		return fmt.Errorf("%s is a duration, not a number of tokens: write 30k or 5M", s)
	}
	return fmt.Errorf("%q is no number of tokens: the unit %q is unknown; write 30k (1000), 5M (1e6) or 32Ki (1024)", s, strings.TrimSpace(unit))
}

func plainInteger(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// FormatSize writes a number of tokens exactly, as short as a scenario would:
// 30k, 5M, 1.5M, 32Ki, 733333.
func FormatSize(n int64) string {
	for _, u := range []struct {
		f int64
		s string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if n >= u.f && n%(u.f/1000) == 0 {
			return strconv.FormatFloat(float64(n)/float64(u.f), 'f', -1, 64) + u.s
		}
		if n >= u.f {
			break
		}
	}
	return strconv.FormatInt(n, 10)
}

// FormatPercent writes a percentage without its sign: 100, 99.5.
func FormatPercent(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) }

// parsePercent reads 99, 99.5 or 99.5%, 0 to 100. What is below 1 needs its sign: 0.9 is a
// share to most readers, and would be 0.9 percent.
func parsePercent(s string) (float64, error) {
	t := strings.TrimSuffix(s, "%")
	num, unit, rest := splitUnit(t)
	v, err := strconv.ParseFloat(num, 64)
	if err != nil || unit != "" || rest != "" {
		return 0, fmt.Errorf("%q is no percentage: write 0 to 100, as 90 or 99.5", s)
	}
	if v > 100 {
		return 0, fmt.Errorf("%s is above 100: percentages are 0 to 100", s)
	}
	if t == s && isShare(v) {
		return 0, fmt.Errorf("%s", shareAdvice(s, v))
	}
	return v, nil
}

// isShare reports whether a bare number can be read as a share, or as a percentage.
func isShare(v float64) bool { return v > 0 && v < 1 }

// shareAdvice names both readings of a bare number.
func shareAdvice(text string, v float64) string {
	percent, _ := strconv.ParseFloat(strconv.FormatFloat(100*v, 'g', 12, 64), 64) // 0.07 is 7, not 7.000000000000001
	return fmt.Sprintf("%s what? percentages are 0 to 100: write %s%% for that share, or %s%% where less than 1 %% is meant", text, FormatPercent(percent), text)
}
