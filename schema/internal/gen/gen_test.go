package main

import (
	"bytes"
	"os"
	"testing"
)

// TestNoDrift fails when the types have changed and the published schema has not.
func TestNoDrift(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../scenario.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("schema/scenario.schema.json is not what the types say: run go generate ./schema")
	}
}
