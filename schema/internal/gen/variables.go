package main

import "github.com/invopop/jsonschema"

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
	if s.AnyOf == nil {
		plain := *s
		plain.Description, plain.Default, plain.Examples = "", nil, nil
		*s = jsonschema.Schema{Description: s.Description, Default: s.Default, Examples: s.Examples, AnyOf: []*jsonschema.Schema{&plain}}
	}
	s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Ref: "#/$defs/variable"})
}
