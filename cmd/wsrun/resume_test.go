package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
)

// What cannot be resumed is refused with the reason, and stays as it is.
func TestResumeIsRefused(t *testing.T) {
	t.Parallel()
	dir := workdir(t, map[string]string{"killed.yaml": killed, "sim.yaml": killedSim})
	must(t, 0, dir, "killed.yaml", "--only", "ctx512_ws4096_cache100")
	run := runDir(t, dir, "killed")
	path := filepath.Join(run, result.RecordFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		record []byte
		want   string
	}{
		{"a newer schema", newerSchema(whole), "written by a newer wsrun: its schema is 2, this wsrun reads up to 1"},
		{"no record", []byte("name: killed\n"), "not a wsrun record"},
		{"an empty file", nil, "run the scenario again"},
		{"a header alone", whole[:recordHeader], "run the scenario again"},
	} {
		if err := os.WriteFile(path, c.record, 0o644); err != nil {
			t.Fatal(err)
		}
		if e := must(t, 1, dir, "run", "--resume", run); !strings.Contains(e.stderr, c.want) {
			t.Errorf("%s: it says %s; want %s", c.name, e.stderr, c.want)
		}
		if now, err := os.ReadFile(path); err != nil || len(c.record) > recordHeader && !bytes.Equal(now, c.record) {
			t.Errorf("%s: the record was changed (%v)", c.name, err)
		}
	}

	// While a run goes on: refused, and the run is not disturbed; a report of it is fine.
	if runtime.GOOS == "windows" {
		t.Skip("no file locks there")
	}
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	w, _, err := result.Resume(path)
	if err != nil {
		t.Fatal(err)
	}
	if e := must(t, 1, dir, "run", "--resume", run); !strings.Contains(e.stderr, "the run still goes on") {
		t.Errorf("a run that goes on: it says %s", e.stderr)
	}
	must(t, 0, dir, "report", run)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	// Now the cells that --only left out are done, those that are there are kept.
	before := rowsOf(t, run)
	must(t, 0, dir, "run", "--resume", run)
	after := rowsOf(t, run)
	sameRows(t, "resuming", before, after)
	if len(before) != 4 || len(after) != 8 {
		t.Errorf("%d points, then %d; want 4 and 8", len(before), len(after))
	}
}

// recordHeader is the length of a record's magic and schema.
const recordHeader = 12

// newerSchema gives the record as a later version would begin it.
func newerSchema(record []byte) []byte {
	b := bytes.Clone(record)
	binary.LittleEndian.PutUint16(b[8:], 2)
	return b
}
