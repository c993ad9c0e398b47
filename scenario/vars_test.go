package scenario

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// envOf is an environment of some variables.
func envOf(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, set := vars[name]
		return v, set
	}
}

func TestVariables(t *testing.T) {
	vars := map[string]string{
		"WSRUN_NAME": "nightly", "WSRUN_N": "3", "WSRUN_YES": "true", "WSRUN_EMPTY": "", "WSRUN_HOST": "gpu-7", "CI_BRANCH": "main",
		"WSRUN_LIMIT": "3s", "WSRUN_NESTED": "${WSRUN_NAME}", "WSRUN_URL": "https://gw/llm/v1/",
	}
	opt := Options{Env: envOf(vars), AllowedEnv: []string{"CI_BRANCH"}}
	sc := must(t, `name: ${WSRUN_NAME}
description: "on ${CI_BRANCH} ${WSRUN_NOT_SET:-by default} ${WSRUN_EMPTY:-empty} $${WSRUN_NAME} ${WSRUN_NESTED} $5"
labels: {n: "${WSRUN_N}", empty: "${WSRUN_EMPTY}"}
target: {endpoints: ["http://${WSRUN_HOST}:8000/", "${WSRUN_URL}"], model: "${WSRUN_MODEL:-auto}"}
contexts: ["${WSRUN_CONTEXT:-8k}"]
working_set: {min: 100k, max: "${WSRUN_MAX:-1M}", steps: "${WSRUN_N}"}
mode: ${WSRUN_MODE:-fixed}
concurrency: ["${WSRUN_N}"]
warmup: {verify: "${WSRUN_YES}"}
slo: {output_rate: {avg: "${WSRUN_N}.5"}}
stop: ["ttft.p95 > ${WSRUN_LIMIT}"]
`, opt)
	s := sc.Scenario
	got := []any{s.Name, s.Description, s.Labels["n"], s.Labels["empty"], strings.Join(s.Target.Endpoints, " "), s.Target.Model, s.Contexts[0], len(s.WorkingSet.Sizes), s.Concurrency[0], s.Warmup.Verify, s.SLO.OutputRate[0].Limit, s.Stop[0].When}
	want := []any{"nightly", "on main by default empty ${WSRUN_NAME} ${WSRUN_NAME} $5", "3", "", "http://gpu-7:8000 https://gw/llm", "auto", int64(8000), 3, 3, true, 3.5, "ttft.p95 > 3s"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(References(s)) != 0 {
		t.Errorf("%v are left", References(s))
	}
	names := "CI_BRANCH WSRUN_CONTEXT WSRUN_EMPTY WSRUN_HOST WSRUN_LIMIT WSRUN_MAX WSRUN_MODE WSRUN_MODEL WSRUN_N WSRUN_NAME WSRUN_NESTED WSRUN_NOT_SET WSRUN_URL WSRUN_YES"
	if got := strings.Join(sc.Variables, " "); got != names {
		t.Errorf("reads %s, want %s", got, names)
	}
}

// secretFile has a variable wherever a secret may be.
const secretFile = `name: s
target:
  endpoints: ["http://${WSRUN_USER}:${WSRUN_PASSWORD}@host:8000/v1/", "${WSRUN_WHOLE}"]
  headers: {Authorization: "Basic ${WSRUN_BASIC}", X-Tenant: "${WSRUN_TENANT:-t1}", X-Session: "{prompt}-${WSRUN_BASIC}", X-Text: "$${x}"}
  body: {user: "${WSRUN_USER}", deep: [{key: "a ${WSRUN_BASIC} b"}, 1, null, true]}
  metrics: ["http://${WSRUN_HOST}/metrics?token=${WSRUN_QUERY}&a=b", none-of-it]
contexts: [8k]
working_set: [100k]
mode: fixed
concurrency: [1]
warmup: {reset: {command: [flush, "--key=${WSRUN_BASIC}"]}}
`

var secretVars = map[string]string{
	"WSRUN_USER": "al:ice", "WSRUN_PASSWORD": "p@s/s?w#o%rd", "WSRUN_WHOLE": "https://bob:hush@gw/v1/", "WSRUN_BASIC": "c2VjcmV0 {cell}", "WSRUN_HOST": "mon:9090", "WSRUN_QUERY": "qt",
}

func TestReveal(t *testing.T) {
	src := strings.Replace(secretFile, ", none-of-it", ", \"https://${WSRUN_HOST}/m\"", 1)
	opt := Options{Env: envOf(secretVars), AllowCommands: true}
	plan := must(t, src, opt)
	sc := plan.Scenario
	kept, err := json.Marshal(sc)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"al:ice", "p@s", "hush", "c2VjcmV0", "qt"} {
		if strings.Contains(string(kept), secret) {
			t.Errorf("the scenario holds %q: %s", secret, kept)
		}
	}
	if d := cmp.Diff([]string{"http://${WSRUN_USER}:${WSRUN_PASSWORD}@host:8000", "${WSRUN_WHOLE}"}, sc.Target.Endpoints); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"http://mon:9090/metrics?token=${WSRUN_QUERY}&a=b", "https://mon:9090/m"}, sc.Target.Metrics); d != "" {
		t.Error(d)
	}
	live, values, err := Reveal(sc, opt.Env)
	if err != nil {
		t.Fatal(err)
	}
	want := sc.Target
	want.Endpoints = []string{"http://al%3Aice:p%40s%2Fs%3Fw%23o%25rd@host:8000", "https://bob:hush@gw"}
	want.Headers = map[string]string{"Authorization": "Basic c2VjcmV0 {cell}", "X-Tenant": "t1", "X-Session": "{prompt}-c2VjcmV0 {cell}", "X-Text": "${x}"}
	want.Body = map[string]any{"user": "al:ice", "deep": []any{map[string]any{"key": "a c2VjcmV0 {cell} b"}, 1.0, nil, true}}
	want.Metrics = []string{"http://mon:9090/metrics?token=qt&a=b", "https://mon:9090/m"}
	if d := cmp.Diff(want, live.Target); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if d := cmp.Diff([]string{"flush", "--key=c2VjcmV0 {cell}"}, live.Warmup.Reset.Command); d != "" {
		t.Error(d)
	}
	for _, v := range []string{"al:ice", "p@s/s?w#o%rd", "p%40s%2Fs%3Fw%23o%25rd", "https://bob:hush@gw/v1/", "c2VjcmV0 {cell}"} {
		if !strings.Contains("\n"+strings.Join(values, "\n")+"\n", "\n"+v+"\n") {
			t.Errorf("%q is not among the values to hide: %q", v, values)
		}
	}
	for i := 1; i < len(values); i++ {
		if len(values[i]) > len(values[i-1]) {
			t.Errorf("values to hide are not longest first: %q", values)
		}
	}
	if Templated(sc.Target.Headers["Authorization"]) || !Templated(sc.Target.Headers["X-Session"]) || Templated(sc.Target.Headers["X-Text"]) {
		t.Error("a brace in a variable's value makes a template, or one in the text does not")
	}
	if names := strings.Join(References(sc), " "); names != "WSRUN_BASIC WSRUN_PASSWORD WSRUN_QUERY WSRUN_TENANT WSRUN_USER WSRUN_WHOLE" {
		t.Errorf("references %s", names)
	}

	// The values have no part in the digest.
	other := map[string]string{}
	for k, v := range secretVars {
		other[k] = v
	}
	other["WSRUN_BASIC"], other["WSRUN_PASSWORD"], other["WSRUN_QUERY"] = "b3RoZXI=", "other", "other"
	if d := must(t, src, Options{Env: envOf(other), AllowCommands: true}).Digest; d != plan.Digest {
		t.Error("another password is another digest")
	}
	other["WSRUN_TOKEN"] = "c2VjcmV0"
	renamed := strings.NewReplacer("Basic ${WSRUN_BASIC}", "Basic ${WSRUN_TOKEN}", "{prompt}-${WSRUN_BASIC}", "{prompt}-${WSRUN_TOKEN}").Replace(src)
	if d := must(t, renamed, Options{Env: envOf(other), AllowCommands: true}).Digest; d != plan.Digest {
		t.Error("another name for a header's variable is another digest")
	}

	// What a later environment lacks, or breaks, is told without a value.
	delete(other, "WSRUN_PASSWORD")
	other["WSRUN_BASIC"], other["WSRUN_WHOLE"] = "two\nlines", "ftp://x-secret"
	_, _, err = Reveal(sc, envOf(other))
	for _, says := range []string{"WSRUN_PASSWORD is not set", "target.headers.Authorization: the value of its variable holds a line break", "target.endpoints: with the values of its variables this is no URL"} {
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "two") || strings.Contains(err.Error(), "x-secret") {
			t.Errorf("error %v, want %s", err, says)
		}
	}
	if plain := must(t, minimal(""), Options{}).Scenario; true {
		if same, values, err := Reveal(plain, nil); same != plain || values != nil || err != nil {
			t.Error("a scenario without variables is changed")
		}
	}
}

