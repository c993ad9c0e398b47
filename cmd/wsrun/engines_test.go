package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

// TestEngines sweeps a real llama-server across the end of its cache, with three sizes of
// it, and finds each edge within one prompt of what its log says; a map finds the sweep's
// edge to the prompt. `make engines` installs the server and names it and its model in
// WSRUN_ENGINES.
func TestEngines(t *testing.T) {
	server, model, ok := strings.Cut(strings.TrimSuffix(os.Getenv("WSRUN_ENGINES"), ":"), ":")
	if !ok {
		t.Skip("WSRUN_ENGINES is not set: run make engines")
	}
	bin := buildBinary(t)
	for _, ram := range []int{8, 16, 32} {
		t.Run(fmt.Sprintf("cache-ram %d", ram), func(t *testing.T) {
			l := startLlama(t, server, model, ram)
			prompts := l.prompts(t, ram)
			edge, swept := l.sweep(t, bin, prompts)
			mapped := startLlama(t, server, model, ram).mapped(t, bin, edge)
			t.Logf("| cache-ram %d | edge | requests | seconds |\n| map | %s\n| sweep | %s", ram, mapped, swept)
		})
	}
	t.Run("computed tokens equal timings.prompt_n", func(t *testing.T) {
		startLlama(t, server, model, 16).timings(t, bin)
	})
	t.Run("sustained", func(t *testing.T) {
		l := startLlama(t, server, model, 24)
		l.sustained(t, bin, l.prompts(t, 24))
	})
	t.Run("16 streams", func(t *testing.T) {
		startLlama(t, server, model, 64).streams(t, bin)
	})
}

func buildBinary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "wsrun")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// llama is a running llama-server.
type llama struct {
	url string
	log string
}

// slots that the server runs requests in.
const slots = 4

func startLlama(t *testing.T, server, model string, ram int) *llama {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	l := &llama{url: fmt.Sprintf("http://127.0.0.1:%d", port), log: filepath.Join(t.TempDir(), "llama.log")}
	log, err := os.Create(l.log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(server, "-m", model, "--host", "127.0.0.1", "--port", strconv.Itoa(port), "-t", "2", "-tb", "2", "--device", "none",
		"-c", "32768", "-np", strconv.Itoa(slots), "--cache-ram", strconv.Itoa(ram), "--metrics", "--slots")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		log.Close()
	})
	l.healthy(t)
	return l
}

// healthy waits until the server has loaded its model.
func (l *llama) healthy(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		if res, err := http.Get(l.url + "/health"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b, _ := os.ReadFile(l.log)
			t.Fatalf("llama-server is not healthy after 30 s:\n%s", lastWords(b))
		}
	}
}

func lastWords(b []byte) []byte { return b[max(0, len(b)-2000):] }

var entrySize = regexp.MustCompile(`size = ([0-9.]+) MiB`)

