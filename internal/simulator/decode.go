package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// defaults are what a profile need not say.
func defaults() Profile {
	return Profile{Model: "sim", Block: 16, Placement: Exclusive, Eviction: LRU, Admit: First, Frees: Tails, Queue: "free", Vocab: 32000,
		Tells: Tells{CachedTokens: true, Usage: true, TokenIDs: true, Tokenizer: true, Metrics: "vllm", BySource: true, Reset: true}}
}

// DecodeProfile reads a profile from JSON: durations are text with a unit, sizes whole
// tokens, rates percent. What is left out has its default. The error is a
// *ProfileError with everything wrong at once: unknown keys, wrong types, and what
// Validate finds.
func DecodeProfile(src []byte) (Profile, error) {
	p := defaults()
	d := &decoder{}
	d.value("", src, reflect.ValueOf(&p).Elem())
	if len(d.problems) > 0 {
		return Profile{}, &ProfileError{d.problems}
	}
	if err := p.Validate(); err != nil {
		return Profile{}, err
	}
	return p, nil
}

// decoder reads JSON into a value without stopping at the first problem.
type decoder struct {
	problems []Problem
}

func (d *decoder) fail(path, format string, args ...any) {
	d.problems = append(d.problems, Problem{path, fmt.Sprintf(format, args...)})
}

func (d *decoder) value(path string, src []byte, v reflect.Value) {
	if _, own := v.Addr().Interface().(json.Unmarshaler); !own {
		switch v.Kind() {
		case reflect.Struct:
			d.object(path, src, v)
			return
		case reflect.Slice:
			d.list(path, src, v)
			return
		}
	}
	if bytes.Equal(bytes.TrimSpace(src), []byte("null")) {
		d.fail(path, "has no value")
		return
	}
	if err := json.Unmarshal(src, v.Addr().Interface()); err != nil {
		if _, own := v.Addr().Interface().(json.Unmarshaler); own {
			d.fail(path, "%v", err)
		} else {
			d.fail(path, "%s: must be %s", src, kindName(v.Kind()))
		}
	}
}

func (d *decoder) list(path string, src []byte, v reflect.Value) {
	var items []json.RawMessage
	if err := json.Unmarshal(src, &items); err != nil {
		d.fail(path, "must be a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, v.Index(i))
	}
}

func (d *decoder) object(path string, src []byte, v reflect.Value) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(src, &keys); err != nil || keys == nil {
		d.fail(path, "must be a map")
		return
	}
	names := make([]string, 0, v.NumField())
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		names = append(names, name)
		if raw, ok := keys[name]; ok {
			d.value(join(path, name), raw, v.Field(i))
			delete(keys, name)
		}
	}
	unknown := make([]string, 0, len(keys))
	for k := range keys {
		unknown = append(unknown, k)
	}
	sort.Strings(unknown)
	for _, k := range unknown {
		d.fail(join(path, k), "unknown key; known are %s", strings.Join(names, ", "))
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func kindName(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "text"
	}
	return "a whole number"
}
