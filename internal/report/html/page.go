package html

import (
	"html/template"
	"io"
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
}

// Link is one entry of a page's navigation.
type Link struct {
	Href, Text, Title string
	Here              bool
}

// Fact is one line of provenance.
type Fact struct{ Key, Value string }

// document is what the page template is given: one page, or all of them.
type document struct {
	Title      string
	Policy     string
	CSS        template.CSS
	Nav        []Link
	Pages      []section
	Provenance []Fact
	Script     template.HTML // how the script comes in
}

// section is one page inside a document.
type section struct {
	*Page
	Figures []Chart
	Numbers []template.HTML
}

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// write writes a document of pages.
func (d *document) write(w io.Writer, pages ...*Page) error {
	d.CSS = template.CSS(reportCSS)
	for _, p := range pages {
		s := section{Page: p, Figures: p.View.Charts}
		for i := range p.Tables {
			s.Numbers = append(s.Numbers, template.HTML(p.Tables[i].append(nil)))
		}
		d.Pages = append(d.Pages, s)
	}
	return pageTemplate.Execute(w, d)
}

// shared is how a page of a folder gets its script.
const shared = template.HTML(`<script src="` + ScriptFile + `"></script>`)
