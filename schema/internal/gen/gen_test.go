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

// TestNoDriftOfTheDocs fails when the tables of docs/scenario.md are not what the types
// say.
func TestNoDriftOfTheDocs(t *testing.T) {
	got, err := os.ReadFile("../../../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := document(got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/scenario.md is not what the types say: run make generate")
	}
	for _, word := range []string{"| `working_set.spacing` |", "| `deepseek-v3` | 70272 |", "`--kv-cache-quantization`"} {
		if !bytes.Contains(got, []byte(word)) {
			t.Errorf("docs/scenario.md has no %q", word)
		}
	}
	if _, err := document([]byte("no markers")); err == nil {
		t.Error("a page without markers is taken")
	}
}
