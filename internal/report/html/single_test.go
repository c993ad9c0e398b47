package html

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// hundredCells is a fixed run of 100 cells at 5 levels, every point with every metric.
func hundredCells() *Run {
	w := newWorld([]int64{8_000, 30_000}, []float64{25, 50, 75, 90, 100}, 100_000)
	sc := w.rec.Run.Scenario
	sc.Target.KVBytesPerToken = 131_072
	sum := &result.Summary{Run: w.rec.Run, Probe: w.rec.Probe}
	for _, context := range sc.Contexts {
		for _, rate := range sc.HitRates {
			for size := range int64(10) {
				c := scenario.CellOf(sc, context, 123_457*(size+1), rate)
				for level := range 5 {
					sum.Merged = append(sum.Merged, fullPoint(c, 1<<level, int(size)))
				}
			}
		}
	}
	return &Run{Rec: w.rec, Sum: sum}
}

func single(t *testing.T, r *Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := Single(r, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// One report of 100 cells is mailed: all in all it stays under 1.5 MB.
func TestSingleFileOfHundredCells(t *testing.T) {
	r := hundredCells()
	text := single(t, r)
	if len(text) > 1_500_000 {
		t.Errorf("%d bytes, at most 1500000", len(text))
	}
	checkPage(t, []byte(text))
	pages := r.pages()
	have := regexp.MustCompile(`<section class="view" id="([^"]+)"`).FindAllStringSubmatch(text, -1)
	for _, inside := range unpacked(t, text) {
		checkPage(t, []byte(head+inside))
		have = append(have, regexp.MustCompile(`<section class="view" id="([^"]+)"`).FindAllStringSubmatch(inside, -1)...)
	}
	if len(have) != len(pages) {
		t.Fatalf("%d sections for %d pages", len(have), len(pages))
	}
	for i, p := range pages {
		if have[i][1] != p.Name {
			t.Errorf("section %d is %s, want %s", i, have[i][1], p.Name)
		}
	}
}

// head stands before a part of a page so that it can be checked as one.
var head = `<meta http-equiv="Content-Security-Policy" content="` + policy("") + `"><style>` + reportCSS + "</style>"

var packedOf = regexp.MustCompile(`<script type="application/octet-stream" (?:data-pages|id)="([^"]+)">([^<]*)</script>`)

// unpacked gives what is compressed in a single file but the script, in its order.
func unpacked(t *testing.T, text string) (out []string) {
	t.Helper()
	for _, m := range packedOf.FindAllStringSubmatch(text, -1) {
		zr, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(m[2])))
		if err != nil {
			t.Fatal(err)
		}
		inside, err := io.ReadAll(zr)
		if err != nil {
			t.Fatal(err)
		}
		if m[1] == "wsrun-script" {
			if string(inside) != scriptText() {
				t.Error("the script inside is another")
			}
			continue
		}
		for _, name := range strings.Fields(m[1]) {
			if !strings.Contains(string(inside), `<section class="view" id="`+name+`"`) {
				t.Errorf("the block of %s does not have it", name)
			}
		}
		out = append(out, string(inside))
	}
	return out
}

// Each chart is in the file once; what a page draws is what its own file would draw.
func TestSingleFileSharesCharts(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{100}, 100_000, 150_000, 400_000, 500_000).measure(1).run()
	text := single(t, r)
	if again := single(t, r); again != text {
		t.Error("written twice, the file differs")
	}
	var charts []json.RawMessage
	shared := regexp.MustCompile(`<script type="application/json" id="wsrun-charts">(.*?)</script>`).FindStringSubmatch(text)
	if err := json.Unmarshal([]byte(shared[1]), &charts); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range charts {
		if seen[string(c)] {
			t.Errorf("a chart is in the file twice: %.100s", c)
		}
		seen[string(c)] = true
	}
	all := text + strings.Join(unpacked(t, text), "")
	views := regexp.MustCompile(`class="view-data">(.*?)</script>`).FindAllStringSubmatch(all, -1)
	for i, p := range r.pages() {
		var v sharedView
		if err := json.Unmarshal([]byte(views[i][1]), &v); err != nil {
			t.Fatal(err)
		}
		p = p.filled()
		if len(v.Use) != len(p.View.Charts) {
			t.Fatalf("%s uses %d charts, want %d", p.Name, len(v.Use), len(p.View.Charts))
		}
		for k, c := range p.View.Charts {
			var got, want any
			own, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(json.Unmarshal(own, &want), json.Unmarshal(charts[v.Use[k]], &got)); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s draws another chart as %s: %v", p.Name, c.ID, err)
			}
		}
	}
}

