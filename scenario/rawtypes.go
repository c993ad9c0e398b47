package scenario

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// The raw types are values as a scenario file writes them. Each knows how to read
// its node and, as Shape, what the published schema says of it: a list of
// alternatives, each a JSON fragment (string), a reflect.Type, or a struct.

// Size is a number of tokens: 30000, 30k, 1.5M, 32Ki.
type Size int64

// Dur is a duration with its unit.
type Dur time.Duration

// Percent is 0 to 100, with or without its sign.
type Percent float64

// Int is a whole number, decimal.
type Int int

// Float is a decimal number.
type Float float64

// Text is any scalar, kept as written.
type Text string

// List is a list, or one value that stands for a list of one.
type List[T any] []T

// Shape implements the schema's side.
func (Size) Shape() []any {
	return []any{`{"type":"integer","minimum":0}`, `{"type":"string","pattern":"^[0-9]+(\\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$","examples":["30k","5M","32Ki"]}`}
}

// Shape implements the schema's side.
func (Dur) Shape() []any {
	return []any{`{"type":"string","pattern":"^([0-9]+(\\.[0-9]+)?(us|µs|ms|s|m|h))+$","examples":["250ms","30s","1m30s"]}`}
}

// Shape implements the schema's side.
func (Percent) Shape() []any {
	// A number between 0 and 1 needs its sign (parsePercent).
	return []any{`{"type":"number","minimum":1,"maximum":100}`, `{"type":"number","const":0}`, `{"type":"string","pattern":"^([0-9]+(\\.[0-9]+)?%|0*[1-9][0-9]*(\\.[0-9]+)?|0+(\\.0+)?)$"}`}
}

// Shape implements the schema's side.
func (Int) Shape() []any { return []any{`{"type":"integer"}`} }

// Shape implements the schema's side.
func (Float) Shape() []any { return []any{`{"type":"number"}`} }

// Shape implements the schema's side.
func (Text) Shape() []any { return []any{`{"type":["string","number","boolean"]}`} }

// Shape implements the schema's side.
func (List[T]) Shape() []any {
	return []any{reflect.TypeFor[T](), reflect.TypeFor[[]T]()}
}

func (s *Size) decode(w *walker, n *yaml.Node, path string) bool {
	text, ok := w.scalar(n, path, "a number of tokens, as 30k")
	if !ok {
		return false
	}
	v, err := ParseSize(text)
	if err != nil {
		return w.fail("bad-size", n, path, "%s", err)
	}
	*s = Size(v)
	return true
}

func (d *Dur) decode(w *walker, n *yaml.Node, path string) bool {
	text, ok := w.scalar(n, path, "a duration, as 30s")
	if !ok {
		return false
	}
	v, err := ParseDuration(text)
	if err != nil {
		return w.fail("bad-duration", n, path, "%s", err)
	}
	*d = Dur(v)
	return true
}

func (p *Percent) decode(w *walker, n *yaml.Node, path string) bool {
	text, ok := w.scalar(n, path, "a percentage, as 90")
	if !ok {
		return false
	}
	v, err := parsePercent(text)
	if err != nil {
		return w.fail("bad-percent", n, path, "%s", err)
	}
	*p = Percent(v)
	return true
}

var (
	decimalInt   = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})$`)
	decimalFloat = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$`)
	oddNumber    = regexp.MustCompile(`^[-+]?(0[xXoObB]?[0-9a-fA-F_]+|[0-9][0-9_,]*[_,][0-9_,]*)$`)
)

// badNumber says why a text is not read as a number although YAML, or a person,
// may take it for one.
func (w *walker) badNumber(n *yaml.Node, path, want string) bool {
	if oddNumber.MatchString(n.Value) {
		return w.fail("bad-number", n, path, "%s: %s can be read in more than one way (octal, hex, separators): write the plain decimal number", pathName(path), n.Value)
	}
	return w.fail("wrong-type", n, path, "%s: expected %s, found %s", pathName(path), want, describe(n))
}

func (i *Int) decode(w *walker, n *yaml.Node, path string) bool {
	text, ok := w.scalar(n, path, "a whole number")
	if !ok {
		return false
	}
	if !decimalInt.MatchString(text) || n.Tag != "!!int" {
		return w.badNumber(n, path, "a whole number")
	}
	v, err := strconv.Atoi(text)
	if err != nil {
		return w.badNumber(n, path, "a whole number")
	}
	*i = Int(v)
	return true
}

