package result

import (
	"maps"
	"slices"
	"testing"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// counters makes a scrape of one endpoint.
func counters(at int64, endpoint int32, prompt, hbm, dram float64) *sample.Scrape {
	return &sample.Scrape{At: at, Endpoint: endpoint, Values: map[string]float64{
		PromptTokens: prompt, cachedPrefix + "hbm": hbm, cachedPrefix + "dram": dram,
		cachedPrefix + "local": hbm, cachedPrefix + "external": dram}}
}

func lookAt(started int64) *sample.Request {
	return &sample.Request{Phase: sample.PhaseLook, Depth: 4, Started: started, FirstToken: started + 5, End: started + 5, PromptTokens: 1000, CachedTokens: 990, Sent: 1000}
}

// Counters read right before and after a look say where its tokens came from, and what
// others sent since the look before.
func TestLookReader(t *testing.T) {
	two := &sample.Probe{Metrics: []string{PromptTokens, cachedPrefix + "dram", cachedPrefix + "hbm", cachedPrefix + "local", cachedPrefix + "external"}}
	one := &sample.Probe{Metrics: []string{PromptTokens, cachedPrefix + "local"}}
	told := lookAt(20)
	told.Sources = []sample.Source{{Tier: "hbm", Tokens: 0}, {Tier: "dram", Tokens: 990}}
	failed := lookAt(20)
	failed.Class, failed.FirstToken = sample.Status, sample.Never
	for _, c := range []struct {
		name    string
		probe   *sample.Probe
		scrapes []*sample.Scrape
		look    *sample.Request
		sources map[string]int64
		foreign int64
		counted bool
	}{
		{"from dram", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(30, 0, 6000, 100, 990)}, lookAt(20), map[string]int64{"hbm": 0, "dram": 990}, 0, true},
		{"cold", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(30, 0, 6000, 100, 0)}, lookAt(20), map[string]int64{"hbm": 0, "dram": 0}, 0, true},
		{"others were served", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(30, 0, 6500, 600, 990)}, lookAt(20), map[string]int64{"hbm": 500, "dram": 990}, 500, true},
		{"within a percent", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(30, 0, 6010, 110, 990)}, lookAt(20), map[string]int64{"hbm": 10, "dram": 990}, 0, true},
		{"not counted yet", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(30, 0, 5000, 100, 0)}, lookAt(20), nil, 0, false},
		{"no reading after it", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0)}, lookAt(20), nil, 0, false},
		{"a reading while it was under way is none", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(22, 0, 6000, 100, 990)}, lookAt(20), nil, 0, false},
		{"the server was restarted", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(30, 0, 1000, 0, 990)}, lookAt(20), nil, 0, false},
		{"two endpoints", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(10, 1, 70, 0, 0), counters(30, 0, 5000, 100, 0), counters(30, 1, 1070, 990, 0)}, lookAt(20), map[string]int64{"hbm": 990, "dram": 0}, 0, true},
		{"one source says nothing", one, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(30, 0, 6000, 1090, 0)}, lookAt(20), nil, 0, false},
		{"the answer tells", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(30, 0, 6000, 1090, 0)}, told, map[string]int64{"hbm": 0, "dram": 990}, 0, false},
		{"nothing known of the server", nil, nil, lookAt(20), nil, 0, false},
		{"failed, and counted", two, []*sample.Scrape{counters(10, 0, 5000, 100, 0), counters(30, 0, 6000, 100, 0)}, failed, map[string]int64{"hbm": 0, "dram": 0}, 0, true},
	} {
		tel := NewTelemetry(nil)
		for _, s := range c.scrapes {
			tel.Add(s)
		}
		st := NewLookReader(tel, c.probe, 12).Look(c.look, 40)
		l := st.Answers[0]
		if !maps.Equal(l.Sources, c.sources) || (l.Sources == nil) != (c.sources == nil) || l.Foreign != c.foreign || l.Counters != c.counted {
			t.Errorf("%s: sources %v, %d foreign, by counters %v", c.name, l.Sources, l.Foreign, l.Counters)
		}
		if st.Action != (survey.Action{Kind: survey.Ask, Depth: 4}) || (l.TTFT > 0) != (c.look.Class == sample.OK) {
			t.Errorf("%s: %+v, TTFT %v", c.name, st.Action, l.TTFT)
		}
	}
}

