package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/result"
)

// ended is what a call of the command left behind.
type ended struct {
	code           int
	stdout, stderr string
}

// command is a call of wsrun as a process of its own; TestMain put it on the PATH.
func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("wsrun", args...)
	cmd.Dir = dir
	return cmd
}

// call runs wsrun in dir to its end, at most two minutes.
func call(t *testing.T, dir string, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "wsrun", args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("wsrun %v: %v %v\n%s", args, err, ctx.Err(), &stderr)
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// must is call where the exit code is known.
func must(t *testing.T, code int, dir string, args ...string) ended {
	t.Helper()
	e := call(t, dir, args...)
	if e.code != code {
		t.Fatalf("wsrun %v: exit code %d, want %d\n%s%s", args, e.code, code, e.stdout, e.stderr)
	}
	return e
}

// workdir makes a directory that holds files, by name.
func workdir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runDir gives the one run directory of scenario name below dir.
func runDir(t *testing.T, dir, name string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "results", name, "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("runs of %s: %v %v", name, found, err)
	}
	return found[0]
}

func readRecord(t *testing.T, run string) *result.Record {
	t.Helper()
	rec, err := result.Read(filepath.Join(run, result.RecordFile))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// oneFile reads the one file of a run directory that matches pattern.
func oneFile(t *testing.T, run, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(run, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s in %s: %v %v", pattern, run, found, err)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
