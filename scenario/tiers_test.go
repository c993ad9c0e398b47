package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/scenario/metric"
)

// stated is a scenario with tiers.
func stated(tiers, more string) string {
	return strings.Replace(minimal(more), "target: http://localhost:8000", "target: {endpoints: [http://a], "+tiers+"}", 1)
}

// Capacities are kept in tokens, bandwidths in bytes per second, whatever they were
// written in.
func TestTierUnits(t *testing.T) {
	for text, want := range map[string]Tier{
		"capacity: 1M":                        {Capacity: 1e6},
		"capacity: 32Ki":                      {Capacity: 32768},
		"capacity: 30000, bandwidth: 1.5TB/s": {Capacity: 30000, Bandwidth: 1.5e12},
		"capacity: 80GiB":                     {Capacity: 80 << 30 / 100000},
		"capacity: 0.5TiB":                    {Capacity: 1 << 39 / 100000},
		"capacity: 1MiB, bandwidth: 500MB/s":  {Capacity: 10, Bandwidth: 5e8},
	} {
		want.Name = "hbm"
		got := must(t, stated("kv_bytes_per_token: 100000, tiers: {name: hbm, "+text+"}", ""), Options{}).Scenario.Target.Tiers
		if !slices.Equal(got, []Tier{want}) {
			t.Errorf("%s gave %+v, want %+v", text, got, want)
		}
	}
}

// kv_bytes_per_token: auto is what the engine tells, which nobody has asked yet: it is
// no reason to accept bytes. A wrong one is a problem of its own only.
func TestBytesNeedANumber(t *testing.T) {
	for kv, want := range map[string]string{"": "needs-kv-bytes", "kv_bytes_per_token: auto, ": "needs-kv-bytes", "kv_bytes_per_token: 0, ": "out-of-range"} {
		_, problems := Load("x", []byte(stated(kv+"tiers: [{name: hbm, capacity: 80GiB}]", "")), Options{})
		if codesOf(problems) != want {
			t.Errorf("%q: %v, want %s", kv, problems, want)
		}
	}
}

// The edge moves by the replicas that a set is spread over: all behind a router, and
// the endpoints as well where prompts are pinned.
func TestSpread(t *testing.T) {
	two := []string{"http://a", "http://b"}
	for _, c := range []struct {
		target Target
		want   int64
	}{{Target{}, 1}, {Target{Replicas: 4}, 4}, {Target{Endpoints: two, Balance: "round-robin"}, 1}, {Target{Endpoints: two, Balance: "pinned"}, 2}, {Target{Endpoints: two, Balance: "pinned", Replicas: 3}, 6}, {Target{Balance: "pinned"}, 1}} {
		if got := c.target.Spread(); got != c.want {
			t.Errorf("%+v: %d, want %d", c.target, got, c.want)
		}
	}
}

// A tier's name need not be an identifier: conditions read every stated one, and give
// it back as it was written.
func TestNamesOfTiersInConditions(t *testing.T) {
	tiers := []string{"hbm", "cpu-dram", "cpu", "3fs", "a-1-b"}
	for text, names := range map[string]string{
		"edge.hbm > 1M":                         "edge.hbm",
		"edge.cpu-dram > 1M":                    "edge.cpu-dram",
		"edge.cpu-dram-edge.cpu > 1M":           "edge.cpu edge.cpu-dram",
		"edge.cpu - edge.hbm > 1M":              "edge.cpu edge.hbm",
		"edge.3fs/2 > 1M":                       "edge.3fs",
		"edge.a-1-b > 1M and tier_share.3fs>5%": "edge.a-1-b tier_share.3fs",
	} {
		c, err := Compile(text, ExpectScope, tiers...)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := strings.Join(c.Names(), " "); got != names || c.String() != text {
			t.Errorf("%s reads %q", text, got)
		}
		var read []string
		c.Eval(func(name string) metric.Value { read = append(read, name); return metric.Of(5e6) })
		slices.Sort(read)
		if got := strings.Join(read, " "); got != names {
			t.Errorf("%s asks for %q", text, got)
		}
	}
	c, err := Compile("prev.tier_share.cpu-dram - total.tier_share.3fs > 5%", StopScope, tiers...)
	if err != nil {
		t.Fatal(err)
	}
	row := metric.Row{"prev.tier_share.cpu-dram": metric.Of(40), "total.tier_share.3fs": metric.Of(30)}
	if got := c.Eval(row.Get); got != True {
		t.Errorf("with its prefixes it is %s", got)
	}
}

func TestUnknownTiers(t *testing.T) {
	for text, want := range map[string]string{
		"edge.hmb > 1M":           `no tier is named "hmb", did you mean "hbm"? (target.tiers has hbm, cpu-dram)`,
		"edge.cpu-drm > 1M":       `no tier is named "cpu-drm", did you mean "cpu-dram"?`,
		"edge.5 > 1M":             `no tier is named "5"`,
		"tier_share.local < 5%":   `no tier is named "local"`,
		"tier_share.tier1 < 5%":   `no tier is named "tier1"`,
		"tier_share.cpu_dram < 5": `did you mean "cpu-dram"?`,
	} {
		_, err := Compile(text, ExpectScope, "hbm", "cpu-dram")
		var e *condError
		if !errors.As(err, &e) || e.code != "condition-name" || !strings.Contains(e.message, want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// Whatever names are stated, each is read as itself.
func TestEveryTierNameIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tiers := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?`), 1, 5, rapid.ID[string]).Draw(t, "tiers")
		var parts []string
		for i, name := range tiers {
			parts = append(parts, fmt.Sprintf("edge.%s == %d", name, i))
		}
		c, err := Compile(strings.Join(parts, " and "), ExpectScope, tiers...)
		if err != nil {
			t.Fatal(err)
		}
		got := c.Eval(func(name string) metric.Value {
			return metric.Of(float64(slices.Index(tiers, strings.TrimPrefix(name, "edge."))))
		})
		if got != True {
			t.Fatalf("%s is %s", c, got)
		}
	})
}
