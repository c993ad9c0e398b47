package simulator

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world is a server and a client in virtual time.
type world struct {
	t      *testing.T
	s      *Server
	client *http.Client
	mem    *Memory
}

// testProfile has round figures: a block of 16, 1 ms per computed token, 10 ms per
// output token, 100 ms base.
func testProfile() Profile {
	p := defaults()
	p.Tiers = []Tier{{Name: "hbm", Capacity: 1600}, {Name: "dram", Capacity: 3200, Load: us(100)}}
	p.Base, p.Prefill, p.Decode = ms(100), ms(1), ms(10)
	return p
}

// inBubble runs f against a server with profile p, in a synctest bubble.
func inBubble(t *testing.T, p Profile, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, mem: NewMemory(), s: New(p)}
		tr := &http.Transport{DialContext: w.mem.Dial, MaxIdleConnsPerHost: 1000}
		w.client = &http.Client{Transport: tr}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- w.s.Serve(ctx, w.mem) }()
		f(w)
		tr.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// post sends a body and gives the open response.
func (w *world) post(ctx context.Context, path, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", "http://sim"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", "r-"+path)
	return w.client.Do(req)
}

// reply is a whole response.
type reply struct {
	status int
	body   string
	err    error // of reading the body
}

func (w *world) do(path, body string) reply {
	w.t.Helper()
	res, err := w.post(w.t.Context(), path, body)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, string(b), err}
}

func (w *world) get(path string) reply {
	w.t.Helper()
	res, err := w.client.Get("http://sim" + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, string(b), err}
}

// event is one record of a stream as a client saw it, in time since the request began.
type event struct {
	at   time.Duration
	data string
}

// streamed is what a client saw of a stream.
type streamed struct {
	status int
	header http.Header
	opened time.Duration // response header
	events []event
	err    error
}

// stream sends a body and reads the records of the answer.
func (w *world) stream(path, body string) streamed {
	start := time.Now()
	res, err := w.post(w.t.Context(), path, body)
	if err != nil {
		return streamed{err: err}
	}
	defer res.Body.Close()
	out := streamed{status: res.StatusCode, header: res.Header, opened: time.Since(start)}
	br := bufio.NewReader(res.Body)
	for {
		line, err := br.ReadString('\n')
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			out.events = append(out.events, event{time.Since(start), strings.TrimSuffix(data, "\n")})
		}
		if err != nil {
			if err != io.EOF {
				out.err = err
			}
			return out
		}
	}
}

// ids gives the JSON list of n ids from first on.
func ids(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, first+i)
	}
	return "[" + b.String() + "]"
}

// ask builds a streamed completion request.
func ask(prompt string, out int, extra string) string {
	return fmt.Sprintf(`{"model":"sim","prompt":%s,"max_tokens":%d,"stream":true,"stream_options":{"include_usage":true}%s}`, prompt, out, extra)
}

// parallel runs f n times at once and waits.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() { defer wg.Done(); f(i) }()
	}
	wg.Wait()
}

// dial opens a real connection to a test server.
func dial(url string) (net.Conn, error) {
	return net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), 5*time.Second)
}
