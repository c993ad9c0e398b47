package html

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// mapPage is the page of a run's only context.
func mapPage(t *testing.T, r *Run) *Page {
	t.Helper()
	pages := r.mapPages()
	if len(pages) != 1 {
		t.Fatalf("%d pages, want one", len(pages))
	}
	return pages[0].filled()
}

// drawnAll draws a chart of a page as it opens, and counts its points by series.
func drawnAll(t *testing.T, p *Page, c Chart) (*drawn, map[string]int) {
	t.Helper()
	d := try(t, c, scene{View: View{Controls: p.View.Controls}}, p.Tables...)
	n := map[string]int{}
	for _, s := range d.Option.Series {
		if s.Type == "scatter" {
			n[s.Name] += len(s.Data)
		}
	}
	return d, n
}

func TestMapPage(t *testing.T) {
	r := namedTiers().run(t)
	p := mapPage(t, r)
	if p.Name != "tier_map_4000" || chartIDs(p)[0] != "ttft" || chartIDs(p)[1] != "hits" {
		t.Errorf("%s has the charts %v", p.Name, chartIDs(p))
	}
	checkPage(t, bytesOf(t, p))
	tiers := tableOf(p, "tiers")
	equal(t, "tiers", cells(tiers, "tier"), []string{"hbm", "dram", "recompute"})
	equal(t, "ends", cells(tiers, "to_lo_prompts"), []string{"20", "60", ""})
	equal(t, "costs", len(cells(tiers, "ms_per_1k")[0]), 0)
	looks := tableOf(p, "looks")
	if looks.Rows != len(r.Sum.Maps[0].Looks) || looks.Rows < 20 {
		t.Errorf("%d rows of %d looks", looks.Rows, len(r.Sum.Maps[0].Looks))
	}
	for _, c := range p.View.Charts {
		d, n := drawnAll(t, p, c)
		all := 0
		for _, name := range []string{"hbm", "dram", "computed"} {
			if all += n[name]; n[name] == 0 {
				t.Errorf("%s: %s has no point: %v", c.ID, name, n)
			}
		}
		if all != looks.Rows || len(d.lines(t)) > 0 {
			t.Errorf("%s: %d points of %d looks, lines %v", c.ID, all, looks.Rows, d.lines(t))
		}
		if got := d.bands(); !strings.Contains(got, "80020 84021 240060 244061") {
			t.Errorf("%s: bands %s", c.ID, got)
		}
		if d.Option.XAxis.Type != "log" || !slices.Contains(d.texts(), "hbm told 82.0k") || !slices.Contains(d.texts(), "hbm → dram") {
			t.Errorf("%s: axis %s, texts %q", c.ID, d.Option.XAxis.Type, d.texts())
		}
	}
	d, _ := drawnAll(t, p, chartOf(t, p, "ttft"))
	if got := strings.Join(d.across(), "; "); !strings.Contains(got, "recompute p50 21") {
		t.Errorf("the cold level is not drawn: %s", got)
	}
	if tips := strings.Join(d.Tips, "\n"); !strings.Contains(tips, "hbm → dram between 80k and 84k tokens") && !strings.Contains(tips, "80.0k and 84.0k") {
		t.Errorf("tooltips: %s", tips)
	}
	if prose := string(p.Prose); !strings.Contains(prose, "hbm holds 80.0k to 84.0k tokens") || !strings.Contains(prose, "x the prompts of the largest edge") || !strings.Contains(prose, "the server says 82k tokens") {
		t.Errorf("prose: %s", prose)
	}
}

func TestMapPageOfTTFTAlone(t *testing.T) {
	w := namedTiers()
	w.names, w.told = nil, false
	p := mapPage(t, w.run(t))
	equal(t, "charts", chartIDs(p), []string{"ttft"})
	equal(t, "columns that nobody told", []bool{columnOf(tableOf(p, "looks"), "source") != nil, columnOf(tableOf(p, "looks"), "hit_rate_observed") != nil}, []bool{false, false})
	if !strings.Contains(strings.Join(p.Notes, " "), "No hit share") {
		t.Errorf("notes %q", p.Notes)
	}
	_, n := drawnAll(t, p, p.View.Charts[0])
	if n["tier 1"] == 0 || n["tier 2"] == 0 || n["recompute"] == 0 {
		t.Errorf("points %v", n)
	}
}

