package html

import (
	"bytes"
	_ "embed" // for the template below
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

//go:embed assets/index.html
var indexHTML string

var indexTemplate = template.Must(template.New("index").Parse(indexHTML))

// index is the page that is read first: verdicts before figures, figures before charts,
// then every point, and what there is beside it.
func (r *Run) index(main, cells []*Page) *Page {
	p := &Page{Name: IndexName, Title: r.name(), Lead: r.lead()}
	p.Prose = prose("findings", struct {
		verdicts
		Found                   string // what the sentences are about
		Transitions, Capacities lines
		Figures                 []figure
	}{r.verdicts(), r.foundHead(), r.shortened(r.transitionLines(), r.transitionsInShort(), mostTransitions), r.shortened(r.capacityLines(), r.capacitiesInShort(), mostCapacities), r.figures()})
	source, given := r.source()
	p.Tail = prose("beside", struct {
		Asked  []Fact
		Pages  []pageLink
		Cells  []cellGroup
		Files  []fileLink
		Source string
		Given  bool
		Merged string
	}{r.asked(), r.pageLinks(main), r.cellGroups(cells), r.fileLinks(), source, given, string(r.Merged)})
	if r.mapped() {
		r.indexTiers(p)
	} else {
		r.indexPoints(p, cells)
	}
	return p
}

// foundHead is the head of the sentences about what was found.
func (r *Run) foundHead() string {
	if r.mapped() {
		return "What was found"
	}
	return "Transitions"
}

// How many sentences stand on the index before the others are folded away.
const (
	mostTransitions = 8
	mostCapacities  = 4
)

// prose fills one part of the index's template.
func prose(name string, data any) template.HTML {
	var b bytes.Buffer
	if err := indexTemplate.ExecuteTemplate(&b, name, data); err != nil {
		panic("html: the template of the index does not fit its data: " + err.Error())
	}
	return template.HTML(b.String())
}

// lead says in a sentence or two what was asked, of which server, and when.
func (r *Run) lead() string {
	var parts []string
	run := r.Rec.Run
	if sc := run.Scenario; sc != nil {
		if sc.Description != "" {
			parts = append(parts, strings.TrimSuffix(words(sc.Description), ".")+".")
		}
		parts = append(parts, sentenceOf(sc))
	}
	server := "The server was not probed"
	if p := r.Sum.Probe; p != nil {
		server = "Against " + words(p.Engine+" "+p.Version)
		if p.Model != "" {
			server += ", model " + words(p.Model)
		}
	}
	if !run.Epoch.IsZero() {
		server += ", on " + utc(run.Epoch)
		if end := r.ended(); !end.IsZero() {
			server += ", for " + scenario.Duration(end.Sub(run.Epoch).Round(time.Second)).String()
		}
	}
	return strings.Join(append(parts, server+"."), " ")
}

// sentenceOf is the scenario in a sentence.
func sentenceOf(sc *scenario.Scenario) string {
	if sc.Mode == "map" {
		return mapSentence(sc)
	}
	mode := "Fixed levels"
	if sc.Mode == "sustained" {
		mode = "Sustained load"
	}
	s := fmt.Sprintf("%s at context %s, hit rate %s", mode, sizeList(sc.Contexts), rateList(sc.HitRates))
	if n := len(sc.WorkingSet.Sizes); n > 0 {
		s += fmt.Sprintf(", %s from %s to %s tokens", plural(n, "working set"), metric.Size(sc.WorkingSet.Sizes[0]), metric.Size(sc.WorkingSet.Sizes[n-1]))
	}
	return s + "."
}

func (r *Run) asked() []Fact {
	if r.Rec.Run.Scenario == nil {
		return nil
	}
	return asked(r.Rec.Run.Scenario)
}

// transitionLines says what the console says. Over several trials it says each edge once:
// one line for each trial is for the console, and for the tables.
func (r *Run) transitionLines() []string {
	if r.Rec.Run.Scenario == nil || len(r.Sum.Merged) == 0 {
		return nil
	}
	if r.mapped() {
		return r.mapLines()
	}
	if r.repeated() {
		if lines := r.seriesLines(placesOf(r.Sum.Merged).series); len(lines) > 0 {
			return lines
		}
	}
	return arrows(report.TransitionLines(r.Sum))
}

// arrows writes transitions of the console as pages do.
func arrows(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = strings.Replace(line, " -> ", " → ", 1)
	}
	return out
}

// capacityLines says what the console says, with what bandwidths allow.
func (r *Run) capacityLines() []string { return report.CapacityLines(r.Sum, true) }

// pageLink leads to a page.
type pageLink struct{ Href, Text, About string }

func (r *Run) pageLinks(pages []*Page) (out []pageLink) {
	for _, p := range pages {
		out = append(out, pageLink{r.href(p.Name), p.Title, p.Lead})
	}
	return out
}

// cellGroup is the pages of the cells of a context and hit rate.
type cellGroup struct {
	Name  string
	Pages []pageLink
}

// cellGroups puts the pages of cells side by side: there may be hundreds.
func (r *Run) cellGroups(cells []*Page) (out []cellGroup) {
	for _, p := range cells {
		c, ok := cellOf(p.Name)
		name, text := "Cells", p.Title
		if ok {
			name, text = "Context "+metric.Size(c.context)+", hit rate "+c.rate+"%", metric.Size(c.size)
			switch {
			case c.rate == "0":
				text = "without reuse"
			case r.sustained():
				text = "grown to " + text
			}
		}
		if len(out) == 0 || out[len(out)-1].Name != name {
			out = append(out, cellGroup{Name: name})
		}
		g := &out[len(out)-1]
		g.Pages = append(g.Pages, pageLink{r.href(p.Name), text, p.Title})
	}
	return out
}

// fileLink is a file beside the pages; in a single file, which travels alone, it is
// named and not linked.
type fileLink struct{ Href, Name, Size, About string }

func (r *Run) fileLinks() (out []fileLink) {
	for _, f := range r.Files {
		l := fileLink{Name: f.Name, About: f.About}
		if f.Bytes > 0 {
			l.Size = byteText(f.Bytes)
		}
		if !r.single {
			l.Href = local(f.Name)
		}
		out = append(out, l)
	}
	return out
}

// byteText is the size of a file.
func byteText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// source gives the scenario as it was given, or else as it was understood: without
// header values and what else may be secret.
func (r *Run) source() (text string, given bool) {
	if r.Source != nil {
		return string(r.Source), true
	}
	if r.Rec.Run.Scenario == nil {
		return "", false
	}
	sc := *r.Rec.Run.Scenario
	sc.Target.Headers = map[string]string{}
	for name := range r.Rec.Run.Scenario.Target.Headers {
		sc.Target.Headers[name] = "(left out)"
	}
	sc.Target.Body, sc.Target.Metrics, sc.Warmup.Reset.Posts, sc.Warmup.Reset.Command = nil, nil, nil, nil
	sc.Target.Endpoints = nil
	for _, e := range r.Rec.Run.Scenario.Target.Endpoints {
		sc.Target.Endpoints = append(sc.Target.Endpoints, scenario.PublicURL(e))
	}
	b, err := json.MarshalIndent(&sc, "", "  ")
	if err != nil {
		return "", false // cannot be: a scenario of a record is always JSON
	}
	return string(b), false
}
