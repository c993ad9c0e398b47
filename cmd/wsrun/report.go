package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/internal/report/html"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// view is a record and everything that is computed from it.
type view struct {
	dir   string
	rec   *result.Record
	sum   *result.Summary
	found []verdict.Finding
	files []html.DataFile // beside the pages, once they are written

	forced bool // pages are wanted whatever the scenario says
}

// open reads a run: its directory, or the record itself.
func open(run string) (*view, error) {
	path, err := result.FindRecord(run)
	if err != nil {
		return nil, usageError{err.Error()}
	}
	rec, err := result.Read(path)
	if errors.Is(err, result.ErrNotRecord) && path == run { // not one that was spoilt
		return nil, usageError{err.Error()}
	}
	if err != nil {
		return nil, err
	}
	v := &view{dir: filepath.Dir(path), rec: rec, sum: result.Summarise(rec)}
	if sc := rec.Run.Scenario; sc != nil && len(sc.Thresholds) > 0 {
		plan, problems := scenario.Expand(sc)
		if plan == nil {
			return nil, fmt.Errorf("%s: the thresholds cannot be read by this wsrun (the record was made by %s): %s", path, rec.Run.Version, problems[0].Message)
		}
		v.found = verdict.Thresholds(v.sum, plan.Thresholds)
	}
	return v, nil
}

// manifest writes run.json with what only the summary knows.
func (v *view) manifest(state string) error {
	m := result.ManifestOf(v.rec, state)
	m.Conclude(v.sum)
	for _, f := range v.found {
		switch f.Outcome {
		case verdict.Pass:
			m.Headline.Thresholds.Pass++
		case verdict.Fail:
			m.Headline.Thresholds.Fail++
		case verdict.NoVerdict:
			m.Headline.Thresholds.NoVerdict++
		}
	}
	if state != result.StateRunning {
		code := v.exit(state)
		m.Headline.Exit = &code
	}
	return result.WriteManifest(v.dir, m)
}

// state gives how the run ended: as its manifest says, else as the record does.
func (v *view) state() string {
	if m, err := result.ReadManifest(filepath.Join(v.dir, result.ManifestFile)); err == nil && m.State != "" {
		return m.State
	}
	for _, n := range v.sum.Notes {
		if n.Code == result.StateInterrupted || n.Code == result.StateFailed {
			return n.Code
		}
	}
	if v.rec.Torn || len(v.rec.HalfDone()) > 0 {
		return result.StateRunning
	}
	return result.StateDone
}

// exit is the exit code of a run that ended in this state.
func (v *view) exit(state string) int {
	switch code := v.code(); {
	case state == result.StateInterrupted:
		return verdict.Combine(code, verdict.ExitInterrupted)
	case state == result.StateFailed || len(v.sum.Failures()) > 0:
		return verdict.Combine(code, verdict.ExitFailed)
	default:
		return code
	}
}

// code is the exit code of what was measured: a note that fails the run, and the
// thresholds.
func (v *view) code() int {
	code := verdict.Code(v.found)
	for _, n := range v.sum.Notes {
		if n.Fail {
			code = verdict.Combine(code, verdict.ExitFailed)
		}
	}
	return code
}

// title says whose table follows, where a call prints several. The forms for
// programs say it themselves.
func (a *app) title(name string) {
	if !a.flags.brief && a.flags.format == "text" {
		fmt.Fprintln(a.stdout, a.printing().Paint.Bold("scenario "+name))
	}
}

// print prints a view on stdout in the form that was asked for.
func (a *app) print(v *view) error {
	switch {
	case a.flags.brief:
		return report.Brief(a.stdout, v.sum, v.found)
	case a.flags.format == "json":
		return report.JSON(a.stdout, v.sum, v.found)
	}
	opt := a.printing()
	if err := report.Table(a.stdout, v.sum, opt); err != nil {
		return err
	}
	report.Verdicts(a.stdout, v.found, opt)
	return nil
}

func (a *app) reportCommand() *cobra.Command {
	c := &cobra.Command{Use: "report RUN", Short: "Table, CSV files and pages again, from a record; no server is needed", Args: exactly(1, "one run: its directory or its record"),
		Long: `Computes everything from the record again: prints the table, and writes the CSV files, the pages
(unless output.html is off), run.json and the history of the results folder that the run is in.
The same record gives the same bytes.`}
	var pages, single bool
	var svg string
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := a.oneFormat("text", "json"); err != nil {
			return err
		}
		v, err := open(args[0])
		if errors.Is(err, result.ErrNoRun) {
			fmt.Fprintf(a.stderr, "wsrun: %v\n", err)
			return nil
		}
		if err != nil {
			return err
		}
		endAtOnce()
		v.forced = pages
		err = errors.Join(v.manifest(v.state()), a.write(v))
		if single {
			err = errors.Join(err, a.single(v))
		}
		if svg != "" {
			err = errors.Join(err, a.pictures(v, svg))
		}
		return errors.Join(err, a.print(v))
	}
	a.printFlags(c, "text or json")
	c.Flags().BoolVar(&a.flags.brief, "brief", false, "key: value lines with every key, for scripts")
	c.Flags().BoolVar(&pages, "pages", false, "write the pages where output.html is off as well; it was in all runs made before there were pages")
	c.Flags().BoolVar(&single, "single-file", false, "also write "+html.SingleFile+" into the run directory: all pages and their script in one file, to be mailed or kept")
	c.Flags().StringVar(&svg, "svg", "", "also write every chart of every page into this `folder`, as {page}_{chart}.svg")
	c.PreRunE = func(c *cobra.Command, _ []string) error { return notEmpty(c, "svg") }
	return c
}

func (a *app) tiersCommand() *cobra.Command {
	c := &cobra.Command{Use: "tiers RUN", Short: "The transitions of a run: where each tier ends, and what falling costs", Args: exactly(1, "one run: its directory or its record")}
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := a.oneFormat("text", "json"); err != nil {
			return err
		}
		v, err := open(args[0])
		if err != nil {
			return err
		}
		if a.flags.format == "json" {
			return report.TiersJSON(a.stdout, v.sum)
		}
		return report.Tiers(a.stdout, v.sum, a.printing())
	}
	a.printFlags(c, "text or json")
	return c
}
