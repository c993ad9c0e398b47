package plandiff

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/scenario"
)

// The products of a fold are exactly the points, each once.
func TestFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := rapid.SliceOfDistinct(rapid.Custom(func(t *rapid.T) coord {
			var c coord
			for a := range c {
				c[a] = float64(rapid.IntRange(1, 3).Draw(t, "value"))
			}
			return c
		}), func(c coord) coord { return c }).Draw(t, "points")
		seen := map[coord]bool{}
		boxes := fold(drawn)
		for _, b := range boxes {
			for _, cell := range b.cells() {
				for _, load := range b[loads] {
					c := coord{cell[0], cell[1], cell[2], load}
					if seen[c] {
						t.Fatalf("%v is told twice by %v", c, boxes)
					}
					seen[c] = true
				}
			}
		}
		for _, c := range drawn {
			if !seen[c] {
				t.Fatalf("%v is in none of %v", c, boxes)
			}
		}
		if len(seen) != len(drawn) {
			t.Fatalf("%v tell more than %v", boxes, drawn)
		}
	})
}

// A whole product is one, of the largest plan too.
func TestFoldWhole(t *testing.T) {
	var points []coord
	for i := range 20_000 {
		points = append(points, coord{float64(i % 2), float64(i / 2 % 5), float64(i / 10 % 100), float64(i / 1000)})
	}
	if boxes := fold(points); len(boxes) != 1 || boxes[0].size() != 20_000 {
		t.Errorf("%d products", len(boxes))
	}
}

// A hint that is given holds: its sizes, expanded, are sent as the old ones were, all of
// them or those that are left.
func TestHintHolds(t *testing.T) {
	given := 0
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, label) }
		spacing := rapid.SampledFrom([]string{"linear", "log"}).Draw(t, "spacing")
		sweep := func(min, max, steps int) *scenario.Plan {
			text := fmt.Sprintf("name: a\ntarget: simulator\ncontexts: [8k]\nworking_set: {min: %d, max: %d, steps: %d, spacing: %s}\nmode: fixed\nconcurrency: [1]\n", min, max, steps, spacing)
			plan, problems := scenario.Load("a.yaml", []byte(text), scenario.Options{})
			if plan == nil {
				t.Fatal(scenario.Render(problems, false))
			}
			return plan
		}
		lo, hi, steps := draw("min", 20, 90)*1000, draw("max", 1, 50)*100_000, draw("steps", 2, 20)
		old := sweep(lo, hi, steps)
		change := rapid.IntRange(1, 7).Draw(t, "change") // one, two or all three
		if change&1 > 0 {
			hi = draw("new max", 1, 50) * 100_000
		}
		if change&2 > 0 {
			lo = draw("new min", 20, 90) * 1000
		}
		if change&4 > 0 {
			steps = draw("new steps", 2, 20)
		}
		d := &differ{old: old, new: sweep(lo, hi, steps)}
		if d.hint() == "" {
			return
		}
		given++
		a, b := forms(old.Scenario, d.new.Scenario)
		for _, c := range onGrid(a, b) {
			if c.form == a || c.form == b || !d.keeps(c.form) {
				continue
			}
			hinted := sweep(int(c.min), int(c.max), c.steps).Points()
			kept := len(scenario.Pair(old.Points(), hinted))
			exact := map[scenario.PointID]bool{}
			for _, id := range hinted {
				exact[id] = true
			}
			same, inside := 0, 0
			for _, id := range old.Points() {
				if exact[id] {
					same++
				}
				if id.ReuseDistance >= hinted[0].ReuseDistance && id.ReuseDistance <= hinted[len(hinted)-1].ReuseDistance {
					inside++
				}
			}
			if want := min(inside, len(hinted)); want == 0 || same < want || kept < want {
				t.Fatalf("%+v -> %+v: %q keeps %d of %d points (%d pair)", a, b, c.text(b), same, want, kept)
			}
			return
		}
		t.Fatal("a hint of nothing")
	})
	if given == 0 {
		t.Error("no hint was ever given: the property says nothing")
	}
}
