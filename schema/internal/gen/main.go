// Command gen writes schema/scenario.schema.json from the loader's own types: the
// names from their yaml tags, the rules from their validate tags, defaults and
// descriptions from their jsonschema tags.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/wsrun/wsrun/scenario"
)

func main() {
	out := flag.String("o", "scenario.schema.json", "file to write")
	flag.Parse()
	b, err := generate()
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, b, 0o644); err != nil {
		log.Fatal(err)
	}
}

// generate gives the schema's bytes.
func generate() ([]byte, error) {
	g := &generator{}
	s := g.object(reflect.TypeOf(scenario.RawFile()))
	s.Version = jsonschema.Version
	s.ID = "https://github.com/wsrun/wsrun/schema/scenario.schema.json"
	s.Title = "wsrun scenario"
	s.Description = "What a run of wsrun asks for."
	whole(s)
	if len(g.unmapped) > 0 {
		return nil, fmt.Errorf("validate tags that have no place in a schema: %s", strings.Join(g.unmapped, ", "))
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(s)
	return buf.Bytes(), err
}

// whole says what a scenario needs. A file that extends another may have it from there,
// so nothing is held against it as a whole.
func whole(s *jsonschema.Schema) {
	own := &jsonschema.Schema{Required: s.Required}
	byMode(own)
	s.Required = nil
	s.If, s.Then, s.Else = &jsonschema.Schema{Required: []string{"extends"}}, jsonschema.TrueSchema, own
}

// byMode says which keys a mode needs and which it has not. Without a mode a scenario
// is sustained.
func byMode(s *jsonschema.Schema) {
	has := func(required []string, properties ...any) *jsonschema.Schema {
		out := &jsonschema.Schema{Properties: jsonschema.NewProperties(), Required: required}
		for i := 0; i < len(properties); i += 2 {
			out.Properties.Set(properties[i].(string), properties[i+1].(*jsonschema.Schema))
		}
		return out
	}
	is := func(mode string) *jsonschema.Schema {
		return has([]string{"mode"}, "mode", &jsonschema.Schema{Const: mode})
	}
	object, none := &jsonschema.Schema{Type: "object"}, jsonschema.FalseSchema
	s.If, s.Then = is("fixed"), has([]string{"working_set"}, "concurrency", &jsonschema.Schema{Not: object}, "growth", none, "map", none)
	s.Then.OneOf = []*jsonschema.Schema{{Required: []string{"concurrency"}}, {Required: []string{"rate"}}}
	s.Else = &jsonschema.Schema{If: is("map"), Then: has(nil, notInMap()...)}
	s.Else.Else = has([]string{"slo", "working_set"}, "concurrency", object, "on_miss", none, "repeats", none, "map", none, "rate", none, "arrivals", none,
		"duration", &jsonschema.Schema{Not: object}, "access", &jsonschema.Schema{Not: &jsonschema.Schema{Const: "depth"}})
}

// notInMap gives the keys that a map has not, in the form that has reads.
func notInMap() (properties []any) {
	nested := map[string]*jsonschema.Schema{}
	for _, path := range scenario.NotInMap() {
		group, key, deep := strings.Cut(path, ".")
		if !deep {
			properties = append(properties, group, jsonschema.FalseSchema)
			continue
		}
		if nested[group] == nil {
			nested[group] = &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties()}
			properties = append(properties, group, nested[group])
		}
		nested[group].Properties.Set(key, jsonschema.FalseSchema)
	}
	return properties
}

type generator struct {
	unmapped []string
}

// shaper is a type that says itself how it is written in a file.
type shaper interface{ Shape() []any }

// structure marks a struct as one alternative of a shape.
type structure interface{ Struct() any }

// object reflects a struct.
func (g *generator) object(t reflect.Type) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		p := g.of(f.Type)
		p.Description = f.Tag.Get("jsonschema_description")
		if d, ok := strings.CutPrefix(f.Tag.Get("jsonschema"), "default="); ok {
			p.Default = literal(d)
		}
		if g.rules(p, f.Type, f.Tag.Get("validate")) {
			s.Required = append(s.Required, name)
		}
		s.Properties.Set(name, p)
	}
	return s
}

