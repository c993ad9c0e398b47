package scenario

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
)

// foreign refuses signs that expr reads and a condition does not have: comments, which
// would drop the rest of a line without a word, and pipes. plain has no literals.
func foreign(plain []rune) *condError {
	for i := 0; i+1 < len(plain); i++ {
		switch two := string(plain[i : i+2]); {
		case plain[i] == '"' || plain[i] == '\'' || plain[i] == '`':
			i = skipString(plain, i) - 1
		case two == "||":
			i++
		case two == "//" || two == "/*":
			return &condError{i, i + 2, "condition-construct", two + " begins a comment, which would hide what follows: a division is /, and a comment stands behind # in the file"}
		case plain[i] == '|':
			return &condError{i, i + 1, "condition-construct", "a pipe cannot be used: write or between conditions, and abs(x) for x | abs()"}
		}
	}
	end := len(strings.TrimRightFunc(string(plain), unicode.IsSpace))
	if last := utf8.RuneCountInString(string(plain)[:end]) - 1; last >= 0 && plain[last] == ';' {
		return &condError{last, last + 1, "condition-construct", "; cannot be used: one condition stands alone"}
	}
	return nil
}

// syntaxError explains what expr refused in a text.
func syntaxError(text []rune, err error) *condError {
	n := len(text)
	from, to, message := 0, n, err.Error()
	var fe *file.Error
	if errors.As(err, &fe) {
		from, to, message = fe.From, fe.To, fe.Message
	}
	if strings.Contains(message, "exceeds maximum allowed nodes") {
		return &condError{0, 1, "condition-too-long", fmt.Sprintf("the condition has more than %d parts: split it", maxConditionNodes)}
	}
	from = min(max(from, 0), n)
	to = max(min(to, n), from+1)
	return &condError{from, to, "condition-syntax", "this is no condition: " + plainSyntax(message, text, from, to)}
}

// plainSyntax says in our words what expr says in its; from and to are its place.
func plainSyntax(m string, text []rune, from, to int) string {
	before := strings.TrimRightFunc(string(text[:from]), unicode.IsSpace)
	if strings.HasSuffix(before, " %") || strings.HasSuffix(strings.TrimSpace(string(text)), " %") {
		return "the % of a percentage stands right behind its number, as 5%"
	}
	if strings.HasPrefix(m, "unexpected token EOF") {
		return "it ends too early"
	}
	token := ""
	if from < len(text) {
		token = string(text[from:min(to, len(text))])
	}
	if advice := slip(token, before, text, from); advice != "" {
		return advice
	}
	switch {
	case strings.HasPrefix(m, "unexpected token"), strings.HasPrefix(m, "unrecognized character"), strings.HasPrefix(m, "bad number syntax"):
		return fmt.Sprintf("%q is not expected here", token)
	case strings.HasPrefix(m, "literal not terminated"):
		return "a quote is not closed, and a condition has no text"
	case strings.HasPrefix(m, "expected name"):
		return "a name is missing after the point, as p95 in ttft.p95"
	}
	return m
}

// signs are what people write for the signs of a condition.
var signs = map[string]string{
	"=": "==", "=>": ">=", "=<": "<=", "<>": "!=", "≥": ">=", "≤": "<=", "≠": "!=", "×": "*", "÷": "/", "−": "-",
	"&": "and", "AND": "and", "And": "and", "OR": "or", "Or": "or", "NOT": "not", "Not": "not",
}

// slip explains the usual ones: token is what was not expected, before what stands in
// front of it, which is text up to from.
func slip(token, before string, text []rune, from int) string {
	two := ""
	if from+1 < len(text) {
		two = string(text[from : from+2])
	}
	if _, known := signs[two]; known {
		token = two
	}
	if token == ">" && strings.HasSuffix(before, "<") {
		token = "<>"
	}
	number := before != "" && isDigit(rune(before[len(before)-1]))
	switch sign, known := signs[token]; {
	case known && token == "=":
		return "= is no comparison, write =="
	case known:
		return token + " is written " + sign
	case number && token == "," && from+1 < len(text) && isDigit(text[from+1]):
		return "a number has a point and no commas: write 1.5 or 1500"
	case number && (durationUnits[token] > 0 || sizeUnits[token] > 0):
		return fmt.Sprintf("a unit stands right behind its number: write %s%s", before[lastNumber(before):], token)
	case strings.HasSuffix(before, "if") || before == "if":
		return "if cannot be used: write the condition alone"
	}
	return ""
}

// lastNumber is where the digits that end s begin.
func lastNumber(s string) int {
	i := len(s)
	for i > 0 && (isDigit(rune(s[i-1])) || s[i-1] == '.') {
		i--
	}
	return i
}
