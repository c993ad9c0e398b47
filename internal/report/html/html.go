package html

import (
	"io"
	"net/url"
	"path"

	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/result"
)

// Run is a record and what was computed from it.
type Run struct {
	Rec    *result.Record
	Sum    *result.Summary
	Found  []verdict.Finding
	Source []byte     // the scenario as given; nil when it is not there any more
	Merged []byte     // with its bases and --set in one file; nil where there are none
	Files  []DataFile // the files beside the pages that hold the numbers

	single bool // all pages are sections of one file
}

// DataFile is a file beside the pages.
type DataFile struct {
	Name  string
	Bytes int64  // 0: not told, because it changes when nothing that was measured does
	About string // what it holds, in a few words
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
			d := document{Title: r.title(p), Name: r.name(), Policy: policy("'self'"), Nav: r.navigation(pages, i), Provenance: r.provenance(), Script: shared}
			return d.write(w, p)
		}})
	}
	return append(out, File{ScriptFile, script})
}

// title is what a browser's tab says of a page.
func (r *Run) title(p *Page) string {
	if p.Name == IndexName {
		return r.name() + " - run " + r.id()
	}
	return p.Title + " - " + r.name()
}

// IndexName is the name of the page that all others are linked from, without .html.
const IndexName = "index"

// pages makes every page of the run, the index first: what is read first, what compares,
// and then cell by cell.
func (r *Run) pages() []*Page {
	main := r.mainPages()
	cells := r.cellPages()
	out := append([]*Page{r.index(main, cells)}, main...)
	for i, p := range cells {
		p.Around = r.around(cells, i)
	}
	out = append(out, cells...)
	line := r.line()
	for _, p := range out {
		p.View.Provenance = line
		if fill := p.Fill; fill != nil {
			p.Fill = func(q *Page) {
				fill(q)
				q.View.Provenance = line
			}
		}
	}
	return out
}

// mainPages are the pages about all cells of a context, or of the run.
func (r *Run) mainPages() []*Page {
	if r.mapped() {
		return r.mapPages()
	}
	return append(r.workingSets(), r.comparisons()...)
}

// cellPages are the pages about one cell each, in the order of the table.
func (r *Run) cellPages() []*Page {
	if r.mapped() {
		return nil
	}
	return append(r.sustainedPages(), r.fixedPages()...)
}

// href is where a link to a page of the run leads.
func (r *Run) href(page string) string {
	if r.single {
		return "#" + page
	}
	return page + ".html"
}

// navigation is what every page has at its top: the index and the main pages, and the
// page itself where it is one of the cells, of which there may be hundreds.
func (r *Run) navigation(pages []*Page, here int) []Link {
	var out []Link
	for i, p := range pages {
		if !isCell(p.Name) || i == here {
			out = append(out, Link{Href: r.href(p.Name), Text: p.brief(), Title: p.Title, Here: i == here})
		}
	}
	return out
}

// around leads from one cell to its neighbours and back.
func (r *Run) around(cells []*Page, here int) []Link {
	out := []Link{{Href: r.href(IndexName), Text: "All points"}}
	if here > 0 {
		p := cells[here-1]
		out = append(out, Link{Href: r.href(p.Name), Text: p.brief(), Title: p.Title, Rel: "prev"})
	}
	if here+1 < len(cells) {
		p := cells[here+1]
		out = append(out, Link{Href: r.href(p.Name), Text: p.brief(), Title: p.Title, Rel: "next"})
	}
	return out
}

// local is a link to a file beside the page: a name with whatever characters stays one.
func local(elements ...string) string {
	for i, e := range elements {
		elements[i] = url.PathEscape(e)
	}
	return "./" + path.Join(elements...)
}

// sustained reports whether the working set grew under load.
func (r *Run) sustained() bool {
	return r.Rec.Run.Scenario != nil && r.Rec.Run.Scenario.Mode == "sustained"
}
