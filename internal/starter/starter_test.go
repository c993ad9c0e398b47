package starter_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/starter"
	"github.com/wsrun/wsrun/scenario"
)

func load(t *testing.T, text string) *scenario.Plan {
	t.Helper()
	plan, problems := scenario.Load("start.yaml", []byte(text), scenario.Options{})
	if len(problems) > 0 {
		t.Fatalf("%s\n%s", scenario.Render(problems, false), text)
	}
	return plan
}

// commented is an example in comments: a key, and what is indented below it.
var commented = regexp.MustCompile(`(?m)^# ([a-z_]+:.*\n(?:#  +.*\n)*)`)

// Every starter is valid without a warning, is what it was asked to be, fits the page,
// and so does each of its examples once its # are taken away.
func TestStarters(t *testing.T) {
	for _, mode := range starter.Modes() {
		for _, target := range []string{"http://localhost:8000", starter.Simulator} {
			text, err := starter.Text(starter.Options{Mode: mode, Name: "first", Target: target, File: "first.yaml", Schema: "./scenario.schema.json"})
			if err != nil {
				t.Fatal(err)
			}
			plan := load(t, text)
			sc := plan.Scenario
			if sc.Mode != mode || sc.Name != "first" || (sc.Target.Simulator != nil) != (target == starter.Simulator) || len(plan.Cells) == 0 {
				t.Errorf("%s: %s", mode, text)
			}
			for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
				if len(line) > 96 || strings.TrimRight(line, " ") != line {
					t.Errorf("%s: %q", mode, line)
				}
			}
			if strings.Contains(text, "\n\n\n") || !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") || !strings.Contains(text, "wsrun plan first.yaml") {
				t.Errorf("%s, %s: it does not read well:\n%s", mode, target, text)
			}
			examples(t, text)
		}
	}
}

func examples(t *testing.T, text string) {
	t.Helper()
	all := commented.FindAllStringSubmatchIndex(text, -1)
	if len(all) < 4 {
		t.Fatalf("%d examples in\n%s", len(all), text)
	}
	for _, at := range all {
		example := strings.ReplaceAll(text[at[2]:at[3]], "\n# ", "\n")
		key, _, _ := strings.Cut(example, ":")
		rest := text[:at[0]] + text[at[1]:]
		// The example takes the place of the key where it is there.
		rest = regexp.MustCompile(`(?m)^`+key+`:.*\n(?:  .*\n)*`).ReplaceAllString(rest, "")
		load(t, rest+example)
	}
}

func TestNoStarter(t *testing.T) {
	if _, err := starter.Text(starter.Options{Mode: "parts"}); err == nil || !strings.Contains(err.Error(), "fixed, sustained, map") {
		t.Errorf("%v", err)
	}
}

// Without a schema there is no line for the editor: what goes to standard output has
// nothing beside it.
func TestNoSchema(t *testing.T) {
	text, err := starter.Text(starter.Options{Mode: "map", Name: "first", Target: "http://x:1", File: "-"})
	if err != nil || strings.Contains(text, "schema") {
		t.Errorf("%v\n%s", err, text)
	}
}