// prompts is where the cache ends: floor(RAM / entry) + 1 prompts, by the size of an entry
// that the server's own log tells once it has to make room.
func (l *llama) prompts(t *testing.T, ram int) int {
	t.Helper()
	// More prompts than fit, so that the server makes room.
	for i := range ram {
		ids := make([]int, 1000)
		for j := range ids {
			ids[j] = 300 + (i*7919+j*104729)%3600
		}
		b, _ := json.Marshal(map[string]any{"prompt": ids, "max_tokens": 1, "temperature": 0})
		res, err := http.Post(l.url+"/v1/completions", "application/json", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	log, err := os.ReadFile(l.log)
	if err != nil {
		t.Fatal(err)
	}
	m := entrySize.FindSubmatch(log)
	if m == nil {
		t.Fatalf("the log tells no entry size:\n%s", lastWords(log))
	}
	mib, _ := strconv.ParseFloat(string(m[1]), 64)
	return int(float64(ram)/mib) + 1
}

// wsrun runs a scenario against url with the binary and gives the record. Lines without
// a concurrency map are of fixed mode, those that only say how far to look of a map.
func (l *llama) wsrun(t *testing.T, bin, url, lines string) (*result.Record, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "s.yaml")
	mode := "fixed"
	switch {
	case strings.Contains(lines, "concurrency: {"):
		mode = "sustained"
	case strings.Contains(lines, "{max: "):
		mode = "map"
	}
	if err := os.WriteFile(file, []byte("name: llama\ntarget: {endpoints: ["+url+"], headers: {X-Request-Id: \"{request}\"}}\ncontexts: [1000]\nchunk: 250\nmode: "+mode+"\n"+lines), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "run", file)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("wsrun: %v\n%s%s", err, stdout.String(), stderr.String())
	}
	t.Logf("wsrun run\n%s", stdout.String())
	found, err := filepath.Glob(filepath.Join(dir, "results", "llama", "*", result.RecordFile))
	if err != nil || len(found) != 1 {
		t.Fatalf("records: %v %v", found, err)
	}
	rec, err := result.Read(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return rec, stdout.String()
}

// effort is what finding an edge took.
type effort struct {
	lo, hi   int // prompts that are found, and that are not
	requests int
	seconds  float64
}

func (e effort) String() string {
	return fmt.Sprintf("%d / %d | %d | %.1f |", e.lo, e.hi, e.requests, e.seconds)
}

// effortOf counts what a record sent, the probe left out, and how long that took.
func effortOf(rec *result.Record, lo, hi int) effort {
	e := effort{lo: lo, hi: hi}
	var from, to int64
	for _, u := range rec.Units {
		for _, q := range u.Requests {
			if e.requests++; from == 0 || q.Started < from {
				from = q.Started
			}
			to = max(to, q.End)
		}
	}
	e.seconds = time.Duration(to - from).Seconds()
	return e
}

// sweep looks at two sizes on each side of the edge, one request at a time, and gives the
// edge in prompts.
func (l *llama) sweep(t *testing.T, bin string, prompts int) (int, effort) {
	var sizes []string
	for n := prompts - 1; n <= prompts+2; n++ {
		sizes = append(sizes, strconv.Itoa(1000*n))
	}
	rec, _ := l.wsrun(t, bin, l.url, "working_set: ["+strings.Join(sizes, ", ")+"]\noutput_tokens: 1\nconcurrency: [1]\nduration: {min: 1s, max: 30s}\nassessment_period: 1s\nwarmup: {concurrency: 1}\n")
	sum := result.Summarise(rec)
	if len(sum.Series) != 1 || len(sum.Series[0].Transitions) == 0 {
		t.Fatalf("series: %+v", sum.Series)
	}
	// The slots may answer faster than the host cache, and show as a tier of their own: what
	// counts is where prompts are computed again.
	trs := sum.Series[0].Transitions
	tr := trs[len(trs)-1]
	if tr.To != "recompute" {
		t.Fatalf("transitions: %+v", trs)
	}
	lo, hi := int(tr.LoSize/1000), int(tr.HiSize/1000)
	t.Logf("floor(RAM/entry)+1 = %d; found: %d prompts hit, %d do not", prompts, lo, hi)
	if hi != lo+1 || lo < prompts-1 || lo > prompts+1 {
		t.Errorf("edge between %d and %d prompts, want it at %d to within one", lo, hi, prompts)
	}
	for _, p := range sum.Points {
		if p.Row.Get("error_rate").V != 0 {
			t.Errorf("%s: %v %% errors: %v", p.Cell, p.Row.Get("error_rate").V, p.ErrorsBy)
		}
	}
	return lo, effortOf(rec, lo, hi)
}

// A map of llama-server takes less than 15 s where a cold prompt takes 0.12 s, which is what
// two quiet cores need. Where others use them, it may take as much longer as a cold prompt does.
const (
	mostMapped = 15.0 // seconds
	quietCold  = 0.12 // seconds
)

// mapped finds the edge that a sweep has found, to the prompt, in one pass, of a server that
// has just been started. Looks at prompts that are still in a slot make
// others go earlier than their depth says: the edge is the sweep's all the same, and no other
// end of the cache is reported.
func (l *llama) mapped(t *testing.T, bin string, edge int) effort {
	rec, out := l.wsrun(t, bin, l.url, "working_set: {max: 200k}\nwarmup: {concurrency: 1}\n")
	sum := result.Summarise(rec)
	if len(sum.Maps) != 1 || len(sum.Maps[0].Rows) < 2 || sum.Maps[0].Rows[len(sum.Maps[0].Rows)-1].Tier.From == nil {
		t.Fatalf("a map should find where the cache ends:\n%s", out)
	}
	rows := sum.Maps[0].Rows
	end := rows[len(rows)-1].Tier.From
	e := effortOf(rec, end.Lo, end.Hi)
	if end.Lo != edge || end.Hi != edge+1 {
		t.Errorf("edge between %d and %d prompts, the sweep found it between %d and %d", end.Lo, end.Hi, edge, edge+1)
	}
	for _, p := range rows[:len(rows)-1] { // the four slots may show as a tier of their own: they are one
		if to := p.Tier.To; p.Tier.Gradual || to.Hi != edge+1 && to.Lo > slots {
			t.Errorf("%s ends at %+v (gradual: %v), want only the end of the cache and perhaps of its %d slots", p.Tier.Name, *to, p.Tier.Gradual, slots)
		}
	}
	cold := rows[len(rows)-1].Row.Get("ttft.p50").V
	if most := mostMapped * max(1, cold/quietCold); e.seconds > most {
		t.Errorf("%d requests took %.1f s, want less than %.1f (a cold prompt took %.3f s)", e.requests, e.seconds, most, cold)
	}
	return e
}

// timings holds prompt - cached of each request against the server's own count of what it
// computed, which a relay between the two reads along. The relay passes bytes and closes
// as they come: what the server does with its connections stays as it is.
func (l *llama) timings(t *testing.T, bin string) {
	r := newRelay(t, strings.TrimPrefix(l.url, "http://"))
	rec, _ := l.wsrun(t, bin, r.url, "working_set: [8000]\noutput_tokens: 4\nconcurrency: [1, 2]\nduration: 4s\nassessment_period: 1s\n")
	computed := r.close()
	n := 0
	for _, u := range rec.Units {
		for _, q := range u.Requests {
			if q.Class == sample.Censored {
				continue
			}
			n++
			if want, ok := computed[strconv.FormatInt(q.ID, 10)]; q.Class != sample.OK || !ok || q.PromptTokens-q.CachedTokens != want {
				t.Fatalf("request %d (%v): %v %s, prompt %d - cached %d, the server computed %d (told: %v)", q.ID, q.Phase, q.Class, q.Err, q.PromptTokens, q.CachedTokens, want, ok)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d requests", n)
	}
	t.Logf("%d requests: prompt - cached = timings.prompt_n in each", n)
}

// relay passes connections on and reads along which request computed how many tokens.
type relay struct {
	url      string
	ln       net.Listener
	conns    sync.WaitGroup
	mu       sync.Mutex
	computed map[string]int64
}

func newRelay(t *testing.T, upstream string) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{url: "http://" + ln.Addr().String(), ln: ln, computed: map[string]int64{}}
	go func() {
		for {
			down, err := ln.Accept()
			if err != nil {
				return
			}
			r.conns.Go(func() { r.pass(down, upstream) })
		}
	}()
	return r
}

// close waits for the connections and gives the computed tokens by request id.
func (r *relay) close() map[string]int64 {
	r.ln.Close()
	r.conns.Wait()
	return r.computed
}

var (
	requestID = regexp.MustCompile(`(?i)x-request-id: ([0-9]+)\r\n`)
	promptN   = regexp.MustCompile(`"timings":\{[^}]*"prompt_n":([0-9]+)`)
)

// pass carries one connection; llama-server takes one streamed request on each.
func (r *relay) pass(down net.Conn, upstream string) {
	defer down.Close()
	up, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer up.Close()
	var asked, answered bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.MultiWriter(up, &asked), down)
		_ = up.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(io.MultiWriter(down, &answered), up)
	_ = down.(*net.TCPConn).CloseWrite()
	down.Close()
	<-done
	id, n := requestID.FindSubmatch(asked.Bytes()), promptN.FindSubmatch(answered.Bytes())
	if id == nil || n == nil {
		return
	}
	tokens, _ := strconv.ParseInt(string(n[1]), 10, 64)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.computed[string(id[1])] = tokens
}

// streams runs 16 streams on four slots.
func (l *llama) streams(t *testing.T, bin string) {
	rec, _ := l.wsrun(t, bin, l.url, "working_set: [24000]\noutput_tokens: 16\nconcurrency: [16]\nduration: 8s\nassessment_period: 2s\n")
	p := result.Summarise(rec).Points[0]
	if p.Row.Get("error_rate").V != 0 || p.Row.Get("completed").V < 50 {
		t.Errorf("%v completed, %v %% errors: %v", p.Row.Get("completed"), p.Row.Get("error_rate"), p.ErrorsBy)
	}
	if c := p.Row.Get("concurrency_achieved").V; c < 15 {
		t.Errorf("%v in flight, want 16", c)
	}
}

// sustained grows the working set past the end of a real cache: a level is held on either
// side of it, and the edge shows within one step.
func (l *llama) sustained(t *testing.T, bin string, prompts int) {
	// Far enough from the edge that requests in flight do not blur it.
	sizes := []int{2 * prompts / 3, 5 * prompts / 3, 7 * prompts / 3}
	rec, _ := l.wsrun(t, bin, l.url, fmt.Sprintf("working_set: [%d, %d, %d]\noutput_tokens: 8\nassessment_period: 2500ms\nduration: 150s\n"+
		"concurrency: {start: 1, step: 1, max: 6}\nslo: {ttft: {p95: 2s}}\nwarmup: {concurrency: 1}\n", 1000*sizes[0], 1000*sizes[1], 1000*sizes[2]))
	sum := result.Summarise(rec)
	held := [2]int{}
	for _, p := range sum.Points {
		t.Logf("working set %d: held %d, converged %v, %s %v", p.Spec.WorkingSet, p.Level, p.Converged, p.Validity, p.Reasons)
		if p.Converged {
			held[btoi(p.Spec.WorkingSet > int64(1000*prompts))]++
		}
	}
	if held[0] == 0 || held[1] == 0 {
		t.Errorf("%d levels held below the edge and %d beyond it, want one on either side", held[0], held[1])
	}
	if len(sum.Series) != 1 || len(sum.Series[0].Transitions) != 1 {
		t.Fatalf("series: %+v", sum.Series)
	}
	tr := sum.Series[0].Transitions[0]
	if lo, hi := int(tr.LoSize/1000), int(tr.HiSize/1000); lo != sizes[0] || hi != sizes[1] {
		t.Errorf("edge between %d and %d prompts, want the step from %d to %d (it is at %d)", lo, hi, sizes[0], sizes[1], prompts)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
