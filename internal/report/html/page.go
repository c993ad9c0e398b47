package html

import (
	"html/template"
	"io"
	"iter"
)

// Page is one page before it is written.
type Page struct {
	Name  string // file name without .html; in a single file, what its links point to
	Title string
	Lead  string        // what it shows, in a sentence
	Prose template.HTML // between the lead and the charts; made by a template, never of raw text
	View  View
	Notes []string // doubts that stand above the charts
	// Tables: the first is the one that charts are filled from and people read; the others
	// hold what is no row of it (transitions, capacities).
	Tables []Table
	Tail   template.HTML // after the tables
	// Around leads to the cells before and after this one, and back: what is too long for
	// the navigation that all pages share.
	Around []Link
	// Fill makes what is dear (charts, tables, prose) just before the page is written, so that
	// not all pages of a run are in memory at once. Name, Title and Lead are there without it.
	// Nil: everything is there.
	Fill func(*Page)
}

// filled gives the page with everything in it: a copy, whose memory goes when it is written.
func (p *Page) filled() *Page {
	if p.Fill == nil {
		return p
	}
	q := *p
	q.Fill = nil
	p.Fill(&q)
	return &q
}

// Link is one entry of a page's navigation.
type Link struct {
	Href, Text, Title string
	Here              bool
	Rel               string // prev, next or empty: drawn as an arrow
}

// Fact is one line of provenance.
type Fact struct {
	Key, Value string
	Title      string // in full, where Value is cut
}

// document is what the page template is given: one page, or all of them.
type document struct {
	Title      string
	Name       string // of the scenario, beside the navigation
	Policy     string
	CSS        template.CSS
	Nav        []Link
	Pages      iter.Seq[section]
	Packed     iter.Seq[packed] // pages that only the script can open
	Provenance []Fact
	Single     bool          // one section is shown at a time
	Charts     []Chart       // those that several views share
	Script     template.HTML // how the script comes in
}

// section is one page inside a document.
type section struct {
	*Page
	Drawn   bool   // it has charts
	Missing string // why there are none where the script does not run
	View    any    // View, or what stands for it in a single file
	Numbers []template.HTML
}

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// section makes a page ready to be written.
func (p *Page) section() section {
	p = p.filled()
	s := section{Page: p, View: p.View, Drawn: len(p.View.Charts) > 0, Missing: missingScript}
	for i := range p.Tables {
		s.Numbers = append(s.Numbers, template.HTML(p.Tables[i].append(nil)))
	}
	return s
}

// write writes a document of pages, each made when its turn comes.
func (d *document) write(w io.Writer, pages ...*Page) error {
	d.Pages = func(yield func(section) bool) {
		for _, p := range pages {
			if !yield(p.section()) {
				return
			}
		}
	}
	return d.execute(w)
}

func (d *document) execute(w io.Writer) error {
	d.CSS = template.CSS(reportCSS)
	return pageTemplate.Execute(plainWriter{w}, d)
}

// missingScript is why a page of a folder has no charts.
const missingScript = "they need a browser that runs scripts, and " + ScriptFile + " from the same folder beside this file."

// shared is how a page of a folder gets its script.
const shared = template.HTML(`<script src="` + ScriptFile + `"></script>`)
