package plandiff_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/plandiff"
)

// bases have every list that a key of one mode may stand in.
var bases = map[string]string{
	"fixed": `
name: base
target: {endpoints: [http://a:8000, http://b:8000], tiers: [{name: hbm, capacity: 1M}], headers: {X-Run: "{run}"}, body: {temperature: 1}}
contexts: [8k]
working_set: {min: 100k, max: 1M, steps: 4}
mode: fixed
duration: {min: 1m, max: 4m}
concurrency: [4, 8]
slo: {ttft: {max: 9s, avg: 2s, p50: 2s, p90: 3s, p95: 3s, p99: 5s}, output_rate: {avg: 20, p5: 5, p10: 10}}
stop: [{when: ttft.p95 > 3s, reason: enough}, {when: error_rate > 5%, periods: 2, fail: true}]
thresholds: [{expect: ttft.p95 < 2s, where: concurrency <= 8}]
compare: {gate: [{metric: ttft.p95, where: concurrency == 4}]}
`,
	"sustained": `
name: base
target: {endpoints: [http://a:8000, http://b:8000], tiers: [{name: hbm, capacity: 1M}], headers: {X-Run: "{run}"}, body: {temperature: 1}}
contexts: [8k]
working_set: {min: 100k, max: 1M, steps: 4}
duration: 2h
concurrency: {start: 2, step: 2, max: 100}
slo: {ttft: {max: 9s, avg: 2s, p50: 2s, p90: 3s, p95: 3s, p99: 5s}, output_rate: {avg: 20, p5: 5, p10: 10}, margin: 10%}
stop: [{when: ttft.p95 > 3s, reason: enough}, {when: error_rate > 5%, periods: 2, fail: true}]
thresholds: [{expect: ttft.p95 < 2s, where: working_set <= 500k}]
compare: {gate: [{metric: ttft.p95, where: working_set <= 500k}]}
`,
	"map": `
name: base
target: {endpoints: [http://a:8000, http://b:8000], balance: pinned, tiers: [{name: hbm, capacity: 1M}], headers: {X-Run: "{run}"}, body: {temperature: 1}}
contexts: [8k, 16k]
working_set: {max: 20M}
mode: map
thresholds: [{expect: edge1 > 100k, where: context == 8k}]
compare: {gate: [{metric: ttft.p95, where: context == 8k}]}
`,
}

// edit changes one key: set as on the command line, on top of what both sides have.
type edit struct {
	set  string
	both []string
	mode string // empty: all modes that have the key
	same bool   // nothing that is sent or judged changes: cosmetic, whatever the key's class
}

