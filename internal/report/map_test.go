package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
)

func TestMapGolden(t *testing.T) {
	for name, w := range mapWorlds() {
		sum := w.summary(t)
		for _, width := range []int{0, 80} {
			var out bytes.Buffer
			if err := Table(&out, sum, Options{Width: width}); err != nil {
				t.Fatal(err)
			}
			file := "map-" + name + ".txt"
			if width > 0 {
				file = "map-" + name + "-80.txt"
			}
			golden(t, file, out.Bytes())
			for _, l := range strings.Split(out.String(), "\n") {
				if width > 0 && term.Len(l) > width || strings.HasSuffix(l, " ") {
					t.Errorf("%s: %d columns: %q", file, term.Len(l), l)
				}
			}
		}
	}
}

// A tier that is told and costs no TTFT is said to cost nothing that could be measured,
// never a negative time; the figure stays in the table.
func TestMapCostsNothing(t *testing.T) {
	sum := mapWorlds()["free"].summary(t)
	said := strings.Join(MapLines(sum, ""), "\n")
	if !strings.Contains(said, "falling to dram costs nothing that could be measured (TTFT 2") || strings.Contains(said, "-0.") {
		t.Error(said)
	}
	for i, want := range []string{"", "nothing that could be measured", " ms per 1k reused tokens"} {
		if got := FallText(sum.Merged[i]); i == 0 && got != "" || !strings.HasSuffix(got, want) {
			t.Errorf("row %d: %q, want %q", i, got, want)
		}
	}
	if cost := CostText(sum, sum.Merged[1]); !strings.HasPrefix(cost, "-0.") {
		t.Errorf("in the table: %q", cost)
	}
}

// What new prompts have shown of a tier's end stands in its sentence.
func TestMapConfirmed(t *testing.T) {
	sum := mapWorlds()["sources"].summary(t)
	hbm := sum.Merged[0].Tier
	lost := ", but prompts that are asked for out of turn are lost from 156k on: a hit does not always renew a prompt's place"
	for _, c := range []struct {
		used   int // prompts; 0: none
		unsure bool
		want   string
	}{
		{0, false, " (40 prompts are found, 41 are not); "},
		{39, false, " (40 prompts are found, 41 are not)" + lost + "; "},
		{40, false, " (40 prompts are found, 41 are not); "},
		{0, true, " (40 prompts are found, 41 are not), but new prompts did not confirm it; "},
	} {
		if hbm.Unsure, hbm.Used = c.unsure, nil; c.used > 0 {
			hbm.Used = &survey.Bracket{Lo: c.used, LoTokens: 156_000}
		}
		if got := MapLines(sum, "")[0]; !strings.Contains(got, c.want) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// What programs read of a map: every key of a row, of the maps and of the depths.
func TestMapMachineFormatsGolden(t *testing.T) {
	w := mapWorlds()["policy"]
	rec := w.record(t)
	sum := result.Summarise(rec)
	var brief, js bytes.Buffer
	if err := Brief(&brief, sum, nil); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&js, sum, nil); err != nil {
		t.Fatal(err)
	}
	golden(t, "map-brief.txt", brief.Bytes())
	golden(t, "map.json", js.Bytes())
	var all struct {
		Points, Maps []map[string]any
	}
	if err := json.Unmarshal(js.Bytes(), &all); err != nil || len(all.Points) != 3 || len(all.Maps) != 1 {
		t.Errorf("%d points, %d maps: %v", len(all.Points), len(all.Maps), err)
	}
	dir := t.TempDir()
	written, err := WriteFiles(dir, sum, rec)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range written {
		names = append(names, filepath.Base(f.Path))
	}
	want := []string{"summary_20261124_070000.csv", "detailed_results_20261124_070000.csv", "tier_map_4000_20261124_070000.csv", "tiers_20261124_070000.csv"}
	if !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	for _, name := range []string{want[2], want[3]} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("map", name), b)
	}
}

