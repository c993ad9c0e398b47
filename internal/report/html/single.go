package html

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"

	_ "embed" // for the script below
)

// SingleFile is the name of the file that Single writes.
const SingleFile = "report.html"

//go:embed assets/inflate.js
var inflateJS string

// missingInflate is why a single file has no charts.
const missingInflate = "they need a browser that runs scripts and has DecompressionStream (Chrome 80, Firefox 113, Safari 16.4 or newer). So do the pages of single cells."

// Single writes all pages of a run as one file: to be mailed, or kept as the one artefact of
// a CI run. The script is in it once, compressed, and so is each chart that several pages
// have. The main pages are sections, shown one at a time where scripts run and one after the
// other where they do not. The pages of cells repeat the points of the index by the hundred:
// they are compressed, and opened when they are asked for. Files beside the pages are named,
// not linked.
func Single(r *Run, w io.Writer) error {
	one := *r
	one.single = true
	pages := one.pages()
	script, err := packedScript()
	if err != nil {
		return err
	}
	s := &singleFile{at: map[string]int{}}
	d := document{
		Title: one.name(), Name: one.name(), Single: true,
		Policy:     policy(source(inflateJS) + " " + source(scriptText())),
		Nav:        one.navigation(pages, 0),
		Provenance: one.provenance(),
		Script:     template.HTML(`<script type="application/octet-stream" id="wsrun-script">`) + script + template.HTML("</script>\n<script>"+inflateJS+"</script>"),
	}
	d.Pages = func(yield func(section) bool) {
		for _, p := range pages {
			if !isCell(p.Name) && !yield(s.section(p)) {
				return
			}
		}
	}
	d.Packed = func(yield func(packed) bool) {
		s.pack(pages, yield)
		d.Charts = s.charts
	}
	if err := d.execute(w); err != nil {
		return err
	}
	return s.err
}

// singleFile is what the sections of one document share.
type singleFile struct {
	charts []Chart
	at     map[string]int // charts by their JSON
	err    error
}

// sharedView is a View whose charts stand elsewhere in the document: Use counts from 0 in
// its list.
type sharedView struct {
	Controls   []Control `json:"controls,omitempty"`
	Use        []int     `json:"use,omitempty"`
	Provenance string    `json:"provenance"`
}

// section makes a page ready to be written; its charts go to those that all share.
func (f *singleFile) section(p *Page) section {
	s := p.section()
	s.Missing = missingInflate
	view := sharedView{Controls: s.Page.View.Controls, Provenance: s.Page.View.Provenance}
	for _, chart := range s.Page.View.Charts {
		text, err := json.Marshal(chart)
		if err != nil {
			f.err = fmt.Errorf("chart %s of page %s: %w", chart.ID, p.Name, err)
			return s
		}
		at, known := f.at[string(text)]
		if !known {
			at = len(f.charts)
			f.at[string(text)] = at
			f.charts = append(f.charts, chart)
		}
		view.Use = append(view.Use, at)
	}
	s.View = view
	return s
}

// packed is a handful of pages, compressed.
type packed struct {
	Names string // with a space between
	Text  template.HTML
}

// packedSize is how much text is compressed together: much, because pages are alike, but
// no more than opens at once.
const packedSize = 256 << 10

// pack yields the pages of cells in handfuls.
func (f *singleFile) pack(pages []*Page, yield func(packed) bool) {
	var names []string
	var text bytes.Buffer
	flush := func() bool {
		if len(names) == 0 || f.err != nil {
			return f.err == nil
		}
		var p packed
		p.Names = strings.Join(names, " ")
		if p.Text, f.err = pack(text.Bytes()); f.err != nil {
			return false
		}
		names = nil
		text.Reset()
		return yield(p)
	}
	for _, p := range pages {
		if !isCell(p.Name) {
			continue
		}
		s := f.section(p)
		if err := pageTemplate.ExecuteTemplate(plainWriter{&text}, "section", s); err != nil && f.err == nil {
			f.err = fmt.Errorf("page %s: %w", p.Name, err)
		}
		if f.err != nil {
			return
		}
		names = append(names, p.Name)
		if text.Len() >= packedSize && !flush() {
			return
		}
	}
	flush()
}

// packedScript is the script as a single file has it: the same in each.
var packedScript = sync.OnceValues(func() (template.HTML, error) { return pack([]byte(scriptText())) })

// pack gives a text as gzip in base64.
func pack(text []byte) (template.HTML, error) {
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", fmt.Errorf("compressing a page: %w", err)
	}
	if _, err := zw.Write(text); err != nil {
		return "", fmt.Errorf("compressing a page: %w", err)
	}
	if err := zw.Close(); err != nil {
		return "", fmt.Errorf("compressing a page: %w", err)
	}
	return template.HTML(base64.StdEncoding.EncodeToString(b.Bytes())), nil
}