// What a variable breaks is a problem where it is named, and its value is not shown.
func TestBadValuesOfVariables(t *testing.T) {
	for _, c := range []struct{ name, line, value, code string }{
		{"a header of two lines", "target: {endpoints: [http://a], headers: {X: \"a ${WSRUN_X}\"}}", "hid\nden", "bad-header"},
		{"no URL", "target: \"http://${WSRUN_X}:8000\"", "hid den", "bad-url"},
		{"no host", "target: {endpoints: [\"http://${WSRUN_X}\"]}", "", "bad-url"},
		{"no scheme", "target: \"${WSRUN_X}\"", "hidden:80", "bad-url"},
		{"a base URL with a query", "target: \"http://a?k=${WSRUN_X}\"", "hidden", "bad-url"},
		{"a password in the default", "target: \"http://me:${WSRUN_X:-hidden}@a\"", "", "secret-in-file"},
		{"a password beside a variable", "target: \"http://${WSRUN_X}:word@a\"", "hidden", "secret-in-file"},
		{"a key in the default", "target: {endpoints: [http://a], headers: {Authorization: \"Bearer ${WSRUN_X:-hidden}\"}}", "", "secret-in-file"},
		{"the key where it is shown", "description: \"${WSRUN_API_KEY}\"", "", "env-not-allowed"},
		{"another's variable", "description: \"${HOME}\"", "", "env-not-allowed"},
		{"in a key", "labels: {\"${WSRUN_X}\": 1}", "hidden", "bad-key"},
		{"not closed", "description: \"${WSRUN_X\"", "hidden", "bad-variable"},
		{"with an operator", "description: \"${WSRUN_X:?}\"", "hidden", "bad-variable"},
		{"one in another", "description: \"${WSRUN_Y:-${WSRUN_X}}\"", "hidden", "bad-variable"},
		{"a map", "slo: \"${WSRUN_X}\"", "{ttft: {p95: 1s}}", "wrong-type"},
		{"a number that is none", "trials: \"${WSRUN_X}\"", "3.5", "wrong-type"},
	} {
		src := minimal("")
		key, _, _ := strings.Cut(c.line, ":")
		var lines []string
		for _, l := range strings.Split(src, "\n") {
			if !strings.HasPrefix(l, key+":") {
				lines = append(lines, l)
			}
		}
		src = strings.Join(append(lines, c.line), "\n")
		_, problems := Load("x.yaml", []byte(src), Options{Env: envOf(map[string]string{"WSRUN_X": c.value, "WSRUN_API_KEY": "hidden", "HOME": "hidden"})})
		text := Render(problems, false)
		if codesOf(problems) != c.code || c.value != "" && strings.HasPrefix(c.value, "hid") && strings.Contains(text, c.value) || strings.Contains(strings.ReplaceAll(text, ":-hidden", ""), "hidden") {
			t.Errorf("%s: %s", c.name, text)
		}
		if len(problems) > 0 && !strings.Contains(problems[0].Source, "$") {
			t.Errorf("%s: at %q", c.name, problems[0].Source)
		}
	}
	if _, problems := LoadProfile("p.yaml", []byte("name: ${WSRUN_X}\n")); codesOf(problems) != "bad-variable" {
		t.Errorf("a variable in a profile: %s", codesOf(problems))
	}
}

