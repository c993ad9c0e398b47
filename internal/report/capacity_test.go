package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// stated is the fixture's run with two stated tiers.
func stated(t *testing.T) *result.Summary {
	t.Helper()
	rec := fixture(1)
	rec.Run.Scenario.Target.Tiers = []scenario.Tier{{Name: "hbm", Capacity: 250_000}, {Name: "cpu-dram", Capacity: 600_000, Bandwidth: 50e9}}
	rec.Run.Scenario.Target.KVBytesPerToken = 131_072
	return result.Summarise(rec)
}

// What is stated stands under the table in a line each, and with its costs and where it
// is reached in the list of tiers.
func TestStatedTiers(t *testing.T) {
	sum := stated(t)
	var table, tiers bytes.Buffer
	if err := Table(&table, sum, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := Tiers(&tiers, sum, Options{}); err != nil {
		t.Fatal(err)
	}
	_, under, _ := strings.Cut(table.String(), "transitions")
	golden(t, "stated.txt", []byte("transitions"+under+"\n"+tiers.String()))
}

// Levels of which the same is to be said share a line.
func TestLevelsShareCapacityLines(t *testing.T) {
	sum := &result.Summary{Series: []*result.Series{{SeriesKey: result.SeriesKey{Level: 4}}, {SeriesKey: result.SeriesKey{Level: 8}}}}
	for _, f := range []result.CapacityFinding{{Text: "a"}, {Text: "b", Cost: "c"}} {
		for _, level := range []int{4, 8} {
			f.Level = level
			if level == 8 && f.Text == "b" {
				f.Text = "d"
			}
			sum.Capacity = append(sum.Capacity, f)
		}
	}
	if got := strings.Join(CapacityLines(sum, true), "; "); got != "conc 4, 8: a; conc 4: b; conc 4, 8: c; conc 8: d" {
		t.Error(got)
	}
	if got := strings.Join(CapacityLines(sum, false), "; "); got != "conc 4, 8: a; conc 4: b; conc 8: d" {
		t.Error(got)
	}
}

// Programs get every key of every finding, and the words of a hostile server stay text.
func TestCapacitiesForPrograms(t *testing.T) {
	sum := stated(t)
	sum.Capacity[0].Text = "a\x1b[31m\nb"
	var brief, tiers bytes.Buffer
	if err := Brief(&brief, sum, nil); err != nil {
		t.Fatal(err)
	}
	if err := TiersJSON(&tiers, sum); err != nil {
		t.Fatal(err)
	}
	var got struct{ Capacities []map[string]any }
	if err := json.Unmarshal(tiers.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Capacities) != len(sum.Capacity) || strings.Count(brief.String(), "block: capacity\n") != len(sum.Capacity) || len(sum.Capacity) != 6 {
		t.Fatalf("%d and %d of %d", len(got.Capacities), strings.Count(brief.String(), "block: capacity\n"), len(sum.Capacity))
	}
	for _, c := range capacityColumns {
		if _, ok := got.Capacities[0][c.name]; !ok || !strings.Contains(brief.String(), "\n"+c.name+": ") {
			t.Errorf("%s is missing", c.name)
		}
	}
	if strings.Contains(brief.String()+strings.Join(CapacityLines(sum, true), ""), "\x1b") {
		t.Error("an escape sequence came through")
	}
}