// edits has a change for each key that is no group of others.
var edits = map[string][]edit{
	"version":                                   nil, // there is one
	"name":                                      {{set: "name=other"}},
	"description":                               {{set: "description=words"}},
	"labels":                                    {{set: "labels.gpu=H100"}, {set: "labels.gpu=H200", both: []string{"labels.gpu=H100"}}},
	"extends":                                   nil, // what a base changes is told by its keys
	"target.endpoints":                          {{set: "target.endpoints=[http://a:8000, http://c:8000]"}, {set: "target.endpoints=[http://a:8000, http://b:8000, http://c:8000]"}},
	"target.simulator.profile":                  {{set: "target.simulator.profile=small", both: []string{"target.endpoints=null", "target.simulator.profile=other"}}},
	"target.replicas":                           {{set: "target.replicas=2"}},
	"target.gpus":                               {{set: "target.gpus=8"}},
	"target.model":                              {{set: "target.model=llama"}},
	"target.api":                                {{set: "target.api=chat"}},
	"target.engine":                             {{set: "target.engine=vllm"}},
	"target.balance":                            {{set: "target.balance=least-loaded", mode: "fixed"}, {set: "target.balance=pinned", mode: "sustained"}, {set: "target.balance=round-robin", both: []string{"target.endpoints=[http://a:8000]"}, mode: "map", same: true}},
	"target.api_key_env":                        {{set: "target.api_key_env=WSRUN_OTHER"}},
	"target.headers":                            {{set: "target.headers.X-More=1"}, {set: "target.headers.X-Run=2"}},
	"target.body":                               {{set: "target.body.temperature=0.5"}, {set: "target.body.top_k=3"}, {set: "target.body.user=b", both: []string{"target.body.user=a"}}},
	"target.metrics":                            {{set: "target.metrics=none"}, {set: "target.metrics=http://m:9000/metrics"}},
	"target.metrics_interval":                   {{set: "target.metrics_interval=5s"}},
	"target.timeouts.connect":                   {{set: "target.timeouts.connect=9s"}},
	"target.timeouts.first_token":               {{set: "target.timeouts.first_token=9m"}},
	"target.timeouts.between_tokens":            {{set: "target.timeouts.between_tokens=9s"}},
	"target.timeouts.request":                   {{set: "target.timeouts.request=9m"}},
	"target.tls.ca_file":                        {{set: "target.tls.ca_file=ca.pem", both: []string{"target.endpoints=[https://a, https://b]"}}},
	"target.tls.cert_file":                      {{set: "target.tls.cert_file=d.pem", both: []string{"target.endpoints=[https://a, https://b]", "target.tls={cert_file: c.pem, key_file: k.pem}"}}},
	"target.tls.key_file":                       {{set: "target.tls.key_file=l.pem", both: []string{"target.endpoints=[https://a, https://b]", "target.tls={cert_file: c.pem, key_file: k.pem}"}}},
	"target.tls.insecure":                       {{set: "target.tls.insecure=true", both: []string{"target.endpoints=[https://a, https://b]"}}},
	"target.max_in_flight":                      {{set: "target.max_in_flight=3000"}},
	"target.kv_bytes_per_token":                 {{set: "target.kv_bytes_per_token=1000"}},
	"target.kv_bytes_per_token.model":           {{set: "target.kv_bytes_per_token.model=llama-3.1-70b", both: []string{"target.kv_bytes_per_token={model: deepseek-v3}"}}, {set: "target.kv_bytes_per_token.model=llama-3.1-70b", both: []string{"target.kv_bytes_per_token={model: llama-3.1-8b}", "working_set={min: 10GiB, max: 100GiB, steps: 4}"}, mode: "fixed"}},
	"target.kv_bytes_per_token.dtype":           {{set: "target.kv_bytes_per_token.dtype=fp8", both: []string{"target.kv_bytes_per_token={model: deepseek-v3}"}}},
	"target.kv_bytes_per_token.tensor_parallel": {{set: "target.kv_bytes_per_token.tensor_parallel=8", both: []string{"target.kv_bytes_per_token={model: deepseek-v3}"}}},
	"target.tiers[].name":                       {{set: "target.tiers[0].name=gpu"}},
	"target.tiers[].capacity":                   {{set: "target.tiers[0].capacity=2M"}, {set: "target.tiers[0].capacity=2M", both: []string{"thresholds[0].expect=edge.hbm > 1k", "thresholds[0].where=context == 8k"}}},
	"target.tiers[].bandwidth":                  {{set: "target.tiers[0].bandwidth=50GB/s"}},
	"contexts":                                  {{set: "contexts=[8k, 32k]"}},
	"working_set.min":                           {{set: "working_set.min=150k"}, {set: "working_set.min=99k"}},
	"working_set.max":                           {{set: "working_set.max=2M"}, {set: "working_set.max=1010k"}},
	"working_set.steps":                         {{set: "working_set.steps=5"}, {set: "working_set.steps=7"}},
	"working_set.spacing":                       {{set: "working_set.spacing=log"}},
	"working_set.refine":                        {{set: "working_set.refine=2"}},
	"hit_rates":                                 {{set: "hit_rates=[50, 100]"}, {set: "hit_rates=[0, 100]"}},
	"output_tokens":                             {{set: "output_tokens=512"}},
	"chunk":                                     {{set: "chunk=1000"}, {set: "chunk=512", mode: "fixed", same: true}, {set: "chunk=512", mode: "sustained", same: true}},
	"server_block":                              {{set: "server_block=32"}},
	"access":                                    {{set: "access=uniform"}},
	"access.zipf":                               {{set: "access={zipf: 1.2}"}, {set: "access={zipf: 1.2}", both: []string{"access={zipf: 1.1}"}}},
	"seed":                                      {{set: "seed=7"}, {set: "seed=7", both: []string{"order=shuffled"}, mode: "fixed"}},
	"prompts.encoding":                          nil, // auto alone
	"prompts.salt":                              {{set: "prompts.salt=run"}},
	"mode":                                      nil, // see TestModes
	"duration.min":                              {{set: "duration.min=90s"}},
	"duration.max":                              {{set: "duration.max=9m"}},
	"assessment_period":                         {{set: "assessment_period=15s"}},
	"warm_in_max":                               {{set: "warm_in_max=2m"}, {set: "warm_in_max=2m", both: []string{"warm_in_max=1m"}}},
	"drain":                                     {{set: "drain=1m"}},
	"concurrency.start":                         {{set: "concurrency.start=4"}},
	"concurrency.step":                          {{set: "concurrency.step=4"}},
	"concurrency.max":                           {{set: "concurrency.max=50"}},
	"rate":                                      {{set: "rate=[5, 10]", both: []string{"concurrency=null", "rate=[5]", "thresholds=[]", "compare=null"}}},
	"arrivals":                                  {{set: "arrivals=constant", both: []string{"concurrency=null", "rate=[5]", "thresholds=[]", "compare=null"}}},
	"growth.by":                                 {{set: "growth.by=time"}},
	"growth.prompts":                            {{set: "growth.prompts=prewarmed"}},
	"growth.hold":                               {{set: "growth.hold=4"}, {set: "growth.hold=5m"}},
	"growth.at_end":                             {{set: "growth.at_end=hold"}},
	"map.resolution":                            {{set: "map.resolution=1%"}},
	"map.looks":                                 {{set: "map.looks=3"}, {set: "map.looks=3", both: []string{"map.looks=5"}}},
	"map.policy":                                {{set: "map.policy=true"}},
	"on_miss":                                   {{set: "on_miss=continue"}},
	"warmup.concurrency":                        {{set: "warmup.concurrency=32"}},
	"warmup.reset.post":                         {{set: "warmup.reset={post: /reset}"}, {set: "warmup.reset={post: /other}", both: []string{"warmup.reset={post: /reset}"}}},
	"warmup.reset.command":                      {{set: "warmup.reset={command: [make, clean]}"}, {set: "warmup.reset={command: [make, all]}", both: []string{"warmup.reset={command: [make, clean]}"}}},
	"warmup.rewarm":                             {{set: "warmup.rewarm=per-level"}},
	"warmup.verify":                             {{set: "warmup.verify=false"}},
	"repeats":                                   {{set: "repeats=1"}},
	"trials":                                    {{set: "trials=5"}},
	"order":                                     {{set: "order=interleaved", mode: "fixed"}, {set: "order=interleaved", mode: "sustained", same: true}, {set: "order=interleaved", mode: "map", same: true}},
	"slo.ttft.max":                              {{set: "slo.ttft.max=8s"}},
	"slo.ttft.avg":                              {{set: "slo.ttft.avg=1s"}},
	"slo.ttft.p50":                              {{set: "slo.ttft.p50=1s"}},
	"slo.ttft.p90":                              {{set: "slo.ttft.p90=2s"}},
	"slo.ttft.p95":                              {{set: "slo.ttft.p95=2s"}, {set: "slo.ttft.p95=null"}},
	"slo.ttft.p99":                              {{set: "slo.ttft.p99=4s"}},
	"slo.output_rate.avg":                       {{set: "slo.output_rate.avg=30"}},
	"slo.output_rate.p5":                        {{set: "slo.output_rate.p5=6"}},
	"slo.output_rate.p10":                       {{set: "slo.output_rate.p10=11"}},
	"slo.margin":                                {{set: "slo.margin=5%"}},
	"stop[].when":                               {{set: "stop[0].when=ttft.p95 > 4s"}, {set: "stop[0].when=ttft.p90 > 4s"}, {set: "stop[1].when=error_rate > 6%"}, {set: "stop[1].when=error_rate > 6% or completed == 0"}},
	"stop[].periods":                            {{set: "stop[1].periods=3"}, {set: "stop[0].periods=3"}},
	"stop[].ends":                               {{set: "stop[0].ends=run"}},
	"stop[].fail":                               {{set: "stop[0].fail=true"}},
	"stop[].reason":                             {{set: "stop[0].reason=because"}},
	"thresholds[].expect":                       {{set: "thresholds[0].expect=ttft.p95 < 3s", mode: "fixed"}, {set: "thresholds[0].expect=ttft.p99 < 3s", mode: "sustained"}, {set: "thresholds[0].expect=edge1 > 200k", mode: "map"}},
	"thresholds[].where":                        {{set: "thresholds[0].where=concurrency <= 4", mode: "fixed"}, {set: "thresholds[0].where=working_set <= 700k", mode: "sustained"}, {set: "thresholds[0].where=context <= 16k", mode: "map"}},
	"compare.gate[].metric":                     {{set: "compare.gate[0].metric=ttft.p90"}},
	"compare.gate[].where":                      {{set: "compare.gate[0].where=context == 8k", mode: "fixed"}, {set: "compare.gate[0].where=working_set <= 800k", mode: "sustained"}, {set: "compare.gate[0].where=context <= 16k", mode: "map"}},
	"compare.tolerance":                         {{set: "compare.tolerance=5%"}},
	"compare.alpha":                             {{set: "compare.alpha=0.01"}},
	"output.dir":                                {{set: "output.dir=other"}},
	"output.requests":                           {{set: "output.requests=false"}},
	"output.html":                               {{set: "output.html=false"}},
}

