package html

import (
	"bytes"
	_ "embed" // for the template below
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/wsrun/wsrun/runner/result"
)

//go:embed assets/history.html
var historyHTML string

var historyTemplate = template.Must(template.New("history").Parse(historyHTML))

// History lists the index of a results folder and the script that it needs: every run
// in it by scenario, the newest first. name is the folder's; runs and problems are what
// result.FindRuns found. Writing it twice gives the same bytes.
func History(name string, runs []result.RunDir, problems []error) []File {
	pages := historyPages(name, runs, problems)
	return []File{
		{IndexName + ".html", func(w io.Writer) error {
			d := document{Title: "Runs in " + name, Name: name, Policy: policy("'self'"), Script: shared,
				Provenance: []Fact{{Key: "Folder", Value: name}, {Key: "Runs", Value: fmt.Sprint(len(runs))}}}
			return d.write(w, pages...)
		}},
		{ScriptFile, script},
	}
}

// historyPages are a section for the folder, and one for each scenario.
func historyPages(name string, runs []result.RunDir, problems []error) []*Page {
	type scenarioLine struct{ Href, Name, Runs, Last string }
	var lines []scenarioLine
	var pages []*Page
	for len(runs) > 0 {
		n := 1
		for n < len(runs) && runs[n].Name == runs[0].Name {
			n++
		}
		p := historyPage(fmt.Sprintf("scenario-%d", len(pages)+1), runs[:n])
		pages = append(pages, p)
		lines = append(lines, scenarioLine{"#" + p.Name, p.Title, plural(n, "run"), utc(runs[0].Manifest.Epoch)})
		runs = runs[n:]
	}
	top := &Page{Name: "runs", Title: "Runs in " + name, Lead: "Every run in this folder, by scenario, the newest first. Figures are of points that are ok or doubtful."}
	if len(pages) == 0 {
		top.Lead = "There is no run in this folder."
	}
	var unread []string
	for _, err := range problems {
		unread = append(unread, words(err.Error()))
	}
	top.Prose = historyProse("folder", struct {
		Scenarios []scenarioLine
		Unread    []string
		Folded    bool // they would push the runs from the screen
	}{lines, unread, len(unread) > mostUnread})
	return append([]*Page{top}, pages...)
}

// historyPage is the section of one scenario. runs are the newest first.
func historyPage(id string, runs []result.RunDir) *Page {
	h := history{runs: runs}
	if e := h.first(); e != nil {
		h.edge = *e
	}
	p := &Page{Name: id, Title: runs[0].Name, Lead: plural(len(runs), "run") + "."}
	if oldest, newest := utc(runs[len(runs)-1].Manifest.Epoch), utc(runs[0].Manifest.Epoch); len(runs) > 1 && oldest != "" {
		p.Lead = fmt.Sprintf("%s, from %s to %s.", plural(len(runs), "run"), oldest, newest)
	}
	changes := h.changes()
	shown := changes[:min(len(changes), mostChanges)]
	p.Prose = historyProse("scenario", struct {
		Changes []change
		More    int
	}{shown, len(changes) - len(shown)})
	p.Tables = []Table{h.table()}
	p.View.Charts = h.charts()
	p.View.Provenance = "wsrun history · " + runs[0].Name
	return p
}

// mostUnread is how many unreadable manifests are shown without being asked for.
const mostUnread = 6

// mostChanges is how many changes of a scenario are named: the table has all.
const mostChanges = 4

func historyProse(name string, data any) template.HTML {
	var b bytes.Buffer
	if err := historyTemplate.ExecuteTemplate(&b, name, data); err != nil {
		panic("html: the template of the history does not fit its data: " + err.Error())
	}
	return template.HTML(b.String())
}

// change is a place in the history at which the scenario is another one.
type change struct{ Before, After, From, To string }

// history is the runs of one scenario.
type history struct {
	runs []result.RunDir
	edge result.Edge // the one that is followed; its Number is 0 where there is none
}

// first gives the edge that is followed through the history: the first one of the newest
// run that has any, at its context, hit rate and level.
func (h *history) first() *result.Edge {
	for _, r := range h.runs {
		if head := r.Manifest.Headline; head != nil && len(head.Edges) > 0 {
			return &head.Edges[0]
		}
	}
	return nil
}

// edgeOf gives the followed edge in a run, nil where it was not found.
func (h *history) edgeOf(i int) *result.Edge {
	head := h.runs[i].Manifest.Headline
	if head == nil || h.edge.Number == 0 {
		return nil
	}
	at := slices.IndexFunc(head.Edges, func(e result.Edge) bool {
		return e.Number == h.edge.Number && e.Context == h.edge.Context && e.HitRate == h.edge.HitRate && (e.Level == h.edge.Level || h.sustained(i))
	})
	if at < 0 {
		return nil
	}
	return &head.Edges[at]
}

// sustained reports whether a run searched its levels: an edge is then found at the one
// that was held there.
func (h *history) sustained(i int) bool {
	sc := h.runs[i].Manifest.Scenario
	return sc != nil && sc.Mode == "sustained"
}

// changes names the neighbours between which the scenario changed, the newest first.
func (h *history) changes() (out []change) {
	for i := 0; i+1 < len(h.runs); i++ {
		after, before := h.runs[i], h.runs[i+1]
		if after.Manifest.Digest != before.Manifest.Digest {
			out = append(out, change{before.Dir, after.Dir, short(before.Manifest.Digest), short(after.Manifest.Digest)})
		}
	}
	return out
}

// changed reports whether a run's scenario is another than that of the run before it.
func (h *history) changed(i int) bool {
	return i+1 < len(h.runs) && h.runs[i].Manifest.Digest != h.runs[i+1].Manifest.Digest
}

// href leads to the index of a run; one without pages is led to by its folder.
func (h *history) href(i int) string {
	r := h.runs[i]
	if sc := r.Manifest.Scenario; sc != nil && !sc.Output.HTML || r.Manifest.Headline == nil {
		return local(r.Name, r.Dir) + "/"
	}
	return local(r.Name, r.Dir, IndexName+".html")
}
