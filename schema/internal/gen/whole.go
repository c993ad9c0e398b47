package main

import (
	"encoding/json"
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
	s.If, s.Then, s.Else = mode("fixed"), fixed(), &jsonschema.Schema{If: mode("map"), Then: mapped(), Else: sustained()}
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
			"concurrency": {"not": {"type": "object"}}, "growth": false, "map": false,
			"slo": {"properties": {"margin": false}},
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
			"concurrency": {"type": "object"}, "on_miss": false, "repeats": false, "map": false, "rate": false, "arrivals": false,
			"warmup": {"properties": {"rewarm": false}},
			"working_set": {"allOf": [{"properties": {"refine": false}}, ` + sizes + `]},
			"duration": {"not": {"type": "object"}},
			"access": {"not": {"const": "depth"}},
			"slo": {"anyOf": [{"required": ["ttft"]}, {"required": ["output_rate"]}]},
			"stop": {"properties": {"ends": {"not": {"const": "level"}}}, "items": {"properties": {"ends": {"not": {"const": "level"}}}}}
		}
	}`)
}

// mapped: the keys that a map has not; several endpoints must keep a prompt at one.
func mapped() *jsonschema.Schema {
	s := fragment(`{"properties": {"target": {
		"if": {"type": "object", "properties": {"endpoints": {"type": "array", "minItems": 2}}, "required": ["endpoints"]},
		"then": {"properties": {"balance": {"const": "pinned"}}, "required": ["balance"]}
	}}}`)
	nested := map[string]*jsonschema.Schema{}
	for _, path := range scenario.NotInMap() {
		group, key, deep := strings.Cut(path, ".")
		if !deep {
			s.Properties.Set(group, jsonschema.FalseSchema)
			continue
		}
		if nested[group] == nil {
			nested[group] = &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties()}
			s.Properties.Set(group, nested[group])
		}
		nested[group].Properties.Set(key, jsonschema.FalseSchema)
	}
	return s
}
