package main

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	names := []string{"run", "report", "validate", "plan", "tiers", "schema"}
	for word, want := range map[string]string{"rnu": "run", "reprot": "report", "Validate": "validate", "plna": "plan", "tier": "tiers", "zzz": "", "x": "", "": ""} {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestEditsIsADistance(t *testing.T) {
	word := rapid.StringMatching(`[a-c]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := edits(a, b)
		if d != edits(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a), len(b))-min(len(a), len(b)) {
			t.Fatalf("edits(%q, %q) = %d", a, b, d)
		}
	})
}

// A command that has come is no later one.
func TestLaterCommandsAreNotThereYet(t *testing.T) {
	root := newApp(nil, nil, nil, nil).root()
	for _, later := range laterCommands {
		for _, c := range root.Commands() {
			if c.Name() == later {
				t.Errorf("%s is there: take it out of laterCommands", later)
			}
		}
	}
}
