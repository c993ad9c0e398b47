package result

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// fakeDisk is a file in memory that can be full, slow or broken.
type fakeDisk struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	room    int           // bytes it takes before it is full; 0: any
	syncErr error         // of every Sync
	gate    chan struct{} // when set, a Write waits for it
	writes  int
	syncs   int
	closed  bool
}

var errFull = errors.New("no space left on device")

func (d *fakeDisk) Write(p []byte) (int, error) {
	if d.gate != nil {
		<-d.gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	if d.room > 0 && d.buf.Len()+len(p) > d.room {
		n, _ := d.buf.Write(p[:d.room-d.buf.Len()])
		return n, errFull
	}
	return d.buf.Write(p)
}

func (d *fakeDisk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	return d.syncErr
}

func (d *fakeDisk) Truncate(n int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buf.Truncate(int(n))
	return nil
}

func (d *fakeDisk) Close() error { d.closed = true; return nil }

func (d *fakeDisk) state() (size, syncs int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.buf.Len(), d.syncs
}

func onDisk(t *testing.T, d *fakeDisk, limit int64) *Writer {
	t.Helper()
	head := fileHeader()
	d.buf.Write(head)
	w, err := newWriter("record.wsr", d, int64(len(head)), limit)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// What was observed is in the file within a second; the end of a point, a new
// session and the end of a unit are synced at once.
func TestFlushAndSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDisk{}
		w := onDisk(t, d, queueBytes)
		step := func(what string, f Frame, wait time.Duration, wantGrown bool, wantSyncs int) {
			t.Helper()
			before, synced := d.state()
			if f != nil {
				w.Observe(f)
			}
			time.Sleep(wait)
			synctest.Wait()
			after, syncs := d.state()
			if after > before != wantGrown || syncs-synced != wantSyncs {
				t.Errorf("%s: grew by %d, %d syncs", what, after-before, syncs-synced)
			}
		}
		step("run", &Run{Schema: Schema}, 0, true, 1)
		step("unit begins", &Cell{State: CellBegin}, 0, false, 0)
		step("request", request("c", 1, 1), 990*time.Millisecond, false, 0)
		step("a second later", nil, 20*time.Millisecond, true, 0)
		step("nothing more", nil, 10*time.Second, false, 0)
		step("request", request("c", 1, 2), 0, false, 0)
		step("warm-up ends", &Phase{Phase: PhaseWarmup}, 0, false, 0)
		step("point ends", &Phase{Phase: PhaseMeasure}, 0, true, 1)
		step("unit ends", &Cell{State: CellDone}, 0, true, 1)
		step("later", nil, 10*time.Second, false, 0)
		w.Observe(request("c", 1, 3))
		if err := w.Close(); err != nil || !d.closed {
			t.Fatal(err)
		}
		rec, err := ReadFrom(bytes.NewReader(d.buf.Bytes()))
		if err != nil || rec.Torn || len(rec.Units) != 2 || len(rec.Units[1].Requests) != 3 {
			t.Errorf("%+v, %v", rec, err)
		}
	})
}

