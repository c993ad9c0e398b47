package report

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// screen is a terminal that counts its redraws.
type screen struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	writes int
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.buf.Write(p)
}

func (s *screen) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// frame gives the last block drawn, without marks.
func (s *screen) frame() string {
	all := s.all()
	i := strings.LastIndex(all, "\x1b[?2026h")
	f := strings.NewReplacer("\x1b[?2026h", "", "\x1b[?2026l", "", "\x1b[K", "", "\x1b[J", "", "\r", "").Replace(all[i:])
	if at := strings.Index(f, "A"); strings.HasPrefix(f, "\x1b[") && at > 0 {
		f = f[at+1:]
	}
	return strings.TrimRight(f, "\n")
}

// session plays one unit of a plan of two into p: warm-up of 20 s, two levels.
func session(p *Progress) {
	rec := fixture(1)
	run := *rec.Run
	run.Cells = run.Cells[1:3]
	p.Observe(&run)
	p.Observe(rec.Probe)
	u := result.Unit{Cell: run.Cells[0].Key, Trial: 1}
	p.Observe(&result.Cell{Unit: u, State: result.CellBegin, Cell: run.Cells[0]})
	for range 13 {
		time.Sleep(20 * time.Second / 13)
		p.Observe(&result.Request{Request: sample.Request{Phase: sample.PhaseWarmup}})
	}
	p.Observe(&result.Phase{Unit: u, Phase: result.PhaseWarmup, Start: 0, End: 20 * second})
	for _, level := range []int{4, 8} {
		p.Observe(&result.Change{Unit: u, Level: level})
		time.Sleep(time.Second)
		p.Observe(&result.Phase{Unit: u, Phase: result.PhaseWarmIn, Level: level})
		time.Sleep(10 * time.Second)
		p.Observe(&result.Period{Unit: u, Level: level, Index: 1, Row: row("ttft.p95", .412, "output_throughput", 5120., "error_rate", 0.)})
		p.Observe(&result.Phase{Unit: u, Phase: result.PhaseMeasure, Level: level, Stop: "ttft.p95 > 400ms"})
	}
	p.Observe(&result.Request{Request: sample.Request{Phase: sample.PhaseLoad, Class: sample.Status}})
}

func TestProgressOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &screen{}
		p := NewProgress(w, ProgressOptions{Redraw: true, Width: func() int { return 100 }})
		session(p)
		time.Sleep(time.Second)
		want := `fixture  cell 1/2  ctx8000_ws100000_cache100
drain  working set 100k  conc 8
last period  ttft.p95 412ms  out 5.12k tok/s  errors 0%
[================                        ]  42%  43.0s  left ~60.0s  14 requests, 1 errors`
		if got := w.frame(); !sameBlock(got, want) {
			t.Errorf("block:\n%s\nwant about:\n%s", got, want)
		}
		p.Observe(&result.Cell{Unit: result.Unit{Cell: "ctx8000_ws100000_cache100", Trial: 1}, State: result.CellDone})
		p.Close()
		if got := w.frame(); !strings.HasPrefix(got, "cell 1/2 done: ctx8000_ws100000_cache100 in ") || strings.Contains(got, "[==") {
			t.Errorf("after Close: %q", got)
		}
	})
}

// A target that is slow to start: lines are said and the block is due before the run has
// its first frame.
func TestProgressBeforeTheFirstFrame(t *testing.T) {
	for _, redraw := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := &screen{}
			p := NewProgress(w, ProgressOptions{Redraw: redraw})
			p.Say("results in here")
			time.Sleep(2 * time.Minute)
			p.Observe(&result.Note{Code: "early", Text: "a note"})
			time.Sleep(2 * time.Minute)
			p.Close()
			if got := w.all(); !strings.Contains(got, "results in here") || strings.Contains(got, "%") {
				t.Errorf("redraw %v: %q", redraw, got)
			}
		})
	}
}

// sameBlock compares the words; the clock and the bar are checked on their own.
func sameBlock(got, want string) bool {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		return false
	}
	for i := range 3 {
		if g[i] != w[i] {
			return false
		}
	}
	return strings.HasPrefix(g[3], "[=") && strings.Contains(g[3], "left ~") && strings.HasSuffix(g[3], "14 requests, 1 errors")
}

