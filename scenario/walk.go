package scenario

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/wsrun/wsrun/internal/nearest"
)

// place is where a value stands in the file. key is nil for the root and for
// elements of a list.
type place struct{ key, value *yaml.Node }

// decoder is a raw type that reads its own node: what a struct cannot say
// (a URL or a map, one value or a list, a number with a unit).
type decoder interface {
	decode(w *walker, n *yaml.Node, path string) bool
}

// holdsNothing says what an empty file lacks.
const holdsNothing = "the file holds nothing: a scenario needs at least name, target, contexts, working_set and slo (or, with mode: fixed, concurrency)"

// walker reads one document into the raw types. It is stricter than yaml.v3 (no
// conversion that a person would not make), collects all problems, and remembers
// where each value stands.
type walker struct {
	src      *source                // the scenario's own file
	of       map[*yaml.Node]*source // of nodes that stand elsewhere
	was      map[*yaml.Node]*filled // of nodes whose variables were filled in, before and after
	opt      *Options               // says which variables may be read, and where tiers end; nil: none, of a profile
	reads    map[string]bool        // names of variables
	grown    int                    // bytes of the texts whose variables were filled in
	problems []Problem
	at       map[string]place // by path, /target/timeouts/connect
	meant    map[string]bool  // paths of keys that were probably meant by unknown ones
}

func newWalker(src *source) *walker {
	return &walker{src: src, at: map[string]place{}, meant: map[string]bool{}, was: map[*yaml.Node]*filled{}, reads: map[string]bool{}}
}

// fail notes a problem at a node and reports false, so that decoders can return it.
func (w *walker) fail(code string, n *yaml.Node, path, format string, args ...any) bool {
	w.problems = append(w.problems, w.problem(code, n, path, fmt.Sprintf(format, args...)))
	return false
}

// problem builds a problem at a node, in the file that it stands in.
func (w *walker) problem(code string, n *yaml.Node, path, message string) Problem {
	if f := w.was[n]; f != nil {
		n = f.node
	}
	return w.sourceOf(n).problem(code, n, path, message)
}

// sourceOf gives the file that a node stands in.
func (w *walker) sourceOf(n *yaml.Node) *source {
	if f := w.was[n]; f != nil {
		n = f.node
	}
	if s := w.of[n]; s != nil {
		return s
	}
	return w.src
}

// takenAway reports whether a value is a null that takes a key away which no file below
// gives: there is nothing to read.
func (w *walker) takenAway(n *yaml.Node) bool { return takesAway(n) && w.sourceOf(n).over }

// value reads n into v, which must be settable.
func (w *walker) value(n *yaml.Node, v reflect.Value, path string) bool {
	n = follow(n)
	if !w.plain(n, path) {
		return false
	}
	n, ok := w.fill(n, path)
	if !ok {
		return false
	}
	if d, ok := v.Addr().Interface().(decoder); ok {
		return d.decode(w, n, path)
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		good := w.value(n, p.Elem(), path)
		if kind := p.Elem().Kind(); good || kind == reflect.Map || kind == reflect.Struct && n.Kind == yaml.MappingNode {
			v.Set(p) // one bad key does not hide what is wrong with the others
		}
		return good
	case reflect.Struct:
		return w.structure(n, v, path)
	case reflect.String:
		return w.text(n, v, path)
	case reflect.Bool:
		return w.boolean(n, v, path)
	}
	panic("scenario: no reader for " + v.Type().String())
}

