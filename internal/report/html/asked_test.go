package html

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// untold is what the index does not say of a scenario, beside the file that it shows: what is
// no part of the question, or cannot be run yet.
var untold = []string{
	"Version", "Description", "Drain", "Rates", "Arrivals", "Compare", "Output", // Description is the lead
	"Prompts.Encoding", "Target.APIKeyEnv", "Target.MetricsInterval", "Target.MaxInFlight", "Target.TLS.KeyFile",
	"Target.KVBytesPerToken", // the provenance has what the record made of it
	"Zipf",                   // with access: zipf, which cannot be run yet
}

// Whatever a scenario asks for is said on the index: a key that is new must be put there, or
// into the list above.
func TestWhateverIsAskedIsSaid(t *testing.T) {
	told, changed := map[string]bool{}, map[string]bool{}
	for _, mode := range []string{"fixed", "sustained", "map"} {
		sc := everyKey(mode)
		say := func() string {
			r := &Run{Rec: &result.Record{Run: &result.Run{Scenario: sc}}, Sum: &result.Summary{}}
			return textOf(string(prose("beside", map[string]any{"Asked": append(r.asked(), r.provenance()...), "Pages": nil, "Cells": nil, "Files": nil, "Source": "", "Merged": "", "Given": false})))
		}
		before := say()
		eachLeaf(reflect.ValueOf(sc).Elem(), "", func(path string) {
			changed[path] = true
			told[path] = told[path] || say() != before
		})
	}
	if len(changed) < 60 {
		t.Fatalf("only %d keys were tried", len(changed))
	}
	for path := range changed {
		known := slices.ContainsFunc(untold, func(u string) bool { return path == u || strings.HasPrefix(path, u+".") })
		if told[path] == known {
			t.Errorf("%s: told %v, in the list of what is not told %v", path, told[path], known)
		}
	}
}

// everyKey is a scenario in which every list, map and pointer has something.
func everyKey(mode string) *scenario.Scenario {
	sc := &scenario.Scenario{Mode: mode, Access: "cyclic", Contexts: []int64{4000}, HitRates: []float64{100}, Concurrency: []int{8}, Rates: []float64{1}, Trials: 2, Labels: map[string]string{"a": "b"},
		WorkingSet: scenario.WorkingSet{Sizes: []int64{100_000}}, Prompts: scenario.Prompts{Salt: "run"}, OnMiss: "skip",
		Duration:   scenario.Span{Min: scenario.Duration(time.Second), Max: scenario.Duration(2 * time.Second)},
		SLO:        scenario.SLO{TTFT: []scenario.Line{{Stat: "p95", Limit: 1}}, OutputRate: []scenario.Line{{Stat: "p5", Limit: 1}}, Margin: 5},
		Stop:       []scenario.Stop{{When: "a", Periods: 2, Ends: "run"}},
		Thresholds: []scenario.Threshold{{Expect: "b", Where: "c"}},
		Growth:     scenario.Growth{By: "time", Hold: 2, AtEnd: "hold"},
		Compare:    scenario.Compare{Gate: []scenario.GateLine{{}}},
		Target: scenario.Target{Endpoints: []string{"http://a.test", "http://b.test"}, Model: "m", Headers: map[string]string{"X-Key": "secret"}, Body: map[string]any{"user": "secret"}, Metrics: []string{"http://m.test"},
			TLS: &scenario.TLS{CAFile: "ca"}, Tiers: []scenario.Tier{{Name: "t", Capacity: 1000}}}}
	sc.Target.Timeouts = scenario.Timeouts{Connect: 1e9, FirstToken: 1e9, BetweenTokens: 1e9, Request: 1e9}
	return sc
}

// eachLeaf gives each value in a struct another one, one at a time, and calls look.
func eachLeaf(v reflect.Value, path string, look func(path string)) {
	try := func(other reflect.Value) {
		was := reflect.New(v.Type()).Elem()
		was.Set(v)
		v.Set(other)
		look(path)
		v.Set(was)
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			eachLeaf(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), look)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			eachLeaf(v.Elem(), path, look)
		} else {
			try(reflect.New(v.Type().Elem()))
		}
	case reflect.Slice:
		if v.Len() > 0 && v.Index(0).Kind() == reflect.Struct {
			eachLeaf(v.Index(0), path, look)
		} else {
			try(reflect.MakeSlice(v.Type(), 3, 3))
		}
	case reflect.Map:
		other := reflect.MakeMap(v.Type())
		other.SetMapIndex(reflect.ValueOf("another"), reflect.Zero(v.Type().Elem()))
		try(other)
	case reflect.String:
		try(reflect.ValueOf(v.String() + "another").Convert(v.Type()))
	case reflect.Bool:
		try(reflect.ValueOf(!v.Bool()).Convert(v.Type()))
	case reflect.Float32, reflect.Float64:
		try(reflect.ValueOf(v.Float() + 7).Convert(v.Type()))
	default:
		try(reflect.ValueOf(v.Int() + 3e9).Convert(v.Type()))
	}
}

// Of what may hold secrets names alone are said.
func TestServerAsked(t *testing.T) {
	sc := everyKey("fixed")
	sc.Target.Engine, sc.Target.API, sc.Target.Balance, sc.Target.Replicas, sc.Target.TLS.Insecure = "vllm", "auto", "pinned", 2, true
	sc.Target.Metrics = []string{"http://me:secret@m.test/metrics?key=secret"}
	sc.Warmup.Reset = scenario.Reset{Command: []string{"reset", "--key", "secret"}}
	got := map[string]string{}
	for _, f := range asked(sc) {
		if strings.Contains(f.Value, "secret") {
			t.Errorf("%s tells %q", f.Key, f.Value)
		}
		got[f.Key] = f.Value
	}
	for key, want := range map[string]string{
		"Server": "engine vllm, model m", "Replicas": "2 endpoints, pinned; 2 servers behind an endpoint share the prompts", "TLS": "the server's certificate is not checked, the authorities of ca",
		"Headers": "X-Key (values left out)", "Body": "user (values left out)", "Telemetry": "http://m.test/metrics", "Timeouts": "1s to connect, 1s to the first token, 1s between tokens, 1s in all",
		"Prompts": "0 tokens are a chunk; new prompts for each run, not for each cell", "On a miss": "the higher levels are skipped",
	} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
	if !strings.Contains(got["Warm-up"], "the cache is emptied before it by a command") {
		t.Errorf("Warm-up: %q", got["Warm-up"])
	}
}