// Frames may come as fast as they like: there are at most ten redraws a second.
func TestProgressRedrawsTenTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &screen{}
		p := NewProgress(w, ProgressOptions{Redraw: true})
		p.Observe(fixture(1).Run)
		for range 2000 {
			time.Sleep(time.Millisecond)
			p.Observe(&result.Request{})
		}
		synctest.Wait()
		if w.writes < 15 || w.writes > 20 {
			t.Errorf("%d redraws in two seconds, want at most 20", w.writes)
		}
		p.Close()
	})
}

func TestProgressOffATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &screen{}
		p := NewProgress(w, ProgressOptions{})
		session(p)
		time.Sleep(90 * time.Second)
		p.Observe(&result.Note{Code: "connection", Text: "the server closes\x1b[2J"})
		p.Observe(&result.Note{Code: "failed", Text: "told when the run has ended", Fail: true})
		p.Observe(&result.Cell{Unit: result.Unit{Cell: "ctx8000_ws100000_cache100", Trial: 1}, State: result.CellFailed, Reason: "why"})
		p.Close()
		got := w.all()
		if strings.Contains(got, "\x1b") {
			t.Error("an escape sequence in what is no terminal")
		}
		lines := strings.Split(strings.TrimSpace(got), "\n")
		for i, prefix := range []string{"server vllm 0.32, model tiny", "cell 1/2 begins: ctx8000", "1m00s  cell 1/2", "2m00s  cell 1/2", "note connection: the server closes", "cell 1/2 failed: ctx8000"} {
			if i >= len(lines) || !strings.HasPrefix(lines[i], prefix) {
				t.Fatalf("line %d does not begin with %q:\n%s", i+1, prefix, got)
			}
		}
		if len(lines) != 6 || !strings.HasSuffix(lines[5], "(why)") || strings.Contains(got, "told when") {
			t.Errorf("lines:\n%s", got)
		}
	})
}

func TestProgressVerbose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &screen{}
		p := NewProgress(w, ProgressOptions{Verbose: true})
		session(p)
		p.Close()
		for _, want := range []string{"  warm-up 20.0s\n", "  conc 4 period 1: ttft.p95 412ms", "  measure conc 8 0s, ttft.p95 > 400ms\n"} {
			if !strings.Contains(w.all(), want) {
				t.Errorf("no %q in:\n%s", want, w.all())
			}
		}
	})
}

// A terminal that takes nothing holds up neither Observe nor, for long, Close.
func TestProgressNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := NewProgress(writerFunc(func(b []byte) (int, error) { <-release; return len(b), nil }), ProgressOptions{})
		began := time.Now()
		for range 3 * maxWaiting {
			p.Observe(&result.Note{Code: "x", Text: "y"})
		}
		time.Sleep(time.Second)
		for range 3 * maxWaiting {
			p.Observe(&result.Note{Code: "x", Text: "y"})
		}
		if time.Since(began) != time.Second {
			t.Errorf("Observe took %s", time.Since(began)-time.Second)
		}
		p.Close()
		if time.Since(began) != 2*time.Second {
			t.Errorf("Close took %s", time.Since(began)-time.Second)
		}
		if len(p.lines) != maxWaiting || p.dropped != 2*maxWaiting {
			t.Errorf("%d lines wait, %d were dropped", len(p.lines), p.dropped)
		}
		close(release)
		<-p.done
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A refined cell is not in the plan until it begins; one that a stop skipped is
// done without having begun.
func TestProgressCountsUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewProgress(&screen{}, ProgressOptions{})
		defer p.Close()
		p.Observe(fixture(2).Run)
		if n := len(p.st.planned); n != 12 {
			t.Errorf("%d units planned, want 12", n)
		}
		p.Observe(&result.Cell{Unit: result.Unit{Cell: "ctx8000_ws200000_cache100", Trial: 1}, State: result.CellBegin, Cell: scenario.Cell{Levels: []int{4}}})
		if got := p.st.place(); got != "cell 13/13" {
			t.Errorf("refined: %s", got)
		}
		p.Observe(&result.Cell{Unit: result.Unit{Cell: "ctx8000_ws900000_cache100", Trial: 2}, State: result.CellSkipped})
		if !p.st.planned[11].over || p.st.current != 12 {
			t.Errorf("skipped: %+v, current %d", p.st.planned[11], p.st.current)
		}
	})
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0s", 900 * time.Millisecond: "900ms", 12300 * time.Millisecond: "12.3s", 59960 * time.Millisecond: "1m00s", 245 * time.Second: "4m05s", 59*time.Minute + 59900*time.Millisecond: "1h00m", 127 * time.Minute: "2h07m"} {
		if got := clock(d); got != want {
			t.Errorf("clock(%s) = %s, want %s", d, got, want)
		}
	}
}
