package main

import "testing"

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
