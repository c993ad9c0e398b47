package result

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

var update = flag.Bool("update-golden", false, "write testdata/record-v1.wsr anew: only before a schema is released")

func request(cell string, trial int32, id int64) *Request {
	r := &Request{sample.Request{ID: id, Cell: cell, Trial: trial, Phase: sample.PhaseLoad, Level: 2, Prompt: 1, Attempt: 1,
		ReuseDistance: 4000, Sent: 1024, IntendedCached: 1008, MaxTokens: 3, Scheduled: id * 1000, Started: id*1000 + 10,
		Wrote: id*1000 + 12, FirstByte: id*1000 + 500, FirstEvent: id*1000 + 510, FirstContent: id*1000 + 510, End: id*1000 + 900,
		PromptTokens: 1024, CachedTokens: 1008, CompletionTokens: 3, ReadLagMax: sample.Unknown, Status: 200}}
	r.SetEvents([]sample.Event{{At: id*1000 + 510, Tokens: 1}, {At: id*1000 + 700, Tokens: 2}})
	return r
}

// someFrames is a run with every kind of frame: a probe, a unit that is done, one
// that died, and a session that does it again.
func someFrames() []Frame {
	cellA := scenario.Cell{Key: "ctx1024_ws4096_cache100", Context: 1024, HitRate: 100, WorkingSet: 4096, R: 1024, Prefix: 1024, Prompts: 4, Real: 4096, Levels: []int{1, 2}}
	cellB := scenario.Cell{Key: "ctx1024_ws6144_cache100", Context: 1024, HitRate: 100, WorkingSet: 6144, Origin: "refined"}
	a, b := Unit{Cell: cellA.Key, Trial: 1}, Unit{Cell: cellB.Key, Trial: 1}
	run := func(session int) *Run {
		return &Run{Schema: Schema, ID: "ab12", Session: session, Stamp: "20260102_030405", Epoch: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
			Version: "v0.1.0", Scenario: &scenario.Scenario{Version: 1, Name: "golden", Seed: 42, Order: "ascending",
				Labels: map[string]string{"gpu": "H100"}, Duration: scenario.Span{Min: scenario.Duration(30 * time.Second), Max: scenario.Duration(time.Minute)},
				Target: scenario.Target{Endpoints: []string{"http://127.0.0.1:8000"}}},
			Digest: "sha256:00", Nonce: "nonce", Cells: []scenario.Cell{cellA}, Host: Host{Name: "host", CPUs: 8, CPULimit: 8, Go: "go1.26"}}
	}
	return []Frame{
		run(1),
		&Probe{sample.Probe{Engine: "simulator", Model: "m", MaxModelLen: sample.Unknown, TellsCached: true, Block: 16, Capacity: []sample.Capacity{{Tier: "hbm", Tokens: 5000, Source: "told"}}}},
		request("", 0, 1), // of the probe
		&Cell{Unit: a, At: 2000, State: CellBegin, Cell: cellA},
		&Phase{Unit: a, Phase: PhaseWarmup, Start: 2000, End: 2500, Sent: 4},
		&Change{Unit: a, At: 2600, Level: 2, Reason: "next"},
		request(a.Cell, 1, 2), request(a.Cell, 1, 3),
		&Scrape{sample.Scrape{At: 3100, Values: map[string]float64{"server.hbm_tokens": 1.5e300}}},
		&Scrape{sample.Scrape{At: 3200, Endpoint: sample.Self, Err: "no answer"}},
		request(a.Cell, 1, 4),
		&Period{Unit: a, Level: 2, Index: 1, Start: 2600, End: 4900, Row: metric.Row{"ttft.p50": metric.Of(.0005), "ttft.p95": metric.Lower(2)}, Fired: []string{"errors > 1"}},
		&Phase{Unit: a, Phase: PhaseMeasure, Level: 2, Start: 2600, End: 4900, Row: metric.Row{"ttft.p50": metric.Of(.0005)}},
		&Cell{Unit: a, At: 5000, State: CellDone, Cell: cellA},
		&Cell{Unit: b, At: 5000, State: CellBegin, Cell: cellB},
		request(b.Cell, 1, 5),
		&Note{Unit: b, At: 5500, Code: "odd", Text: "of the half that does not count"},
		run(2),
		&Cell{Unit: b, At: 9000, State: CellSuperseded, Cell: cellB},
		&Cell{Unit: b, At: 9000, State: CellBegin, Cell: cellB},
		request(b.Cell, 1, 6),
		&Note{At: 9100, Code: "resumed", Text: "session 2"},
	}
}