func TestPublicURL(t *testing.T) {
	for raw, want := range map[string]string{
		"http://host:8000/llm":                           "http://host:8000/llm",
		"http://me:word@host/m?token=t#f":                "http://host/m",
		"http://${WSRUN_U}:${WSRUN_P}@host:8000/a/b?c":   "http://host:8000/a/b",
		"http://${WSRUN_U:-me@x}@h?k=${WSRUN_Q:-secret}": "http://h",
		"http://${WSRUN_HOST}/x":                         "http://${WSRUN_HOST}/x",
		"${WSRUN_URL}":                                   "${WSRUN_URL}",
		"${WSRUN_URL:-http://me:word@host}":              "${WSRUN_URL}",
		"word ${WSRUN_URL}":                              "(not a URL)",
		"${WSRUN_URL":                                    "(not a URL)",
		"word":                                           "(not a URL)",
	} {
		if got := PublicURL(raw); got != want {
			t.Errorf("%s is shown as %s, want %s", raw, got, want)
		}
	}
}

// The names of variables in a URL are shown where one of them is wrong, a password is not.
func TestRenderShowsReferences(t *testing.T) {
	src := "name: x\ntarget: {endpoints: [\"http://${WSRUN_U}:${WSRUN_P}@h\", \"http://${WSRUN_U}:word@h\"], modell: m}\n"
	_, problems := Load("x.yaml", []byte(src), Options{})
	text := Render(problems, false)
	if !strings.Contains(text, "${WSRUN_U}:${WSRUN_P}@h") || strings.Contains(text, "word") {
		t.Error(text)
	}
}