// plain refuses what YAML reads otherwise than a person does: explicit tags and
// keys without a value.
func (w *walker) plain(n *yaml.Node, path string) bool {
	if n.Style&yaml.TaggedStyle != 0 {
		if strings.HasPrefix(n.Tag, "!(") || strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") && path != "" {
			return w.fail("explicit-tag", n, path, "YAML reads %s as a tag and drops it: for a negation write not (...), else put the value in quotes", n.Tag)
		}
		return w.fail("explicit-tag", n, path, "explicit tag %s: remove it, wsrun knows the type of each key", n.Tag)
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		name := path[strings.LastIndexByte(path, '/')+1:]
		if path == "" {
			return w.fail("empty-file", n, path, "%s", holdsNothing)
		}
		if plainInteger(name) {
			return w.fail("no-value", n, path, "%s has no value: write one, or take the element out of the list", pathName(path))
		}
		if w.sourceOf(n).over {
			return w.fail("no-value", n, path, "%s has no value: write one, or null to take away what the base says", name)
		}
		return w.fail("no-value", n, path, "%s has no value: write one, or remove the key for its default", name)
	}
	return true
}

func (w *walker) structure(n *yaml.Node, v reflect.Value, path string) bool {
	if n.Kind != yaml.MappingNode {
		return w.fail("wrong-type", n, path, "%s: expected keys and values, found %s", pathName(path), describe(n))
	}
	fields := fieldsOf(v.Type())
	good, seen := true, map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		name, ok := w.key(key, path, seen)
		if !ok {
			good = false
			continue
		}
		sub := path + "/" + name
		index, known := fields[name]
		if !known {
			good = w.unknown(key, name, path, fields)
			continue
		}
		if w.takenAway(val) {
			continue
		}
		w.at[sub] = place{key, val}
		good = w.value(val, v.Field(index), sub) && good
	}
	return good
}

// key reads a key and refuses merge keys, duplicates and keys that are no text.
func (w *walker) key(key *yaml.Node, path string, seen map[string]*yaml.Node) (string, bool) {
	if key.Kind == yaml.ScalarNode && key.Tag == "!!merge" {
		return "", w.fail("merge-key", key, path, "merge keys (<<) are not read: write the keys out, or put them into a file that this one extends")
	}
	if key.Kind != yaml.ScalarNode {
		return "", w.fail("bad-key", key, path, "a key must be plain text, found %s", describe(follow(key)))
	}
	if first, dup := seen[key.Value]; dup {
		return "", w.fail("duplicate-key", key, path+"/"+key.Value, "%q is given twice, first in line %d: remove one", key.Value, first.Line)
	}
	if hasRefs(key.Value) {
		return "", w.fail("bad-key", key, path, "variables are read in values alone: write the key out")
	}
	seen[key.Value] = key
	if key.Style&yaml.TaggedStyle != 0 {
		return "", w.plain(key, path)
	}
	return key.Value, true
}

func (w *walker) unknown(key *yaml.Node, name, path string, fields map[string]int) bool {
	sub := path + "/" + name
	names := sortedKeys(fields)
	if near := nearest.Name(name, names); near != "" {
		w.meant[path+"/"+near] = true
		return w.fail("unknown-key", key, sub, "unknown key %q, did you mean %q?", name, near)
	}
	if len(names) > 12 {
		more := "; wsrun explain lists the keys"
		if w.opt == nil {
			more = "" // of a simulator's profile it does not
		}
		return w.fail("unknown-key", key, sub, "unknown key %q in %s: remove it%s", name, pathName(path), more)
	}
	return w.fail("unknown-key", key, sub, "unknown key %q in %s: known are %s", name, pathName(path), strings.Join(names, ", "))
}

func (w *walker) text(n *yaml.Node, v reflect.Value, path string) bool {
	if n.Kind != yaml.ScalarNode {
		return w.notScalar(n, path, "text")
	}
	if n.Tag != "!!str" && n.Tag != "!!timestamp" && w.was[n] == nil {
		return w.fail("wrong-type", n, path, "%s: expected text, found the %s %s: put it in quotes", pathName(path), tagName(n.Tag), n.Value)
	}
	v.SetString(n.Value)
	return true
}

