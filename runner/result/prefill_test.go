package result

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/wsrun/wsrun/scenario"
)

// TestWarmupRate: only cold warm-ups count, each by its own prompts and time.
func TestWarmupRate(t *testing.T) {
	const s = int64(1e9)
	warm := func(kind PhaseKind, sent, failed int, seconds int64) *Phase {
		return &Phase{Phase: kind, Start: 5 * s, End: (5 + seconds) * s, Sent: sent, Failed: failed}
	}
	unit := func(phases ...*Phase) *UnitRecord {
		return &UnitRecord{Spec: scenario.Cell{R: 1000}, Phases: phases}
	}
	for name, c := range map[string]struct {
		mode, salt string
		units      []*UnitRecord
		want       float64
	}{
		"two units, weighted by time":  {"fixed", "cell", []*UnitRecord{unit(warm(PhaseWarmup, 10, 0, 1)), unit(warm(PhaseWarmup, 50, 0, 2))}, 20_000},
		"failed prompts do not count":  {"fixed", "cell", []*UnitRecord{unit(warm(PhaseWarmup, 12, 2, 1))}, 10_000},
		"a second warm-up is warm":     {"fixed", "cell", []*UnitRecord{unit(warm(PhaseWarmup, 10, 0, 1), warm(PhaseWarmup, 10, 0, 9))}, 10_000},
		"one salt for all cells":       {"fixed", "run", []*UnitRecord{unit(), unit(warm(PhaseWarmup, 10, 0, 1)), unit(warm(PhaseWarmup, 900, 0, 1))}, 10_000},
		"no salt":                      {"fixed", "none", []*UnitRecord{unit(warm(PhaseWarmup, 10, 0, 1))}, 0},
		"what growth adds has company": {"sustained", "cell", []*UnitRecord{unit(warm(PhaseWarmup, 10, 0, 1), warm(PhaseIngest, 10, 0, 9))}, 10_000},
		"a map's ingests":              {"map", "cell", []*UnitRecord{unit(warm(PhaseIngest, 10, 0, 1), warm(PhaseLook, 5, 0, 7), warm(PhaseIngest, 20, 0, 2))}, 10_000},
		"nothing":                      {"fixed", "cell", nil, 0},
	} {
		rec := &Record{Run: &Run{Scenario: &scenario.Scenario{Mode: c.mode, Prompts: scenario.Prompts{Salt: c.salt}}}, Units: c.units}
		if got := WarmupRate(rec); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: %g tokens/s, want %g", name, got, c.want)
		}
	}
	if got := WarmupRate(&Record{}); got != 0 {
		t.Errorf("a record without a run: %g", got)
	}
}

// TestReadWithoutRequests: what the phases say is the same without the requests.
func TestReadWithoutRequests(t *testing.T) {
	golden := filepath.Join("testdata", "record-v1.wsr")
	whole, err := Read(golden)
	if err != nil {
		t.Fatal(err)
	}
	light, err := Read(golden, ReadOptions{SkipRequests: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(whole.Units[0].Requests); n == 0 || len(light.Units) != len(whole.Units) {
		t.Fatalf("%d requests, %d of %d units", n, len(light.Units), len(whole.Units))
	}
	for i, u := range light.Units {
		if len(u.Requests) > 0 || len(u.Phases) != len(whole.Units[i].Phases) {
			t.Errorf("unit %d: %d requests, %d phases, want 0 and %d", i, len(u.Requests), len(u.Phases), len(whole.Units[i].Phases))
		}
	}
}
