package migrate

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// call is a parsed command line: what was given, by the option's full name.
type call struct {
	words    []string            // as given
	given    map[string][]string // the values as written; of a flag: none
	twice    []string            // given more than once: the last counted
	none     []string            // given as None, which the original's own script writes
	dashed   bool                // words begin with a dash that a text editor made: what else is wrong may come of that
	stray    bool                // a word stands where none belongs, or an option is unknown: one that is missing may be meant
	wrong    map[string]bool     // options whose values cannot be read
	problems []Problem
}

// parse reads the arguments as the original's argparse did: --name value, --name=value,
// names cut short where one name only begins so, lists up to the next option.
func parse(words []string) (*call, []Problem) {
	c := &call{words: words, given: map[string][]string{}, wrong: map[string]bool{}}
	for _, w := range words {
		if name, is := longDash(w); is {
			c.fault("", "%s begins with a dash that text editors make of two: write --%s", w, name)
		}
	}
	if c.dashed = len(c.problems) > 0; c.dashed {
		return c, c.problems
	}
	for i := 0; i < len(words); {
		if !isOption(words[i]) {
			c.fault("", "%q stands alone: %s takes options only; is a quote or an option's name missing before it?", words[i], program)
			c.stray = true
			i++
			continue
		}
		i = c.one(words, i)
	}
	return c, c.problems
}

// longDash gives what follows a dash that a text editor made of the two of an option.
func longDash(word string) (rest string, ok bool) {
	rest = strings.TrimLeft(word, "\u2013\u2014\u2212")
	return rest, rest != word
}

// one reads the option at i with its values, and gives where the next begins.
func (c *call) one(words []string, i int) int {
	name, value, explicit := strings.Cut(words[i], "=")
	next := i + 1
	values := []string{value}
	if !explicit {
		for next < len(words) && !isOption(words[next]) {
			next++
		}
		values = words[i+1 : next]
	}
	o, err := find(name)
	switch {
	case err != nil:
		c.fault(name, "%s", err)
		c.stray = true
		return next
	case o.kind == aFlag && explicit:
		c.fault(o.name, "takes no value, %q is given", value)
		return next
	case o.kind == aFlag:
		c.set(o, nil)
		return i + 1
	case len(values) == 0:
		c.fault(o.name, "its value is missing")
		return next
	case o.kind < texts && !explicit:
		values, next = values[:1], i+2
	}
	if len(values) == 1 && values[0] == "None" && o.def == "" && o.kind != aText {
		c.none = append(c.none, o.name)
		return next
	}
	c.read(o, values)
	return next
}

// negative is a number that argparse takes for a value although it begins with -.
var negative = regexp.MustCompile(`^-\d+$|^-\d*\.\d+$`)

// isOption reports whether argparse takes a word for an option: it begins with - and is
// neither that alone, nor a negative number, nor a text with a space.
func isOption(w string) bool {
	return len(w) > 1 && w[0] == '-' && !negative.MatchString(w) && (!strings.Contains(w, " ") || strings.Contains(w, "="))
}

// read checks the values and keeps them.
func (c *call) read(o option, values []string) {
	values = slices.Clone(values)
	for i, v := range values {
		switch o.kind {
		case anInteger, integers:
			n, ok := integer(v)
			if !ok {
				c.fault(o.name, "%q is no whole number", v)
				return
			}
			values[i] = strconv.FormatInt(n, 10)
		case aNumber:
			if _, ok := number(v); !ok {
				c.fault(o.name, "%q is no number", v)
				return
			}
		}
		if len(o.choices) > 0 && !slices.Contains(o.choices, values[i]) {
			c.fault(o.name, "%q is unknown: it may be %s", v, strings.Join(o.choices, " or "))
			return
		}
	}
	c.set(o, values)
}

func (c *call) set(o option, values []string) {
	if _, again := c.given[o.name]; again && !slices.Contains(c.twice, o.name) && o.kind != aFlag {
		c.twice = append(c.twice, o.name)
	}
	c.given[o.name] = values
}

func (c *call) fault(option, format string, args ...any) {
	c.wrong[option] = true
	c.problems = append(c.problems, problemf(option, format, args...))
}

var pythonInt = regexp.MustCompile(`^[+-]?[0-9]+(_[0-9]+)*$`)

// integer reads what Python's int() reads.
func integer(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	if !pythonInt.MatchString(s) {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	return n, err == nil
}

var pythonFloat = regexp.MustCompile(`^[+-]?([0-9]+(_[0-9]+)*\.?([0-9]+(_[0-9]+)*)?|\.[0-9]+(_[0-9]+)*)([eE][+-]?[0-9]+)?$`)

// number reads what Python's float() reads, but for infinities and nan: a limit that is
// no number is none.
func number(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if !pythonFloat.MatchString(s) {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return v, err == nil && !math.IsInf(v, 0)
}

// has reports whether the option was given.
func (c *call) has(name string) bool {
	_, ok := c.given[name]
	return ok
}

// text gives an option's value, or its default.
func (c *call) text(name string) string {
	if v := c.given[name]; len(v) > 0 {
		return v[0]
	}
	return byName(name).def
}

// integer gives an option's value, or its default.
func (c *call) integer(name string) int64 {
	n, _ := integer(c.text(name))
	return n
}

// number gives an option's value; 0 where it was not given.
func (c *call) number(name string) float64 {
	v, _ := number(c.text(name))
	return v
}

// integers gives an option's list, or its default.
func (c *call) integers(name string) []int64 {
	values := c.given[name]
	if !c.has(name) && byName(name).def != "" {
		values = []string{byName(name).def}
	}
	var out []int64
	for _, v := range values {
		n, _ := integer(v)
		out = append(out, n)
	}
	return out
}

func (c *call) fixed() bool { return c.text("--mode") == "fixed" }
