package metric

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		u    Unit
		v    float64
		want string
	}{
		{Seconds, 0, "0s"}, {Seconds, 2.12e-7, "212ns"}, {Seconds, 512e-6, "512us"}, {Seconds, .0005124, "512us"}, {Seconds, .00512, "5.12ms"}, {Seconds, .212, "212ms"},
		{Seconds, .9994, "999ms"}, {Seconds, .9996, "1.00s"}, {Seconds, 1.08, "1.08s"}, {Seconds, 20, "20.0s"}, {Seconds, 100, "100s"}, {Seconds, 1802.4, "1802s"}, {Seconds, 99.96, "100s"},
		{Tokens, 0, "0"}, {Tokens, 7, "7"}, {Tokens, 320, "320"}, {Tokens, 655_360, "655k"}, {Tokens, 999_600, "1.00M"}, {Tokens, 1.2e6, "1.20M"}, {Tokens, 4.9e9, "4.90G"}, {Tokens, 5e12, "5000G"},
		{TokensPerSecond, 5120, "5.12k"}, {TokensPerSecond, 604_123, "604k"}, {TokensPerSecond, 12.34, "12.3"}, {TokensPerSecond, 999.4, "999"}, {TokensPerSecond, 999.7, "1.00k"}, {TokensPerSecond, .0123, "0.0123"},
		{Percent, 98, "98.0%"}, {Percent, 100, "100%"}, {Percent, 0, "0%"}, {Percent, .05, "0.0500%"}, {Percent, 5.5, "5.50%"},
		{Count, 20, "20"}, {Count, 19.97, "20.0"}, {GBPerSecond, 48.31, "48.3 GB/s"}, {Number, 1234.5, "1235"}, {Number, 1e-9, "1e-09"}, {Seconds, -.212, "-212ms"},
	} {
		if got := Text(c.u, c.v); got != c.want {
			t.Errorf("Text(%d, %g) = %q, want %q", c.u, c.v, got, c.want)
		}
	}
}

func TestPrintStates(t *testing.T) {
	for want, v := range map[string]Value{"": {}, "0s": Of(0), "16.0s": Of(16), ">=16.0s": Lower(16)} {
		if got := Print(Seconds, v); got != want {
			t.Errorf("Print(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 512: "512", 8000: "8k", 30_000: "30k", 32_768: "32.8k", 100_000: "100k", 655_360: "655k", 1_000_000: "1M", 1_200_000: "1.20M", 5_000_000: "5M", 20_000_000_000: "20G", 1_001_000: "1.00M"} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

// What is printed is within half of the third digit of what was measured.
func TestThreeDigitsAreRight(t *testing.T) {
	scale := map[byte]float64{'k': 1e3, 'M': 1e6, 'G': 1e9}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(1e-5, 9e11).Draw(t, "v")
		s, per := Text(TokensPerSecond, v), 1.0
		if f, ok := scale[s[len(s)-1]]; ok {
			s, per = s[:len(s)-1], f
		}
		got, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatalf("Text(%g) = %q", v, s)
		}
		if d := got*per/v - 1; d > .0051 || d < -.0051 {
			t.Fatalf("Text(%g) = %q: off by %.2f %%", v, s, 100*d)
		}
		if len(strings.TrimLeft(strings.ReplaceAll(s, ".", ""), "0")) > 3 {
			t.Fatalf("Text(%g) = %q has more than three digits", v, s)
		}
	})
}
