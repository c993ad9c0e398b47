package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner"
	"github.com/wsrun/wsrun/runner/load"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// session is one scenario while it is run, or gone on with.
type session struct {
	app              *app
	plan             *scenario.Plan
	dir              string
	only             []string
	titled           bool // one of several: its name stands over its table
	prior            *result.Record
	writer           *result.Writer
	id, stamp, nonce string
}

// begin makes the run directory: the scenario as given, and an empty record.
func (a *app) begin(p *scenario.Plan, only []string) (*session, error) {
	s := &session{app: a, plan: p, only: only, id: randomHex(2), nonce: randomHex(8)}
	var err error
	if s.dir, s.stamp, err = result.NewRunDir(p.Scenario.Output.Dir, p.Scenario.Name, time.Now(), s.id); err != nil {
		return nil, err
	}
	if err = keep(s.dir, p); err != nil {
		return nil, fmt.Errorf("the scenario cannot be kept with its run: %w", err)
	}
	s.writer, err = result.Create(filepath.Join(s.dir, result.RecordFile))
	return s, err
}

// keep writes the files that reproduce the scenario into the directory of its run.
func keep(dir string, p *scenario.Plan) error {
	files, err := p.Kept()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, f.Text, 0o644)
		}
	}
	return err
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// do runs the session to its end, whatever that is: everything measured is on
// disk, the files are written and the table is printed. It gives the exit code.
func (s *session) do(ctx context.Context, stop *interrupts) int {
	a := s.app
	progress := report.NewProgress(a.stderr, report.ProgressOptions{Redraw: term.Redraws(term.IsTerminal(a.stderr), a.env), Width: func() int { return term.Width(a.stderr) }, Verbose: a.flags.verbose})
	progress.Say("results in " + s.dir)
	stop.talk(progress, a)
	failed := make(chan error, 2)
	fail := func(err error) {
		select {
		case failed <- err:
		default: // the first is enough
		}
	}
	s.writer.OnError = fail
	err := s.measure(ctx, stop, progress, failed, fail)
	if cerr := s.writer.Close(); err == nil || errors.Is(err, runner.ErrInterrupted) {
		err = errors.Join(err, cerr)
	}
	stop.talk(nil, a)
	progress.Close()
	if err != nil && !errors.Is(err, runner.ErrInterrupted) {
		a.complain(fmt.Errorf("%s: %w", s.plan.Scenario.Name, err))
	}
	return verdict.Combine(codeOf(err), s.finish(err))
}

// measure is the part that needs a server.
func (s *session) measure(ctx context.Context, stop *interrupts, progress *report.Progress, failed <-chan error, fail func(error)) error {
	sc := s.plan.Scenario
	live, key, err := s.app.reveal(sc)
	if err != nil {
		return err
	}
	secure, err := tlsConfig(live.Target.TLS)
	if err != nil {
		return err
	}
	endpoints := live.Target.Endpoints
	if sc.Target.Simulator != nil {
		sim, err := startChild(sc.Target.Simulator, fail)
		if err != nil {
			return err
		}
		defer sim.stop()
		endpoints = []string{sim.url}
	}
	h := host()
	if h.Governor == "powersave" {
		progress.Say("warning: the CPU frequency governor is powersave: this machine's own delays vary")
	}
	watching := observers{s.writer, progress, &manifest{dir: s.dir, fail: fail, rec: s.prior}}
	return runner.Run(ctx, s.plan, publicly{s.app, watching}, runner.Options{
		Endpoints: endpoints, Live: live, APIKey: key, Version: version(), ID: s.id, Stamp: s.stamp, Nonce: s.nonce, Host: h, Only: s.only, Prior: s.prior,
		Self: load.NewSelf(h.CPULimit), Interrupt: stop.asked, Failed: failed, Command: resetCommand, TLS: secure,
	})
}

// codeOf is the exit code of how the run ended.
func codeOf(err error) int {
	switch {
	case err == nil:
		return verdict.ExitOK
	case errors.Is(err, runner.ErrInterrupted):
		return verdict.ExitInterrupted
	}
	return verdict.ExitFailed
}

// finish computes everything from the record, as `wsrun report` would, writes the
// files and prints. It gives the exit code of what was found.
func (s *session) finish(ended error) int {
	a := s.app
	v, err := open(s.dir)
	if err != nil {
		a.complain(err)
		return verdict.ExitFailed
	}
	state := result.StateDone
	switch codeOf(ended) {
	case verdict.ExitInterrupted:
		state = result.StateInterrupted
	case verdict.ExitFailed:
		state = result.StateFailed
	}
	if s.titled {
		a.title(s.plan.Scenario.Name)
	}
	if err := errors.Join(v.manifest(state), a.write(v), a.print(v)); err != nil {
		a.complain(err)
		return verdict.ExitFailed
	}
	fmt.Fprintf(a.stderr, "results in %s\n", s.dir)
	if ended == nil {
		for _, why := range v.sum.Failures() {
			a.complain(fmt.Errorf("%s: %s", s.plan.Scenario.Name, why))
		}
	}
	return v.exit(state)
}

// observers hands a frame to each in turn.
type observers []runner.Observer

func (o observers) Observe(f result.Frame) {
	for _, each := range o {
		each.Observe(f)
	}
}

// manifest keeps run.json up to date while the run begins: once it is known what
// is run, and once it is known on what. Nothing is measured at those moments.
type manifest struct {
	dir  string
	fail func(error)
	rec  *result.Record
}

func (m *manifest) Observe(f result.Frame) {
	switch f := f.(type) {
	case *result.Run:
		if m.rec == nil {
			m.rec = &result.Record{Run: f}
		}
		rec := *m.rec
		rec.Sessions = append(append([]*result.Run(nil), rec.Sessions...), f)
		m.rec = &rec
	case *result.Probe:
		rec := *m.rec
		rec.Probe = f
		m.rec = &rec
	default:
		return
	}
	if err := result.WriteManifest(m.dir, result.ManifestOf(m.rec, result.StateRunning)); err != nil {
		m.fail(err)
	}
}

// resetCommand runs warmup.reset.command, which --allow-commands has allowed.
func resetCommand(ctx context.Context, argv []string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	apart(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		said := strings.TrimSpace(string(out[max(0, len(out)-tailBytes):]))
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, said)
	}
	return nil
}
