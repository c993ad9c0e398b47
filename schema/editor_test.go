package schema_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/schema"
)

// TestEditor tries the schema in yaml-language-server, as editors start it: what is wrong
// is underlined at its place, keys and values are completed, and a sentence stands where
// the pointer is. `make editor` installs the server and names it in WSRUN_YAML_LSP.
func TestEditor(t *testing.T) {
	server := os.Getenv("WSRUN_YAML_LSP")
	if server == "" {
		t.Skip("WSRUN_YAML_LSP names no yaml-language-server: make editor")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "scenario.schema.json"), schema.Scenario(), 0o644); err != nil {
		t.Fatal(err)
	}
	e := startEditor(t, server, dir)
	const head = "# yaml-language-server: $schema=./scenario.schema.json\nname: a\ntarget: simulator\ncontexts: [8k]\nworking_set: {min: 100k, max: 1M, steps: 4}\nmode: fixed\nconcurrency: [4, 8]\n"

	t.Run("what is right is not underlined", func(t *testing.T) {
		files, err := filepath.Glob("../examples/scenarios/[^_]*.yaml")
		if err != nil || len(files) == 0 {
			t.Fatal("no examples")
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(src), "../../schema/scenario.schema.json", "./scenario.schema.json", 1)
			if got := e.open(t, text); len(got) > 0 {
				t.Errorf("%s: %v", file, got)
			}
		}
		if got := e.open(t, head+"seed: ${WSRUN_SEED:-42}\ntrials: ${WSRUN_TRIALS}\n"); len(got) > 0 {
			t.Errorf("variables: %v", got)
		}
		if got := e.open(t, "# yaml-language-server: $schema=./scenario.schema.json\nextends: _base.yaml\nname: a\ntarget: {simulator: null, model: b}\nslo: null\n"); len(got) > 0 {
			t.Errorf("what extends another: %v", got)
		}
	})
	t.Run("what is wrong is", func(t *testing.T) {
		for _, c := range []struct {
			more    string
			line    int
			message string
		}{
			{"trails: 3", 7, "Property trails is not allowed"},
			{"order: random", 7, "Valid values"},
			{"drain: 30", 7, "Incorrect type"},
			{"hit_rates: [50, 101]", 7, "above the maximum of 100"},
			{"growth: {by: time}", 7, "growth"},
			{"rate: [5]", 6, "concurrency"},
			{"slo: {ttft: {p59: 5s}}", 7, "p59"},
			{"access: {zipf: 0}", 7, ""},
		} {
			got := e.open(t, head+c.more+"\n")
			if !slices.ContainsFunc(got, func(d diagnostic) bool {
				return d.Range.Start.Line == c.line && strings.Contains(d.Message, c.message)
			}) {
				t.Errorf("%s: %v", c.more, got)
			}
		}
	})
	t.Run("completion", func(t *testing.T) {
		for _, c := range []struct {
			more  string
			wants []string
		}{
			{"", []string{"trials", "repeats", "warmup", "thresholds", "slo"}},
			{"order: ", []string{"ascending", "shuffled", "interleaved"}},
			{"warmup:\n  rewarm: ", []string{"per-working-set", "per-level", "once"}},
			{"prompts:\n  ", []string{"salt", "encoding"}},
			{"stop:\n  - when: error_rate > 5%\n    ends: ", []string{"level", "cell", "sweep", "run"}},
		} {
			text := head + c.more
			e.open(t, text)
			got := e.complete(t, strings.Count(text, "\n"), len(text)-strings.LastIndexByte(text, '\n')-1)
			for _, want := range c.wants {
				if !slices.Contains(got, want) {
					t.Errorf("after %q: %v has no %s", c.more, got, want)
				}
			}
		}
	})
	t.Run("hover", func(t *testing.T) {
		for _, c := range []struct{ line, want string }{
			{"trials: 3", "only several trials show how much a result varies"},
			{"repeats: 3", "how many more times a level"},
			{"prompts: {salt: cell}", "How prompts are made"},
			{"order: ascending", "Order of the cells"},
		} {
			e.open(t, head+c.line+"\n")
			if got := e.hover(t, 7, 1); !strings.Contains(strings.ReplaceAll(got, "\\", ""), c.want) {
				t.Errorf("%s: %q, want %q", c.line, got, c.want)
			}
		}
	})
}

// editor speaks the language server protocol to a server.
type editor struct {
	dir    string
	in     io.Writer
	ids    int
	opened int
	shown  string // the file that was opened last
	found  chan found
	calls  chan call
}

type call struct {
	id    int
	reply chan json.RawMessage
}

type found struct {
	URI         string       `json:"uri"`
	Diagnostics []diagnostic `json:"diagnostics"`
}

