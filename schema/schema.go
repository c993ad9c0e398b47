// Package schema holds the published JSON Schemas. They are generated from the Go
// types that the loader reads files into; a test fails when they drift.
package schema

import _ "embed"

//go:generate go run ./internal/gen -o scenario.schema.json -docs ../docs/scenario.md

//go:embed scenario.schema.json
var scenarioSchema []byte

// Scenario gives the JSON Schema (draft 2020-12) of a scenario file, for editors:
// completion, descriptions, and most slips underlined as they are typed. What a
// schema cannot say (keys that exclude each other, sizes that ascend, conditions)
// is `wsrun validate`'s.
func Scenario() []byte { return append([]byte(nil), scenarioSchema...) }