func load(t testing.TB, name, text string, set ...string) *scenario.Plan {
	t.Helper()
	plan, problems := scenario.Load(name, []byte(text), scenario.Options{Set: set, AllowCommands: true, Env: func(string) (string, bool) { return "hush", true }})
	if plan == nil {
		t.Fatalf("%s, with %q:\n%s", name, set, scenario.Render(problems, false))
	}
	return plan
}

// group reports whether a key only holds others.
func group(key string, all []scenario.Key) bool {
	return slices.ContainsFunc(all, func(k scenario.Key) bool {
		return strings.HasPrefix(k.Path, key+".") || strings.HasPrefix(k.Path, key+"[].")
	})
}

var index = regexp.MustCompile(`\[\d+\]`)

// ofKey reports whether a finding is about a key, whatever element or part of it.
func ofKey(f plandiff.Finding, key string) bool {
	named := index.ReplaceAllString(f.Key, "[]")
	if named == key || strings.HasPrefix(named, key+".") || strings.HasPrefix(named, key+" ") {
		return true
	}
	// A list that came or went, and a group that is told as one.
	return named != "" && strings.HasPrefix(key, named) && (len(key) == len(named) || strings.ContainsAny(key[len(named):len(named)+1], ".["))
}

// Every key of the language has a rule: a change of it alone is found, and means what the
// key's class says.
func TestEveryKey(t *testing.T) {
	all := scenario.Keys()
	for _, k := range all {
		changes, known := edits[k.Path]
		if group(k.Path, all) {
			continue
		}
		if !known {
			t.Errorf("%s: no change of it is tried: add one to edits, and a rule to plandiff", k.Path)
		}
		for _, mode := range k.Modes {
			tried := len(changes) == 0
			for _, e := range changes {
				if e.mode == "" || e.mode == mode {
					tried = true
					t.Run(mode+" "+e.set, func(t *testing.T) { tryKey(t, k, mode, e) })
				}
			}
			if !tried {
				t.Errorf("%s: no change of it is tried in mode %s", k.Path, mode)
			}
		}
	}
	for key := range edits {
		if !slices.ContainsFunc(all, func(k scenario.Key) bool { return k.Path == key }) {
			t.Errorf("%s is no key any more: remove it from edits", key)
		}
	}
}

