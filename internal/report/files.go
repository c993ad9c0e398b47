package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/wsrun/wsrun/runner/result"
)

// file is one CSV file: its name without the stamp of the run, what it holds, and what
// writes it.
type file struct {
	name  string
	about string
	write func(io.Writer) error
}

// Written is one file that was written.
type Written struct {
	Path  string
	Bytes int64
	About string // what it holds, in a few words
}

// filesOf lists the files of a run, in the order in which they are written.
func filesOf(sum *result.Summary, rec *result.Record) []file {
	about := "one row per point and trial"
	if mapped(sum) {
		about = "one row per tier and trial"
	}
	files := []file{{"summary", about, func(w io.Writer) error { return writeCSV(w, pointColumns, pointRows(sum)) }}}
	sc := rec.Run.Scenario
	sustained := sc != nil && sc.Mode == "sustained"
	if sc == nil || sc.Output.Requests {
		if sustained {
			files = append(files, detailedOf(rec)...)
		} else {
			files = append(files, file{"detailed_results", "one row per request attempt", func(w io.Writer) error { return writeCSV(w, requestColumns, requestRows(rec)) }})
		}
	}
	switch {
	case sustained:
		files = append(files, periodsOf(rec)...)
	case mapped(sum):
		files = append(files, depthsOf(sum)...)
	default:
		files = append(files, file{"phase_metadata", "one row per level that was run", func(w io.Writer) error { return writeCSV(w, phaseColumns, phaseRows(rec)) }})
	}
	return append(files, file{"tiers", "one row per transition found", func(w io.Writer) error { return writeCSV(w, transitionColumns, transitionRows(sum)) }})
}

// WriteFiles writes the CSV files of a run into dir: summary_{ts}.csv, tiers_{ts}.csv,
// and (unless output.requests is off) every attempt. Fixed: detailed_results_{ts}.csv and
// phase_metadata_{ts}.csv; sustained: detailed_results_{context}_{ts}.csv and
// sustained_periods_ctx{context}_ws{ws}_cache{rate}_{ts}.csv, ws the largest; map:
// detailed_results_{ts}.csv and tier_map_{context}_{ts}.csv. Each is there complete or as it was before; the same record
// gives the same bytes. It gives what was written, in this order.
func WriteFiles(dir string, sum *result.Summary, rec *result.Record) ([]Written, error) {
	if rec.Run == nil || rec.Run.Stamp == "" {
		return nil, errors.New("the record does not say what run it is of: it has no opening frame, so there is nothing to name files after")
	}
	var written []Written
	for _, f := range filesOf(sum, rec) {
		w := Written{Path: filepath.Join(dir, f.name+"_"+filepath.Base(rec.Run.Stamp)+".csv"), About: f.about}
		err := WriteFile(w.Path, func(out io.Writer) error { return f.write(&counter{out, &w.Bytes}) })
		if err != nil {
			return written, err
		}
		written = append(written, w)
	}
	return written, nil
}

// counter counts what is written through it.
type counter struct {
	io.Writer
	n *int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	*c.n += int64(n)
	return n, err
}

// WriteFile writes a file that can be made again from the record: it is at path complete,
// or as it was before. The error names it and says how to get it.
func WriteFile(path string, write func(io.Writer) error) error {
	if err := writeAtomically(path, write); err != nil {
		return fmt.Errorf("%s could not be written: %w; once it can be, `wsrun report` writes it from the record", path, err)
	}
	return nil
}

// writeAtomically writes beside path and renames, so that nobody ever reads half a
// file and a full disk leaves the old one.
func writeAtomically(path string, write func(io.Writer) error) (err error) {
	f, err := begin(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, finish(f, err == nil, path)) }()
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// unfinished are the files that are being written, by the names that they have until they are whole.
var unfinished = struct {
	sync.Mutex
	names map[string]bool
}{names: map[string]bool{}}

// begin makes the file beside path that is written first.
func begin(path string) (*os.File, error) {
	unfinished.Lock()
	defer unfinished.Unlock()
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err == nil {
		unfinished.names[f.Name()] = true
	}
	return f, err
}

// finish gives a file that is whole its name, and removes one that is not.
func finish(f *os.File, whole bool, path string) error {
	unfinished.Lock()
	defer unfinished.Unlock()
	delete(unfinished.names, f.Name())
	if !whole {
		return os.Remove(f.Name())
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Abandon removes what WriteFile has not finished, for a process that ends here and now.
func Abandon() {
	unfinished.Lock()
	defer unfinished.Unlock()
	for name := range unfinished.names {
		_ = os.Remove(name) // there is nobody left to tell
	}
}

// ColumnsDoc is docs/columns.md, made from the tables that write the files.
func ColumnsDoc(w io.Writer) {
	fmt.Fprint(w, `# Columns of the CSV files

Generated from the tables in internal/report; a test fails when they differ (`+"`go test ./internal/report -update`"+` writes it).

Columns of the original (working_set_tester.py) come first and keep their names, order and units; where the rules of
measurement differ from the original's formula, the last column says why. Ours follow; columns are only ever added at
the end. Missing is empty, not 0. Times are seconds; stamps are seconds since 1970 UTC, exact to the nanosecond. A
number that is only a lower bound has `+"`>=`"+` before it. Lines end in \n, fields are quoted as RFC 4180 says.

The keys of a point in `+"`--brief`"+` and `+"`--format json`"+` are the columns of the summary.
`)
	describe(w, "summary_{ts}.csv", "One row per point and trial; sustained: one per size that the working set grew to; map: one per tier. The original wrote one row per cell, for its last level, and for a sustained run the mean over its periods.", pointColumns)
	describe(w, "detailed_results_{ts}.csv", "One row per attempt, failures included; sustained: detailed_results_{context}_{ts}.csv, one file per context, the probe's attempts in the first. The original wrote successes only.", requestColumns)
	describe(w, "phase_metadata_{ts}.csv", "One row per level that was run (fixed).", phaseColumns)
	describe(w, "sustained_periods_ctx{context}_ws{ws}_cache{rate}_{ts}.csv", periodsIntro, periodColumns(""))
	describe(w, "tier_map_{context}_{ts}.csv", "One row per depth of a map that was looked at, and trial. The original had no map.", depthColumns)
	describe(w, "tiers_{ts}.csv", "One row per transition found. The original had none.", transitionColumns)
	describe(w, "Capacities, in `--brief` and `--format json` only", "One block, or object, for each capacity that was stated or told, held against each context, hit rate and level.", capacityColumns)
	describe(w, "Maps, in `--brief` and `--format json` only", "One block, or object, for each map: a context and trial.", mapKeys)
}
