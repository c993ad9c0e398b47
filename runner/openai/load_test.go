package openai_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/wsrun/wsrun/runner/load"
	"github.com/wsrun/wsrun/runner/openai"
	"github.com/wsrun/wsrun/runner/sample"
)

// memory is a listener whose connections are pipes.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemory() *memory {
	return &memory{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}
func (m *memory) Close() error   { m.once.Do(func() { close(m.done) }); return nil }
func (m *memory) Addr() net.Addr { return &net.TCPAddr{} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	mine, theirs := net.Pipe()
	select {
	case m.conns <- theirs:
		return mine, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-m.done:
		return nil, net.ErrClosed
	}
}

// served is what the server did, by its own clock.
type served struct {
	mu     sync.Mutex
	events map[string][]int64 // X-Id -> stamps
	conns  map[string]bool
}

// model answers with n tokens: the first after ttft, the others every gap.
func (s *served) model(now func() int64, n int, ttft, gap time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		id := r.Header.Get("X-Id")
		s.mu.Lock()
		s.conns[r.RemoteAddr] = true
		s.mu.Unlock()
		flush := http.NewResponseController(w)
		for i := range n {
			d := gap
			if i == 0 {
				d = ttft
			}
			if d > 0 {
				select {
				case <-time.After(d):
				case <-r.Context().Done():
					return
				}
			}
			s.mu.Lock()
			s.events[id] = append(s.events[id], now())
			s.mu.Unlock()
			fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"text\":\"t%d\",\"finish_reason\":null}]}\n\n", i)
			flush.Flush()
		}
		fmt.Fprintf(w, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":%d}}\n\ndata: [DONE]\n\n", n)
	}
}

// jobs deals jobs that carry their number; end 0: without end.
type jobs struct {
	n, end    int
	maxTokens int64
}

func (j *jobs) Next() (*sample.Job, bool) {
	if j.end > 0 && j.n >= j.end {
		return nil, false
	}
	j.n++
	return &sample.Job{Request: sample.Request{Prompt: int32(j.n), MaxTokens: j.maxTokens, Phase: sample.PhaseLoad}, Body: []byte("{}"),
		Header: []string{"X-Id", fmt.Sprint(j.n)}}, true
}

// In virtual time every event of every request has the stamp at which the server
// wrote it, through changes of level, a drain and with cancelled requests.
func TestStampsEqualTheServersLog(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		t.Run(fmt.Sprintf("fresh=%v", fresh), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { stampsEqual(t, fresh) })
		})
	}
}

func stampsEqual(t *testing.T, fresh bool) {
	epoch := time.Now()
	now := func() int64 { return int64(time.Since(epoch)) }
	log := &served{events: make(map[string][]int64), conns: make(map[string]bool)}
	listener := newMemory()
	server := &http.Server{Handler: log.model(now, 10, 700*time.Millisecond, 110*time.Millisecond)}
	go server.Serve(listener)
	client := openai.New(openai.Config{Endpoints: []string{"http://model"}, Fresh: fresh, Now: now, Dial: listener.dial,
		Timeouts: openai.Timeouts{Connect: time.Second, FirstToken: time.Minute, BetweenTokens: 10 * time.Second, Request: time.Hour}})
	var mu sync.Mutex
	var got []*sample.Request
	gen := load.New(t.Context(), load.Config{Transport: client, Now: now, Report: func(r *sample.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r)
	}})
	gen.Switch(&jobs{maxTokens: 10})
	gen.SetTarget(8, 1690*time.Millisecond)
	time.Sleep(20 * time.Second)
	gen.SetTarget(20, time.Second)
	time.Sleep(20 * time.Second)
	gen.SetTarget(3, 0)
	time.Sleep(10*time.Second + 50*time.Millisecond)
	gen.Drain(300 * time.Millisecond) // some end, some are cancelled
	gen.Close()
	client.Close()
	server.Close()
	synctest.Wait()

	if len(got) < 250 {
		t.Errorf("%d requests", len(got))
	}
	censored := 0
	for _, r := range got {
		want := log.events[fmt.Sprint(r.Prompt)]
		var have []int64
		r.EachEvent(func(e sample.Event) bool { have = append(have, e.At); return true })
		if !slices.Equal(have, want) {
			t.Fatalf("request %d (%v): events %v, the server wrote %v", r.Prompt, r.Class, have, want)
		}
		switch r.Class {
		case sample.OK:
			if r.TTFT() != int64(700*time.Millisecond) || r.End != r.LastToken || r.Scheduled != r.Started {
				t.Fatalf("ttft %d, last token %d, end %d, scheduled %d, started %d", r.TTFT(), r.LastToken, r.End, r.Scheduled, r.Started)
			}
		case sample.Censored:
			censored++
		default:
			t.Fatal(r.Err)
		}
		delete(log.events, fmt.Sprint(r.Prompt))
	}
	if len(log.events) != 0 {
		t.Errorf("the server served %d requests that were not reported", len(log.events))
	}
	if censored == 0 || censored > 3 {
		t.Errorf("%d censored, want 1 to 3", censored)
	}
}

