package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// Whatever is given, the scenario that is made of it says that and nothing else: an
// argument never becomes a key or another value.
func TestMapScenarioHoldsItsArguments(t *testing.T) {
	odd := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"true", "1", "1e3", "null", "~", "a: b", "a #b", "- a", "]", "}\nmode: fixed", "\"", "'", "*x", "&x", "!x", "%", "0x10", "a:", "@b", "`", "http://[::1]:8"}))
	rapid.Check(t, func(t *rapid.T) {
		f := mapFlags{context: odd.Draw(t, "context"), max: odd.Draw(t, "max"), resolution: odd.Draw(t, "resolution"), model: odd.Draw(t, "model"), policy: rapid.Bool().Draw(t, "policy")}
		text := f.scenario(odd.Draw(t, "server"))
		plan, problems := scenario.Load("x", []byte(text), scenario.Options{})
		if plan != nil {
			if sc := plan.Scenario; sc.Mode != "map" || f.model != "" && sc.Target.Model != f.model {
				t.Fatalf("%+v\n%s", sc, text)
			}
			return
		}
		for _, p := range problems {
			switch p.Path {
			case "/target", "/target/endpoints", "/target/endpoints/0", "/contexts/0", "/working_set/max", "/map/resolution", "/target/model":
			default:
				t.Fatalf("a problem at %q: %s\n%s", p.Path, p.Message, text)
			}
		}
	})
}

// What the flags say is what is asked for.
func TestMapScenario(t *testing.T) {
	for _, c := range []struct {
		server string
		f      mapFlags
		want   string // of the target
	}{
		{"http://gpu-1:8000/v1", mapFlags{}, "http://gpu-1:8000/v1"},
		{"http://[::1]:8000", mapFlags{model: "meta-llama/Llama-3.1-70B"}, `{endpoints: ["http://[::1]:8000"], model: "meta-llama/Llama-3.1-70B"}`},
		{"https://host", mapFlags{keyEnv: "WSRUN_KEY"}, `{endpoints: [https://host], api_key_env: "WSRUN_KEY"}`},
		{"simulator", mapFlags{}, "simulator"},
		{"simulator", mapFlags{profile: "h100-70b"}, `{simulator: {profile: "h100-70b"}}`},
	} {
		c.f.context, c.f.max, c.f.resolution, c.f.policy = "32k", "5M", "1.5%", true
		text := c.f.scenario(c.server)
		plan, problems := scenario.Load("x", []byte(text), scenario.Options{})
		if plan == nil {
			t.Fatalf("%s\n%s", text, scenario.Render(problems, false))
		}
		sc := plan.Scenario
		if !strings.Contains(text, "\ntarget: "+c.want+"\n") || sc.Contexts[0] != 32000 || sc.Map != (scenario.Survey{Max: 5_000_000, Resolution: 0.015, Policy: true}) || sc.Name != "map" {
			t.Errorf("%s\n%+v", text, sc)
		}
	}
}

// Where nobody asked for a context the first default that the server takes is mapped; one
// that was asked for and does not fit is refused, with one that would.
func TestMapFits(t *testing.T) {
	for _, c := range []struct {
		context string
		limit   int64
		given   bool
		want    int64
		err     string
	}{
		{"8k", -1, false, 8000, ""},
		{"8k", 0, true, 8000, ""},
		{"8k", 8193, false, 8000, ""},
		{"8k", 8193, true, 8000, ""},
		{"8k", 8192, false, 4000, ""},
		{"8k", 4096, false, 2000, ""},
		{"8k", 1025, false, 1000, ""},
		{"8k", 1024, false, 0, "write --context 768, or start the server with more"},
		{"8k", 200, false, 0, "takes 200 together: start the server with more"},
		{"8k", 8192, true, 0, "--context 8k: a prompt of 8192 tokens (in whole chunks of 256) and 1 output token do not fit, the server takes 8192 together: write --context 7936, or start"},
		{"32k", 131072, true, 32000, ""},
	} {
		plan, problems := scenario.Load("x", []byte(mapFlags{context: c.context, max: "20M"}.scenario("http://h")), scenario.Options{})
		if plan == nil {
			t.Fatal(problems)
		}
		got, err := fitting(plan, c.limit, c.given)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%+v: %d, %v", c, got, err)
		}
	}
}