// What was sent since the last reading is not another client's; counters that lag too far
// behind are given up.
func TestLookReaderInARow(t *testing.T) {
	probe := &sample.Probe{Metrics: []string{PromptTokens, cachedPrefix + "dram", cachedPrefix + "hbm"}}
	tel := NewTelemetry(nil)
	tel.Add(counters(0, 0, 100, 0, 0))
	r := NewLookReader(tel, probe, 5)
	ingest := &sample.Request{Phase: sample.PhaseIngest, Started: 6, End: 8, PromptTokens: 1000, Sent: 1000}
	r.Sent(ingest)
	touch := lookAt(10)
	touch.Phase = sample.PhaseTouch
	if a := r.Look(touch, 16).Action; !a.Touch {
		t.Errorf("a touch is %+v", a)
	}
	tel.Add(counters(18, 0, 2100, 990, 0))
	tel.Add(counters(30, 0, 3400, 1980, 0))
	if l := r.Look(lookAt(20), 31).Answers[0]; l.Foreign != 300 || l.Sources["hbm"] != 990 {
		t.Errorf("after an ingest and a touch: %+v, want 300 tokens of others and 990 from hbm", l)
	}
	for i := range 3 {
		if !r.Counters() {
			t.Fatalf("given up after %d looks", i)
		}
		r.Look(lookAt(40+10*int64(i)), 46+10*int64(i))
	}
	if r.Counters() {
		t.Error("counters that do not move are still waited for")
	}
}

func TestTierNames(t *testing.T) {
	for _, c := range []struct{ told, stated, want []string }{
		{[]string{"hbm", "dram"}, nil, []string{"hbm", "dram"}},
		{[]string{"", ""}, nil, []string{"tier 1", "tier 2"}},
		{[]string{"hbm", "hbm"}, nil, []string{"hbm", "tier 2"}},
		{[]string{"", ""}, []string{"gpu", "cpu"}, []string{"gpu", "cpu"}},
		{[]string{"local", "external"}, []string{"gpu", "cpu"}, []string{"gpu", "cpu"}},
		{[]string{"external"}, []string{"gpu", "cpu"}, []string{"cpu"}},
		{[]string{"dram"}, []string{"hbm", "dram", "ssd"}, []string{"dram"}},
		{[]string{"", "", ""}, []string{"gpu"}, []string{"gpu", "tier 2", "tier 3"}},
	} {
		m := &Map{}
		for _, n := range c.told {
			m.Found.Tiers = append(m.Found.Tiers, survey.Tier{Name: n})
		}
		m.name(c.stated)
		var got []string
		for _, t := range m.Found.Tiers {
			got = append(got, t.Name)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("told %q, stated %q: %q, want %q", c.told, c.stated, got, c.want)
		}
	}
}

// Trials of a map merge tier by tier: brackets are the widest, prompts that are computed
// again are one row, and a trial that never was adds none.
func TestMergeTiers(t *testing.T) {
	spec := scenario.Cell{Key: "ctx1000_map", Context: 1000, HitRate: 100}
	b := func(lo, hi int) *survey.Bracket {
		return &survey.Bracket{Lo: lo, Hi: hi, LoTokens: int64(lo) * 10, HiTokens: int64(hi) * 10}
	}
	row := func(trial int, tr *Tier) *Point {
		return &Point{Unit: Unit{Cell: spec.Key, Trial: trial}, Spec: spec, Level: 1, Tier: tr, Row: metric.Row{"ttft.p50": metric.Of(float64(trial))}, Validity: ValidOK, Samples: 5}
	}
	skipped := row(4, nil)
	skipped.Validity = ValidSkipped
	got := merge([]*Point{
		row(1, &Tier{Number: 1, Name: "hbm", To: b(30, 31), Looks: 5, Free: true, Sources: map[string]int64{"hbm": 7}}), row(1, &Tier{Number: 2, Name: tier.Recompute, From: b(30, 31), MsPer1k: 3, Looks: 5}),
		row(2, &Tier{Number: 1, Name: "hbm", To: b(28, 30), Looks: 6, Unsure: true, Used: b(27, 28), Sources: map[string]int64{"hbm": 1}}), row(2, &Tier{Number: 2, Name: "dram", From: b(28, 30), To: b(60, 61)}), row(2, &Tier{Number: 3, Name: tier.Recompute, From: b(60, 61), MsPer1k: 5, Looks: 5}),
		skipped,
	})
	if len(got) != 3 || got[0].Tier.Name != "hbm" || got[1].Tier.Name != "dram" || !got[2].Tier.Recomputed() {
		t.Fatalf("%d rows", len(got))
	}
	if hbm := got[0].Tier; *hbm.To != *b(28, 31) || hbm.Looks != 11 || hbm.Sources["hbm"] != 8 || hbm.From != nil || got[0].Points[0].Tier.Sources["hbm"] != 7 {
		t.Errorf("hbm %+v to %+v", hbm, hbm.To)
	}
	if hbm := got[0].Tier; hbm.Free || !hbm.Unsure || hbm.Used == nil || hbm.Used.Lo != 27 || got[0].Points[0].Tier.Used != nil {
		t.Errorf("hbm %+v: free where one trial was not, unsure and used where one trial was", hbm)
	}
	if cold := got[2]; *cold.Tier.From != *b(30, 61) || cold.Tier.To != nil || cold.Tier.MsPer1k != 4 || cold.Trials != 2 || cold.Row.Get("ttft.p50").V != 1.5 {
		t.Errorf("recompute %+v from %+v", cold.Tier, cold.Tier.From)
	}
}

