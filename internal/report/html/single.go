package html

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"

	_ "embed" // for the script below
)

// SingleFile is the name of the file that Single writes.
const SingleFile = "report.html"

//go:embed assets/inflate.js
var inflateJS string

// Single writes all pages of a run as one file: to be mailed, or kept as the one artefact of
// a CI run. Each page is a section, shown one at a time where scripts run and one after the
// other where they do not. The script is in it once, compressed, and so is each chart that
// several pages have. Links to files beside the pages are names only.
func Single(r *Run, w io.Writer) error {
	one := *r
	one.single = true
	pages := one.pages()
	packed, err := pack(scriptText())
	if err != nil {
		return fmt.Errorf("compressing the charts' script: %w", err)
	}
	d := document{
		Title: one.name(), Name: one.name(), Single: true,
		Policy:     policy(source(inflateJS) + " " + source(scriptText())),
		Nav:        one.navigation(pages, 0),
		Provenance: one.provenance(),
		Missing:    "they need a browser that runs scripts and has DecompressionStream (Chrome 80, Firefox 113, Safari 16.4 or newer).",
		Script: template.HTML(`<script type="application/octet-stream" id="wsrun-script">` + packed + "</script>\n" +
			"<script>" + inflateJS + "</script>"),
	}
	charts := chartIndex{at: map[string]int{}}
	d.Pages = func(yield func(section) bool) {
		for _, p := range pages {
			s := p.section()
			s.View, err = charts.share(s.Page.View)
			if err != nil || !yield(s) {
				return
			}
			d.Charts = charts.all
		}
	}
	if failed := d.execute(w); failed != nil {
		return failed
	}
	return err
}

// sharedView is a View whose charts stand elsewhere in the document: Use counts from 0 in
// its list.
type sharedView struct {
	Controls   []Control `json:"controls,omitempty"`
	Use        []int     `json:"use,omitempty"`
	Provenance string    `json:"provenance"`
}

// chartIndex holds each chart of a document once.
type chartIndex struct {
	all []Chart
	at  map[string]int // by their JSON
}

func (c *chartIndex) share(v View) (sharedView, error) {
	out := sharedView{Controls: v.Controls, Provenance: v.Provenance}
	for _, chart := range v.Charts {
		text, err := json.Marshal(chart)
		if err != nil {
			return out, fmt.Errorf("chart %s: %w", chart.ID, err)
		}
		at, known := c.at[string(text)]
		if !known {
			at = len(c.all)
			c.at[string(text)] = at
			c.all = append(c.all, chart)
		}
		out.Use = append(out.Use, at)
	}
	return out, nil
}

// pack gives a text as gzip in base64.
func pack(text string) (string, error) {
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(zw, text); err != nil {
		return "", err
	}
	if err := zw.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