// A condition that is wrong behind a variable is underlined where it is wrong in the file.
func TestPlaceBehindVariable(t *testing.T) {
	src := minimal("stop: [\"ttft.p95 > ${WSRUN_LIMIT} or ttft.p59 > 1s\", \"${WSRUN_METRIC} > 1s\"]\n")
	_, problems := Load("x.yaml", []byte(src), Options{Env: envOf(map[string]string{"WSRUN_LIMIT": "1h2m3s", "WSRUN_METRIC": "tttt.p95"})})
	if len(problems) != 2 {
		t.Fatal(Render(problems, false))
	}
	for i, want := range []string{"ttft.p59", "${WSRUN_METRIC}"} {
		p := problems[i]
		if got := string([]rune(p.Source)[p.Col-1 : p.Col-1+p.Len]); got != want {
			t.Errorf("%q is underlined, want %q", got, want)
		}
	}
}

// TestPieces: what is taken apart and put together again is the text, and a text without
// variables reads as it was written.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "é", "$", "{", "}", "${A}", "$${", "${B:-x y}", "${B:-}", "$$", "://", "@", "?", "/"}), 0, 12).Draw(t, "parts"), "")
		parts, bad := pieces(text)
		var again, read strings.Builder
		at := 0
		for _, p := range parts {
			if p.from != at {
				t.Fatalf("%q: a piece at %d, not %d", text, p.from, at)
			}
			at = p.to
			again.WriteString(p.written())
			read.WriteString(p.text)
		}
		if bad >= 0 {
			if !strings.HasPrefix(string([]rune(text)[bad:]), "${") {
				t.Fatalf("%q: nothing is wrong at %d", text, bad)
			}
			return
		}
		if again.String() != text {
			t.Errorf("%q became %q", text, again.String())
		}
		// What a variable brings along is never read as one.
		kept := fillURL(parts, envOf(map[string]string{"A": "${B}", "B": "$${A}"}))
		reveal := revealer{env: envOf(map[string]string{"A": "${B}", "B": "$${A}"}), values: map[string]bool{}}
		want, _ := fillText(parts, reveal.env)
		if got := reveal.text("", kept); got != want {
			t.Errorf("%q: kept as %q, revealed as %q, want %q", text, kept, got, want)
		}
	})
}