// A live window sees what the server did up to this moment.
func TestReadSeesRequestsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		epoch := time.Now()
		now := func() int64 { return int64(time.Since(epoch)) }
		log := &served{events: make(map[string][]int64), conns: make(map[string]bool)}
		listener := newMemory()
		server := &http.Server{Handler: log.model(now, 50, time.Second, time.Second)}
		go server.Serve(listener)
		client := openai.New(openai.Config{Endpoints: []string{"http://model"}, Now: now, Dial: listener.dial})
		gen := load.New(t.Context(), load.Config{Transport: client, Now: now})
		gen.Switch(&jobs{maxTokens: 50})
		gen.SetTarget(4, 4*time.Second) // at 0, 1, 2, 3
		time.Sleep(10500 * time.Millisecond)
		total := int64(0)
		for _, r := range gen.Read(0) {
			total += r.EventCount
		}
		if total != 10+9+8+7 {
			t.Errorf("%d tokens seen, want 34", total)
		}
		gen.Close()
		client.Close()
		server.Close()
		synctest.Wait()
	})
}

// Real sockets, TLS and not: keep-alive works, and nothing is left running.
func TestRealSockets(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, secure := range []bool{false, true} {
		epoch := time.Now()
		now := func() int64 { return int64(time.Since(epoch)) }
		log := &served{events: make(map[string][]int64), conns: make(map[string]bool)}
		server := httptest.NewUnstartedServer(log.model(now, 20, 0, 0))
		var roots *tls.Config
		if secure {
			server.EnableHTTP2 = true // offered, and not taken
			server.StartTLS()
			roots = server.Client().Transport.(*http.Transport).TLSClientConfig
		} else {
			server.Start()
		}
		client := openai.New(openai.Config{Endpoints: []string{server.URL}, Now: now, TLS: roots, Timeouts: openai.Timeouts{Connect: 5 * time.Second, FirstToken: time.Minute}})
		gen := load.New(t.Context(), load.Config{Transport: client, Now: now})
		gen.Switch(&jobs{end: 200, maxTokens: 20})
		finished := gen.Finished()
		gen.SetTarget(4, 0)
		<-finished
		for _, r := range gen.Read(0) {
			if r.Class != sample.OK || r.EventCount != 20 {
				t.Errorf("class %v, %d events: %s", r.Class, r.EventCount, r.Err)
			}
		}
		log.mu.Lock()
		if n := len(log.conns); n > 4 {
			t.Errorf("secure=%v: %d connections for 4 workers", secure, n)
		}
		log.mu.Unlock()
		gen.Close()
		client.Close()
		server.Client().CloseIdleConnections()
		server.Close()
	}
}

// An untrusted certificate is no connection.
func TestUntrustedCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = stdlog.New(io.Discard, "", 0) // it complains, rightly
	server.StartTLS()
	defer server.Close()
	client := openai.New(openai.Config{Endpoints: []string{server.URL}})
	job := &sample.Job{Request: sample.Request{MaxTokens: 1}}
	client.Send(t.Context(), job, new(sample.Stream))
	if job.Request.Class != sample.Connect {
		t.Errorf("class %v: %s", job.Request.Class, job.Request.Err)
	}
}
