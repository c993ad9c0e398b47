package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/nearest"
)

// kind is what an option takes.
type kind uint8

const (
	aFlag kind = iota
	aText
	anInteger
	aNumber
	texts // one or more, as argparse's nargs="+"
	integers
)

// option is one of the original's command line.
type option struct {
	name    string
	kind    kind
	choices []string
	def     string // the original's default; empty: none
	extra   bool   // of cache_rate_tester.py, whose options people knew as well
}

const defaultOutputDir = "./output"

// options are those of working_set_tester.py in the order of its help, then what its
// sister tool has for the same purposes. Defaults are those of the described version.
var options = []option{
	{name: "--api-endpoint", kind: texts},
	{name: "--context-sizes", kind: integers},
	{name: "--min-working-set-size", kind: anInteger},
	{name: "--max-working-set-size", kind: anInteger},
	{name: "--working-set-increments", kind: anInteger},
	{name: "--mode", kind: aText, choices: []string{"sustained", "fixed"}, def: "sustained"},
	{name: "--fixed-concurrency-levels", kind: integers},
	{name: "--assessment-period", kind: anInteger, def: "30"},
	{name: "--max-ttft", kind: aNumber},
	{name: "--min-tokens-per-req", kind: aNumber},
	{name: "--ttft-metric", kind: aText, choices: []string{"max", "avg", "p95"}, def: "p95"},
	{name: "--output-dir", kind: aText, def: defaultOutputDir},
	{name: "--output-tokens", kind: anInteger, def: "256"},
	{name: "--tokenizer", kind: aText},
	{name: "--test-duration", kind: anInteger, def: "300"},
	{name: "--ramp-duration", kind: anInteger, def: "60"},
	{name: "--cache-hit-rates", kind: integers, def: "100"},
	{name: "--reinit-strategy", kind: aText, choices: []string{"once", "per_working_set", "per_test"}, def: "per_working_set"},
	{name: "--random-working-set-selection", kind: aFlag},
	{name: "--num-retries", kind: anInteger, def: "3"},
	{name: "--start-concurrency", kind: anInteger, def: "2"},
	{name: "--concurrency-increment", kind: anInteger, def: "2"},
	{name: "--max-concurrency", kind: anInteger, def: "1000"},
	{name: "--init-concurrency", kind: anInteger, def: "16"},
	{name: "--chunk-size", kind: anInteger, def: "256"},
	{name: "--seed", kind: anInteger},
	{name: "--kv-cache-quantization", kind: anInteger, choices: []string{"1", "2"}, def: "2"},
	{name: "--strict-time-window", kind: aFlag},
	{name: "--init-strategy", kind: aText, choices: []string{"min", "max"}, def: "min"},
	{name: "--skip-graphs", kind: aFlag},
	{name: "--force-restart", kind: aFlag},
	{name: "--verbose", kind: aFlag},
	{name: "--brief", kind: aFlag},
	{name: "--no-color", kind: aFlag},
	{name: "--tokens-per-req-metric", kind: aText, choices: []string{"avg", "p5", "p10"}, def: "avg", extra: true},
	{name: "--endpoint-selection", kind: aText, choices: []string{"round-robin", "pinned"}, def: "round-robin", extra: true},
}

// elsewhere are options of other tools and versions, and what says the same here.
var elsewhere = map[string]string{
	"--working-set-size": "an option of cache_rate_tester.py: write --min-working-set-size and --max-working-set-size with the same number, and --working-set-increments 1",
	"--api-key":          "the original had none: the key is read from the environment variable that target.api_key_env names, WSRUN_API_KEY by default",
	"--model":            "the original had none: write target.model into the scenario",
	"--help":             "the scenario's keys are told by wsrun explain",
	"--config":           "the original had none",
}

// find gives the option of a word as argparse does: its name, or the beginning of
// exactly one name.
func find(word string) (option, error) {
	if len(word) < 3 || !strings.HasPrefix(word, "--") {
		return option{}, fmt.Errorf("%s is no option", word)
	}
	for _, o := range options {
		if o.name == word {
			return o, nil
		}
	}
	for _, extra := range []bool{false, true} {
		var found []option
		var names []string
		for _, o := range options {
			if o.extra == extra && strings.HasPrefix(o.name, word) {
				found, names = append(found, o), append(names, o.name)
			}
		}
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 {
			return option{}, fmt.Errorf("could be %s: write the one that is meant", strings.Join(names, " or "))
		}
	}
	return option{}, fmt.Errorf("unknown option%s", suggestion(word))
}

// suggestion says what an unknown option may have meant.
func suggestion(word string) string {
	if s, ok := elsewhere[word]; ok {
		return ": " + s
	}
	var names []string
	for _, o := range options {
		names = append(names, strings.TrimPrefix(o.name, "--"))
	}
	if near := nearest.Name(strings.TrimPrefix(word, "--"), names); near != "" {
		return ", did you mean --" + near + "?"
	}
	return ": " + program + " has none of this name; leave it out"
}

// byName gives the option of this full name.
func byName(name string) option {
	i := slices.IndexFunc(options, func(o option) bool { return o.name == name })
	if i < 0 {
		panic("migrate: there is no option " + name)
	}
	return options[i]
}
