package report

import (
	"math"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// field is one value of a table that machines read: CSV, key: value lines, JSON.
type field struct {
	kind fieldKind
	i    int64
	f    float64
	s    string
}

type fieldKind uint8

const (
	fieldNone  fieldKind = iota // no data: empty, never 0
	fieldText                   // s
	fieldInt                    // i
	fieldFloat                  // f
	fieldBound                  // f, a lower bound
	fieldNanos                  // i nanoseconds, printed as seconds to the last digit
	fieldFlag                   // i: 1 or 0
	fieldJSON                   // s, which is JSON
)

func text(s string) field {
	if s == "" {
		return field{}
	}
	return field{kind: fieldText, s: term.Clean(s)}
}

func integer(i int64) field { return field{kind: fieldInt, i: i} }

// told is a count that a server may not have told.
func told(i int64) field {
	if i == sample.Unknown {
		return field{}
	}
	return integer(i)
}

func number(f float64) field {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return field{}
	}
	return field{kind: fieldFloat, f: f}
}

// nanos is a length of time in ns, or a stamp since the Unix epoch; Never is none.
func nanos(i int64) field {
	if i == sample.Never {
		return field{}
	}
	return field{kind: fieldNanos, i: i}
}

func boolean(b bool) field {
	if b {
		return field{kind: fieldFlag, i: 1}
	}
	return field{kind: fieldFlag}
}

func value(v metric.Value) field {
	f := number(v.V)
	switch {
	case v.State == metric.Null:
		return field{}
	case v.State == metric.AtLeast && f.kind == fieldFloat:
		f.kind = fieldBound
	}
	return f
}

// append adds the field as CSV and key: value lines print it, unquoted. The same
// value always gives the same bytes.
func (f field) append(dst []byte) []byte {
	switch f.kind {
	case fieldText, fieldJSON:
		return append(dst, f.s...)
	case fieldInt, fieldFlag:
		return strconv.AppendInt(dst, f.i, 10)
	case fieldFloat:
		return appendFloat(dst, f.f)
	case fieldBound:
		return appendFloat(append(dst, ">="...), f.f)
	case fieldNanos:
		return appendNanos(dst, f.i)
	}
	return dst
}

// appendCSV quotes as RFC 4180 says.
func (f field) appendCSV(dst []byte) []byte {
	if f.kind != fieldText && f.kind != fieldJSON || !strings.ContainsAny(f.s, ",\"\n\r") {
		return f.append(dst)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(f.s, `"`, `""`)...)
	return append(dst, '"')
}

// appendJSON prints a number as a number, a flag as a boolean and no data as
// null. A lower bound is a number as well: the object's lower_bounds names it.
func (f field) appendJSON(dst []byte) []byte {
	switch f.kind {
	case fieldNone:
		return append(dst, "null"...)
	case fieldText:
		return appendString(dst, f.s)
	case fieldFlag:
		return strconv.AppendBool(dst, f.i != 0)
	case fieldBound:
		return appendFloat(dst, f.f)
	}
	return f.append(dst)
}

// appendFloat prints ten significant digits without an exponent: more than any
// measurement has, and few enough to hide the noise of binary sums.
func appendFloat(dst []byte, v float64) []byte {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 9, 64), 64)
	if err != nil {
		r = v
	}
	if r == 0 {
		return append(dst, '0') // never -0
	}
	return strconv.AppendFloat(dst, r, 'f', -1, 64)
}

// appendNanos prints i ns as seconds, exactly, without trailing zeros.
func appendNanos(dst []byte, i int64) []byte {
	if i < 0 {
		dst, i = append(dst, '-'), -i
	}
	dst = strconv.AppendInt(dst, i/1e9, 10)
	frac := i % 1e9
	if frac == 0 {
		return dst
	}
	dst = append(dst, '.')
	for per := int64(1e8); frac > 0; per /= 10 {
		dst = append(dst, byte('0'+frac/per))
		frac %= per
	}
	return dst
}
