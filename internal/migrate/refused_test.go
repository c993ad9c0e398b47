package migrate_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/internal/migrate"
	"github.com/wsrun/wsrun/scenario"
)

// What cannot be translated, and what is said of it.
func TestRefused(t *testing.T) {
	const fixed = required + "--mode fixed --fixed-concurrency-levels 10 "
	for call, want := range map[string]string{
		"":                                "the command line is empty",
		"ls -l":                           "there is no call of working_set_tester.py in it",
		"python cache_rate_tester.py --x": "this is a call of cache_rate_tester.py",
		"python working_set_tester.py --api-endpoint http://x:1": "--context-sizes: is missing",
		required:                                         "--max-ttft: is missing: sustained mode needs it, or --min-tokens-per-req",
		required + "--mode fixed":                        "--fixed-concurrency-levels: is missing: --mode fixed needs it",
		fixed + "--fixed 0":                              "--fixed-concurrency-levels: 0 is too small: at least 1",
		fixed + "--chunk-sise 3":                         "--chunk-sise: unknown option, did you mean --chunk-size?",
		fixed + "--wibblewobble 3":                       "--wibblewobble: unknown option: working_set_tester.py has none of this name; leave it out",
		fixed + "--working-set-size 3":                   "write --min-working-set-size and --max-working-set-size",
		fixed + "--max 3":                                "--max: could be --max-working-set-size or --max-ttft or --max-concurrency",
		fixed + "--seed":                                 "--seed: its value is missing",
		fixed + "--seed 1e3":                             `--seed: "1e3" is no whole number`,
		fixed + "--seed 1 2":                             `"2" stands alone`,
		fixed + "--max-ttft nan":                         `--max-ttft: "nan" is no number`,
		fixed + "--max-ttft 0":                           "--max-ttft: 0 must be above 0",
		fixed + "--brief=1":                              `--brief: takes no value, "1" is given`,
		fixed + "--mode turbo":                           `--mode: "turbo" is unknown: it may be sustained or fixed`,
		fixed + "--cache-hit-rates 50 101":               "--cache-hit-rates: 101 is above 100",
		fixed + "--cache-hit-rates -5":                   "--cache-hit-rates: -5 is too small",
		fixed + "--ramp-duration 0":                      "--ramp-duration: 0 is too small",
		fixed + "--output-dir $OUT":                      "$OUT at character ",
		fixed + `--output-dir "${OUT}/x"`:                "${OUT at character ",
		fixed + "--output-dir `date`":                    "`date at character ",
		fixed + "--output-dir 'x":                        "inside the quote '",
		fixed + `--output-dir "x`:                        `inside the quote "`,
		required + "--max-ttft 3 --start 9 --max-conc 8": "--start-concurrency: 9 is above --max-concurrency, 8",
		required + "--max-ttft 3 --test-duration 0":      "--test-duration: 0 is too small",
	} {
		r, problems := migrate.Scenario(call, migrate.Options{Else: "moved"})
		var all []string
		for _, p := range problems {
			all = append(all, p.String())
		}
		if got := strings.Join(all, "\n"); !strings.Contains(got, want) || r.Text != "" {
			t.Errorf("%s:\n got %s\nwant %s", strings.TrimPrefix(call, required), got, want)
		}
	}
}

// All problems are told at once.
func TestAllProblemsAtOnce(t *testing.T) {
	_, problems := migrate.Scenario("working_set_tester.py --api http://x:1 --chunk 0 --wat 3", migrate.Options{})
	if len(problems) != 2 { // what is missing may be what --wat was meant to be
		t.Errorf("%v", problems)
	}
	_, problems = migrate.Scenario(required+"--mode fixd --max-ttft two --cache-hit-rates -5 150 --num-retries -1 --ramp-duration", migrate.Options{})
	if len(problems) != 6 { // two that cannot be read, one without a value, three out of range; no word of a limit that is missing
		t.Errorf("%v", problems)
	}
	_, problems = migrate.Scenario("working_set_tester.py --api http://x:1 --chunk 0 --init-c 0", migrate.Options{})
	if len(problems) != 7 { // of what they mean: four options missing, two too small, no limit
		t.Errorf("%v", problems)
	}
}

