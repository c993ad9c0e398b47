package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"gopkg.in/yaml.v3"
)

// action is as much of a composite action, or of a job, as is looked at here.
type action struct {
	Inputs map[string]struct {
		Description string
		Required    bool
		Default     *string
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []step
	}
}

type step struct {
	ID, Name, If, Uses, Shell, Run string
	With, Env                      map[string]string
}

func readYAML(t *testing.T, path string, into any) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(text)
}

var (
	inputUse   = regexp.MustCompile(`inputs\.([a-z-]+)`)
	stepUse    = regexp.MustCompile(`steps\.([a-z-]+)\.`)
	expression = regexp.MustCompile(`\$\{\{.*?\}\}`)
)

// The action uses inputs that exist, and all of them; nothing that a pull request may
// choose (its title, its branch, an input) stands in the text of a command.
func TestAction(t *testing.T) {
	var a action
	text := readYAML(t, "action.yml", &a)
	if a.Runs.Using != "composite" || len(a.Runs.Steps) < 5 {
		t.Fatalf("%+v", a.Runs)
	}
	used, ids := map[string]bool{}, map[string]bool{}
	for _, m := range inputUse.FindAllStringSubmatch(text, -1) {
		used[m[1]] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(a.Inputs)), slices.Sorted(maps.Keys(used))); diff != "" {
		t.Errorf("inputs declared and used (-declared +used)\n%s", diff)
	}
	for name, in := range a.Inputs {
		if in.Description == "" || !in.Required && in.Default == nil {
			t.Errorf("input %s has no description, or neither a default nor required", name)
		}
	}
	for _, s := range a.Runs.Steps {
		ids[s.ID] = true
		if (s.Uses == "") == (s.Run == "") || s.Run != "" && s.Shell != "bash" {
			t.Errorf("%s: a step uses an action or runs in bash", s.Name)
		}
		if e := expression.FindString(s.Run); e != "" {
			t.Errorf("%s: %s stands in the text of a command: hand it over in env", s.Name, e)
		}
		for name, value := range s.Env {
			if strings.Contains(value, "token") && name != "GH_TOKEN" || strings.Contains(value, "secrets.") {
				t.Errorf("%s: %s = %s: only the comment needs a token", s.Name, name, value)
			}
			if strings.HasPrefix(name, "WSRUN_") {
				t.Errorf("%s: a scenario could read %s", s.Name, name)
			}
		}
		if strings.Contains(s.Run, "allow-commands") {
			t.Errorf("%s: commands of a pull request are never run", s.Name)
		}
	}
	for _, m := range stepUse.FindAllStringSubmatch(text, -1) {
		if !ids[m[1]] {
			t.Errorf("steps.%s is no step", m[1])
		}
	}
	for name, out := range a.Outputs {
		if out.Description == "" || !strings.Contains(text, name+"=$OUT") {
			t.Errorf("output %s is never written", name)
		}
	}
}

// The examples call the action with inputs that it has, by a trigger that gives a fork
// neither secrets nor a token that may write.
func TestExampleWorkflows(t *testing.T) {
	var a action
	readYAML(t, "action.yml", &a)
	var w struct {
		On          map[string]any
		Permissions map[string]string
		Jobs        map[string]struct{ Steps []step }
	}
	readYAML(t, "examples/ci/github.yml", &w)
	if _, ok := w.On["pull_request"]; !ok || len(w.On) != 1 {
		t.Errorf("it is started by %v", w.On)
	}
	if diff := cmp.Diff(map[string]string{"contents": "read", "pull-requests": "write"}, w.Permissions); diff != "" {
		t.Errorf("permissions (-want +got)\n%s", diff)
	}
	calls := 0
	for _, s := range w.Jobs["scenarios"].Steps {
		if strings.Contains(s.Uses, "checkout") && s.With["persist-credentials"] != "false" {
			t.Error("the checkout leaves its token where a scenario's tools could read it")
		}
		if !strings.HasPrefix(s.Uses, "wsrun/wsrun@") {
			continue
		}
		calls++
		for name := range s.With {
			if _, ok := a.Inputs[name]; !ok {
				t.Errorf("the action has no input %s", name)
			}
		}
		for name, in := range a.Inputs {
			if _, given := s.With[name]; in.Required && !given {
				t.Errorf("the required input %s is not given", name)
			}
		}
	}
	if calls != 1 {
		t.Errorf("the action is called %d times", calls)
	}
	var gitlab map[string]struct{ Script []string }
	readYAML(t, "examples/ci/gitlab.yml", &gitlab)
	script := strings.Join(gitlab["scenarios"].Script, "\n")
	for _, part := range []string{"scenarios.sh validate", "scenarios.sh diff", "gitlab-note.sh", "scenarios.sh simulate"} {
		if !strings.Contains(script, part) {
			t.Errorf("the GitLab job has no %s", part)
		}
	}
}

// The steps as they are run, in a real repository, with a stand-in for the server.
func TestCIScripts(t *testing.T) {
	ci, err := filepath.Abs("../../ci")
	if err != nil {
		t.Fatal(err)
	}
	var a action
	readYAML(t, "action.yml", &a)
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/ci",
		UpdateScripts: *update,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(env *testscript.Env) error {
			env.Setenv(raceKey, raceOptions)
			env.Setenv("CI_DIR", ci)
			env.Setenv("GITHUB_ACTION_PATH", filepath.Dir(ci))
			for _, s := range a.Runs.Steps {
				if s.Run == "" || strings.HasPrefix(s.Run, "go build") {
					continue
				}
				name := strings.ToLower(strings.Fields(s.Name)[0])
				if err := os.WriteFile(filepath.Join(env.WorkDir, "step-"+name+".sh"), []byte(s.Run), 0o600); err != nil {
					return err
				}
			}
			return nil
		},
	})
}
