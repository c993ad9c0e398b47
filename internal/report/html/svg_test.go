package html

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
)

// pens draws with one engine for all tests: echarts compiles once.
var pens = sync.OnceValues(func() (*engine, error) { return newEngine(true) })

// picture draws one chart as SVG.
func picture(t *testing.T, chart Chart, view View, tables ...Table) string {
	t.Helper()
	e, err := pens()
	if err != nil {
		t.Fatal(err)
	}
	filled, err := e.tables(tables)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.picture(chart, chart.Title, view, filled)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// parsed gives the texts of a picture, and fails the test where it is no XML, has elements
// that do anything, or loads anything.
func parsed(t *testing.T, svg string) (texts []string) {
	t.Helper()
	in := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			switch token.Name.Local {
			case "svg", "rect", "path", "text", "g", "defs", "clipPath", "linearGradient", "stop", "circle", "polyline", "polygon", "line", "tspan":
			default:
				t.Errorf("a picture has <%s>", token.Name.Local)
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || a.Name.Local == "class" {
					t.Errorf("<%s> has %s=%q", token.Name.Local, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" {
				texts = append(texts, text)
			}
		}
	}
}

func TestPictureIsSVG(t *testing.T) {
	chart := ttftChart("transitions", "capacities", "recompute")
	chart.Title = `Time to </text><script>alert(1)</script> & "first" token`
	chart.Bind.Refs = []Ref{{Y: 1.5, Name: "slo <p95>"}}
	view := View{Controls: []Control{levels("10"), rates("50", "100")}, Provenance: "wsrun 1.0 · zr0-c1 · <b>"}
	tables := []Table{grid("points", pointsHead, ttftPoints...), grid("transitions", "from text|to text|size_lo tokens|size_hi tokens", "<hbm>|dram|150000|200000")}
	first := picture(t, chart, view, tables...)
	texts := strings.Join(parsed(t, first), "\n")
	for _, want := range []string{chart.Title, "slo <p95> 1.50s", "<hbm> → dram", view.Provenance, "50% hits p50", "Working set"} {
		if want == "Working set" {
			want = "head of working_set, tokens"
		}
		if !strings.Contains(texts, want) {
			t.Errorf("no text %q in %s", want, texts)
		}
	}
	if again := picture(t, chart, view, tables...); again != first {
		t.Error("the same chart gives other bytes when it is drawn again")
	}
	if !strings.HasPrefix(first, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<svg ") {
		t.Errorf("begins with %.60q", first)
	}
}

func TestPicturesOfAllKinds(t *testing.T) {
	points := grid("points", "x|by|a|b|bins text|validity text", "1|1|1|2|0.1:50 0.2:50|doubtful", "2|1|3|4|0.1:100|ok", "2|2|3|4|0.1:100|invalid", "3|2|||skipped")
	for _, kind := range []Kind{Lines, Stack, Heat, Matrix, Time} {
		bind := Bind{Kind: kind, Table: "points", X: "x", By: "by", Unit: []string{"s"}, Marks: []string{"transitions"}, Y: []Y{{Key: "a", Name: "first", Lo: "a", Hi: "b"}, {Key: "b", Name: "second"}}}
		if kind == Heat {
			bind.Y[0].Key = "bins"
		}
		texts := strings.Join(parsed(t, picture(t, Chart{ID: string(kind), Title: "kind " + string(kind), Bind: bind}, View{Provenance: "here"}, points)), "\n")
		if !strings.Contains(texts, "kind "+string(kind)) || !strings.Contains(texts, "here") {
			t.Errorf("%s: %s", kind, texts)
		}
		if kind == Matrix && (!strings.Contains(texts, "(1.00s)") || !strings.Contains(texts, "×3.00s")) {
			t.Errorf("cells do not say what is doubtful and what is invalid: %s", texts)
		}
	}
	if texts := parsed(t, picture(t, Chart{Title: "none", Bind: Bind{Table: "nowhere"}}, View{})); !strings.Contains(strings.Join(texts, " "), "No data") {
		t.Errorf("an empty chart says %q", texts)
	}
}

func TestErrorsOfTheScriptNameTheChart(t *testing.T) {
	e, err := pens()
	if err != nil {
		t.Fatal(err)
	}
	filled, err := e.tables(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.picture(Chart{ID: "broken", Bind: Bind{Y: []Y{{}}}, Option: map[string]any{"series": 5}}, "title", View{}, filled)
	if err == nil || !strings.HasPrefix(err.Error(), "chart broken: TypeError") {
		t.Errorf("got %v", err)
	}
}

func TestTablesAreReadAsABrowserDoes(t *testing.T) {
	table := Table{ID: "t", Rows: 1, Columns: []Column{
		{Key: "a", Unit: "s", Cell: func(b []byte, _ int) []byte { return append(b, "0.25"...) }},
		{Key: "link", Text: true, Cell: func(b []byte, _ int) []byte {
			return append(Text(append(b, `<a href="x.html">`...), "a < b & c"), "</a>"...)
		}},
	}}
	got := table.texts()
	equal(t, "cells", got.Cells, [][]string{{"0.25", "a < b & c"}})
	if html := string(table.append(nil)); !bytes.Contains([]byte(html), []byte("a &lt; b &amp; c")) {
		t.Errorf("the page has %s", html)
	}
}
