package main

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/scenario"
)

// Whatever is given, the scenario that is made of it says that and nothing else: an
// argument never becomes a key or another value.
func TestMapScenarioHoldsItsArguments(t *testing.T) {
	odd := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"true", "1", "1e3", "null", "~", "a: b", "a #b", "- a", "]", "}\nmode: fixed", "\"", "'", "*x", "&x", "!x", "%", "0x10", "a:", "@b", "`", "http://[::1]:8"}))
	rapid.Check(t, func(t *rapid.T) {
		f := mapFlags{context: odd.Draw(t, "context"), max: odd.Draw(t, "max"), resolution: odd.Draw(t, "resolution"), model: odd.Draw(t, "model"), policy: rapid.Bool().Draw(t, "policy")}
		text := f.scenario(odd.Draw(t, "server"))
		plan, problems := scenario.Load("x", []byte(text), scenario.Options{})
		if plan != nil {
			if sc := plan.Scenario; sc.Mode != "map" || f.model != "" && sc.Target.Model != f.model {
				t.Fatalf("%+v\n%s", sc, text)
			}
			return
		}
		for _, p := range problems {
			switch p.Path {
			case "/target", "/target/endpoints", "/target/endpoints/0", "/contexts/0", "/working_set/max", "/map/resolution", "/target/model":
			default:
				t.Fatalf("a problem at %q: %s\n%s", p.Path, p.Message, text)
			}
		}
	})
}

// What the flags say is what is asked for.
func TestMapScenario(t *testing.T) {
	for _, c := range []struct {
		server string
		f      mapFlags
		want   string // of the target
	}{
		{"http://gpu-1:8000/v1", mapFlags{}, "http://gpu-1:8000/v1"},
		{"http://[::1]:8000", mapFlags{model: "meta-llama/Llama-3.1-70B"}, `{endpoints: ["http://[::1]:8000"], model: "meta-llama/Llama-3.1-70B"}`},
		{"https://host", mapFlags{keyEnv: "WSRUN_KEY"}, `{endpoints: [https://host], api_key_env: "WSRUN_KEY"}`},
		{"simulator", mapFlags{}, "simulator"},
		{"simulator", mapFlags{profile: "h100-70b"}, `{simulator: {profile: "h100-70b"}}`},
	} {
		c.f.context, c.f.max, c.f.resolution, c.f.policy = "32k", "5M", "1.5%", true
		text := c.f.scenario(c.server)
		plan, problems := scenario.Load("x", []byte(text), scenario.Options{})
		if plan == nil {
			t.Fatalf("%s\n%s", text, scenario.Render(problems, false))
		}
		sc := plan.Scenario
		if !strings.Contains(text, "\ntarget: "+c.want+"\n") || sc.Contexts[0] != 32000 || sc.Map != (scenario.Survey{Max: 5_000_000, Resolution: 0.015, Policy: true}) || sc.Name != "map" {
			t.Errorf("%s\n%+v", text, sc)
		}
	}
}
