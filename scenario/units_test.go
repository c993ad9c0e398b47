package scenario

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/internal/nearest"
)

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
		err  string // part of the message; "" when it must be read
	}{
		{"30000", 30000, ""},
		{"0", 0, ""},
		{"30k", 30000, ""},
		{"1.5M", 1500000, ""},
		{"5M", 5000000, ""},
		{"32Ki", 32768, ""},
		{"2Mi", 2097152, ""},
		{"0.1k", 100, ""},
		{"1T", 1000000000000, ""},
		{"0.3k", 300, ""},
		{"1.0005k", 0, "no whole number"},
		{"0.5", 0, "no whole number"},
		{"2T", 0, "too large"},
		{"1m", 0, "1m is a duration, did you mean 1M?"},
		{"30s", 0, "30s is a duration"},
		{"30K", 0, "write 30k"},
		{"10GiB", 0, "is a size in bytes"},
		{"64MB", 0, "is a size in bytes"},
		{"100,000", 0, "write 100000"},
		{"1_000", 0, "write 1000"},
		{"010", 0, "starts with a zero"},
		{"0x10", 0, "no number of tokens"},
		{"1e6", 0, "no number of tokens"},
		{"-5", 0, "no number of tokens"},
		{"+5", 0, "no number of tokens"},
		{"30 k", 0, "has a space in it"},
		{"", 0, "no number of tokens"},
		{"k", 0, "no number of tokens"},
		{"1.2.3", 0, "no number of tokens"},
		{"1k5", 0, "no number of tokens"},
		{"inf", 0, "no number of tokens"},
	} {
		got, err := ParseSize(c.in)
		if c.err == "" && (err != nil || got != c.want) {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", c.in, got, err, c.want)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("ParseSize(%q) = %d, %v; want an error with %q", c.in, got, err, c.err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		in   string
		want time.Duration
		err  string
	}{
		{"30s", 30 * time.Second, ""},
		{"250ms", 250 * time.Millisecond, ""},
		{"50us", 50 * time.Microsecond, ""},
		{"50µs", 50 * time.Microsecond, ""},
		{"1m30s", 90 * time.Second, ""},
		{"1.5h", 90 * time.Minute, ""},
		{"0s", 0, ""},
		{"0.1s", 100 * time.Millisecond, ""},
		{"30", 0, "30 what? write 30s"},
		{"1m30", 0, "1m30 what?"},
		{"5M", 0, "did you mean 5m?"},
		{"5k", 0, "is a size"},
		{"10sec", 0, "write 10s"},
		{"1d", 0, "no duration"},
		{"-5s", 0, "no duration"},
		{"", 0, "missing"},
		{"s", 0, "no duration"},
		{"99999h", 0, "too long"},
	} {
		got, err := ParseDuration(c.in)
		if c.err == "" && (err != nil || got != c.want) {
			t.Errorf("ParseDuration(%q) = %s, %v; want %s", c.in, got, err, c.want)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("ParseDuration(%q) = %s, %v; want an error with %q", c.in, got, err, c.err)
		}
	}
}

// TestUnitsRoundTrip: what is printed is read as the same value.
func TestUnitsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, maxSize).Draw(t, "tokens")
		if got, err := ParseSize(FormatSize(n)); err != nil || got != n {
			t.Fatalf("%d prints as %s, which reads as %d, %v", n, FormatSize(n), got, err)
		}
		d := Duration(rapid.Int64Range(0, int64(maxDuration/time.Microsecond)).Draw(t, "us")) * Duration(time.Microsecond)
		if got, err := ParseDuration(d.String()); err != nil || Duration(got) != d {
			t.Fatalf("%d ns prints as %s, which reads as %d, %v", d, d, got, err)
		}
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back Duration
		if err := json.Unmarshal(b, &back); err != nil || back != d {
			t.Fatalf("%s through JSON is %s, %v", d, back, err)
		}
	})
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", time.Minute: "1m", 90 * time.Second: "1m30s",
		time.Hour: "1h", 90 * time.Minute: "1h30m", 1500 * time.Millisecond: "1.5s", 50 * time.Microsecond: "50µs",
	} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%d ns prints as %s, want %s", d, got, want)
		}
	}
	var d Duration
	if err := json.Unmarshal([]byte("30"), &d); err == nil {
		t.Error("a bare number was read as a duration")
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"timeouts", "target", "thresholds", "trials", "ttft.p50", "ttft.p95"}
	for word, want := range map[string]string{
		"timeot": "timeouts", "tagret": "target", "threshold": "thresholds", "trails": "trials",
		"ttft.p59": "ttft.p95", "TTFT.P95": "ttft.p95", "xyz": "", "trial": "trials", strings.Repeat("t", 100): "",
	} {
		if got := nearest.Name(word, keys); got != want {
			t.Errorf("nearest.Name(%q) = %q, want %q", word, got, want)
		}
	}
	if got := nearest.Name("foo", []string{"slo", "stop", "f"}); got != "" {
		t.Errorf("foo is no slip of %q", got)
	}
}

func FuzzSize(f *testing.F) {
	for _, s := range []string{"30k", "1.5M", "32Ki", "1,000", "0x10", "", "9e99", "99999999999999999999T"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseSize(s)
		if err == nil && (n < 0 || n > maxSize) {
			t.Errorf("ParseSize(%q) = %d, outside 0..%d", s, n, maxSize)
		}
		if err == nil {
			if back, err := ParseSize(FormatSize(n)); err != nil || back != n {
				t.Errorf("%q reads as %d and prints as %s", s, n, FormatSize(n))
			}
		}
	})
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"30s", "1m30s", "30", "", "1e9h", "µs", "1h1h1h", "0.0000001us"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseDuration(s); err == nil && (d < 0 || d > maxDuration) {
			t.Errorf("ParseDuration(%q) = %s", s, d)
		}
	})
}