// collect is the record that frames make without a file.
func collect(frames []Frame) *Record {
	c := NewCollector()
	for _, f := range frames {
		c.Observe(f)
	}
	return c.Record()
}

// write makes a record of frames; each is on disk by itself when sync is set.
func write(t testing.TB, path string, frames []Frame, sync bool) {
	t.Helper()
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		w.Observe(f)
		if sync {
			if err := w.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, want, got *Record) {
	t.Helper()
	w, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if g, err := json.Marshal(got); err == nil && bytes.Equal(w, g) {
		return // as quick as tests need that compare thousands
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%s: %s", what, d)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, sync := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), RecordFile)
		write(t, path, someFrames(), sync)
		got, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("sync %v", sync), collect(someFrames()), got)
	}
}

func TestWhatARecordHolds(t *testing.T) {
	rec := collect(someFrames())
	if len(rec.Sessions) != 2 || rec.Run.Session != 1 || rec.Probe.Engine != "simulator" {
		t.Errorf("sessions %d, run %+v", len(rec.Sessions), rec.Run)
	}
	if len(rec.Run.Cells) != 2 || rec.Run.Cells[1].Origin != "refined" || len(rec.Sessions[0].Cells) != 1 {
		t.Errorf("the refined cell is to be in Run.Cells, and only there: %+v, %+v", rec.Run.Cells, rec.Sessions[0].Cells)
	}
	if len(rec.Outside) != 1 || len(rec.Scrapes) != 2 || len(rec.Notes) != 1 || rec.Notes[0].Code != "resumed" {
		t.Errorf("outside %d, scrapes %d, notes %v", len(rec.Outside), len(rec.Scrapes), rec.Notes)
	}
	a, b := rec.Units[0], rec.Units[1]
	if len(rec.Units) != 2 || a.State != CellDone || a.Begin != 2000 || a.End != 5000 || len(a.Requests) != 3 || len(a.Phases) != 2 || len(a.Changes) != 1 || len(a.Periods) != 1 {
		t.Errorf("unit a: %+v", a)
	}
	if b.State != CellBegin || b.Begin != 9000 || len(b.Requests) != 1 || b.Requests[0].ID != 6 {
		t.Errorf("unit b: what was superseded is to be gone: %+v", b)
	}
	if !rec.Finished(a.Unit) || rec.Finished(b.Unit) || rec.Finished(Unit{Cell: "other", Trial: 1}) || !reflect.DeepEqual(rec.HalfDone(), []Unit{b.Unit}) {
		t.Errorf("finished %v %v, half done %v", rec.Finished(a.Unit), rec.Finished(b.Unit), rec.HalfDone())
	}
}

func TestFinished(t *testing.T) {
	for _, c := range []struct {
		end  Cell
		want bool
	}{
		{Cell{State: CellDone}, true},
		{Cell{State: CellSkipped}, true},
		{Cell{State: CellFailed, Class: ClassWarmup}, true},
		{Cell{State: CellFailed, Class: "server"}, false},
		{Cell{State: CellInterrupted}, false},
		{Cell{State: CellBegin}, false},
	} {
		u := Unit{Cell: "c", Trial: 2}
		c.end.Unit = u
		rec := collect([]Frame{&Cell{Unit: u, State: CellBegin}, &c.end})
		if rec.Finished(u) != c.want || (len(rec.HalfDone()) == 0) != c.want {
			t.Errorf("%s %s: finished %v, half done %v", c.end.State, c.end.Class, rec.Finished(u), rec.HalfDone())
		}
	}
	// Superseded and not yet begun again: not finished, and nothing to supersede.
	u := Unit{Cell: "c", Trial: 2}
	rec := collect([]Frame{&Cell{Unit: u, State: CellBegin}, &Cell{Unit: u, State: CellSuperseded}})
	if rec.Finished(u) || len(rec.HalfDone()) != 0 || len(rec.Units) != 0 {
		t.Errorf("superseded: %+v", rec.Units)
	}
	// A unit that begins twice is never two halves.
	rec = collect([]Frame{&Cell{Unit: u, State: CellBegin}, request("c", 2, 1), &Cell{Unit: u, At: 5, State: CellBegin}, request("c", 2, 2)})
	if len(rec.Units) != 1 || len(rec.Units[0].Requests) != 1 || rec.Units[0].Requests[0].ID != 2 {
		t.Errorf("begun twice: %+v", rec.Units)
	}
}

