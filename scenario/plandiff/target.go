package plandiff

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/scenario"
)

// targetRules are about the server under test, as far as it changes what is measured.
func targetRules() []rule {
	of := func(f func(*scenario.Target) string) get {
		return func(sc *scenario.Scenario) string { return f(&sc.Target) }
	}
	timeout := func(name string, f func(scenario.Timeouts) scenario.Duration) rule {
		return evidence("target.timeouts."+name, of(func(t *scenario.Target) string { return f(t.Timeouts).String() }),
			func(sc *scenario.Scenario) (float64, bool) { return -seconds(f(sc.Target.Timeouts)), true }, "slow requests fail sooner", "slower requests still count as good")
	}
	return []rule{
		{keys: "target.simulator target.simulator.profile", diff: simulator},
		plainly("target.replicas", of(func(t *scenario.Target) string { return strconv.Itoa(max(1, t.Replicas)) }), "a tier's edge moves by their number"),
		plainly("target.gpus", of(func(t *scenario.Target) string { return auto(float64(t.GPUs)) }), "figures per GPU"),
		plainly("target.model", of(func(t *scenario.Target) string { return t.Model }), "another model is asked for"),
		plainly("target.api", of(func(t *scenario.Target) string { return t.API }), "prompts are sent in another form"),
		plainly("target.engine", of(func(t *scenario.Target) string { return orAuto(t.Engine) }), "how the output length is fixed, caches are emptied and telemetry is read"),
		{keys: "target.balance", diff: balance},
		{keys: "target.body", diff: body},
		evidence("target.metrics_interval", of(func(t *scenario.Target) string { return t.MetricsInterval.String() }),
			func(sc *scenario.Scenario) (float64, bool) { return -seconds(sc.Target.MetricsInterval), true }, "telemetry is read more often", "telemetry is read less often"),
		timeout("connect", func(t scenario.Timeouts) scenario.Duration { return t.Connect }),
		timeout("first_token", func(t scenario.Timeouts) scenario.Duration { return t.FirstToken }),
		timeout("between_tokens", func(t scenario.Timeouts) scenario.Duration { return t.BetweenTokens }),
		timeout("request", func(t scenario.Timeouts) scenario.Duration { return t.Request }),
		plainly("target.max_in_flight", of(func(t *scenario.Target) string { return strconv.Itoa(t.MaxInFlight) }), "the cap on requests in flight"),
		{keys: "target.kv_bytes_per_token target.kv_bytes_per_token.model target.kv_bytes_per_token.dtype target.kv_bytes_per_token.tensor_parallel", diff: kvBytes},
		{keys: "target.tiers target.tiers[].name target.tiers[].capacity target.tiers[].bandwidth", diff: tiers},
	}
}

func orAuto(s string) string {
	if s == "" {
		return "auto"
	}
	return s
}

// simulator: another profile is another server.
func simulator(d *differ) {
	old, new := d.sc()
	a, b := old.Target.Simulator, new.Target.Simulator
	switch {
	case a == nil && b == nil:
	case a == nil || b == nil:
		d.at(changed(d.classOf("target.simulator"), "target", serverText(&old.Target), serverText(&new.Target), "another server answers"), "/target/simulator", "/target/endpoints", "/target")
	case a.Profile != b.Profile:
		d.at(changed(d.classOf("target.simulator.profile"), "target.simulator.profile", a.Profile, b.Profile, "another server answers"), "/target/simulator/profile", "/target")
	case string(a.Body) != string(b.Body):
		d.at(Finding{Class: d.classOf("target.simulator.profile"), Sign: '~', Key: "target.simulator.profile", Text: "target.simulator.profile " + b.Profile + ": the profile itself has changed"}, "/target/simulator/profile", "/target")
	}
}

func serverText(t *scenario.Target) string {
	if t.Simulator != nil {
		return "simulator " + t.Simulator.Profile
	}
	return count(len(t.Endpoints), "endpoint")
}

// balance means nothing with one endpoint.
func balance(d *differ) {
	old, new := d.sc()
	a, b := old.Target.Balance, new.Target.Balance
	if a == b {
		return
	}
	f := changed(d.classOf("target.balance"), "target.balance", a, b, "another endpoint meets a prompt")
	if len(old.Target.Endpoints) < 2 && len(new.Target.Endpoints) < 2 {
		f = changed(Cosmetic, "target.balance", a, b, "there is one endpoint")
	}
	d.at(f, "/target/balance")
}

