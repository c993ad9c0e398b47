// Package starter writes the scenario that somebody begins with: valid as it is, with
// what most people change first standing in it as comments.
package starter

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
)

//go:embed templates
var files embed.FS

var templates = template.Must(template.ParseFS(files, "templates/*.yaml"))

// Simulator as a target makes a scenario that runs in less than a minute on any machine.
const Simulator = "simulator"

// Options of a starter.
type Options struct {
	Mode   string // fixed, sustained or map
	Name   string // the scenario's, as YAML reads it
	Target string // a URL, as YAML reads it, or Simulator
	File   string // what the file will be called: it says how to run itself
	Schema string // what its first line names for the editor; empty: no such line
}

// Modes lists the modes that have a starter.
func Modes() []string { return []string{"fixed", "sustained", "map"} }

// Text gives the file.
func Text(o Options) (string, error) {
	if !slices.Contains(Modes(), o.Mode) {
		return "", fmt.Errorf("there is no starter for mode %q: it may be %s", o.Mode, strings.Join(Modes(), ", "))
	}
	var b strings.Builder
	err := templates.ExecuteTemplate(&b, o.Mode+".yaml", struct {
		Options
		Simulated bool
	}{o, o.Target == Simulator})
	if err != nil {
		return "", fmt.Errorf("the starter for mode %s: %w", o.Mode, err)
	}
	return b.String(), nil
}