// smallFrames is someFrames with short Run frames and without what is alike to a
// reader: reading it thousands of times takes no time.
func smallFrames() []Frame {
	all := someFrames()
	short := func(i int) *Run { return &Run{Schema: Schema, ID: "x", Session: i} }
	return []Frame{short(1), all[1], all[2], all[3], all[6], all[7], all[8], all[12], all[13], all[14], all[15], short(2), all[18], all[19]}
}

// frameEnds gives the offsets in a record file at which a frame ends.
func frameEnds(b []byte) []int {
	ends := []int{headerSize}
	for at := headerSize; at < len(b); {
		at += frameHead + int(binary.LittleEndian.Uint32(b[at+1:]))
		ends = append(ends, at)
	}
	return ends
}

// Cut anywhere, a record is read up to the last whole frame: never an error once
// there is a run, never a wrong frame.
func TestTruncatedAnywhere(t *testing.T) {
	frames := smallFrames()
	path := filepath.Join(t.TempDir(), RecordFile)
	write(t, path, frames, true)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ends := frameEnds(whole)
	if len(ends) != len(frames)+1 {
		t.Fatalf("%d frames in the file, %d observed", len(ends)-1, len(frames))
	}
	for n, k := 0, -1; n <= len(whole); n++ {
		if k+1 < len(ends) && ends[k+1] == n {
			k++ // frames [0, k) are whole
		}
		got, err := ReadFrom(bytes.NewReader(whole[:n]))
		if k < 1 {
			if !errors.Is(err, ErrNoRun) || got == nil || got.Run != nil {
				t.Fatalf("cut at %d: %v, %v", n, got, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		want := collect(frames[:k])
		if n != ends[k] {
			want.Torn, want.Lost = true, int64(n-ends[k])
			want.Loss = got.Loss
			if !strings.HasPrefix(got.Loss, "the last frame was cut off: the last ") {
				t.Fatalf("cut at %d: loss %q", n, got.Loss)
			}
		}
		same(t, fmt.Sprintf("cut at %d", n), want, got)
	}
}

// A damaged byte anywhere (every second one is tried) ends the record before its
// frame.
func TestDamagedAnywhere(t *testing.T) {
	frames := smallFrames()
	path := filepath.Join(t.TempDir(), RecordFile)
	write(t, path, frames, true)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ends := frameEnds(whole)
	for n, k := ends[1], 1; n < len(whole); n += 2 {
		if n >= ends[k+1] {
			k++
		}
		bad := bytes.Clone(whole)
		bad[n] ^= 0x40
		got, err := ReadFrom(bytes.NewReader(bad))
		if err != nil {
			t.Fatalf("damaged at %d: %v", n, err)
		}
		want := collect(frames[:k])
		want.Torn, want.Lost, want.Loss = true, int64(len(whole)-ends[k]), got.Loss
		same(t, fmt.Sprintf("damaged at %d", n), want, got)
		if !strings.HasSuffix(got.Loss, fmt.Sprintf("the last %d bytes of the record are dropped", want.Lost)) {
			t.Fatalf("damaged at %d: loss %q", n, got.Loss)
		}
	}
}

func TestResume(t *testing.T) {
	frames := someFrames()
	for _, damage := range []struct {
		name string
		do   func(b []byte, ends []int) []byte
		kept bool // the tail, beside the record
	}{
		{"none", func(b []byte, ends []int) []byte { return b[:ends[17]] }, false},
		{"torn", func(b []byte, ends []int) []byte { return b[:ends[17]+5] }, false},
		{"damaged", func(b []byte, ends []int) []byte { b = bytes.Clone(b); b[ends[17]+7] ^= 1; return b }, true},
	} {
		t.Run(damage.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), RecordFile)
			write(t, path, frames, true)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			ends := frameEnds(b)
			cut := damage.do(b, ends)
			if err := os.WriteFile(path, cut, 0o644); err != nil {
				t.Fatal(err)
			}
			w, rec, err := Resume(path)
			if err != nil {
				t.Fatal(err)
			}
			if rec.Torn != (damage.name != "none") || len(rec.HalfDone()) != 1 {
				t.Errorf("torn %v, half done %v", rec.Torn, rec.HalfDone())
			}
			if _, _, err := Resume(path); runtime.GOOS == "linux" && (err == nil || !strings.Contains(err.Error(), "another process is writing it")) {
				t.Errorf("a record that is being written was resumed: %v", err)
			}
			for _, f := range frames[17:] {
				w.Observe(f)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			got, err := Read(path)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "resumed", collect(frames), got)
			tail, err := os.ReadFile(path + ".damaged")
			if damage.kept && !bytes.Equal(tail, cut[ends[17]:]) || !damage.kept && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the damaged tail: %d bytes, %v", len(tail), err)
			}
		})
	}
}