func tryKey(t *testing.T, k scenario.Key, mode string, e edit) {
	old := load(t, "base.yaml", bases[mode], e.both...)
	new := load(t, "base.yaml", bases[mode], append(slices.Clone(e.both), e.set)...)
	classes := strings.NewReplacer(" / ", ", ").Replace(k.Class[mode])
	if e.same {
		classes = string(plandiff.Cosmetic)
	}
	for _, sides := range [][2]*scenario.Plan{{old, new}, {new, old}} {
		d := plandiff.Of(sides[0], sides[1])
		found := false
		for _, f := range d.Findings {
			if f.Class == plandiff.Cost && f.Key == "" {
				continue // time and tokens, of whatever has changed
			}
			if !ofKey(f, k.Path) {
				t.Errorf("%s: a finding of another key, %s: %s", k.Path, f.Key, f.Text)
				continue
			}
			found = true
			if !slices.Contains(strings.Split(classes, ", "), string(f.Class)) {
				t.Errorf("%s: %s, the key's class is %s: %s", k.Path, f.Class, classes, f.Text)
			}
		}
		if !found {
			t.Errorf("%s: no finding of a change that is no spelling", k.Path)
		}
	}
	if d := plandiff.Of(new, new); d.Status != plandiff.Unchanged {
		t.Errorf("%s against itself: %+v", k.Path, d.Findings)
	}
}