// Much at once is written in MiBs, before the second is over.
func TestFlushBySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDisk{}
		w := onDisk(t, d, queueBytes)
		rng := rand.New(rand.NewPCG(1, 1))
		for i := range 300 {
			r := request("c", 1, int64(i))
			r.Events = make([]byte, 10<<10) // does not pack
			for k := range r.Events {
				r.Events[k] = byte(rng.Uint32())
			}
			w.Observe(r)
		}
		synctest.Wait()
		if n, _ := d.state(); n < 2<<20 || d.writes > 4 {
			t.Errorf("%d bytes in %d writes of 3 MiB before a second is over", n, d.writes)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// A full disk is told once; what was written stays and is whole; the rest is
// dropped and counted; nobody ever waits.
func TestDiskFails(t *testing.T) {
	for name, d := range map[string]*fakeDisk{"full": {room: 3000}, "broken": {}} {
		t.Run(name, func(t *testing.T) {
			w := onDisk(t, d, queueBytes)
			var told atomic.Int32
			w.OnError = func(err error) {
				told.Add(1)
				if !strings.Contains(err.Error(), "cannot write the record record.wsr") {
					t.Errorf("told: %v", err)
				}
			}
			w.Observe(&Run{Schema: Schema})
			if err := w.Sync(); err != nil {
				t.Fatal(err)
			}
			want := errFull
			if name == "broken" {
				want = errors.New("input/output error")
				d.mu.Lock()
				d.syncErr = want
				d.mu.Unlock()
			}
			failed := 0
			for i := range 100 {
				w.Observe(request(fmt.Sprint("a cell of its own ", i*i*i*7919), 1, int64(i)))
				if err := w.Sync(); err != nil {
					failed++
					if !errors.Is(err, want) {
						t.Fatal(err)
					}
				}
			}
			err := w.Close()
			if !errors.Is(err, want) || told.Load() != 1 || failed == 0 || w.Dropped() != failed-1 {
				t.Errorf("%v; told %d times, %d failed, %d dropped", err, told.Load(), failed, w.Dropped())
			}
			if !strings.HasSuffix(err.Error(), fmt.Sprintf("%d later frames were not written", w.Dropped())) {
				t.Errorf("close says %v", err)
			}
			rec, err := ReadFrom(bytes.NewReader(d.buf.Bytes()))
			if err != nil || rec.Torn || name == "full" && len(rec.Units) != 100-failed {
				t.Errorf("%d units of %d, torn %v, %v", len(rec.Units), 100-failed, rec.Torn, err)
			}
			if w.Close() == nil || w.Sync() == nil {
				t.Error("no error after the error")
			}
		})
	}
}

// A disk that hangs fills the queue: that ends the run, and what was queued is
// written once the disk goes on. Observe never waits.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDisk{gate: make(chan struct{})}
		w := onDisk(t, d, 100<<10)
		var told []error
		w.OnError = func(err error) { told = append(told, err) }
		w.Observe(&Run{Schema: Schema})
		synctest.Wait() // it hangs in the write
		n := 0
		for range 1000 {
			w.Observe(request("c", 1, int64(n)))
			if w.Err() == nil {
				n++
			}
		}
		if len(told) != 1 || !errors.Is(told[0], ErrQueueFull) || w.Dropped() != 1000-n || n < 50 || n > 200 {
			t.Errorf("told %v, dropped %d, kept %d", told, w.Dropped(), n)
		}
		close(d.gate)
		if err := w.Close(); !errors.Is(err, ErrQueueFull) {
			t.Errorf("close: %v", err)
		}
		rec, err := ReadFrom(bytes.NewReader(d.buf.Bytes()))
		if err != nil || rec.Torn || len(rec.Units[0].Requests) != n {
			t.Errorf("%v: %d of %d requests", err, len(rec.Units[0].Requests), n)
		}
	})
}

