package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/internal/report/html"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// write writes what is made from a record, and brings the history of the results folder up
// to date, which no run fails for.
func (a *app) write(v *view) error {
	if err := v.write(); err != nil {
		return err
	}
	if !v.pages() {
		return nil
	}
	fmt.Fprintf(a.stderr, "pages in %s\n", filepath.Join(v.dir, html.IndexName+".html"))
	if err := v.writeHistory(); err != nil {
		a.complain(fmt.Errorf("warning: the history of the results folder is not up to date: %w", err))
	}
	return nil
}

// write writes the CSV files, and the pages of the run unless output.html is off. The
// pages are written although a CSV file could not be: each says what is there.
func (v *view) write() error {
	written, err := report.WriteFiles(v.dir, v.sum, v.rec)
	v.files = nil
	for _, w := range written {
		v.files = append(v.files, html.DataFile{Name: filepath.Base(w.Path), Bytes: w.Bytes, About: w.About})
	}
	if v.pages() {
		err = errors.Join(err, v.writePages())
	}
	return err
}

// pages reports whether the scenario wants pages, or the caller does all the same.
func (v *view) pages() bool {
	return v.forced || v.rec.Run.Scenario != nil && v.rec.Run.Scenario.Output.HTML
}

// run is what pages are made of.
func (v *view) run() *html.Run {
	beside := []html.DataFile{
		{Name: result.RecordFile, About: "the record: everything that happened, as it happened"},
		{Name: result.ManifestFile, About: "what was run, on what, and how it ended"},
	}
	source, err := readSource(filepath.Join(v.dir, scenarioFile))
	if err == nil {
		beside = append(beside, html.DataFile{Name: scenarioFile, Bytes: int64(len(source)), About: "the scenario as given"})
	}
	merged, err := readSource(filepath.Join(v.dir, scenario.MergedFile))
	if err == nil {
		beside = append(beside, html.DataFile{Name: scenario.MergedFile, Bytes: int64(len(merged)), About: "the scenario in one file, with what it extends and what --set says"})
	}
	return &html.Run{Rec: v.rec, Sum: v.sum, Found: v.found, Source: source, Merged: merged, Files: append(v.files, beside...)}
}

// scenarioFile is the name of the scenario as given in a run directory.
const scenarioFile = scenario.KeptFile

// readSource reads the scenario that was kept with a run; one that grew beyond what a
// scenario may be was not kept by wsrun.
func readSource(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > scenario.MaxFileSize:
		return nil, fmt.Errorf("%s is no scenario", path)
	}
	return os.ReadFile(path)
}

func (v *view) writePages() error {
	for _, f := range html.Files(v.run()) {
		if err := report.WriteFile(filepath.Join(v.dir, f.Name), f.Write); err != nil {
			return err
		}
	}
	return nil
}

// writeHistory writes the index of the results folder that the run is in, where it is in
// one: {output.dir}/{name}/{stamp}-{id}.
func (v *view) writeHistory() error {
	dir, err := filepath.Abs(v.dir)
	if err != nil {
		return err
	}
	run := v.rec.Run
	if filepath.Base(dir) != run.Stamp+"-"+run.ID || filepath.Base(filepath.Dir(dir)) != run.Scenario.Name {
		return nil
	}
	base := filepath.Dir(filepath.Dir(dir))
	runs, problems := result.FindRuns(base)
	for _, f := range html.History(filepath.Base(base), runs, problems) {
		if err := report.WriteFile(filepath.Join(base, f.Name), f.Write); err != nil {
			return err
		}
	}
	return nil
}

// single writes the file that has all pages.
func (a *app) single(v *view) error {
	path := filepath.Join(v.dir, html.SingleFile)
	if err := report.WriteFile(path, func(w io.Writer) error { return html.Single(v.run(), w) }); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "all pages in %s\n", path)
	return nil
}

// pictures writes every chart into a folder of its own.
func (a *app) pictures(v *view, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the folder for the pictures cannot be made: %w", err)
	}
	n, told := 0, time.Now()
	err := v.run().SVG(func(name string, content []byte) error {
		n++
		if time.Since(told) > 10*time.Second { // each takes about 0.15 s, and a large run has thousands
			told = time.Now()
			fmt.Fprintf(a.stderr, "%d pictures so far\n", n)
		}
		return report.WriteFile(filepath.Join(dir, name), func(w io.Writer) error {
			_, err := w.Write(content)
			return err
		})
	})
	if err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintln(a.stderr, "no pictures: nothing was measured that could be drawn")
		return nil
	}
	fmt.Fprintf(a.stderr, "%d pictures in %s\n", n, dir)
	return nil
}