// However a shell would have been given the call, it is the same call.
func TestShells(t *testing.T) {
	const args = "--api-endpoint http://localhost:8000 --context-sizes 8000 --min-working-set-size 100000 --max-working-set-size 200000 --working-set-increments 2 --mode fixed --fixed-concurrency-levels 1 --output-dir 'a b'"
	plain, _ := translated(t, args)
	for _, call := range []string{
		"working_set_tester.py " + args,
		"$ ./working_set_tester.py " + args,
		"python3 -u working_set_tester.py " + args,
		"HF_HOME=/x A='b c' uv run --with numpy python -X dev ../kv/working_set_tester.py " + args,
		"cd /x && python working_set_tester.py " + args + " | tee log; echo --done",
		"python working_set_tester.py " + args + " > log 2>&1 &",
		"python working_set_tester.py " + args + " &> log # --brief",
		"python working_set_tester.py " + strings.ReplaceAll(args, " --", " \\\r\n    --"),
		"python working_set_tester.py " + strings.ReplaceAll(args, " --", "\n  --"),
		"python working_set_tester.py " + strings.ReplaceAll(args, "'a b'", `"a b"`),
		"python working_set_tester.py " + strings.ReplaceAll(args, "'a b'", `a\ b`),
		"python working_set_tester.py " + strings.ReplaceAll(args, "'a b'", `"a"' 'b`),
		"#!/bin/bash\n# run_command.sh\nset -e\npython working_set_tester.py " + args + ` "$@"` + "\n",
		"python working_set_tester.py " + args + " $@",
	} {
		got, _ := translated(t, call)
		if got.Text != plain.Text {
			t.Errorf("%s:\n%s\nwant\n%s", call, got.Text, plain.Text)
		}
	}
}

// A call in other words is the same scenario: = or a space, names cut short, any order.
func TestSameCallInOtherWords(t *testing.T) {
	body := func(text string) string { return text[strings.Index(text, "\nname:"):] }
	short := map[string]string{"--context-sizes": "--context", "--min-working-set-size": "--min-w", "--max-working-set-size": "--max-w", "--working-set-increments": "--work", "--output-tokens": "--output-t", "--init-concurrency": "--init-c"}
	rapid.Check(t, func(rt *rapid.T) {
		args := [][2]string{{"--api-endpoint", "http://localhost:8000"}, {"--context-sizes", "8000"}, {"--min-working-set-size", "100000"}, {"--max-working-set-size", "300000"},
			{"--working-set-increments", "3"}, {"--max-ttft", "2"}, {"--output-tokens", "64"}, {"--init-concurrency", "4"}}
		var plain, other []string
		for _, a := range args {
			plain = append(plain, a[0], a[1])
		}
		for _, a := range rapid.Permutation(args).Draw(rt, "order") {
			name := a[0]
			if s, ok := short[name]; ok && rapid.Bool().Draw(rt, "short") {
				name = s
			}
			if rapid.Bool().Draw(rt, "equals") {
				other = append(other, name+"="+a[1])
			} else {
				other = append(other, name, a[1])
			}
		}
		want, p1 := migrate.Scenario(strings.Join(plain, " "), migrate.Options{Else: "x"})
		got, p2 := migrate.Scenario(strings.Join(other, " "), migrate.Options{Else: "x"})
		if len(p1)+len(p2) > 0 || body(got.Text) != body(want.Text) {
			rt.Fatalf("%v %v\n%s\n%s", p1, p2, got.Text, want.Text)
		}
	})
}

// Whatever is given, it ends, and what comes out is YAML that says no more than the call.
func FuzzScenario(f *testing.F) {
	for _, s := range []string{required + "--max-ttft 3", required + "--mode fixed --fixed-concurrency-levels 1 --output-dir \"a\tb\\\"\"", "'", "\"$@", "a\\", "2>&1 > x | y", "--a=b --", "`", "$(x)", required + "--max-ttft 3 --tokenizer 'a\nname: b'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, problems := migrate.Scenario(text, migrate.Options{Else: "moved"})
		if (r.Text == "") != (len(problems) > 0) {
			t.Fatalf("%q and %v", r.Text, problems)
		}
		if r.Text == "" {
			return
		}
		_, found := scenario.Load("moved.yaml", []byte(r.Text), scenario.Options{})
		for _, p := range found {
			switch p.Code {
			case "syntax", "unknown-key", "duplicate-key", "wrong-type", "second-document", "other-mode", "missing-key", "not-ascending", "duplicate-value", "sustained-without-slo", "encoding", "explicit-tag":
				t.Fatalf("%s\n%s", scenario.Render(found, false), r.Text)
			}
		}
	})
}