// of gives the schema of a type.
func (g *generator) of(t reflect.Type) *jsonschema.Schema {
	if t.Kind() == reflect.Pointer {
		return g.of(t.Elem())
	}
	if v, ok := reflect.Zero(t).Interface().(shaper); ok {
		return g.union(v.Shape())
	}
	switch t.Kind() {
	case reflect.Slice:
		return &jsonschema.Schema{Type: "array", Items: g.of(t.Elem())}
	case reflect.Struct:
		return g.object(t)
	case reflect.Bool:
		return &jsonschema.Schema{Type: "boolean"}
	case reflect.String:
		return &jsonschema.Schema{Type: "string"}
	}
	panic("gen: no schema for " + t.String())
}

// union joins alternatives: JSON fragments, structs and types.
func (g *generator) union(alternatives []any) *jsonschema.Schema {
	var all []*jsonschema.Schema
	for _, a := range alternatives {
		s := &jsonschema.Schema{}
		switch a := a.(type) {
		case string:
			if err := json.Unmarshal([]byte(a), s); err != nil {
				// A list of types is not in the library's struct.
				s = &jsonschema.Schema{Extras: map[string]any{}}
				if err := json.Unmarshal([]byte(a), &s.Extras); err != nil {
					panic("gen: " + a + ": " + err.Error())
				}
			}
		case structure:
			s = g.object(reflect.TypeOf(a.Struct()))
		case reflect.Type:
			s = g.of(a)
		default:
			panic(fmt.Sprintf("gen: no schema for %T", a))
		}
		if s.AnyOf != nil && s.Type == "" {
			all = append(all, s.AnyOf...)
			continue
		}
		all = append(all, s)
	}
	if len(all) == 1 {
		return all[0]
	}
	return &jsonschema.Schema{AnyOf: all}
}

// literal reads a default: a number, a truth value, else text.
func literal(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if b, err := strconv.ParseBool(s); err == nil {
		return b
	}
	return s
}

// rules maps a validate tag. It reports whether the key is required. Rules behind
// dive are for the elements of a list, and for one value that stands for a list.
func (g *generator) rules(s *jsonschema.Schema, t reflect.Type, tag string) (required bool) {
	outer, inner, dives := strings.Cut(tag, "dive")
	for _, rule := range strings.Split(strings.Trim(outer, ","), ",") {
		name, param, _ := strings.Cut(rule, "=")
		switch {
		case rule == "" || name == "omitnil" || name == "omitempty":
		case name == "required":
			required = true
		default:
			g.rule(s, t, name, param, false)
		}
	}
	if dives {
		for _, rule := range strings.Split(strings.Trim(inner, ","), ",") {
			if name, param, _ := strings.Cut(rule, "="); name != "" {
				g.rule(s, t, name, param, true)
			}
		}
	}
	return required
}

// rule applies one rule to every alternative that it can hold for.
func (g *generator) rule(s *jsonschema.Schema, t reflect.Type, name, param string, elements bool) {
	for _, a := range s.AnyOf {
		g.rule(a, t, name, param, elements)
	}
	if elements && s.Items != nil {
		g.rule(s.Items, t, name, param, false)
		return
	}
	number := s.Type == "integer" || s.Type == "number"
	switch name {
	case "gte":
		if number {
			s.Minimum = json.Number(param)
		}
	case "gt":
		if number {
			s.Minimum, s.ExclusiveMinimum = "", json.Number(param)
		}
	case "lte":
		if number {
			s.Maximum = json.Number(param)
		}
	case "lt":
		if number {
			s.Maximum, s.ExclusiveMaximum = "", json.Number(param)
		}
	case "eq":
		s.Const = literal(param)
	case "min":
		g.least(s, param)
	case "max":
		g.most(s, param)
	case "oneof":
		for _, v := range strings.Fields(param) {
			s.Enum = append(s.Enum, v)
		}
	case "slug", "tiername":
		s.Pattern = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"
	case "envname":
		s.Pattern = "^[A-Za-z_][A-Za-z0-9_]*$"
	default:
		g.unmapped = append(g.unmapped, t.String()+": "+name)
	}
}

func (g *generator) least(s *jsonschema.Schema, param string) {
	n, err := strconv.ParseUint(param, 10, 64)
	if err != nil {
		panic("gen: min=" + param)
	}
	switch s.Type {
	case "array":
		s.MinItems = &n
	case "string":
		s.MinLength = &n
	}
}

func (g *generator) most(s *jsonschema.Schema, param string) {
	n, err := strconv.ParseUint(param, 10, 64)
	if err != nil {
		panic("gen: max=" + param)
	}
	if s.Type == "array" {
		s.MaxItems = &n
	}
}