type diagnostic struct {
	Message string `json:"message"`
	Range   struct {
		Start struct {
			Line, Character int
		} `json:"start"`
	} `json:"range"`
}

type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      *int            `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
}

func startEditor(t *testing.T, server, dir string) *editor {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, server, "--stdio")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := &editor{dir: dir, in: in, found: make(chan found, 100), calls: make(chan call, 100)}
	done := make(chan struct{})
	go func() { defer close(done); e.read(out) }()
	t.Cleanup(func() {
		cancel()
		<-done
		_ = cmd.Wait() // it was killed
	})
	e.ask(t, "initialize", map[string]any{"processId": os.Getpid(), "rootUri": e.uri(""), "capabilities": map[string]any{
		"workspace":    map[string]any{"configuration": true},
		"textDocument": map[string]any{"hover": map[string]any{"contentFormat": []string{"plaintext"}}, "publishDiagnostics": map[string]any{}},
	}})
	e.tell("initialized", map[string]any{})
	return e
}

// read takes what the server says: answers, findings, and questions for settings.
func (e *editor) read(out io.Reader) {
	r := textproto.NewReader(bufio.NewReader(out))
	waiting := map[int]chan json.RawMessage{}
	for {
		head, err := r.ReadMIMEHeader()
		if err != nil {
			return
		}
		n, err := strconv.Atoi(head.Get("Content-Length"))
		if err != nil {
			return
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(r.R, body); err != nil {
			return
		}
		var m message
		if json.Unmarshal(body, &m) != nil {
			continue
		}
		for more := true; more; {
			select {
			case c := <-e.calls:
				waiting[c.id] = c.reply
			default:
				more = false
			}
		}
		switch {
		case m.Method == "textDocument/publishDiagnostics":
			var f found
			if json.Unmarshal(m.Params, &f) == nil {
				e.found <- f
			}
		case m.Method == "workspace/configuration":
			settings := json.RawMessage(`[{"validate":true,"hover":true,"completion":true,"schemaStore":{"enable":false},"format":{"enable":false}},{},{},{},{}]`)
			e.send(message{ID: m.ID, Result: settings})
		case m.Method != "" && m.ID != nil:
			e.send(message{ID: m.ID, Result: json.RawMessage("null")})
		case m.Method == "" && m.ID != nil && waiting[*m.ID] != nil:
			waiting[*m.ID] <- m.Result
		}
	}
}

func (e *editor) send(m message) {
	m.JSONRPC = "2.0"
	b, err := json.Marshal(m)
	if err == nil {
		fmt.Fprintf(e.in, "Content-Length: %d\r\n\r\n%s", len(b), b)
	}
}

func (e *editor) tell(method string, params any) {
	b, err := json.Marshal(params)
	if err == nil {
		e.send(message{Method: method, Params: b})
	}
}

// patience is how long the server may take.
const patience = 30 * time.Second

func (e *editor) ask(t *testing.T, method string, params any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	e.ids++
	id, reply := e.ids, make(chan json.RawMessage, 1)
	e.calls <- call{id, reply}
	e.send(message{ID: &id, Method: method, Params: b})
	select {
	case r := <-reply:
		return r
	case <-time.After(patience):
		t.Fatalf("%s: no answer", method)
		return nil
	}
}

func (e *editor) uri(name string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(e.dir, name))}).String()
}

// open shows a text to the server, as a file of its own, and gives what it finds in it.
func (e *editor) open(t *testing.T, text string) []diagnostic {
	t.Helper()
	e.opened++
	e.shown = fmt.Sprintf("file-%d.yaml", e.opened)
	e.tell("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": e.uri(e.shown), "languageId": "yaml", "version": 1, "text": text}})
	for deadline := time.After(patience); ; {
		select {
		case f := <-e.found:
			if f.URI == e.uri(e.shown) {
				return f.Diagnostics
			}
		case <-deadline:
			t.Fatal("nothing is said of " + e.shown)
		}
	}
}

func (e *editor) at(line, character int) map[string]any {
	return map[string]any{"textDocument": map[string]any{"uri": e.uri(e.shown)}, "position": map[string]any{"line": line, "character": character}}
}

func (e *editor) complete(t *testing.T, line, character int) (labels []string) {
	t.Helper()
	var list struct{ Items []struct{ Label string } }
	if err := json.Unmarshal(e.ask(t, "textDocument/completion", e.at(line, character)), &list); err != nil {
		t.Fatal(err)
	}
	for _, i := range list.Items {
		labels = append(labels, i.Label)
	}
	return labels
}

func (e *editor) hover(t *testing.T, line, character int) string {
	t.Helper()
	return string(e.ask(t, "textDocument/hover", e.at(line, character)))
}
