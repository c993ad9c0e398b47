package simulator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// child is a RunChild and its pipes, as a parent process has them.
type child struct {
	stdin  *io.PipeWriter
	cancel context.CancelFunc
	url    string
	ended  chan error
}

func startChild(t *testing.T, profile string, sink func(Entry)) *child {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	c := &child{stdin: inW, cancel: cancel, ended: make(chan error, 1)}
	go func() { c.ended <- RunChild(ctx, inR, outW, sink) }()
	if _, err := io.WriteString(inW, profile+"\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(outR).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var r Ready
	if err := json.Unmarshal([]byte(line), &r); err != nil || !strings.HasPrefix(r.URL, "http://127.0.0.1:") {
		t.Fatalf("%q: %v", line, err)
	}
	c.url = r.URL
	return c
}

// wait gives RunChild's error. It comes within a second; ten are for a busy machine,
// and far less than the minute that a stream in flight would take.
func (c *child) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-c.ended:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("the child did not end")
		return nil
	}
}

func smallJSON(t *testing.T, change func(*Profile)) string {
	t.Helper()
	p, _ := Builtin("ci")
	change(&p)
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestChild: it serves, logs, and ends when its standard input does.
func TestChild(t *testing.T) {
	var mu sync.Mutex
	var got []Entry
	c := startChild(t, smallJSON(t, func(*Profile) {}), func(e Entry) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, e)
	})
	defer c.cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Post(c.url+"/v1/completions", "application/json", strings.NewReader(`{"prompt":[3,4,5],"max_tokens":2}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), `"completion_tokens":2`) {
		t.Fatalf("%v %s", err, body)
	}
	c.stdin.Close()
	if err := c.wait(t); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 1 || len(got[0].Tokens) != 2 {
		t.Errorf("%+v", got)
	}
	if _, err := client.Get(c.url + "/health"); err == nil {
		t.Error("it still answers")
	}
}

// TestChildEndsWithItsContext: a stream in flight is cut, and seen to be cut.
func TestChildEndsWithItsContext(t *testing.T) {
	c := startChild(t, smallJSON(t, func(p *Profile) { p.Decode = ms(60_000) }), nil)
	defer c.stdin.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Post(c.url+"/v1/completions", "application/json", strings.NewReader(ask("[3,4,5]", 9, "")))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := res.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	c.cancel()
	if err := c.wait(t); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the cut stream has a proper end")
	}
}

func TestChildRefuses(t *testing.T) {
	for src, want := range map[string]string{"": "no profile on standard input", "{": "no profile on standard input", `{"tiers":[]}`: "tiers: 0 tiers"} {
		if err := RunChild(t.Context(), strings.NewReader(src), io.Discard, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", src, err)
		}
	}
	closed, w := io.Pipe()
	closed.Close()
	if err := RunChild(t.Context(), strings.NewReader(smallJSON(t, func(*Profile) {})), w, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("nobody reads its output: %v", err)
	}
}

func TestServeTellsWhyItEnded(t *testing.T) {
	m := NewMemory()
	m.Close()
	p, _ := Builtin("ci")
	if err := New(p).Serve(t.Context(), m); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := m.Dial(t.Context(), "", ""); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewMemory().Dial(ctx, "", ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