// The median of a row counts as soon as its looks know a level to 7 % at the spread that
// was measured; a tail needs what it needs in a window.
func TestLooksNeeded(t *testing.T) {
	for _, c := range []struct {
		name   string
		spread float64
		want   int
	}{
		{"ttft.p50", 0.02, 3}, {"ttft.p50", 0.05, 3}, {"ttft.p50", 0.10, 4}, {"ttft.p50", 0.20, 13}, {"ttft.p50", 0.30, 25}, {"ttft.p50", 2, 25},
		{"ttft.p90", 0.02, 59}, {"ttft.p95", 0.02, 59}, {"ttft.p99", 0.30, 299},
	} {
		if got := looksNeeded(c.name, c.spread); got != c.want {
			t.Errorf("%s at a spread of %g: %d looks, want %d", c.name, c.spread, got, c.want)
		}
		s, m := &summariser{evidence: []string{c.name, "tpot.p50"}}, &Map{Found: survey.Map{Spread: c.spread}}
		for have, doubt := range map[int]bool{c.want - 1: true, c.want: false} {
			p := &Point{Samples: have, Validity: ValidOK}
			if s.looksRule(p, m); (p.Validity == ValidDoubt) != doubt || doubt != (len(p.Reasons) == 1 && p.Reasons[0].Code == "too-few-samples") {
				t.Errorf("%s on %d looks at a spread of %g: %s %v", c.name, have, c.spread, p.Validity, p.Reasons)
			}
		}
	}
}

// Falling costs nothing that was measured where chance alone makes such a difference of
// two medians, and where the deeper level is the cheaper one.
func TestFree(t *testing.T) {
	level := func(ms float64, n int) survey.Level { return survey.Level{P50: ms / 1e3, N: n} }
	for _, c := range []struct {
		spread   float64
		from, to survey.Level
		want     bool
	}{
		{0.05, level(26, 20), level(25, 20), true},
		{0.05, level(26, 20), level(26.5, 20), true},
		{0.05, level(26, 20), level(28, 20), false},
		{0.30, level(26, 20), level(28, 20), true},
		{0.05, level(26, 1), level(28, 1), true},
		{0.05, level(26, 0), level(28, 20), false}, // nothing before it
		{0.05, level(26, 20), level(26, 0), false},
	} {
		m := &Map{Found: survey.Map{Spread: c.spread}}
		if got := m.free(c.from, c.to); got != c.want {
			t.Errorf("%+v to %+v at a spread of %g: free %v", c.from, c.to, c.spread, got)
		}
	}
}

// An edge that new prompts did not confirm is doubtful; that prompts asked for out of turn
// were lost earlier is a note, where they were.
func TestConfirmRule(t *testing.T) {
	to := &survey.Bracket{Lo: 40, Hi: 41, LoTokens: 40_040, HiTokens: 41_041}
	for _, c := range []struct {
		name string
		tier Tier
		want Validity
		code string
	}{
		{"confirmed", Tier{To: to}, ValidOK, ""},
		{"not confirmed", Tier{To: to, Unsure: true}, ValidDoubt, "unconfirmed"},
		{"lost earlier", Tier{To: to, Used: &survey.Bracket{Lo: 30, LoTokens: 30_030}}, ValidOK, "lost-earlier"},
		{"lost where it ends", Tier{To: to, Used: &survey.Bracket{Lo: 40, LoTokens: 40_040}}, ValidOK, ""},
		{"no end", Tier{Unsure: true}, ValidOK, ""},
	} {
		p := &Point{Tier: &c.tier, Validity: ValidOK}
		p.confirmRule()
		got := ""
		for _, r := range p.Reasons {
			got += r.Code
		}
		if got != c.code || p.Validity != c.want {
			t.Errorf("%s: %s, reasons %v; want %s, %q", c.name, p.Validity, p.Reasons, c.want, c.code)
		}
	}
}
