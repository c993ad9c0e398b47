package html

import (
	"fmt"
	"html"
	"regexp"
	"strconv"

	"github.com/dop251/goja"
)

// Sizes of a picture in px.
const (
	pictureWidth  = 1000
	pictureHeight = 520
	pictureTall   = 690
)

// SVG draws every chart of every page as its own file, {page}_{chart}.svg, with the
// defaults of the page's controls, in the light theme, with its title and where it comes from. write
// is called for one file after the other, pages in their order. It is the pages' own script that
// draws, in an engine inside this process: no browser is needed, and the same record gives the
// same bytes. A hundred charts take about 15 s of one processor, 0.2 s of them for the script.
func (r *Run) SVG(write func(name string, content []byte) error) error {
	var e *engine
	for _, p := range r.pages() {
		p = p.filled()
		if len(p.View.Charts) == 0 {
			continue
		}
		if e == nil {
			var err error
			if e, err = newEngine(true); err != nil {
				return err
			}
		}
		if err := e.pictures(p, write); err != nil {
			return fmt.Errorf("page %s: %w", p.Name, err)
		}
	}
	return nil
}

// pictures draws the charts of a page.
func (e *engine) pictures(p *Page, write func(name string, content []byte) error) error {
	tables, err := e.tables(p.Tables)
	if err != nil {
		return err
	}
	for _, chart := range p.View.Charts {
		text, err := e.picture(chart, chart.Title+" - "+p.Title, p.View, tables)
		if err != nil {
			return err
		}
		if err := write(p.Name+"_"+chart.ID+".svg", text); err != nil {
			return err
		}
	}
	return nil
}

// picture draws one chart under a title.
func (e *engine) picture(chart Chart, title string, view View, tables goja.Value) ([]byte, error) {
	s := scene{View: view, State: map[string][]string{}, Theme: "light", Width: pictureWidth, Height: pictureHeight, Page: true, Export: &caption{title, view.Provenance}}
	if chart.Tall {
		s.Height = pictureTall
	}
	v, err := e.call(e.svg, chart, s, tables)
	if err != nil {
		return nil, err
	}
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + plain(renumbered(hovering.ReplaceAllLiteralString(v.String(), ""))) + "\n"), nil
}

// hovering are the rules, and their names, for what a mouse does to a picture of a page: a file
// needs none.
var hovering = regexp.MustCompile(`(?s)<style.*?</style>\n?| class="[^"]*"`)

// numbered are the names that echarts numbers, with the number of the picture in the process
// before them: where they are given and where they are used. A text has no such quotes.
var numbered = regexp.MustCompile(`(id="|="url\(#)(zr\d+-[a-z]+\d+)`)

// renumbered gives the names inside a picture numbers of their own, in the order in which they
// come up, so that a picture does not depend on those drawn before.
func renumbered(svg string) string {
	names := map[string]string{}
	return numbered.ReplaceAllStringFunc(svg, func(found string) string {
		parts := numbered.FindStringSubmatch(found)
		if names[parts[2]] == "" {
			names[parts[2]] = "w" + strconv.Itoa(len(names))
		}
		return parts[1] + names[parts[2]]
	})
}

// textTable is a table as the script takes it: wsrun.table(columns, cells).
type textTable struct {
	Columns []textColumn `json:"columns"`
	Cells   [][]string   `json:"cells"`
}

type textColumn struct {
	Key  string `json:"key"`
	Head string `json:"head"`
	Unit string `json:"unit"`
	Text bool   `json:"text"`
}

// texts gives what a browser reads from the table's HTML.
func (t *Table) texts() textTable {
	out := textTable{Columns: []textColumn{}, Cells: [][]string{}}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, textColumn{c.Key, c.Head, c.Unit, c.Text})
	}
	var b []byte
	for row := range t.Rows {
		cells := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			b = c.Cell(b[:0], row)
			cells[i] = html.UnescapeString(tag.ReplaceAllLiteralString(string(b), ""))
		}
		out.Cells = append(out.Cells, cells)
	}
	return out
}

// tag is markup inside a cell, such as a link to a page: a text has none, since < is escaped.
var tag = regexp.MustCompile(`<[^>]*>`)