// body tells which fields change. Text is not shown: it may be a secret.
func body(d *differ) {
	old, new := d.sc()
	for _, key := range bothKeys(old.Target.Body, new.Target.Body) {
		a, before := old.Target.Body[key]
		b, after := new.Target.Body[key]
		x, y := jsonText(a, before), jsonText(b, after)
		if x == y && before == after && jsonEqual(a, b) {
			continue
		}
		f := changed(d.classOf("target.body"), "target.body."+key, x, y, "other requests are sent")
		if x == y {
			f.Text = f.Key + ": another value, other requests are sent"
		}
		if f.Sign = '~'; !before {
			f.Sign = '+'
		} else if !after {
			f.Sign = '-'
		}
		d.at(f, "/target/body/"+escaped(key), "/target/body")
	}
}

func jsonEqual(a, b any) bool {
	x, _ := json.Marshal(a) // of a resolved scenario, always JSON
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// jsonText shows numbers and truth values; of text, lists and maps only what they are.
func jsonText(v any, there bool) string {
	switch v := v.(type) {
	case float64:
		return number(v)
	case bool:
		return strconv.FormatBool(v)
	case string:
		return "text"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	if there {
		return "null"
	}
	return ""
}

// kvBytes only scales figures; sizes in bytes that move with it are told as sizes.
func kvBytes(d *differ) {
	old, new := d.sc()
	if a, b := old.Target.KVBytesPerToken, new.Target.KVBytesPerToken; a != b {
		d.at(changed(Cosmetic, "target.kv_bytes_per_token", auto(a), auto(b), "figures in GB/s; sizes in bytes that it moves are told as sizes"), "/target/kv_bytes_per_token")
	}
}

// tiers are what the scenario says of the server, and change nothing that is measured;
// but a condition that names one may now mean another.
func tiers(d *differ) {
	old, new := d.sc()
	if slices.Equal(old.Target.Tiers, new.Target.Tiers) {
		return
	}
	f := changed(Cosmetic, "target.tiers", tierText(old.Target.Tiers), tierText(new.Target.Tiers), "names, and what is held against what is found")
	if names := d.tiersRead(); len(names) > 0 {
		f.Class, f.Open = Loosened, true
		f.Notes = append(f.Notes, "conditions name "+strings.Join(names, ", ")+": read them again")
	}
	d.at(f, "/target/tiers")
}

func tierText(tiers []scenario.Tier) string {
	var out []string
	for _, t := range tiers {
		s := t.Name + " " + scenario.FormatSize(t.Capacity)
		if t.Bandwidth > 0 {
			s += " at " + number(t.Bandwidth/1e9) + "GB/s"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// tiersRead gives the metrics of conditions that name a stated tier whose number or
// capacity is another now.
func (d *differ) tiersRead() (names []string) {
	old, new := d.sc()
	at := func(tiers []scenario.Tier, name string) (int, int64) {
		i := slices.IndexFunc(tiers, func(t scenario.Tier) bool { return t.Name == name })
		if i < 0 {
			return i, 0
		}
		return i, tiers[i].Capacity
	}
	for _, c := range conditions(d.new) {
		for _, name := range c.Names() {
			_, tier, edge := strings.Cut(name, "edge.")
			if !edge {
				_, tier, edge = strings.Cut(name, "tier_share.")
			}
			i, a := at(old.Target.Tiers, tier)
			j, b := at(new.Target.Tiers, tier)
			if edge && (i != j || a != b) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// conditions lists all conditions of a plan.
func conditions(p *scenario.Plan) []*scenario.Condition {
	out := slices.Clone(p.Stops)
	for _, g := range p.Thresholds {
		out = append(out, g.Expect)
		if g.Where != nil {
			out = append(out, g.Where)
		}
	}
	return out
}

// telemetry reports whether a metric is the server's own, of which nothing is known.
func telemetry(name string) bool {
	return strings.HasPrefix(name, "server.") || strings.Contains(name, ".server.")
}
