package main

import (
	"os"
	"strings"
	"testing"
)

// What docs/diff.md shows is what is printed, and its textconv is the one that is tried.
func TestDiffDoc(t *testing.T) {
	read := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	doc := read("../../docs/diff.md")
	_, golden, _ := strings.Cut(read("testdata/script/diff_max.txtar"), "-- out.txt --\n")
	golden, _, _ = strings.Cut(golden, "-- out.md --\n")
	if golden == "" || !strings.Contains(doc, "```\n$ wsrun diff old.yaml new.yaml\n"+golden+"```") {
		t.Errorf("docs/diff.md does not show what testdata/script/diff_max.txtar expects:\n%s", golden)
	}
	_, conv, _ := strings.Cut(doc, "git config diff.wsrun.textconv ")
	conv, _, _ = strings.Cut(conv, "\n")
	if conv == "" || !strings.Contains(read("testdata/script/diff_git.txtar"), "exec git config diff.wsrun.textconv "+conv+"\n") {
		t.Errorf("the textconv of docs/diff.md is not tried: %s", conv)
	}
	for _, c := range strings.Split(classList(), ", ") {
		if !strings.Contains(doc, "\n| "+c+" | ") {
			t.Errorf("docs/diff.md does not explain %s", c)
		}
	}
}

// The inputs of the action are in docs/ci.md, each with its default.
func TestActionDoc(t *testing.T) {
	var a action
	readYAML(t, "action.yml", &a)
	doc, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range a.Inputs {
		if !strings.Contains(string(doc), "\n| "+name+" | ") {
			t.Errorf("docs/ci.md does not explain the input %s", name)
		}
	}
}
