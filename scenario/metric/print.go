package metric

import (
	"math"
	"strconv"
)

// Print formats a value for people: three significant digits, the unit where it
// is short (212ms, 604k, 98.2%), ">=" before a lower bound, and nothing at all
// where there is no data: an empty cell is not a zero.
func Print(u Unit, v Value) string {
	switch v.State {
	case Null:
		return ""
	case AtLeast:
		return ">=" + Text(u, v.V)
	}
	return Text(u, v.V)
}

// Text formats a plain number of unit u, see Print.
func Text(u Unit, v float64) string {
	if v < 0 {
		return "-" + Text(u, -v)
	}
	switch u {
	case Seconds:
		return seconds(v)
	case Percent:
		return digits(v) + "%"
	case GBPerSecond:
		return digits(v) + " GB/s"
	case Number:
		return digits(v)
	}
	return scaled(v)
}

// Size formats a number of tokens that somebody asked for: in full when three
// digits and a suffix say it exactly (30k, 100k, 5M), else with three significant
// digits (32.8k, 1.20M).
func Size(tokens int64) string {
	for _, s := range []struct {
		per  int64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if tokens >= s.per && tokens%s.per == 0 && tokens/s.per < 1000 {
			return strconv.FormatInt(tokens/s.per, 10) + s.name
		}
	}
	return Text(Tokens, float64(tokens))
}

// digits gives three significant digits without an exponent; what is above 1000
// loses nothing before its point.
func digits(v float64) string {
	v = round3(v)
	switch {
	case v == 0:
		return "0"
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 1e-6:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strconv.FormatFloat(v, 'f', 2-int(math.Floor(math.Log10(v))), 64)
}

// round3 rounds to three significant digits, through the decimal form, so that
// the choice of a unit sees the number that will be printed: 999.6 ms is 1.00s.
// Above 1000 it rounds to a whole number only.
func round3(v float64) float64 {
	if v >= 1000 {
		return math.Round(v)
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 2, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// seconds: 0, 512us, 212ms, 1.08s, 100s, 1802s.
func seconds(v float64) string {
	switch r := round3(v); {
	case r == 0:
		return "0s"
	case r < 1e-6:
		return digits(v*1e9) + "ns"
	case round3(v*1e6) < 1000:
		return digits(v*1e6) + "us"
	case round3(v*1e3) < 1000:
		return digits(v*1e3) + "ms"
	}
	return digits(v) + "s"
}

// scaled: 0, 7, 12.5, 320, 5.12k, 604k, 1.20M, 3.00G. A whole number below 1000
// is printed as such.
func scaled(v float64) string {
	if v < 1000 && v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	for _, s := range []struct {
		per  float64
		name string
	}{{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}} {
		if round3(v/s.per) < 1000 {
			return digits(v/s.per) + s.name
		}
	}
	return digits(v/1e9) + "G"
}