func (w *walker) boolean(n *yaml.Node, v reflect.Value, path string) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		return w.fail("wrong-type", n, path, "%s: expected true or false, found %s", pathName(path), describe(n))
	}
	v.SetBool(strings.EqualFold(n.Value, "true"))
	return true
}

// scalar gives the text of a scalar for types that read numbers with units.
func (w *walker) scalar(n *yaml.Node, path, want string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		return "", w.notScalar(n, path, want)
	}
	return n.Value, true
}

func (w *walker) notScalar(n *yaml.Node, path, want string) bool {
	if tmpl := bareTemplate(n); tmpl != "" {
		return w.fail("unquoted-template", n, path, "YAML reads {%s} without quotes as a map: write \"{%s}\"", tmpl, tmpl)
	}
	return w.fail("wrong-type", n, path, "%s: expected %s, found %s", pathName(path), want, describe(n))
}

// bareTemplate recognises {prompt}: a flow map of one key without a value.
func bareTemplate(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2 &&
		n.Content[0].Kind == yaml.ScalarNode && n.Content[1].Tag == "!!null" {
		return n.Content[0].Value
	}
	return ""
}

// clean reports whether none of the paths, nor anything below or above them, has
// a problem: what is derived from a broken value would only be noise.
func (w *walker) clean(paths ...string) bool {
	for _, p := range w.problems {
		for _, path := range paths {
			if !p.Warning && (within(p.Path, path) || within(path, p.Path)) {
				return false
			}
		}
	}
	return true
}

// within reports whether path is base or lies below it. The root is above
// everything only as itself.
func within(path, base string) bool {
	return path == base || base != "" && strings.HasPrefix(path, base+"/")
}

// given reports whether the file has the key.
func (w *walker) given(path string) bool { _, ok := w.at[path]; return ok }

// places gives the place of each key that was given.
func (w *walker) places() map[string]spot {
	out := make(map[string]spot, len(w.at))
	for path, p := range w.at {
		n := p.key
		if n == nil {
			n = p.value
		}
		if f := w.was[n]; f != nil {
			n = f.node
		}
		out[path] = spot{w.sourceOf(n).file, n.Line, n.Column}
	}
	return out
}

// locate gives the node to point at for a path: its value, or the key of the
// nearest ancestor that is there.
func (w *walker) locate(path string) *yaml.Node {
	if p, ok := w.at[path]; ok {
		return p.value
	}
	for path != "" {
		path = path[:strings.LastIndexByte(path, '/')]
		if p, ok := w.at[path]; ok {
			if p.key != nil {
				return p.key
			}
			return p.value
		}
	}
	return nil
}

// follow resolves aliases; the parser's guard has refused cycles.
func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func fieldsOf(t reflect.Type) map[string]int {
	fields := make(map[string]int, t.NumField())
	for i := 0; i < t.NumField(); i++ {
		if name := yamlName(t.Field(i)); name != "-" {
			fields[name] = i
		}
	}
	return fields
}

func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "" {
		return "-"
	}
	return name
}

// pathName writes a path as people do, and as --set reads it: stop[0].when.
func pathName(path string) string {
	if path == "" {
		return "the file"
	}
	var b strings.Builder
	for i, part := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		switch {
		case i > 0 && plainInteger(part):
			b.WriteString("[" + part + "]")
			continue
		case i > 0:
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	return b.String()
}

// counted gives a number with its noun: 1 prompt, 2 prompts.
func counted[T int | int64](n T, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	v := n.Value
	if utf8.RuneCountInString(v) > 40 {
		v = string([]rune(v)[:40]) + "..."
	}
	if n.Tag == "!!str" {
		return "the text " + strconv.Quote(v)
	}
	return "the " + tagName(n.Tag) + " " + v
}

func tagName(tag string) string {
	switch tag {
	case "!!int", "!!float":
		return "number"
	case "!!bool":
		return "truth value"
	case "!!timestamp":
		return "date"
	case "!!null":
		return "empty value"
	}
	return "value"
}
