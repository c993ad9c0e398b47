package openai

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsrun/wsrun/runner/sample"
)

const s = time.Second

func TestStampsAreExact(t *testing.T) {
	p := &peer{slow: 3 * s, serve: always(
		step{1 * s, streamHeader},
		step{1 * s, chunk(text("a"))},
		step{10 * s, chunk(text("b") + text("c"))}, // two events with one read
		step{5 * s, chunk(finishEvent())},
		step{5 * s, chunk(usageEvent(20, 16, 3))},
		step{2 * s, chunk(done)}, step{0, lastChunk})}
	bubble(t, Config{}, p, func(t *testing.T, w *world) {
		r := w.send(t.Context(), 3)
		mustClass(t, r, sample.OK)
		sec := func(x int64) time.Duration { return time.Duration(x) }
		got := map[string]time.Duration{"connected": sec(r.Connected), "started": sec(r.Started), "wrote": sec(r.Wrote), "first byte": sec(r.FirstByte),
			"first event": sec(r.FirstEvent), "first content": sec(r.FirstContent), "first token": sec(r.FirstToken), "last token": sec(r.LastToken), "end": sec(r.End)}
		want := map[string]time.Duration{"connected": 3 * s, "started": 3 * s, "wrote": 3 * s, "first byte": 4 * s,
			"first event": 5 * s, "first content": 5 * s, "first token": 5 * s, "last token": 15 * s, "end": 27 * s}
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s at %v, want %v", k, got[k], v)
			}
		}
		if at, tokens := stamps(r); !slices.Equal(at, []float64{2, 12, 12}) || !slices.Equal(tokens, []int64{1, 1, 1}) {
			t.Errorf("events at %v with %v tokens", at, tokens)
		}
		if r.Reads != 2 || r.PromptTokens != 20 || r.CachedTokens != 16 || r.CompletionTokens != 3 || r.Status != 200 {
			t.Errorf("reads %d prompt %d cached %d completion %d status %d", r.Reads, r.PromptTokens, r.CachedTokens, r.CompletionTokens, r.Status)
		}
		if r.Flags != sample.TokensTold|sample.FreshConn {
			t.Errorf("flags %b", r.Flags)
		}
	})
}

// A chunk that arrives in pieces must not hold back the events in its first piece.
func TestEventsAreStampedBeforeTheirChunkIsComplete(t *testing.T) {
	whole := chunk(text("a") + text("b") + done)
	cut := strings.Index(whole, "\n\n") + 2
	p := &peer{serve: always(step{1 * s, streamHeader + whole[:cut]}, step{4 * s, whole[cut:]}, step{0, lastChunk})}
	bubble(t, Config{}, p, func(t *testing.T, w *world) {
		r := w.send(t.Context(), 2)
		mustClass(t, r, sample.OK)
		if at, _ := stamps(r); !slices.Equal(at, []float64{1, 5}) {
			t.Errorf("events at %v, want 1 and 5", at)
		}
	})
}

func TestLiveStreamIsSeenWhileItRuns(t *testing.T) {
	p := &peer{serve: always(step{1 * s, streamHeader}, step{1 * s, chunk(text("a"))}, step{2 * s, chunk(text("b"))}, step{2 * s, chunk(done + "")}, step{0, lastChunk})}
	bubble(t, Config{}, p, func(t *testing.T, w *world) {
		live, ended := new(sample.Stream), make(chan struct{})
		job := &sample.Job{Request: sample.Request{ID: 7, MaxTokens: 2}, Body: []byte("{}")}
		go func() { defer close(ended); w.c.Send(t.Context(), job, live) }()
		for i, want := range []int64{0, 0, 1, 1, 2} {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			r, ok := live.Snapshot()
			if !ok || r.ID != 7 || r.EventCount != want || r.End != sample.Never || (r.FirstContent != sample.Never) != (want > 0) {
				t.Errorf("after %d s: ok %v, %d events, want %d (%+v)", i, ok, r.EventCount, want, r)
			}
			time.Sleep(900 * time.Millisecond)
		}
		<-ended
	})
}

