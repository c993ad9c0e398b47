package scenario

import (
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Key is one key of the language, as loader, schema, docs, explain and diff know it.
type Key struct {
	Path        string            // as people write it: working_set.min, stop[].when
	Type        string            // in words: a size, a duration, one of fixed, sustained, map
	Default     string            // as written; "" where there is none
	Required    bool              // where its parent is written
	Modes       []string          // those that have it: fixed, sustained, map
	Class       map[string]string // by mode: what a change of it means, see DiffClasses; two, joined with ", ", where that depends on the values
	Original    string            // options of the original tool, joined with ", ": --chunk-size; "" where there is none
	Description string            // one or two sentences
	Values      []string          // of an enumeration
	Examples    []string          // as written
}

// DiffClasses are what a change of a key can mean to `wsrun diff`: points that no
// longer pair with older results; lines that are easier or harder to pass, or less or
// more evidence; cells added or removed; time and tokens; what is contacted, read or
// run; and what changes nothing that is measured.
func DiffClasses() []string {
	return []string{"breaks-comparison", "loosened / tightened", "coverage", "cost", "reach", "cosmetic"}
}

// Modes are the values of mode.
func Modes() []string { return []string{fixed, sustained, mapped} }

// Keys lists every key of a scenario file in the order of the reference, each group
// before its parts. The tags of the raw structs and the tables of the modes are their
// one source.
func Keys() []Key {
	return keysOf(reflect.TypeFor[rawFile](), "")
}

func keysOf(t reflect.Type, prefix string) (out []Key) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := yamlName(f)
		if name == "-" {
			continue
		}
		k := keyOf(f, prefix+name)
		out = append(out, k)
		if part, list := structOf(f.Type); part != nil {
			sub := k.Path + "."
			if list {
				sub = k.Path + "[]."
			}
			out = append(out, keysOf(part, sub)...)
		}
	}
	return out
}

func keyOf(f reflect.StructField, path string) Key {
	k := Key{
		Path: path, Type: typeWords(f.Type), Original: f.Tag.Get("orig"), Modes: modesOf(path),
		Description: f.Tag.Get("jsonschema_description"), Required: slices.Contains(strings.Split(f.Tag.Get("validate"), ","), "required"),
	}
	k.Default, _ = strings.CutPrefix(f.Tag.Get("jsonschema"), "default=")
	k.Class = classesOf(f.Tag.Get("diff"), k.Modes)
	if e := f.Tag.Get("example"); e != "" {
		k.Examples = strings.Split(e, " | ")
	}
	k.Values = choices(f)
	if k.Type == "text" && len(k.Values) > 0 {
		if k.Type = k.Values[0]; len(k.Values) > 1 {
			k.Type = "one of " + strings.Join(k.Values, ", ")
		}
	}
	return k
}

// ExampleValue reads an example as a file would hold it: text, a number, a truth value, a
// list or a map.
func ExampleValue(text string) (v any, err error) {
	err = yaml.Unmarshal([]byte(text), &v)
	return v, err
}

// choices are the values of an enumeration.
func choices(f reflect.StructField) []string {
	for _, rule := range strings.Split(f.Tag.Get("validate"), ",") {
		if list, ok := strings.CutPrefix(rule, "oneof="); ok {
			return strings.Fields(list)
		}
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v, ok := reflect.Zero(t).Interface().(interface{ values() []string }); ok {
		return v.values()
	}
	return nil
}

// classesOf reads a diff tag: "cost", or "coverage; sustained: breaks-comparison".
func classesOf(tag string, modes []string) map[string]string {
	parts := strings.Split(tag, "; ")
	out := map[string]string{}
	for _, mode := range modes {
		out[mode] = parts[0]
	}
	for _, part := range parts[1:] {
		mode, class, _ := strings.Cut(part, ": ")
		if _, has := out[mode]; has {
			out[mode] = class
		}
	}
	return out
}

// modesOf gives the modes that have a key, from the tables that the loader goes by.
func modesOf(path string) []string {
	pointer := "/" + strings.ReplaceAll(strings.ReplaceAll(path, "[]", ""), ".", "/")
	modes := Modes()
	for _, k := range append(slices.Clone(modeKeys), partKeys...) {
		if within(pointer, k.path) {
			modes = []string{k.mode}
		}
	}
	for _, k := range notInMap {
		if within(pointer, k.path) {
			modes = slices.DeleteFunc(modes, func(m string) bool { return m == mapped })
		}
	}
	return modes
}

// structOf gives the struct that a type is written as, if it can be; list: as the
// elements of a list.
func structOf(t reflect.Type) (part reflect.Type, list bool) {
	if t.Kind() == reflect.Pointer {
		return structOf(t.Elem())
	}
	if t.Kind() == reflect.Slice {
		part, _ = structOf(t.Elem())
		return part, true
	}
	if s, ok := reflect.Zero(t).Interface().(interface{ Shape() []any }); ok {
		for _, a := range s.Shape() {
			if m, ok := a.(mapOf); ok {
				return reflect.TypeOf(m.V), false
			}
		}
		return nil, false
	}
	if t.Kind() == reflect.Struct {
		return t, false
	}
	return nil, false
}

// typeWords says in words what may be written.
func typeWords(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		return typeWords(t.Elem())
	}
	if v, ok := reflect.Zero(t).Interface().(interface{ words() string }); ok {
		return v.words()
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct:
		return "map"
	}
	panic("scenario: no words for " + t.String())
}

func (Size) words() string    { return "number of tokens" }
func (Dur) words() string     { return "duration" }
func (Percent) words() string { return "percent" }
func (Int) words() string     { return "whole number" }
func (Float) words() string   { return "number" }
func (Text) words() string    { return "text" }
func (textMap) words() string { return "map of text" }
func (jsonMap) words() string { return "map" }
func (rawSeed) words() string { return "whole number" }
func (rawSetSize) words() string {
	return "size: tokens, MiB, GiB, TiB, or a share of a tier (0.5 tier1)"
}

// words: one value may stand for a list, but a list of maps is written as one.
func (List[T]) words() string {
	elem := reflect.TypeFor[T]()
	if part, _ := structOf(elem); part != nil {
		if w := typeWords(elem); w != "map" {
			return "list of: " + w
		}
		return "list of maps"
	}
	return typeWords(elem) + ", or a list"
}

func (rawAutoSize) words() string    { return "number of tokens, or auto" }
func (rawAutoDur) words() string     { return "duration, or auto" }
func (rawAccess) words() string      { return "one of " + strings.Join(accessLaws, ", ") + ", or a map" }
func (rawAccess) values() []string   { return accessLaws }
func (rawMetrics) words() string     { return "auto, none, a URL or a list of them" }
func (rawReset) words() string       { return "auto, none, or a map" }
func (rawTarget) words() string      { return "URL, simulator, or a map" }
func (rawWorkingSet) words() string  { return "map, or a size, or a list of sizes" }
func (rawSpan) words() string        { return "duration, or a map" }
func (rawStop) words() string        { return "condition, or a map" }
func (rawThreshold) words() string   { return "map" }
func (rawConcurrency) words() string { return "level, a list of levels, or a map" }
func (rawHold) words() string        { return "number of periods, or a duration" }
func (rawLooks) words() string       { return "whole number, or auto" }
func (rawCapacity) words() string    { return "size: tokens, or MiB, GiB, TiB" }
func (rawBandwidth) words() string   { return "bandwidth, in MB/s, GB/s or TB/s" }
