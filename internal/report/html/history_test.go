package html

import (
	"bytes"
	"errors"
	"html"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

func pointer[T any](v T) *T { return &v }

// pastRun is a finished run n days after the first.
func pastRun(name string, n int, digest string) result.RunDir {
	head := &result.Headline{
		Points: result.PointCounts{OK: 5, Doubtful: 1, Skipped: 2}, Thresholds: result.ThresholdCounts{Pass: 2}, Exit: pointer(0),
		Edges: []result.Edge{{Context: 4000, HitRate: 100, Level: 8, Number: 1, From: "hbm", To: "dram", Lo: int64(150_000 + 1000*n), Hi: int64(250_000 + 1000*n), Text: "hbm -> dram"},
			{Context: 4000, HitRate: 100, Level: 8, Number: 2, From: "dram", To: "recompute", Lo: 700_000, Hi: 800_000}},
		TTFTp95: result.GeoMean{Value: pointer(0.05), Points: 6}, OutputThroughput: result.GeoMean{Value: pointer(2500.0), Points: 6, AtLeast: true},
		BestOutput: &result.Best{Value: 3500, AtLeast: true},
	}
	at := time.Date(2026, 11, 1+n, 7, 0, 0, 0, time.UTC)
	return result.RunDir{Name: name, Dir: at.Format(result.StampLayout) + "-k3f9", Manifest: result.Manifest{Schema: 1, Name: name, State: result.StateDone, Epoch: at, Digest: digest,
		Labels: map[string]string{"gpu": "H100"}, Server: &result.Server{Engine: "vllm", Model: "tiny"}, Headline: head, Scenario: &scenario.Scenario{Output: scenario.Output{HTML: true}}}}
}

func historyOf(t *testing.T, runs []result.RunDir, problems []error) string {
	t.Helper()
	files := History("results", runs, problems)
	if len(files) != 2 || files[0].Name != "index.html" || files[1].Name != ScriptFile {
		t.Fatalf("files %v", files)
	}
	var a, b bytes.Buffer
	if err := errors.Join(files[0].Write(&a), files[0].Write(&b)); err != nil {
		t.Fatal(err)
	}
	if a.String() != b.String() {
		t.Error("the same runs gave other bytes")
	}
	checkPage(t, a.Bytes())
	return a.String()
}

func TestHistory(t *testing.T) {
	interrupted := pastRun("sweep", 3, "bbbbbbbbbbbb")
	interrupted.Manifest.State, interrupted.Manifest.Headline.Exit = result.StateInterrupted, pointer(130)
	interrupted.Manifest.Headline.Thresholds = result.ThresholdCounts{Pass: 1, Fail: 1, NoVerdict: 1}
	running := pastRun("sweep", 2, "aaaaaaaaaaaa")
	running.Manifest.State, running.Manifest.Headline, running.Manifest.Server = result.StateRunning, nil, nil
	none := pastRun("other", 5, "cccccccccccc")
	none.Manifest.Headline.Edges, none.Manifest.Headline.None = nil, "no transition up to 400k"
	none.Manifest.Headline.Thresholds, none.Manifest.Headline.Exit = result.ThresholdCounts{}, pointer(1)
	none.Manifest.Scenario.Output.HTML = false
	page := historyOf(t, []result.RunDir{none, interrupted, running, pastRun("sweep", 1, "aaaaaaaaaaaa"), pastRun("sweep", 0, "aaaaaaaaaaaa")}, []error{errors.New("cannot read the manifest\nresults/x/run.json: <b>it is no JSON</b>")})
	text := textOf(page)
	if !strings.Contains(page, `<span class="bad">failed</span>`) {
		t.Error("a run that came to its end with exit 1 is not called failed")
	}
	for _, want := range []string{
		"Runs in results", "other 1 run, the newest of 2026-11-06 07:00:00 UTC", "sweep 4 runs, the newest of 2026-11-04 07:00:00 UTC", "4 runs, from 2026-11-01 07:00:00 UTC to 2026-11-04 07:00:00 UTC.",
		"unreadable cannot read the manifest results/x/run.json: <b>it is no JSON</b>",
		"The scenario changed between 20261103_070000-k3f9 (aaaaaaaa) and 20261104_070000-k3f9 (bbbbbbbb)",
		"2026-11-04 07:00:00 20261104_070000-k3f9 interrupted gpu=H100 1 of 3 failed , exit 130 5 ok, 1 doubtful, 2 skipped hbm → dram 153k to 253k; dram → recompute 700k to 800k 153000 253000 0.05 ≥2500 ≥3500 doubtful it is interrupted vllm tiny bbbbbbbb changed",
		"2026-11-03 07:00:00 20261103_070000-k3f9 running gpu=H100 skipped it has no figures aaaaaaaa",
		"2026-11-02 07:00:00 20261102_070000-k3f9 done gpu=H100 2 passed 5 ok",
		"failed gpu=H100 exit 1 5 ok, 1 doubtful, 2 skipped no transition up to 400k",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	for link, want := range map[string]bool{
		"./sweep/20261104_070000-k3f9/index.html": true, "./sweep/20261103_070000-k3f9/": true, "./other/20261106_070000-k3f9/": true, "./other/20261106_070000-k3f9/index.html": false, "#scenario-2": true,
	} {
		if strings.Contains(page, `href="`+link+`"`) != want {
			t.Errorf("link to %s: want %v", link, want)
		}
	}
}

// What was run once has nothing to be compared with; what was run twice is drawn over
// time, along one edge.
func TestHistoryCharts(t *testing.T) {
	later := pastRun("sweep", 1, "a")
	first := &later.Manifest.Headline.Edges[0]
	first.Level = 16 // another series: its first edge is not that of the newest run
	pages := historyPages("results", []result.RunDir{pastRun("once", 0, "a"), pastRun("sweep", 2, "a"), later, pastRun("sweep", 0, "a")}, nil)
	if len(pages) != 3 || len(pages[1].View.Charts) != 0 {
		t.Fatalf("%d sections, %d charts of one run", len(pages), len(pages[1].View.Charts))
	}
	sweep := pages[2]
	wellMade(t, sweep)
	if got := strings.Join(chartIDs(sweep), " "); got != "edge ttft output" {
		t.Errorf("charts %s", got)
	}
	if got := strings.Join(cells(&sweep.Tables[0], "edge_lo"), " "); got != "152000  150000" {
		t.Errorf("edges %q", got)
	}
	for _, run := range []result.RunDir{later, pastRun("sweep", 0, "a")} {
		run.Manifest.Headline.Edges, run.Manifest.Headline.TTFTp95 = nil, result.GeoMean{}
		pages = historyPages("results", []result.RunDir{pastRun("sweep", 2, "a"), run}, nil)
		if got := strings.Join(chartIDs(pages[1]), " "); got != "output" {
			t.Errorf("charts of what one run has: %s", got)
		}
	}
}

// A run whose means are over fewer points than those of another does not compare; runs of
// another scenario do not count.
func TestHistoryCompares(t *testing.T) {
	fewer, other := pastRun("sweep", 1, "a"), pastRun("sweep", 0, "b")
	fewer.Manifest.Headline.TTFTp95.Points = 2
	other.Manifest.Headline.TTFTp95.Points = 1
	p := historyPages("results", []result.RunDir{pastRun("sweep", 2, "a"), fewer, other}, nil)[1]
	if got := strings.Join(cells(&p.Tables[0], "validity"), " "); got != "ok doubtful ok" {
		t.Errorf("validity %s", got)
	}
	if b := chartOf(t, p, "ttft").Bind; b.By != "digest" {
		t.Error("a line goes from one scenario to another")
	}
	var runs []result.RunDir
	for i := range 9 {
		runs = append(runs, pastRun("sweep", 9-i, strings.Repeat("x", i)))
	}
	if text := textOf(string(historyPages("results", runs, nil)[1].Prose)); strings.Count(text, "The scenario changed") != 4 || !strings.Contains(text, "4 more before that") {
		t.Errorf("of eight changes it says %s", text)
	}
	if got := cells(&p.Tables[0], "reasons")[1]; got != "means of 2 points; another run of this scenario has 6" {
		t.Errorf("reason %s", got)
	}
}

// Names of folders and whatever a manifest says are text, and links lead where the
// folder is.
func TestHistoryOfHostileRuns(t *testing.T) {
	const evil = `"><img src=x onerror=alert(1)></script><script>alert(1)</script>` + "\u2028%2e?#"
	r := pastRun(evil, 0, evil)
	r.Dir = "javascript:alert(1)?#%2f\"'<b>"
	m := &r.Manifest
	m.State, m.Labels, m.Server.Engine, m.Server.Model = evil, map[string]string{evil: evil}, evil, evil
	m.Headline.None, m.Headline.Edges[0].From, m.Headline.Edges[0].To = evil, evil, evil
	page := historyOf(t, []result.RunDir{r, {Name: evil, Dir: "empty"}}, []error{errors.New(evil)})
	if strings.Contains(page, "<img") || strings.Contains(page, "<script>") {
		t.Error("a name became markup")
	}
	want := []string{evil, r.Dir, IndexName + ".html"}
	for _, m := range hrefs.FindAllStringSubmatch(page, -1) {
		link := html.UnescapeString(m[1])
		rest, ok := strings.CutPrefix(link, "./")
		if !ok && !strings.HasPrefix(link, "#") {
			t.Errorf("link %q is no relative one", link)
		}
		if u, err := url.Parse(link); err != nil || u.Scheme != "" || u.RawQuery != "" {
			t.Errorf("link %q: %v", link, err)
		}
		if parts := strings.Split(rest, "/"); ok && len(parts) == 3 && parts[2] != "" {
			for i, p := range parts {
				if got, err := url.PathUnescape(p); err != nil || got != want[i] {
					t.Errorf("link %q leads to %q (%v), want %q", link, got, err, want[i])
				}
			}
		}
	}
}

func TestHistoryOfNothing(t *testing.T) {
	if text := textOf(historyOf(t, nil, nil)); !strings.Contains(text, "There is no run in this folder.") {
		t.Errorf("it says %s", text)
	}
}

// What cannot be read does not push the runs from the screen.
func TestHistoryFoldsWhatCannotBeRead(t *testing.T) {
	for n, folded := range map[int]bool{0: false, mostUnread: false, mostUnread + 1: true} {
		var problems []error
		for range n {
			problems = append(problems, errors.New("cannot read the manifest x/y/run.json"))
		}
		page := historyOf(t, []result.RunDir{pastRun("sweep", 0, "aaaaaaaaaaaa")}, problems)
		if got := strings.Contains(page, "<details>"); got != folded || strings.Count(page, "x/y/run.json") != n {
			t.Errorf("%d: folded %v, want %v", n, got, folded)
		}
	}
}