// What a hostile file makes of variables and aliases costs neither minutes nor gigabytes.
func TestVariablesAreBounded(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	opt := Options{Env: envOf(map[string]string{"WSRUN_X": long})}
	aliases := strings.Repeat("*a, ", 20_000)
	for _, c := range []struct{ name, line, code string }{
		{"a long value, often", "description: \"" + strings.Repeat("${WSRUN_X}", 1000) + "\"", "too-large"},
		{"too many variables", "description: \"" + strings.Repeat("${WSRUN_X}", 1001) + "\"", "bad-variable"},
		{"a long text, aliased", "labels: {a: &a \"" + long + "\"}\ntarget: {endpoints: [http://a], body: {b: [" + aliases + "]}}", "too-many-aliases"},
		{"escapes alone", "description: \"" + strings.Repeat("$${", 30_000) + "\"", "bad-variable"},
		{"references alone", "description: \"" + strings.Repeat("${WSRUN_Y:-}", 8_000) + "\"", "bad-variable"},
		{"one reference, aliased", "labels: {a: &a \"${WSRUN_X}\"}\nstop: [" + strings.Repeat("{when: error_rate > 5, reason: *a}, ", 90) + "]", ""},
	} {
		src := minimal("")
		if strings.Contains(c.line, "target:") {
			src = strings.Replace(src, "target: http://localhost:8000\n", "", 1)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, problems := Load("x.yaml", []byte(src+c.line+"\n"), opt)
		runtime.ReadMemStats(&after)
		var errs []Problem
		for _, p := range problems {
			if !p.Warning {
				errs = append(errs, p)
			}
		}
		if codesOf(errs) != c.code {
			t.Errorf("%s: %s", c.name, codesOf(errs))
		}
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 300 {
			t.Errorf("%s: %d MB were allocated", c.name, mb)
		}
	}
}

// Where a value may be a secret no default is advised: it would stand in the file.
func TestUnsetSecrets(t *testing.T) {
	for target, want := range map[string]bool{
		`"http://u:${WSRUN_X}@a"`:                                    true,
		`"http://${WSRUN_X}:8000"`:                                   false,
		`{endpoints: [http://a], headers: {X: "${WSRUN_X}"}}`:        true,
		`{endpoints: [http://a], body: {user: "${WSRUN_X}"}}`:        true,
		`{endpoints: [http://a], metrics: "http://a/?t=${WSRUN_X}"}`: true,
		`{endpoints: [http://a], model: "${WSRUN_X}"}`:               false,
	} {
		src := strings.Replace(minimal(""), "target: http://localhost:8000", "target: "+target, 1)
		_, problems := Load("s.yaml", []byte(src), Options{})
		if len(problems) != 1 || problems[0].Code != "unset-variable" || strings.Contains(problems[0].Message, "an empty value will do") != want || strings.Contains(problems[0].Message, ":-") == want {
			t.Errorf("%s: %s", target, Render(problems, false))
		}
		plan, problems := Load("s.yaml", []byte(src), Options{Env: envOf(map[string]string{"WSRUN_X": ""})})
		if want && plan == nil {
			t.Errorf("%s: with an empty value: %s", target, Render(problems, false))
		}
	}
}

// A header that carries a key by its name has it from a variable, or not at all.
func TestHeadersOfSecrets(t *testing.T) {
	for name, secret := range map[string]bool{
		"Authorization": true, "X-Api-Key": true, "X-Goog-Api-Key": true, "apikey": true, "Private-Token": true, "X-Auth-Token": true,
		"Ocp-Apim-Subscription-Key": true, "X-Client-Secret": true, "Cookie": true, "X-Route": false, "X-Request-Id": false, "X-Cache-Key-Version": false, "X-Tokens-Left": false,
	} {
		for value, plain := range map[string]bool{"abc": true, "${WSRUN_X}": false} {
			src := strings.Replace(minimal(""), "target: http://localhost:8000\n", "", 1) + "target: {endpoints: [http://a], headers: {" + name + ": \"" + value + "\"}}\n"
			_, problems := Load("x.yaml", []byte(src), Options{Env: envOf(map[string]string{"WSRUN_X": "v"})})
			if got, want := codesOf(problems) == "secret-in-file", secret && plain; got != want || !want && len(problems) > 0 {
				t.Errorf("%s: %s: %q", name, value, codesOf(problems))
			}
		}
	}
}