// The rows of a map say where a tier ends as the world has it, and the files say the same
// as the console.
func TestMapRowsAreTheTruth(t *testing.T) {
	for name, w := range mapWorlds() {
		sum := w.summary(t)
		for _, rows := range mapRows(sum) {
			for i, end := range w.ends {
				if i >= len(rows) || rows[i].Tier.To == nil {
					if end < 1000 {
						t.Errorf("%s: the end at %d prompts is not found: %v", name, end, MapLines(sum, ""))
					}
					continue
				}
				if b := rows[i].Tier.To; end < b.Lo || end >= b.Hi {
					t.Errorf("%s: the end at %d prompts is not in %d-%d", name, end, b.Lo, b.Hi)
				}
			}
		}
		for _, m := range sum.Maps {
			for _, d := range m.Depths() {
				tier := 0
				for tier < len(w.ends) && d.Prompts > w.ends[tier] {
					tier++
				}
				if d.Tier != "" && d.Tier != m.Rows[tier].Tier.Name {
					t.Errorf("%s: depth %d is said to be of %s, and is of %s", name, d.Prompts, d.Tier, m.Rows[tier].Tier.Name)
				}
			}
		}
	}
}

// A map under way says what it knows, what it has sent and where it looks.
func TestMapProgress(t *testing.T) {
	rec := twoTiers().record(t)
	u := rec.Units[0]
	play := func(p *Progress) {
		p.Observe(rec.Run)
		p.Observe(rec.Probe)
		p.Observe(&result.Cell{Unit: u.Unit, State: result.CellBegin, Cell: u.Spec})
		for range 20 {
			p.Observe(&result.Request{Request: sample.Request{Phase: sample.PhaseIngest, Attempt: 1}})
		}
		p.Observe(&result.Phase{Unit: u.Unit, Phase: result.PhaseIngest, Level: 4, Start: second, End: 3 * second, Sent: 20, Failed: 1})
		p.Observe(&result.Request{Request: sample.Request{Phase: sample.PhaseTouch, Depth: 12, ReuseDistance: 48_012}})
		p.Observe(&result.Request{Request: sample.Request{Phase: sample.PhaseLook, Depth: 20, ReuseDistance: 80_020}})
		p.Observe(&result.Phase{Unit: u.Unit, Phase: result.PhaseLook, Looks: 1, Sent: 20, Notes: []string{"hbm ends between 180k and 212k tokens; looking for the next edge"}})
		time.Sleep(time.Second)
	}
	end := &result.Cell{Unit: u.Unit, State: result.CellDone}
	synctest.Test(t, func(t *testing.T) {
		w := &screen{}
		p := NewProgress(w, ProgressOptions{Redraw: true, Width: func() int { return 100 }})
		play(p)
		time.Sleep(time.Second / 2) // drawn at once, then once a second
		want := "map  cell 1/1  ctx4000_map\nlook 1 at depth 20 (80.0k tokens)  20 prompts sent (80.0k tokens)\n" +
			"known  hbm ends between 180k and 212k tokens; looking for the next edge\n1.10s  22 requests, 0 errors"
		if got := w.frame(); got != want {
			t.Errorf("block:\n%s\nwant:\n%s", got, want)
		}
		p.Observe(end)
		p.Close()
	})
	for verbose, want := range map[bool]string{
		false: "server vllm 0.32, model tiny, hbm holds 165k tokens\ncell 1/1 begins: ctx4000_map\n" +
			"1m00s  cell 1/1 ctx4000_map  look 1 at depth 20 (80.0k tokens)  20 prompts sent (80.0k tokens)  hbm ends between 180k and 212k tokens; looking for the next edge  22 requests, 0 errors\n" +
			"cell 1/1 done: ctx4000_map in 1m01s, hbm ends between 180k and 212k tokens; looking for the next edge\n",
		true: "  ingest of 20 new prompts in 2.00s, 1 failed\n  20 prompts, 1 look: hbm ends between 180k and 212k tokens; looking for the next edge\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &screen{}
			p := NewProgress(w, ProgressOptions{Verbose: verbose})
			play(p)
			time.Sleep(time.Minute)
			p.Observe(end)
			p.Close()
			if got := w.all(); !strings.Contains(got, want) {
				t.Errorf("verbose %v:\n%s\nwant:\n%s", verbose, got, want)
			}
		})
	}
}
