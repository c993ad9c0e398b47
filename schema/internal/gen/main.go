// Command gen writes schema/scenario.schema.json from the loader's own types: the
// names from their yaml tags, the rules from their validate tags, defaults and
// descriptions from their jsonschema tags; and the tables of docs/scenario.md from the
// same.
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
	page := flag.String("docs", "", "page whose tables are written anew; empty: none")
	flag.Parse()
	b, err := generate()
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, b, 0o644); err != nil {
		log.Fatal(err)
	}
	if *page == "" {
		return
	}
	if err := writeDocument(*page); err != nil {
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
	takeVariables(s)
	s.Definitions = definitions()
	// What a file lacks may stand in the one that it extends.
	s.Required, s.If, s.Else = nil, &jsonschema.Schema{Required: []string{"extends"}}, whole(s.Required)
	s.Else.AllOf = append(s.Else.AllOf, withoutNulls(s))
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
		p.Examples = g.examples(f)
		if d, ok := strings.CutPrefix(f.Tag.Get("jsonschema"), "default="); ok {
			p.Default = literal(d)
		}
		if g.rules(p, f.Type, f.Tag.Get("validate")) {
			s.Required = append(s.Required, name)
		}
		if unique[name] {
			eachOnce(p)
		}
		if pattern := patterns[name]; pattern != "" {
			eachLike(p, pattern)
		}
		if conditions[name] {
			p.MaxLength = &longestCondition
		}
		s.Properties.Set(name, p)
	}
	return s
}

// unique are the lists in which no value stands twice.
var unique = map[string]bool{"contexts": true, "hit_rates": true, "rate": true, "endpoints": true}

// patterns are what each text of a list looks like, or begins with.
var patterns = map[string]string{"endpoints": `^(https?://|\$\{)`}

func eachLike(s *jsonschema.Schema, pattern string) {
	for _, a := range s.AnyOf {
		switch {
		case a.Items != nil:
			a.Items.Pattern = pattern
		case a.Type == "string":
			a.Pattern = pattern
		}
	}
}

// conditions are the keys that hold one, and longestCondition is how many characters of
// one are read.
var (
	conditions       = map[string]bool{"when": true, "expect": true, "where": true}
	longestCondition = uint64(4096)
)

func eachOnce(s *jsonschema.Schema) {
	for _, a := range s.AnyOf {
		a.UniqueItems = a.Type == "array"
	}
}

// examples reads the values of an example tag as a file would hold them.
func (g *generator) examples(f reflect.StructField) (out []any) {
	tag := f.Tag.Get("example")
	if tag == "" {
		return nil
	}
	for _, text := range strings.Split(tag, " | ") {
		v, err := scenario.ExampleValue(text)
		if err != nil {
			panic("gen: " + f.Name + ": " + err.Error())
		}
		out = append(out, v)
	}
	return out
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

// rule applies one rule to every alternative that it can hold for. A shape's own bound
// stays where it is narrower: percentages begin at 1, or are 0.
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
		if number && !above(s.Minimum, param) {
			s.Minimum = json.Number(param)
		}
	case "gt":
		if number && !above(s.Minimum, param) {
			s.Minimum, s.ExclusiveMinimum = "", json.Number(param)
		}
	case "lte":
		if number && !above(json.Number(param), s.Maximum.String()) {
			s.Maximum = json.Number(param)
		}
	case "lt":
		if number && !above(json.Number(param), s.Maximum.String()) {
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

// above reports whether one number is above another, both being there.
func above(a json.Number, b string) bool {
	x, errX := a.Float64()
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && x > y
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