// The limit is found without a prompt: a server is asked what it is, and nothing else.
func TestMapLimit(t *testing.T) {
	p, _ := simulator.Builtin("ci")
	p.MaxModelLen = 8192
	sim := simulator.New(p)
	var prompts atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.Contains(q.URL.Path, "completions") {
			prompts.Add(1)
		}
		if q.Header.Get("Authorization") != "Bearer k" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		sim.ServeHTTP(w, q)
	}))
	defer srv.Close()
	mapped := func(server, keyEnv string) *scenario.Plan {
		plan, problems := scenario.Load("x", []byte(mapFlags{context: "8k", max: "20M", keyEnv: keyEnv}.scenario(server)), scenario.Options{AllowedEnv: []string{keyEnv}})
		if plan == nil {
			t.Fatal(problems)
		}
		return plan
	}
	for name, want := range map[string]int64{"KEY": 8192, "NONE": sample.Unknown} {
		a := &app{env: func(n string) (string, bool) { return "k", n == "KEY" }, flags: flags{env: []string{name}}}
		if got := a.mapLimit(mapped(srv.URL+"/v1", name)); got != want || prompts.Load() != 0 {
			t.Errorf("%s: %d tokens after %d prompts, want %d after none", name, got, prompts.Load(), want)
		}
	}
	if got := (&app{env: os.LookupEnv}).mapLimit(mapped("http://127.0.0.1:1", "")); got != sample.Unknown {
		t.Errorf("nobody answers: %d", got)
	}
}

// A map of a server that takes 8,192 tokens is one of 4k contexts, which is said and kept.
func TestMapChoosesContext(t *testing.T) {
	t.Parallel()
	p, _ := simulator.Builtin("ci")
	p.MaxModelLen, p.Tiers[0].Capacity, p.Tiers[1].Capacity = 8192, 40_000, 40_000
	srv := httptest.NewServer(simulator.New(p))
	defer srv.Close()
	dir := t.TempDir()
	e := must(t, 0, dir, "map", srv.URL, "--max", "400k", "--write", "kept.yaml")
	if want := "context 4k: the server takes 8192 tokens in a request, prompt and output together; --context chooses another\n"; !strings.HasPrefix(e.stderr, want) {
		t.Error(e.stderr)
	}
	if kept := oneFile(t, dir, "kept.yaml"); !strings.Contains(kept, "contexts: [4k]\n") || !strings.Contains(e.stdout, "context 4k: hbm holds ") {
		t.Errorf("%s\n%s", kept, e.stdout)
	}
	e = must(t, 1, dir, "map", srv.URL, "--context", "8k", "--write", "not.yaml")
	if _, err := os.Stat(filepath.Join(dir, "not.yaml")); err == nil || !strings.Contains(e.stderr, "write --context 7936") {
		t.Errorf("%v\n%s", err, e.stderr)
	}
}

// big holds 19M tokens in three tiers, and takes little time.
const big = `name: big
tiers:
  - {name: hbm, capacity: 2M}
  - {name: dram, capacity: 6M, load: 2us}
  - {name: ssd, capacity: 11M, load: 4us}
base: 1ms
prefill: 9us
decode: 0ms
`

// BenchmarkMap20MProcess maps three tiers of 19M tokens in all, in prompts of 1,024 tokens,
// as people do: the most resident memory of the process of wsrun map, record and pages
// included, which must be less than 200 MB, and of the simulator in a process of its own.
func BenchmarkMap20MProcess(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "big.yaml"), []byte(big), 0o644); err != nil {
			b.Fatal(err)
		}
		sim := command(dir, "simulate", "--profile", "big.yaml", "--listen", "127.0.0.1:0")
		out, err := sim.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		var said bytes.Buffer
		sim.Stderr = &said
		simPeak := startPeak(b, sim)
		url, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			_ = sim.Wait() // why is in what it said
			b.Fatalf("%v\n%s", err, &said)
		}
		var table bytes.Buffer
		m := command(dir, "map", strings.TrimSpace(url), "--context", "1k", "--max", "20M")
		m.Stdout = &table
		peak := startPeak(b, m)
		err = m.Wait()
		_ = sim.Process.Kill() // it serves until then
		_ = sim.Wait()         // killed
		if err != nil || strings.Count(table.String(), "\n     1k  ") != 4 {
			b.Fatalf("%v\n%s", err, &table)
		}
		most, server := <-peak, <-simPeak
		if most == 0 {
			b.Skip("this system does not tell the memory of a process")
		}
		b.ReportMetric(most, "MB")
		b.ReportMetric(server, "simulator-MB")
		if most > 200 {
			b.Errorf("%.0f MB, want at most 200", most)
		}
	}
}

// startPeak starts a process, and gives the most resident memory that it took, in MB, once
// it has ended; 0 where the system does not tell (Linux: proc(5), VmHWM).
func startPeak(b *testing.B, cmd *exec.Cmd) <-chan float64 {
	b.Helper()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	out := make(chan float64, 1)
	go func() {
		most := 0.0
		for tick := time.Tick(20 * time.Millisecond); ; <-tick {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			_, rest, told := strings.Cut(string(status), "VmHWM:")
			if err != nil || !told { // it has ended: what is left of it has no memory
				out <- most
				return
			}
			kB, err := strconv.ParseFloat(strings.Fields(rest + " -")[0], 64)
			if err != nil {
				out <- most
				return
			}
			most = max(most, kB*1024/1e6)
		}
	}()
	return out
}
