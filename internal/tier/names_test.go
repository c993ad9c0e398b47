package tier

import (
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/sample"
)

// served makes points, three a plateau, each served from one source; "" is told to be
// computed, "?" tells nothing but TTFT, which trebles from plateau to plateau.
func served(sources ...string) []Point {
	var out []Point
	ttft := .01
	for i, source := range sources {
		for j := range 3 {
			x := int64(1000 * (3*i + j + 1))
			p := Point{ReuseDistance: x, WorkingSet: x, ReusedTokens: 100, TTFT: slices.Repeat([]float64{ttft}, 100)}
			if source != "?" {
				p.CachedTold, p.Shares = true, map[string]float64{}
				for _, s := range sources {
					if s != "" && s != "?" {
						p.Shares[s] = 0
					}
				}
				if source != "" {
					p.Cached, p.Shares[source] = 100, 100
				}
			}
			out = append(out, p)
		}
		ttft *= 3
	}
	return out
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ what, told, stated, want string }{
		{"nothing stated, nothing told", "? ?", "", "tier 1>tier 2"},
		{"nothing stated, sources told", "local external -", "", "local>external>recompute"},
		{"nothing stated, one source for two plateaus", "local local -", "", "local>tier 2>recompute"},
		{"stated, nothing told", "? ?", "hbm dram", "hbm>dram"},
		{"stated, nothing told, one behind them", "? ? ?", "hbm dram", "hbm>dram>recompute"},
		{"stated, nothing told, two behind them", "? ? ? ?", "hbm dram", "hbm>dram>tier 3>recompute"},
		{"stated, other names told: the stated ones in their order", "local external -", "gpu cpu", "gpu>cpu>recompute"},
		{"stated, finer names told that are not stated", "hbm dram -", "gpu cpu", "gpu>cpu>recompute"},
		{"stated and told agree", "hbm dram disk -", "hbm dram disk", "hbm>dram>disk>recompute"},
		{"they agree that one tier was left out", "hbm disk -", "hbm dram disk", "hbm>disk>recompute"},
		{"they agree that the sweep begins in the second tier", "dram -", "hbm dram", "dram>recompute"},
		{"an outside source is never the first stated tier", "external -", "hbm dram", "dram>recompute"},
		{"the engine's own cache may hide two stated tiers", "local local -", "hbm dram", "hbm>dram>recompute"},
		{"it tells that the plateau is still the tier before", "hbm hbm dram -", "hbm dram", "hbm>tier 2>dram>recompute"},
		{"it tells a tier that is stated as nearer", "dram hbm -", "hbm dram", "dram>tier 2>recompute"},
		{"it tells more tiers than are stated", "hbm dram disk -", "hbm dram", "hbm>dram>disk>recompute"},
		{"told that something is still cached behind the last stated", "local external", "hbm", "hbm>external"},
		{"told to be computed although a stated tier is left", "local -", "hbm dram", "hbm>recompute"},
	} {
		var sources, stated []string
		for _, s := range strings.Fields(c.told) {
			sources = append(sources, strings.Trim(s, "-"))
		}
		stated = strings.Fields(c.stated)
		got := Find(served(sources...), Options{Names: stated})
		if names := strings.Join(got.Tiers, ">"); names != c.want {
			t.Errorf("%s: %s, want %s (%+v)", c.what, names, c.want, got.Transitions)
		}
		for i, tr := range got.Transitions {
			if tr.From != got.Tiers[i] || tr.To != got.Tiers[i+1] {
				t.Errorf("%s: transition %d is %s -> %s, tiers %v", c.what, i, tr.From, tr.To, got.Tiers)
			}
		}
	}
}

// A sweep that begins beyond what the nearest stated tiers hold begins behind them,
// unless the server says that it does not. Close by, nothing is concluded.
func TestSweepBeginsBehindStatedTiers(t *testing.T) {
	for _, c := range []struct {
		told string
		hbm  int64 // stated; the sweep begins at 1000
		want string
	}{
		{"? ?", 2000, "hbm>dram"}, {"? ?", 900, "hbm>dram"}, {"? ?", 700, "dram>ssd"}, {"local external", 700, "hbm>dram"}, {"hbm dram", 700, "hbm>dram"}, {"external -", 700, "dram>recompute"},
	} {
		var sources []string
		for _, s := range strings.Fields(c.told) {
			sources = append(sources, strings.Trim(s, "-"))
		}
		opt := Options{Names: []string{"hbm", "dram", "ssd"}, Capacities: []sample.Capacity{{Tier: "hbm", Tokens: c.hbm, Source: Stated}, {Tier: "hbm + dram", Tokens: 4000, Source: Stated}, {Tier: "hbm", Tokens: 1, Source: "told"}}}
		if got := strings.Join(Find(served(sources...), opt).Tiers, ">"); got != c.want {
			t.Errorf("%s, hbm %d: %s, want %s", c.told, c.hbm, got, c.want)
		}
	}
}

// A series without a transition has one tier, and too few points have none.
func TestTiersOfNoTransition(t *testing.T) {
	one := served("?")
	if got := Find(one, Options{Names: []string{"hbm", "dram"}}); strings.Join(got.Tiers, " ") != "hbm" || got.None == "" {
		t.Errorf("%+v", got)
	}
	if got := Find(one[:1], Options{Names: []string{"hbm"}}); got.Tiers != nil {
		t.Errorf("of one point: %v", got.Tiers)
	}
}

// Advice looks at what the scenario states as well, and says who said it.
func TestAdviceFromStatedTiers(t *testing.T) {
	stated := []sample.Capacity{{Tier: "hbm", Tokens: 6000, Source: Stated}, {Tier: "hbm + dram", Tokens: 20_000, Source: Stated}, {Tier: "hbm", Tokens: 1500, Source: "cache_config_info"}}
	got := Find(served("?"), Options{Capacities: stated, MaxSize: 3000}).None
	if want := "no transition up to 3k reuse distance (target.tiers says that hbm holds 6k): raise working_set.max to 9k"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = Find(served("?"), Options{Capacities: stated[2:], MaxSize: 3000}).None
	if want := "(the server says its HBM holds 1.50k, and that is passed)"; !strings.Contains(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
