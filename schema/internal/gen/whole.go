package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/wsrun/wsrun/scenario"
)

// whole gives what holds for a file that extends no other: the keys that it needs, and
// what keys ask of each other, by mode. Without a mode a scenario is sustained.
func whole(required []string) *jsonschema.Schema {
	s := fragment(`{"allOf": [
		{"if": {"required": ["arrivals"]}, "then": {"required": ["rate"]}},
		{"if": {"properties": {"output_tokens": {"const": 1}}, "required": ["output_tokens"]}, "then": {"properties": {"slo": {"properties": {"output_rate": false}}}}},
		{"properties": {"warmup": {"properties": {"reset": {"if": {"type": "object"}, "then": {"if": {"required": ["command"]}, "then": {"properties": {"post": false}}, "else": {"required": ["post"]}}}}}}},
		{"properties": {"target": {
			"if": {"type": "object"},
			"then": {
				"if": {"required": ["simulator"]}, "then": {"properties": {"endpoints": false}}, "else": {"required": ["endpoints"]},
				"properties": {"tls": {"allOf": [
					{"if": {"required": ["cert_file"]}, "then": {"required": ["key_file"]}},
					{"if": {"required": ["key_file"]}, "then": {"required": ["cert_file"]}},
					{"if": {"properties": {"insecure": {"const": true}}, "required": ["insecure"]}, "then": {"properties": {"ca_file": false}}}
				]}}
			}
		}}}
	]}`)
	s.Required = required
	s.If, s.Then, s.Else = mode("fixed"), lacking(fixed(), "fixed"), &jsonschema.Schema{If: mode("map"), Then: lacking(mapped(), "map"), Else: lacking(sustained(), "sustained")}
	return s
}

// fragment reads a piece of a schema that is written out.
func fragment(text string) *jsonschema.Schema {
	s := &jsonschema.Schema{}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		panic("gen: " + err.Error())
	}
	return s
}

func mode(name string) *jsonschema.Schema {
	return fragment(`{"properties": {"mode": {"const": "` + name + `"}}, "required": ["mode"]}`)
}

// sizes is what a range of working sets needs.
const sizes = `{"if": {"type": "object"}, "then": {
	"required": ["min", "steps"],
	"if": {"properties": {"steps": {"const": 1}}, "required": ["steps"]}, "then": {"properties": {"max": false}}, "else": {"required": ["max"]}
}}`

func fixed() *jsonschema.Schema {
	return fragment(`{
		"required": ["working_set"],
		"properties": {
			"concurrency": {"not": {"type": "object"}},
			"working_set": ` + sizes + `
		},
		"allOf": [
			{"if": {"required": ["rate"]}, "then": {"properties": {"concurrency": false}}, "else": {"required": ["concurrency"]}},
			{"if": {"properties": {"access": {"const": "depth"}}, "required": ["access"]},
			 "then": {"properties": {"working_set": {"not": {"type": "object", "properties": {"refine": {"type": "integer", "minimum": 1}}, "required": ["refine"]}}}}},
			{"if": {"properties": {"warmup": {"properties": {"rewarm": {"const": "once"}}, "required": ["rewarm"]}}, "required": ["warmup"]},
			 "then": {"properties": {"order": {"const": "ascending"}, "working_set": {"not": {"type": "object", "properties": {"refine": {"type": "integer", "minimum": 1}}, "required": ["refine"]}}}}}
		]
	}`)
}

func sustained() *jsonschema.Schema {
	return fragment(`{
		"required": ["slo", "working_set"],
		"properties": {
			"concurrency": {"type": "object"},
			"working_set": ` + sizes + `,
			"duration": {"not": {"type": "object"}},
			"access": {"not": {"const": "depth"}},
			"slo": {"anyOf": [{"required": ["ttft"]}, {"required": ["output_rate"]}]},
			"stop": {"properties": {"ends": {"not": {"const": "level"}}}, "items": {"properties": {"ends": {"not": {"const": "level"}}}}}
		}
	}`)
}

// mapped: several endpoints must keep a prompt at one, and there are no sizes.
func mapped() *jsonschema.Schema {
	return fragment(`{"properties": {
		"target": {
			"if": {"type": "object", "properties": {"endpoints": {"type": "array", "minItems": 2}}, "required": ["endpoints"]},
			"then": {"properties": {"balance": {"const": "pinned"}}, "required": ["balance"]}
		},
		"working_set": {"type": "object"}
	}}`)
}

// lacking refuses the keys that a mode has not, as the loader does. Those in lists are
// gone with their list.
func lacking(s *jsonschema.Schema, mode string) *jsonschema.Schema {
	for _, k := range scenario.Keys() {
		if slices.Contains(k.Modes, mode) || strings.Contains(k.Path, "[]") {
			continue
		}
		p := s
		for _, key := range strings.Split(k.Path, ".") {
			p = property(p, key)
		}
		*p = *jsonschema.FalseSchema // what is written of its parts below is not kept
	}
	return s
}

// property gives the schema of a key, made where there is none.
func property(s *jsonschema.Schema, key string) *jsonschema.Schema {
	if s.Properties == nil {
		s.Properties = jsonschema.NewProperties()
	}
	if p, ok := s.Properties.Get(key); ok {
		return p
	}
	p := &jsonschema.Schema{}
	s.Properties.Set(key, p)
	return p
}
