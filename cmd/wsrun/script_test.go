package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the expected outputs in testdata/script anew")

func TestMain(m *testing.M) {
	// Most tests here wait for runs of seconds: more of them than there are CPUs fit at once.
	if err := flag.Set("test.parallel", "5"); err != nil {
		panic(err)
	}
	if err := os.Setenv(raceKey, raceOptions); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"wsrun": main})
}

// The race detector keeps each process that ends asleep for a second, to see what its
// last goroutines do. Here hundreds of processes are started, whose last act is to wait for
// their goroutines.
const raceKey, raceOptions = "GORACE", "atexit_sleep_ms=50"

// Sessions with the built command, as people have them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"onerun": oneRun,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv(raceKey, raceOptions)
			return nil
		},
	})
}

// exits CODE COMMAND ARGS... runs a command and holds its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ee *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &ee):
		got = ee.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// onerun VAR DIR sets VAR to the newest run directory below DIR.
func oneRun(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: onerun VAR DIR")
	}
	runs, err := filepath.Glob(ts.MkAbs(filepath.Join(args[1], "*", "record.wsr")))
	ts.Check(err)
	if len(runs) == 0 {
		ts.Fatalf("no run in %s", args[1])
	}
	sort.Slice(runs, func(i, j int) bool { return modified(runs[i]) < modified(runs[j]) })
	ts.Setenv(args[0], filepath.Dir(runs[len(runs)-1]))
}

func modified(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.ModTime().UnixNano()
}

// The commands that exist, as the documentation lists them. Those that the design
// adds later are not there before they work.
func TestCommandTable(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	root := newApp(null, null, null, func(string) (string, bool) { return "", false }).root()
	names := commandNames(root)
	sort.Strings(names)
	if got, want := strings.Join(names, " "), "completion diff explain help init map plan report run schema simulate tiers validate version"; got != want {
		t.Errorf("commands:\n got %s\nwant %s", got, want)
	}
	for _, c := range root.Commands() {
		if c.Short == "" && !c.Hidden {
			t.Errorf("%s says nothing of itself", c.Name())
		}
	}
}