func TestMapPageOfTrials(t *testing.T) {
	w := namedTiers()
	w.text += "trials: 2\n"
	r := w.run(t)
	p := mapPage(t, r)
	c := controlOf(p, "trials")
	if c == nil || len(c.Options) != 2 || len(c.Default) != 2 {
		t.Fatalf("control of trials: %+v", c)
	}
	_, both := drawnAll(t, p, p.View.Charts[0])
	c.Default = []string{"2"}
	_, one := drawnAll(t, p, p.View.Charts[0])
	if one["hbm"] == 0 || one["hbm"] >= both["hbm"] {
		t.Errorf("%d points of trial 2, %d of both", one["hbm"], both["hbm"])
	}
	equal(t, "tiers, over trials and in each", cells(tableOf(p, "tiers"), "trial"), []string{"0", "1", "2", "0", "1", "2", "0", "1", "2"})
}

// The index of a map has its tiers, one chart, a link to each context, and no page that is
// about working sets or levels.
func TestMapIndex(t *testing.T) {
	w := namedTiers()
	w.text = "contexts: [2000, 4000]\nchunk: 1000\nworking_set: {max: 2M}\n"
	r := w.run(t)
	var names []string
	for _, p := range r.pages() {
		names = append(names, p.Name)
		checkPage(t, bytesOf(t, p))
	}
	equal(t, "pages", names, []string{"index", "tier_map_2000", "tier_map_4000"})
	p := r.pages()[0]
	text := string(bytesOf(t, p))
	for _, want := range []string{"What was found", "hbm holds 40.0k to 42.0k tokens", `href="tier_map_2000.html"`, "hbm ends", "Falling to dram", "As far as", "Where each memory tier ends at context 2k, 4k", "Map at 4k"} {
		if !strings.Contains(text, want) && !strings.Contains(string(bytesOfAll(t, r)), want) {
			t.Errorf("the index does not say %q", want)
		}
	}
	for _, page := range r.pages()[:2] {
		if one := `, context 2k:<ul><li>hbm holds 40.0k to 42.0k tokens`; !strings.Contains(string(bytesOf(t, page)), one) {
			t.Errorf("%s: what was found is not a list: %q is not there", page.Name, one)
		}
	}
	_, n := drawnAll(t, p, chartOf(t, p, "ttft"))
	if n["2.00k"] == 0 || n["4.00k"] == 0 {
		t.Errorf("points %v", n)
	}
	if strings.Contains(text, "Working sets") || strings.Contains(text, "0s a level") {
		t.Error("the index tells what a map was not asked for")
	}
}

// bytesOfAll is what Files writes, all pages after each other.
func bytesOfAll(t *testing.T, r *Run) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, f := range Files(r) {
		if strings.HasSuffix(f.Name, ".html") {
			if err := f.Write(&b); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.Bytes()
}

// A map is one file and pictures as any other run, also where a server's names are hostile.
func TestMapIsShownEverywhere(t *testing.T) {
	w := namedTiers()
	w.names = []string{`<script>alert(1)</script>`, `"onload=`}
	r := w.run(t)
	for _, p := range r.pages() {
		checkPage(t, bytesOf(t, p))
	}
	var b bytes.Buffer
	if err := Single(r, &b); err != nil || b.Len() < 1000 {
		t.Errorf("single file of %d bytes: %v", b.Len(), err)
	}
	n := 0
	if err := r.SVG(func(name string, content []byte) error {
		if n++; !bytes.Contains(content, []byte("<svg")) || bytes.Contains(content, []byte("<script")) {
			return fmt.Errorf("%s is no picture", name)
		}
		return nil
	}); err != nil || n != 3 {
		t.Errorf("%d pictures: %v", n, err)
	}
}