func TestKeptConnectionIsUsedAgain(t *testing.T) {
	p := &peer{slow: s, serve: always(step{1 * s, streamHeader + chunk(text("a")+done) + lastChunk})}
	bubble(t, Config{}, p, func(t *testing.T, w *world) {
		first := w.send(t.Context(), 1)
		time.Sleep(1900 * time.Millisecond)
		second := w.send(t.Context(), 1)
		mustClass(t, first, sample.OK)
		mustClass(t, second, sample.OK)
		if n := p.dials.Load(); n != 1 {
			t.Errorf("%d dials, want 1", n)
		}
		if first.Flags&sample.FreshConn == 0 || second.Flags&sample.FreshConn != 0 || second.Connected != 0 {
			t.Errorf("flags %b then %b, second connected in %d", first.Flags, second.Flags, second.Connected)
		}
		time.Sleep(2100 * time.Millisecond) // idle for longer than 2 s: closed, and no request lost
		third := w.send(t.Context(), 1)
		mustClass(t, third, sample.OK)
		if n := p.dials.Load(); n != 2 {
			t.Errorf("%d dials after a long idle time, want 2", n)
		}
	})
}

func TestIdleConnectionsEndBySeconds(t *testing.T) {
	closed := make(map[int]time.Duration)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		answer := always(step{1 * s, streamHeader + chunk(text("a")+done) + lastChunk})
		w := newWorld(Config{}, &peer{ctx: t.Context(), serve: func(ctx context.Context, c net.Conn, n int) {
			answer(ctx, c, n)
			mu.Lock()
			closed[n] = time.Since(start)
			mu.Unlock()
		}})
		w.send(t.Context(), 1)
		time.Sleep(10 * s)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if closed[1] != 3*s {
			t.Errorf("the idle connection was closed at %v, want 3s", closed[1])
		}
		w.c.Close()
	})
}

// A server that closes after each stream while promising to keep the connection
// (llama-server): noticed when there was time to, and harmless with Fresh.
func TestServerThatClosesAfterEachStream(t *testing.T) {
	answer := []step{{1 * s, strings.Replace(streamHeader, "\r\n\r\n", "\r\nKeep-Alive: timeout=5, max=100\r\n\r\n", 1)}, {0, chunk(text("a") + done)}, {0, lastChunk}}
	t.Run("fresh", func(t *testing.T) {
		p := &peer{slow: time.Millisecond, serve: once(answer...)}
		bubble(t, Config{Fresh: true}, p, func(t *testing.T, w *world) {
			for range 5 {
				r := w.send(t.Context(), 1)
				mustClass(t, r, sample.OK)
				if r.Flags&sample.FreshConn == 0 || r.Connected != int64(time.Millisecond) || r.TTFT() != int64(s) {
					t.Errorf("flags %b, connected %d, ttft %d", r.Flags, r.Connected, r.TTFT())
				}
			}
			if n := p.dials.Load(); n != 5 {
				t.Errorf("%d dials, want 5", n)
			}
		})
	})
	t.Run("kept", func(t *testing.T) {
		p := &peer{serve: once(answer...)}
		bubble(t, Config{}, p, func(t *testing.T, w *world) {
			for range 3 {
				mustClass(t, w.send(t.Context(), 1), sample.OK)
				synctest.Wait() // the close is seen
			}
			if n := p.dials.Load(); n != 3 {
				t.Errorf("%d dials, want 3", n)
			}
		})
	})
}

func TestRequestAsWritten(t *testing.T) {
	var head, body string
	p := &peer{serve: func(_ context.Context, conn net.Conn, _ int) {
		req, b, _ := takeRequest(bufio.NewReader(conn))
		body = b
		head = req.Method + " " + req.URL.Path + " " + req.Host + " " + req.Header.Get("Authorization") + " " + req.Header.Get("X-Cell") + " " +
			req.Header.Get("Content-Type") + " " + req.Header.Get("Connection") + " " + req.Header.Get("Evil")
		io.WriteString(conn, streamHeader+chunk(text("a")+done)+lastChunk)
	}}
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Path: Chat, Headers: []string{"Authorization", "Bearer k", "Content-Length", "9", "Transfer-Encoding", "chunked"}, Fresh: true}
		w := newWorld(cfg, p)
		w.c = New(Config{Endpoints: []string{"http://server:8000/base/"}, Path: Chat, Headers: cfg.Headers, Fresh: true, Dial: p.dial})
		job := &sample.Job{Request: sample.Request{MaxTokens: 1}, Body: []byte(`{"x":1}`), Header: []string{"X-Cell", "c1", "Evil", "a\r\nB: c"}}
		w.c.Send(t.Context(), job, new(sample.Stream))
		mustClass(t, &job.Request, sample.OK)
		w.c.Close()
	})
	if want := "POST /base/v1/chat/completions server:8000 Bearer k c1 application/json close a  B: c"; head != want || body != `{"x":1}` {
		t.Errorf("request %q body %q\nwant    %q", head, body, want)
	}
}