// Whatever names, labels, notes and server strings a run has, they stay text on all its pages.
func TestHostileRunStaysText(t *testing.T) {
	for name, r := range map[string]*Run{
		"fixed":     hostileRun(newWorld([]int64{4000, 8000}, []float64{0, 100}, 100_000, 150_000, 400_000).measure(2)),
		"sustained": hostileRun(newWorld([]int64{4000}, []float64{100}, 100_000, 150_000, 400_000).grow(func(step int) (int, [2]int) { return 8 - step, [2]int{8 - step, 8 - step} })),
	} {
		t.Run(name, func(t *testing.T) {
			text := single(t, r)
			files := map[string]string{"report.html": text}
			for i, inside := range unpacked(t, text) {
				files[fmt.Sprint("block ", i)] = head + inside
			}
			for _, f := range Files(r) {
				var b bytes.Buffer
				if err := f.Write(&b); err != nil {
					t.Fatal(err)
				}
				if strings.HasSuffix(f.Name, ".html") {
					files[f.Name] = b.String()
				}
			}
			for file, text := range files {
				t.Run(file, func(t *testing.T) { checkPage(t, []byte(text)) })
			}
			for _, h := range hostile[:2] {
				if !strings.Contains(files["index.html"], template.HTMLEscapeString(h)) {
					t.Errorf("the index does not show %s", h)
				}
			}
		})
	}
}

// hostileRun puts hostile text wherever a scenario, a server or a reason has text.
func hostileRun(w *world) *Run {
	n := 0
	bad := func() string { n++; return hostile[n%len(hostile)] }
	run, sc := w.rec.Run, w.rec.Run.Scenario
	sc.Name, sc.Description, sc.Labels = strings.Join(hostile, " "), strings.Join(hostile, " "), map[string]string{}
	for _, h := range hostile {
		sc.Labels[h] = h
	}
	sc.Target.Endpoints, sc.Target.Model = []string{bad()}, bad()
	sc.Target.Tiers = []scenario.Tier{{Name: bad(), Capacity: 120_000}, {Name: bad(), Capacity: 500_000}}
	run.Version, run.ID, run.Digest = bad(), bad(), bad()
	run.Host.Name, run.Host.OS, run.Host.Arch, run.Host.Governor = bad(), bad(), bad(), bad()
	w.rec.Probe.Engine, w.rec.Probe.Version, w.rec.Probe.Model, w.rec.Probe.API = bad(), bad(), bad(), bad()
	for _, h := range hostile {
		w.rec.Notes = append(w.rec.Notes, &result.Note{Code: h, Text: h})
		w.rec.Probe.Capacity = append(w.rec.Probe.Capacity, sample.Capacity{Tier: h, Tokens: 200_000, Source: h})
	}
	r := w.run()
	for i, m := range r.Sum.Merged {
		h := hostile[i%len(hostile)]
		m.Reasons = append(m.Reasons, result.Reason{Code: h, Class: result.ValidDoubt, Text: h})
		m.Row.Set("tier_share."+h, metric.Of(12.5))
		for _, p := range m.Points {
			p.Reasons, p.Stop = m.Reasons, h
			p.Row.Set("tier_share."+h, metric.Of(12.5))
		}
	}
	r.Source = []byte(strings.Join(hostile, "\n"))
	r.Files = []DataFile{{Name: bad(), Bytes: 12, About: bad()}}
	return r
}