// A difference read backwards: what was added is removed, what was easier is harder, and
// what has no meaning has none. A plan with another digest is never called the same.
func TestBackwards(t *testing.T) {
	all := scenario.Keys()
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom(scenario.Modes()).Draw(t, "mode")
		var both, one, two []string
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			k := rapid.SampledFrom(all).Draw(t, "key")
			if list := edits[k.Path]; len(list) > 0 && slices.Contains(k.Modes, mode) {
				if e := rapid.SampledFrom(list).Draw(t, "edit"); e.mode == "" || e.mode == mode {
					both, two = append(both, e.both...), append(two, e.set)
				}
			}
		}
		read := func(set []string) *scenario.Plan {
			plan, _ := scenario.Load("base.yaml", []byte(bases[mode]), scenario.Options{Set: append(slices.Clone(both), set...), AllowCommands: true})
			return plan
		}
		a, b := read(one), read(two)
		if a == nil || b == nil {
			return // two changes that cannot stand together
		}
		there, back := plandiff.Of(a, b), plandiff.Of(b, a)
		sum := func(d plandiff.Diff) (n struct{ added, removed, easier, harder, open, others int }) {
			for _, f := range d.Findings {
				switch {
				case f.Open:
					n.open++
				case f.Class == plandiff.Loosened:
					n.easier++
				case f.Class == plandiff.Tightened:
					n.harder++
				case f.Sign == '+':
					n.added++
				case f.Sign == '-':
					n.removed++
				default:
					n.others++
				}
			}
			return n
		}
		x, y := sum(there), sum(back)
		x.added, x.removed, x.easier, x.harder = x.removed, x.added, x.harder, x.easier
		if x != y {
			t.Fatalf("%q on %q:\nthere %q\nback  %q", two, both, lines(there), lines(back))
		}
		if (a.Digest != b.Digest) && len(there.Findings) == 0 {
			t.Fatalf("%q on %q: another digest, and no finding", two, both)
		}
	})
}