// The queue's account is balanced: a disk that keeps up never fills it.
func TestQueueDrains(t *testing.T) {
	d := &fakeDisk{}
	w := onDisk(t, d, 64<<10)
	for i := range 2000 {
		w.Observe(request("c", 1, int64(i)))
		if i%50 == 0 {
			if err := w.Sync(); err != nil {
				t.Fatal(err)
			}
			w.mu.Lock()
			if w.waiting != 0 {
				t.Fatalf("%d bytes wait after a sync", w.waiting)
			}
			w.mu.Unlock()
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// Many observe at once: nothing is lost, and each one's order stays.
func TestConcurrentObserve(t *testing.T) {
	d := &fakeDisk{}
	w := onDisk(t, d, queueBytes)
	w.Observe(&Run{Schema: Schema})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				if i%100 == 0 {
					w.Observe(&Note{At: int64(i)})
					if err := w.Sync(); err != nil {
						t.Error(err)
					}
				}
				w.Observe(request(fmt.Sprint(g), 1, int64(i)))
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := ReadFrom(bytes.NewReader(d.buf.Bytes()))
	if err != nil || len(rec.Units) != 4 || len(rec.Notes) != 20 {
		t.Fatalf("%d units, %d notes, %v", len(rec.Units), len(rec.Notes), err)
	}
	for _, u := range rec.Units {
		for i, r := range u.Requests {
			if r.ID != int64(i) || len(u.Requests) != 500 {
				t.Fatalf("cell %s: request %d at %d of %d", u.Cell, r.ID, i, len(u.Requests))
			}
		}
	}
	w.Observe(&Note{})
	if w.Dropped() != 1 {
		t.Error("a frame after Close is to be counted as dropped")
	}
}

// Events that no frame holds are left out, and that is said.
func TestHugeRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 100 MiB")
	}
	d := &fakeDisk{}
	w := onDisk(t, d, queueBytes)
	w.Observe(&Run{Schema: Schema})
	r := request("c", 1, 1)
	r.Events = make([]byte, maxPayload)
	w.Observe(r)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := ReadFrom(bytes.NewReader(d.buf.Bytes()))
	if err != nil || rec.Torn {
		t.Fatal(rec.Loss, err)
	}
	if got := rec.Units[0].Requests[0]; got.Events != nil || !strings.Contains(got.Err, "too many to be recorded") || r.Err != "" {
		t.Errorf("%d bytes of events, %q", len(got.Events), got.Err)
	}
}

const crashPath = "WSRUN_TEST_CRASH_RECORD"

// TestCrashChild is the process that TestKilled kills: it resumes the record, goes
// on counting where it ends, and tells each number once it is on disk.
func TestCrashChild(t *testing.T) {
	path := os.Getenv(crashPath)
	if path == "" {
		t.Skip("run by TestKilled")
	}
	w, rec, err := Resume(path)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	next := int64(0)
	if len(rec.Units) > 0 {
		next = int64(len(rec.Units[0].Requests))
	}
	rng := rand.New(rand.NewPCG(uint64(next), 1))
	for { // until it is killed
		for range 1 + rng.IntN(20) {
			w.Observe(request("c", 1, next))
			next++
			if rng.IntN(5) == 0 {
				w.Observe(&Scrape{sample.Scrape{At: next}})
			}
		}
		w.Observe(&Phase{Phase: PhaseMeasure, Unit: Unit{Cell: "c", Trial: 1}})
		if rng.IntN(2) == 0 {
			if err := w.Sync(); err != nil {
				fmt.Println("error", err)
				os.Exit(1)
			}
			fmt.Println("synced", next)
		}
	}
}

// Killed with -9 at random moments, over and over on the same record: everything
// that was synced is there, in order, each once.
func TestKilled(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), RecordFile)
	write(t, path, []Frame{&Run{Schema: Schema, Session: 1}}, false)
	rng := rand.New(rand.NewPCG(3, 3))
	synced := 0
	for round := range 20 {
		child := exec.Command(exe, "-test.run=^TestCrashChild$")
		child.Env = append(os.Environ(), crashPath+"="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		synced = max(synced, killAfter(t, child.Process, out, 1+rng.IntN(8)))
		_ = child.Wait() // "signal: killed" is what was asked for
		rec, err := Read(path)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		got := rec.Units[0].Requests
		if len(got) < synced {
			t.Fatalf("round %d: %d requests of %d that were on disk", round, len(got), synced)
		}
		for i, r := range got {
			if r.ID != int64(i) {
				t.Fatalf("round %d: request %d at place %d", round, r.ID, i)
			}
		}
	}
}

// killAfter kills the process after it has told that n syncs are done, at whatever
// it does then, and gives the last number it told.
func killAfter(t *testing.T, p *os.Process, out io.Reader, n int) (last int) {
	t.Helper()
	lines := bufio.NewScanner(out)
	for told := 0; lines.Scan(); {
		number, ok := strings.CutPrefix(lines.Text(), "synced ")
		if !ok {
			t.Fatalf("the child says %q", lines.Text())
		}
		v, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		last = v
		if told++; told == n {
			if err := p.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return last
}
