package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// literal is a number of a condition with what its unit says.
type literal struct {
	value    float64 // seconds, tokens, percent or a bare number
	dim      dim
	from, to int    // runes
	text     string // as written
}

// dim is the dimension of a number in a condition.
type dim uint8

const (
	dimAny    dim = iota // telemetry: its unit is the server's business
	dimBare              // a literal without a unit
	dimCount             // counts; bare numbers
	dimScaled            // a literal with k, M, Ki: tokens, tokens/s or a count
	dimSeconds
	dimTokens
	dimPercent
	dimTokenRate
	dimRequestRate
	dimGBRate
)

var dimNames = map[dim]string{
	dimAny: "a number", dimBare: "a bare number", dimCount: "a count", dimScaled: "a number of tokens", dimSeconds: "a time",
	dimTokens: "a number of tokens", dimPercent: "a percentage", dimTokenRate: "tokens/s", dimRequestRate: "requests/s", dimGBRate: "GB/s",
}

// litError is a literal that cannot be read.
type litError struct {
	from, to int
	msg      string
}

// blank replaces each literal by a zero and spaces, so that expr reads plain
// numbers and every position stays the user's. It gives the literals by the rune
// they begin at.
func blank(text string) (string, map[int]literal, *litError) {
	rs := []rune(text)
	out := append([]rune(nil), rs...)
	lits := map[int]literal{}
	for i := 0; i < len(rs); {
		switch {
		case rs[i] == '"' || rs[i] == '\'' || rs[i] == '`':
			i = skipString(rs, i)
		case isWord(rs[i]) && !isDigit(rs[i]):
			for i < len(rs) && isWord(rs[i]) {
				i++
			}
		case isDigit(rs[i]) || rs[i] == '.' && i+1 < len(rs) && isDigit(rs[i+1]) && (i == 0 || !isWord(rs[i-1]) && rs[i-1] != '.'):
			lit, err := scanLiteral(rs, i)
			if err != nil {
				return "", nil, err
			}
			lits[i] = lit
			out[i] = '0' // the value is looked up by place
			for j := i + 1; j < lit.to; j++ {
				out[j] = ' '
			}
			i = lit.to
		default:
			i++
		}
	}
	return string(out), lits, nil
}

func skipString(rs []rune, i int) int {
	quote := rs[i]
	for i++; i < len(rs) && rs[i] != quote; i++ {
		if rs[i] == '\\' && quote != '`' {
			i++
		}
	}
	return i + 1
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }
func isWord(r rune) bool  { return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// scanLiteral reads a number and its unit at i.
func scanLiteral(rs []rune, i int) (literal, *litError) {
	end := i
	for end < len(rs) && (isWord(rs[end]) || rs[end] == '.' && end+1 < len(rs) && isDigit(rs[end+1]) || exponentSign(rs, i, end)) {
		end++
	}
	if end < len(rs) && rs[end] == '%' {
		end++
	}
	lit := literal{from: i, to: end, text: string(rs[i:end])}
	if e := lit.read(); e != "" {
		return lit, &litError{i, end, e}
	}
	return lit, nil
}

// exponentSign recognises the sign in 5e-2: after digits and an e, before a digit.
func exponentSign(rs []rune, start, i int) bool {
	if rs[i] != '-' && rs[i] != '+' || i-1 <= start || rs[i-1] != 'e' && rs[i-1] != 'E' || i+1 >= len(rs) || !isDigit(rs[i+1]) {
		return false
	}
	for _, r := range rs[start : i-1] {
		if !isDigit(r) && r != '.' {
			return false
		}
	}
	return true
}

// read fills in value and dimension, or says what is wrong.
func (l *literal) read() string {
	t := l.text
	if v, err := strconv.ParseFloat(t, 64); err == nil && decimalOnly(t) {
		l.value, l.dim = v, dimBare
		return ""
	}
	if num, ok := strings.CutSuffix(t, "%"); ok {
		v, err := strconv.ParseFloat(num, 64)
		if err != nil || !decimalOnly(num) {
			return fmt.Sprintf("%q is no percentage: write 5%% or 99.5%%", t)
		}
		l.value, l.dim = v, dimPercent
		return ""
	}
	num, unit, rest := splitUnit(t)
	if f, ok := sizeUnits[unit]; ok && rest == "" {
		if v, err := strconv.ParseFloat(num, 64); err == nil {
			l.value, l.dim = v*f, dimScaled
			return ""
		}
	}
	if d, err := ParseDuration(t); err == nil {
		l.value, l.dim = d.Seconds(), dimSeconds
		return ""
	}
	return badLiteral(t, num, unit)
}

// badLiteral says what to write instead of a literal that cannot be read.
func badLiteral(t, num, unit string) string {
	plain := strings.ReplaceAll(t, "_", "")
	switch _, err := ParseDuration(t); {
	case plain != t && plain != "" && decimalOnly(plain):
		return fmt.Sprintf("%q is no number: write %s", t, plain)
	case byteUnits[unit]:
		return fmt.Sprintf("%s is a size in bytes, a condition counts tokens: write 950k, 1M or 32Ki", t)
	case unit == "K":
		return fmt.Sprintf("%q is no number: write %sk (k = 1000, Ki = 1024)", t, num)
	case err != nil && strings.Contains(err.Error(), "too long"), err != nil && wordUnits[unit] != "":
		return err.Error()
	}
	return fmt.Sprintf("%q is no number: write 5, 5%%, 250ms, 3s, 1m30s, 950k, 1M or 32Ki", t)
}

func decimalOnly(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return !isDigit(r) && r != '.' && r != 'e' && r != 'E' && r != '-' && r != '+'
	}) < 0
}