// A user and a password in an endpoint's URL are sent, and stand in no error.
func TestUserOfURL(t *testing.T) {
	var got []string
	p := &peer{serve: func(_ context.Context, conn net.Conn, _ int) {
		req, _, _ := takeRequest(bufio.NewReader(conn))
		user, password, _ := req.BasicAuth()
		got = append(got, user+" "+password+" "+req.Host)
		conn.Close()
	}}
	synctest.Test(t, func(t *testing.T) {
		for _, headers := range [][]string{nil, {"authorization", "Basic b3RoZXI6a2V5"}} {
			w := newWorld(Config{}, p)
			w.c = New(Config{Endpoints: []string{"http://me:s%40fe%2Fword@server:8000"}, Headers: headers, Dial: p.dial})
			job := &sample.Job{Request: sample.Request{MaxTokens: 1}}
			w.c.Send(t.Context(), job, new(sample.Stream))
			w.c.Close()
			if e := job.Request.Err; !strings.Contains(e, "server:8000") || strings.Contains(e, "word") || strings.Contains(e, "me:") {
				t.Errorf("the error is %q", e)
			}
		}
	})
	if d := cmp.Diff([]string{"me s@fe/word server:8000", "other key server:8000"}, got); d != "" {
		t.Error(d)
	}
}

func TestCancelledRequestsKeepWhatWasSeen(t *testing.T) {
	cause := errors.New("the cell is over")
	for _, tc := range []struct {
		name   string
		after  time.Duration
		events int64
	}{{"dialling", s / 2, 0}, {"waiting", 2 * s, 0}, {"streaming", 5 * s, 2}} {
		t.Run(tc.name, func(t *testing.T) {
			p := &peer{slow: s, serve: always(step{1 * s, streamHeader}, step{1 * s, chunk(text("a"))}, step{1 * s, chunk(text("b"))}, step{time.Hour, ""})}
			bubble(t, Config{Timeouts: Timeouts{FirstToken: 30 * s, BetweenTokens: 30 * s, Request: 60 * s, Connect: 5 * s}}, p, func(t *testing.T, w *world) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(tc.after, func() { cancel(cause) })
				r := w.send(ctx, 8)
				mustClass(t, r, sample.Censored, cause.Error())
				if r.EventCount != tc.events || r.End != int64(tc.after) {
					t.Errorf("%d events, end %v", r.EventCount, time.Duration(r.End))
				}
				if again := w.send(ctx, 8); again.Class != sample.Censored || again.Started != sample.Never {
					t.Errorf("a cancelled context sends: %+v", again)
				}
			})
		})
	}
}

func TestAfterAFailureTheNextRequestDials(t *testing.T) {
	answer := streamHeader + chunk(text("a")+done) + lastChunk
	p := &peer{serve: func(_ context.Context, conn net.Conn, n int) {
		br := bufio.NewReader(conn)
		for i := 0; ; i++ {
			if _, _, ok := takeRequest(br); !ok || n <= 2 && i == 1 {
				return // the second request on each of the first two connections is cut off
			}
			time.Sleep(s)
			io.WriteString(conn, answer)
		}
	}}
	bubble(t, Config{}, p, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { mustClass(t, w.send(t.Context(), 1), sample.OK) })
		}
		wg.Wait()
		mustClass(t, w.send(t.Context(), 1), sample.Reset, "kept-alive")
		for i := range 2 { // the other idle connection is not tried
			r := w.send(t.Context(), 1)
			mustClass(t, r, sample.OK)
			if fresh := r.Flags&sample.FreshConn != 0; fresh != (i == 0) {
				t.Errorf("request %d after the failure: fresh %v", i, fresh)
			}
		}
		if n := p.dials.Load(); n != 3 {
			t.Errorf("%d dials, want 3", n)
		}
	})
}

func TestMaxIdle(t *testing.T) {
	p := &peer{serve: always(step{s, streamHeader + chunk(text("a")+done) + lastChunk})}
	bubble(t, Config{MaxIdle: 2}, p, func(t *testing.T, w *world) {
		for range 2 {
			var wg sync.WaitGroup
			for range 5 {
				wg.Go(func() { mustClass(t, w.send(t.Context(), 1), sample.OK) })
			}
			wg.Wait()
		}
		if n := p.dials.Load(); n != 5+3 {
			t.Errorf("%d dials, want 8", n)
		}
	})
}
