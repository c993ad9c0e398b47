package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wsrun/wsrun/internal/explain"
	"github.com/wsrun/wsrun/internal/simulator"
)

// secrets are the values that a scenario names, by their variables.
var secrets = map[string]string{
	"WSRUN_USER": "alice-of-the-user-info", "WSRUN_PASSWORD": "p@ss/word?in the url", "WSRUN_KEY": "sk-the-header-key",
	"WSRUN_BODY": "the-body-secret {prompt}", "WSRUN_QUERY": "the-query-token", "WSRUN_FLUSH": "the-flush-token",
}

const secretScenario = `name: secret
target:
  endpoints: ["http://${WSRUN_USER}:${WSRUN_PASSWORD}@${WSRUN_HOST}"]
  headers: {X-Key: "${WSRUN_KEY}", X-Request-Id: "{request}"}
  body: {user: "${WSRUN_BODY}"}
  metrics: "http://${WSRUN_HOST}/metrics?token=${WSRUN_QUERY}"
contexts: [512]
working_set: [8192]
output_tokens: 4
mode: fixed
concurrency: [4]
duration: 1s
assessment_period: 500ms
warmup: {verify: false, reset: {post: "/reset_prefix_cache?k=${WSRUN_FLUSH}"}}
`

// gossip is a server that wants every secret, and says them all back when it fails.
type gossip struct {
	sim   *simulator.Server
	loads atomic.Int64
	wrong atomic.Pointer[string]
}

func (g *gossip) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	user, password, _ := r.BasicAuth()
	said := strings.Join([]string{r.Method, r.URL.Path, r.URL.RawQuery, user, password, r.Header.Get("X-Key"), string(body)}, " ")
	wants := []string{secrets["WSRUN_USER"], secrets["WSRUN_PASSWORD"]}
	switch r.URL.Path {
	case "/metrics":
		wants = []string{secrets["WSRUN_QUERY"]}
	case "/reset_prefix_cache":
		wants = append(wants, secrets["WSRUN_FLUSH"])
	case "/v1/completions":
		wants = append(wants, secrets["WSRUN_KEY"], secrets["WSRUN_BODY"])
	}
	for _, want := range wants {
		if !strings.Contains(said, want) {
			text := fmt.Sprintf("%s without %s", said, want)
			g.wrong.CompareAndSwap(nil, &text)
		}
	}
	if strings.Contains(r.Header.Get("X-Request-Id"), "{") {
		text := "a template that was not filled in"
		g.wrong.CompareAndSwap(nil, &text)
	}
	if r.URL.Path == "/v1/completions" && g.loads.Add(1)%7 == 0 || r.URL.Path == "/metrics" && g.loads.Load()%3 == 0 {
		w.WriteHeader(http.StatusUnauthorized)
		b, _ := json.Marshal(map[string]any{"error": map[string]any{"message": "refused: " + said}})
		_, _ = w.Write(b)
		return
	}
	g.sim.ServeHTTP(w, r)
}