func (f *Float) decode(w *walker, n *yaml.Node, path string) bool {
	text, ok := w.scalar(n, path, "a number")
	if !ok {
		return false
	}
	if !decimalFloat.MatchString(text) || n.Tag != "!!int" && n.Tag != "!!float" {
		return w.badNumber(n, path, "a number")
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return w.badNumber(n, path, "a number")
	}
	*f = Float(v)
	return true
}

func (t *Text) decode(w *walker, n *yaml.Node, path string) bool {
	text, ok := w.scalar(n, path, "text")
	*t = Text(text)
	return ok
}

func (l *List[T]) decode(w *walker, n *yaml.Node, path string) bool {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	good, out := true, make([]T, len(items))
	for i, item := range items {
		sub := path + "/" + strconv.Itoa(i)
		w.at[sub] = place{value: item}
		good = w.value(item, reflect.ValueOf(&out[i]).Elem(), sub) && good
	}
	if good || reflect.TypeFor[T]().Kind() == reflect.Struct {
		*l = out
	}
	return good
}

// textMap is a map of free keys to text: labels, headers.
type textMap map[string]string

// Shape implements the schema's side.
func (textMap) Shape() []any {
	return []any{`{"type":"object","additionalProperties":{"type":["string","number","boolean"]}}`}
}

func (m *textMap) decode(w *walker, n *yaml.Node, path string) bool {
	out := map[string]string{}
	ok := w.free(n, path, func(key string, v *yaml.Node, sub string) bool {
		var t Text
		if !w.value(v, reflect.ValueOf(&t).Elem(), sub) {
			return false
		}
		out[key] = string(t)
		return true
	})
	*m = out
	return ok
}

// free walks a map whose keys are the user's.
func (w *walker) free(n *yaml.Node, path string, each func(key string, v *yaml.Node, sub string) bool) bool {
	if n.Kind != yaml.MappingNode {
		return w.fail("wrong-type", n, path, "%s: expected keys and values, found %s", pathName(path), describe(n))
	}
	good, seen := true, map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, ok := w.key(n.Content[i], path, seen)
		if !ok {
			good = false
			continue
		}
		sub := path + "/" + escapePointer(name)
		if !within(path, "/target/body") && w.takenAway(n.Content[i+1]) {
			continue // in a body null is a value
		}
		w.at[sub] = place{n.Content[i], n.Content[i+1]}
		good = each(name, n.Content[i+1], sub) && good
	}
	return good
}

func escapePointer(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}

// jsonMap is free JSON: target.body. Numbers are float64, as a JSON reader of the
// record will see them.
type jsonMap map[string]any

// Shape implements the schema's side.
func (jsonMap) Shape() []any {
	own := `"` + strings.Join(sortedKeys(ownBody), `","`) + `"`
	return []any{`{"type":"object","propertyNames":{"not":{"enum":[` + own + `]}}}`}
}

func (m *jsonMap) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind != yaml.MappingNode {
		return w.fail("wrong-type", n, path, "%s: expected keys and values, found %s", pathName(path), describe(n))
	}
	v, ok := w.json(n, path)
	if ok {
		*m = v.(map[string]any)
	}
	return ok
}

func (w *walker) json(n *yaml.Node, path string) (any, bool) {
	n = follow(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style&yaml.TaggedStyle == 0 {
		return nil, true
	}
	if !w.plain(n, path) {
		return nil, false
	}
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		ok := w.free(n, path, func(key string, v *yaml.Node, sub string) bool {
			j, ok := w.json(v, sub)
			out[key] = j
			return ok
		})
		return out, ok
	case yaml.SequenceNode:
		good, out := true, make([]any, len(n.Content))
		for i, c := range n.Content {
			sub := path + "/" + strconv.Itoa(i)
			w.at[sub] = place{value: c}
			v, ok := w.json(c, sub)
			out[i], good = v, good && ok
		}
		return out, good
	}
	return w.jsonScalar(n, path)
}

func (w *walker) jsonScalar(n *yaml.Node, path string) (any, bool) {
	switch n.Tag {
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), true
	case "!!int", "!!float":
		var f Float
		if !f.decode(w, n, path) {
			return nil, false
		}
		if v := float64(f); n.Tag == "!!int" && (v > 1<<53 || v < -(1<<53)) {
			return nil, w.fail("out-of-range", n, path, "%s: %s cannot be kept exactly in JSON: put it in quotes", pathName(path), n.Value)
		}
		return float64(f), true
	}
	n, ok := w.fill(n, path)
	return n.Value, ok
}
