package main

import (
	"slices"

	"github.com/invopop/jsonschema"
)

// takeVariables lets a value from the environment stand wherever one that is no free text
// is asked for: in each property and each element of a list, but for lists and maps.
func takeVariables(s *jsonschema.Schema) {
	alternatives := s.AnyOf
	if alternatives == nil {
		alternatives = []*jsonschema.Schema{s}
	}
	for _, a := range alternatives {
		if a.Items != nil {
			takeVariables(a.Items)
			takeVariable(a.Items)
		}
		if a.Properties == nil {
			continue
		}
		for p := a.Properties.Oldest(); p != nil; p = p.Next() {
			takeVariables(p.Value)
			takeVariable(p.Value)
			takeNull(p.Value)
		}
	}
}

func takeVariable(s *jsonschema.Schema) {
	if s == jsonschema.FalseSchema || s.Ref != "" {
		return
	}
	alternatives := s.AnyOf
	if alternatives == nil {
		alternatives = []*jsonschema.Schema{s}
	}
	value := false
	for _, a := range alternatives {
		if a.Type == "string" && a.Pattern == "" && a.Enum == nil {
			return // free text
		}
		value = value || a.Type != "object" && a.Type != "array"
	}
	if !value {
		return
	}
	s.AnyOf = append(alternativesOf(s), &jsonschema.Schema{Ref: "#/$defs/variable"})
}

// takeNull lets null stand for a map or a list, which takes that of a base away. For other
// values it does not: an editor takes a key without a value for null, and would have
// nothing to complete. What extends nothing has no nulls: see withoutNulls.
func takeNull(s *jsonschema.Schema) {
	if s == jsonschema.FalseSchema || s.Ref != "" {
		return
	}
	for _, a := range append([]*jsonschema.Schema{s}, s.AnyOf...) {
		if a.Type == "object" || a.Type == "array" || a.Extras["type"] == "object" {
			s.AnyOf = append(alternativesOf(s), &jsonschema.Schema{Ref: "#/$defs/null"})
			return
		}
	}
}

// alternativesOf makes a schema one of alternatives, the only one so far, unless it has
// some. What an editor shows stays outside of them.
func alternativesOf(s *jsonschema.Schema) []*jsonschema.Schema {
	if s.AnyOf == nil {
		plain := *s
		plain.Description, plain.Default, plain.Examples = "", nil, nil
		*s = jsonschema.Schema{Description: s.Description, Default: s.Default, Examples: s.Examples, AnyOf: []*jsonschema.Schema{&plain}}
	}
	return s.AnyOf
}

// definitions are what other parts refer to.
func definitions() jsonschema.Definitions {
	return jsonschema.Definitions{
		"variable": {Type: "string", Pattern: `\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}`, Description: "A value from the environment, as ${WSRUN_NAME} or ${WSRUN_NAME:-default}."},
		// Not as a type, which editors would offer.
		"null": {Not: &jsonschema.Schema{Extras: map[string]any{"type": []string{"object", "array", "string", "number", "boolean"}}}},
	}
}

// withoutNulls holds for a file that extends nothing: there null would take nothing away.
func withoutNulls(of *jsonschema.Schema) *jsonschema.Schema {
	out := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	for _, form := range append([]*jsonschema.Schema{of}, of.AnyOf...) {
		if form.Properties == nil {
			continue
		}
		for p := form.Properties.Oldest(); p != nil; p = p.Next() {
			if !takesNull(p.Value) {
				continue
			}
			part := withoutNulls(p.Value)
			part.Not = &jsonschema.Schema{Type: "null"}
			out.Properties.Set(p.Key, part)
		}
	}
	return out
}

func takesNull(s *jsonschema.Schema) bool {
	return slices.ContainsFunc(s.AnyOf, func(a *jsonschema.Schema) bool { return a.Ref == "#/$defs/null" })
}
