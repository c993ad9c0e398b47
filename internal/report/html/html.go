package html

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/result"
)

// Run is a record and what was computed from it.
type Run struct {
	Rec    *result.Record
	Sum    *result.Summary
	Found  []verdict.Finding
	Source []byte   // the scenario as given; nil when it is not there any more
	Files  []string // names of the CSV files beside the pages
}

// File is one file of a run directory.
type File struct {
	Name  string
	Write func(io.Writer) error
}

// Files lists the pages of a run and the script they share, index.html first. Writing one
// twice gives the same bytes.
func Files(r *Run) []File {
	pages := r.pages()
	var out []File
	for i, p := range pages {
		out = append(out, File{p.Name + ".html", func(w io.Writer) error {
			d := document{Title: p.Title + " - " + r.name(), Policy: policy("'self'"), Nav: nav(pages, i), Provenance: r.provenance(), Script: shared}
			return d.write(w, p)
		}})
	}
	return append(out, File{ScriptFile, script})
}

// pages makes every page of the run, the index first.
func (r *Run) pages() []*Page {
	var out []*Page
	for _, c := range r.fixedCells() {
		out = append(out, r.fixed(c))
	}
	line := r.line()
	for _, p := range out {
		p.View.Provenance = line
	}
	return out
}

func nav(pages []*Page, here int) []Link {
	var out []Link
	for i, p := range pages {
		out = append(out, Link{Href: p.Name + ".html", Text: p.Title, Here: i == here})
	}
	return out
}

func (r *Run) name() string {
	if sc := r.Rec.Run.Scenario; sc != nil {
		return sc.Name
	}
	return r.Rec.Run.ID
}

// provenance says where the figures of a page come from.
func (r *Run) provenance() []Fact {
	run := r.Rec.Run
	facts := []Fact{
		{"Scenario", r.name()}, {"Digest", run.Digest}, {"Run", run.ID}, {"Started", run.Epoch.UTC().Format(time.RFC3339)}, {"wsrun", run.Version},
		{"Load from", strings.Join([]string{run.Host.Name, run.Host.OS, run.Host.Arch}, " ")},
	}
	if p := r.Sum.Probe; p != nil {
		facts = append(facts, Fact{"Server", strings.TrimSpace(p.Engine + " " + p.Version)}, Fact{"Model", p.Model})
	}
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Value == "" })
}

// line is the provenance in one line, for pictures.
func (r *Run) line() string {
	var parts []string
	for _, f := range r.provenance() {
		parts = append(parts, strings.ToLower(f.Key)+" "+f.Value)
	}
	return strings.Join(parts, " · ")
}