func TestNoRecord(t *testing.T) {
	newerFile := fileHeader()
	newerFile[len(magic)] = Schema + 1
	dir := t.TempDir()
	path := filepath.Join(dir, RecordFile)
	write(t, path, []Frame{&Run{Schema: Schema + 2}}, false)
	newerRun, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    error
		text    string
	}{
		"text":           {[]byte("context_size,working_set\n"), ErrNotRecord, "does not begin as one"},
		"short text":     {[]byte("abc"), ErrNotRecord, "does not begin as one"},
		"as text":        {[]byte(strings.ReplaceAll(string(fileHeader()), "\r\n", "\n")), ErrNotRecord, ""},
		"newer file":     {newerFile, ErrNewer, "its schema is 2, this wsrun reads up to 1"},
		"newer run":      {newerRun, ErrNewer, "its schema is 3, this wsrun reads up to 1"},
		"empty":          {nil, ErrNoRun, ""},
		"nothing but it": {fileHeader(), ErrNoRun, ""},
	} {
		if _, err := ReadFrom(bytes.NewReader(c.content)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		file := filepath.Join(dir, "x")
		if err := os.WriteFile(file, c.content, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Resume(file); !errors.Is(err, c.want) {
			t.Errorf("resume %s: %v", name, err)
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, c.content) {
			t.Errorf("resume %s changed the file it refused (%v)", name, err)
		}
	}
	if _, err := Read(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := Create(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("overwritten: %v", err)
	}
}

// A disk that fails while it is read is no torn record.
func TestReadErrorIsNoTear(t *testing.T) {
	path := filepath.Join(t.TempDir(), RecordFile)
	write(t, path, someFrames(), true)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("input/output error")
	for _, n := range []int{3, headerSize + 4, headerSize + frameHead + 10, len(b) - 1} {
		if _, err := ReadFrom(io.MultiReader(bytes.NewReader(b[:n]), failing{broken})); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Frames of a kind that this version does not know are skipped.
func TestUnknownKind(t *testing.T) {
	enc, err := newEncoder()
	if err != nil {
		t.Fatal(err)
	}
	b := fileHeader()
	b = appendFrame(b, KindRun, enc.EncodeAll([]byte(`{"schema":1,"id":"x","field_of_the_future":[1]}`), nil))
	b = appendFrame(b, 200, []byte("no zstd at all"))
	b = appendFrame(b, KindNote, enc.EncodeAll([]byte(`{"code":"after"}`), nil))
	rec, err := ReadFrom(bytes.NewReader(b))
	if err != nil || rec.Torn || rec.Run.ID != "x" || len(rec.Notes) != 1 {
		t.Errorf("%+v, %v", rec, err)
	}
}

// A small frame that unpacks to more than any writer makes is refused.
func TestBombIsRefused(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := enc.EncodeAll(make([]byte, maxPayload+1), nil)
	b := appendFrame(fileHeader(), KindRun, enc.EncodeAll([]byte(`{"schema":1}`), nil))
	rec, err := ReadFrom(bytes.NewReader(appendFrame(b, KindNote, bomb)))
	if err != nil || !strings.Contains(rec.Loss, "cannot be unpacked") {
		t.Errorf("loss %q, %v", rec.Loss, err)
	}
	// A length that is claimed and not there costs nothing.
	claim := append(bytes.Clone(b), byte(KindNote), 0, 0, 0, 4, 1, 2, 3, 4) // 64 MiB
	grew := testing.AllocsPerRun(1, func() { rec, err = ReadFrom(bytes.NewReader(claim)) })
	if err != nil || !rec.Torn || grew > 500 {
		t.Errorf("%v, torn %v, %v allocations", err, rec.Torn, grew)
	}
}

// JSON has no NaN: such values are left out, the frame of the caller stays as it is.
func TestNonFiniteValues(t *testing.T) {
	s := &Scrape{sample.Scrape{Values: map[string]float64{"a": 1, "b": math.NaN(), "c": math.Inf(1)}}}
	p := &Period{Row: metric.Row{"ttft.p50": metric.Lower(math.Inf(1)), "ttft.p95": metric.Of(2)}}
	path := filepath.Join(t.TempDir(), RecordFile)
	write(t, path, []Frame{&Run{Schema: Schema}, s, p}, false)
	rec, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := rec.Scrapes[0].Values; len(got) != 1 || got["a"] != 1 || len(s.Values) != 3 {
		t.Errorf("read %v of %v", got, s.Values)
	}
	if got := rec.Units[0].Periods[0].Row; len(got) != 1 || got.Get("ttft.p95") != metric.Of(2) {
		t.Errorf("read %v", got)
	}
}

// The record that the first version wrote is read by every later one.
func TestGolden(t *testing.T) {
	golden := filepath.Join("testdata", "record-v1.wsr")
	if *update {
		os.Remove(golden)
		write(t, golden, someFrames(), false)
	}
	got, err := Read(golden)
	if err != nil {
		t.Fatal(err)
	}
	same(t, golden, collect(someFrames()), got)
	light, err := Read(golden, ReadOptions{SkipEvents: true})
	if err != nil || light.Units[0].Requests[0].Events != nil || light.Units[0].Requests[0].EventCount != 2 {
		t.Errorf("without events: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "record-v1.wsr"))
	if err != nil {
		f.Fatal(err)
	}
	enc, err := newEncoder()
	if err != nil {
		f.Fatal(err)
	}
	run := appendFrame(fileHeader(), KindRun, enc.EncodeAll([]byte(`{"schema":1}`), nil))
	for _, b := range [][]byte{golden, golden[:len(golden)/2], fileHeader(), nil, run,
		appendFrame(run, KindCell, enc.EncodeAll([]byte(`{"cell":"c","trial":1,"state":"begin","spec":null}`), nil)),
		appendFrame(run, KindPhase, enc.EncodeAll([]byte(`null`), nil)),
		appendFrame(run, KindRequest, enc.EncodeAll([]byte{1, 1, 0, 1}, nil))} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := ReadFrom(bytes.NewReader(b))
		if err != nil {
			return
		}
		if rec.Run == nil || rec.Torn != (rec.Lost > 0) || rec.Lost > int64(len(b)) {
			t.Errorf("run %v, torn %v, lost %d of %d", rec.Run, rec.Torn, rec.Lost, len(b))
		}
		again, err := ReadFrom(bytes.NewReader(b[:int64(len(b))-rec.Lost]))
		if err != nil || again.Torn || len(again.Units) != len(rec.Units) {
			t.Errorf("without what was lost: %v", err)
		}
	})
}

// A million requests of 64 events are read in a few seconds.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), RecordFile)
	const n = 20_000
	frames := []Frame{&Run{Schema: Schema}}
	for i := range n {
		r := request("c", 1, int64(i))
		var evs []sample.Event
		for k := range 64 {
			evs = append(evs, sample.Event{At: r.Started + int64(1e8+2e7*k+(i*7919+k*104729)%1e6), Tokens: 1})
		}
		r.SetEvents(evs)
		frames = append(frames, r)
	}
	write(b, path, frames, false)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Read(path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/request")
	b.ReportMetric(float64(info.Size())/n, "bytes/request")
}
