package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/scenario"
)

// childName is the hidden command that a run with target: simulator starts.
const childName = "__simulator"

func (a *app) childCommand() *cobra.Command {
	return &cobra.Command{Use: childName, Hidden: true, Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			return simulator.RunChild(context.Background(), a.stdin, a.stdout, nil)
		}}
}

func (a *app) simulateCommand() *cobra.Command {
	c := &cobra.Command{Use: "simulate", Short: "Serve the tiered simulator as an OpenAI-compatible server", Args: exactly(0, "no arguments")}
	c.RunE = func(*cobra.Command, []string) error { return a.simulate() }
	c.Flags().StringVar(&a.flags.profile, "profile", "small", "built-in profile ("+strings.Join(simulator.Names(), ", ")+") or a file")
	c.Flags().StringVar(&a.flags.listen, "listen", "127.0.0.1:8000", "address to listen on; port 0 takes a free one")
	c.Flags().StringVar(&a.flags.log, "log", "", "file for one JSON line per request: what the simulator really did")
	return c
}

// simulate serves until the first end signal. The URL is the one line on stdout.
func (a *app) simulate() (err error) {
	p, err := a.loadProfile(a.flags.profile)
	if err != nil {
		return err
	}
	s := simulator.New(p)
	s.KeepLog(false)
	if a.flags.log != "" {
		done, lerr := logTo(a.flags.log, s)
		if lerr != nil {
			return lerr
		}
		defer func() { err = errors.Join(err, done()) }()
	}
	ln, err := net.Listen("tcp", a.flags.listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", a.flags.listen, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), endSignals...)
	defer stop()
	fmt.Fprintf(a.stderr, "simulator %s, model %s; ^C ends it\n", p.Name, p.Model)
	fmt.Fprintf(a.stdout, "http://%s\n", ln.Addr())
	return s.Serve(ctx, ln)
}

// loadProfile reads a built-in profile, or a file as a scenario would name it.
func (a *app) loadProfile(name string) (simulator.Profile, error) {
	if p, ok := simulator.Builtin(name); ok {
		return p, nil
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return simulator.Profile{}, usagef("--profile %s is no built-in profile (%s) and cannot be read as a file: %v", name, strings.Join(simulator.Names(), ", "), err)
	}
	body, problems := scenario.LoadProfile(name, src)
	if body == nil {
		fmt.Fprint(a.stderr, scenario.Render(problems, bool(a.paint(a.stderr))))
		return simulator.Profile{}, exitError{code: verdict.ExitInvalid}
	}
	p, err := simulator.DecodeProfile(body)
	if err != nil {
		return p, exitError{code: verdict.ExitInvalid, err: fmt.Errorf("%s: %w", name, err)}
	}
	return p, nil
}

// logTo writes the simulator's log to a file, one JSON line per request; done
// flushes it and gives the first error.
func logTo(path string, s *simulator.Server) (done func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("the log cannot be written: %w", err)
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	var mu sync.Mutex
	var failed error
	s.SetLogSink(func(e simulator.Entry) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = enc.Encode(e)
		}
	})
	return func() error {
		mu.Lock()
		defer mu.Unlock()
		if err := errors.Join(failed, w.Flush(), f.Close()); err != nil {
			return fmt.Errorf("the log %s is incomplete: %w", path, err)
		}
		return nil
	}, nil
}