// No value of a variable is in any file of a run or in anything that is printed, though
// the server gets them all and says them back.
func TestSecretsStayHidden(t *testing.T) {
	profile, err := simulator.DecodeProfile([]byte(`{"name":"gossip","tiers":[{"name":"hbm","capacity":100000}],"base":"2ms","prefill":"1us","decode":"1ms"}`))
	if err != nil {
		t.Fatal(err)
	}
	g := &gossip{sim: simulator.New(profile)}
	server := httptest.NewServer(g)
	defer server.Close()
	for name, v := range secrets {
		t.Setenv(name, v)
	}
	t.Setenv("WSRUN_HOST", strings.TrimPrefix(server.URL, "http://"))
	dir := workdir(t, map[string]string{"secret.yaml": secretScenario})

	hidden := func(what, text string) {
		t.Helper()
		for name, v := range secrets {
			for _, form := range []string{v, strings.ReplaceAll(v, " ", "%20"), "p%40ss", "p@ss"} {
				if strings.Contains(text, form) {
					t.Errorf("%s holds the value of %s:\n%s", what, name, text[max(0, strings.Index(text, form)-200):])
					return
				}
			}
		}
	}
	said := func(e ended) string { return e.stdout + e.stderr }
	hidden("validate", said(must(t, 0, dir, "validate", "secret.yaml")))
	hidden("plan", said(must(t, 0, dir, "plan", "--format", "json", "secret.yaml")))
	run := call(t, dir, "--verbose", "secret.yaml")
	hidden("run", said(run))
	if wrong := g.wrong.Load(); wrong != nil {
		t.Fatalf("a secret was not sent: %s", *wrong)
	}
	if g.loads.Load() < 20 {
		t.Fatalf("%d requests\n%s", g.loads.Load(), said(run))
	}
	kept := runDir(t, dir, "secret")
	hidden("report", said(call(t, dir, "report", "--single-file", kept)))
	rec := readRecord(t, kept)
	b, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	hidden("the record", string(b))
	if !strings.Contains(string(b), "refused: ") || !strings.Contains(string(b), "***") || !strings.Contains(string(b), "${WSRUN_KEY}") {
		t.Errorf("the record does not say what the server said: %.2000s", b)
	}
	n := 0
	err = filepath.WalkDir(filepath.Join(dir, "results"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		if len(explain.Find("", d.Name())) == 0 {
			t.Errorf("%s is explained nowhere", d.Name())
		}
		b, err := os.ReadFile(path)
		hidden(path, string(b))
		return err
	})
	if err != nil || n < 10 {
		t.Errorf("%d files: %v", n, err)
	}

	// Going on with a run reads the variables again.
	if err := os.Unsetenv("WSRUN_KEY"); err != nil {
		t.Fatal(err)
	}
	if e := must(t, 2, dir, "run", "--resume", kept); !strings.Contains(e.stderr, "target.headers.X-Key: the environment variable WSRUN_KEY is not set") {
		t.Errorf("resumed without a variable: %s", e.stderr)
	}
	t.Setenv("WSRUN_KEY", "sk-a\nsecond-line")
	for _, e := range []ended{must(t, 2, dir, "run", "--resume", kept), must(t, 3, dir, "validate", "secret.yaml")} {
		hidden("a header of two lines", said(e))
		if !strings.Contains(e.stderr, "line break") || strings.Contains(e.stderr, "second-line") {
			t.Errorf("a header of two lines: %s", e.stderr)
		}
	}

	// A server that is not there.
	t.Setenv("WSRUN_KEY", secrets["WSRUN_KEY"])
	server.Close()
	dead := call(t, dir, "--verbose", "secret.yaml", "--set", "name=dead")
	if hidden("a dead server", said(dead)); dead.code != 1 || !strings.Contains(dead.stderr, "does not answer") {
		t.Errorf("a dead server: %d %s", dead.code, dead.stderr)
	}
}

// What a server says back may be escaped, folded onto one line or cut off.
func TestPublic(t *testing.T) {
	a := &app{}
	a.hide("line one\nline \"two\" & <more>", "alice:pa/ss", "abc")
	a.hide("sk-key-0123456789")
	for _, c := range []struct{ said, want string }{
		{`{"user": "line one\nline \"two\" & <more>"}`, `{"user": "***"}`},
		{`{"user": "line one\nline \"two\" \u0026 \u003cmore\u003e"}`, `{"user": "***"}`},
		{"HTTP 401: line one line \"two\" & <more>", "HTTP 401: ***"},
		{"line one\nline \"two\" & <more>", "***"},
		{"Basic YWxpY2U6cGEvc3M=", "Basic ***"},
		{"?k=alice%3Apa%2Fss", "?k=***"},
		{"no sk-key-01...; wait", "no ***...; wait"},
		{"no sk-key-0123456789...", "no ***..."},
		{"sk-key is none, abc is short ...", "sk-key is none, abc is short ..."},
	} {
		if got := a.public(c.said); got != c.want {
			t.Errorf("%q: %q, want %q", c.said, got, c.want)
		}
	}
	if n := len(a.hidden); n > 24 {
		t.Errorf("%d forms", n)
	}
}
