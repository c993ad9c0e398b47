package simulator

import (
	"fmt"
	"io"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func sleep(n int) { time.Sleep(time.Duration(n) * time.Millisecond) }

// withFaults is the test profile with faults.
func withFaults(f Faults) Profile {
	p := testProfile()
	p.Faults = f
	return p
}

func TestErrorRate(t *testing.T) {
	inBubble(t, withFaults(Faults{ErrorRate: 20, Status: 529, After: 100}), func(w *world) {
		failed := 0
		for i := range 600 {
			got := w.do("/v1/completions", `{"prompt":`+ids(100, 2)+`,"max_tokens":1}`)
			switch {
			case got.status == 200:
			case got.status == 529 && strings.Contains(got.body, `"code":529`):
				failed++
				if i < 100 {
					t.Fatalf("request %d failed, the first 100 are spared", i+1)
				}
			default:
				t.Fatalf("%+v", got)
			}
		}
		if failed < 75 || failed > 125 {
			t.Errorf("%d of 500 failed, 20 %% were asked for", failed)
		}
		logged := 0
		for _, e := range w.s.Log() {
			if e.Fault == "error" && e.Status == 529 && e.Finish == "error" {
				logged++
			}
		}
		if logged != failed {
			t.Errorf("%d in the log, %d seen", logged, failed)
		}
	})
}

func TestFaultsAreAFunctionOfSeedAndNumber(t *testing.T) {
	f := Faults{ErrorRate: 10, ResetRate: 10, ShortRate: 30, Stall: ms(1), StallRate: 50}
	differ := false
	for n := range 1000 {
		if f.of(1, n) != f.of(1, n) {
			t.Fatal("two draws differ")
		}
		differ = differ || f.of(1, n) != f.of(2, n)
	}
	if !differ {
		t.Error("the seed does not matter")
	}
	count := map[string]int{}
	stalls := 0
	for n := range 10000 {
		d := f.of(1, n+1)
		count[d.kind]++
		if d.stall > 0 {
			stalls++
		}
	}
	for kind, want := range map[string]float64{faultError: 1000, faultReset: 900, faultShort: 0.81 * 3000} {
		if math.Abs(float64(count[kind])-want) > 5*math.Sqrt(want) {
			t.Errorf("%s: %d of 10000, want about %v", kind, count[kind], want)
		}
	}
	if stalls < 4750 || stalls > 5250 {
		t.Errorf("%d of 10000 stall, want about half", stalls)
	}
}

// TestStreamFaults: each fault as a client sees it, and as the log tells it.
func TestStreamFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults Faults
		cut    bool // an error of the transport
		last   string
		check  func(t *testing.T, got streamed, e Entry)
	}{
		{"reset", Faults{ResetRate: 100}, true, "", func(t *testing.T, got streamed, e Entry) {
			if len(got.events) != len(e.Tokens) || len(e.Tokens) < 1 || len(e.Tokens) > 9 || e.Finish != "error" {
				t.Errorf("%d seen, %+v", len(got.events), e)
			}
		}},
		{"stream error", Faults{StreamErrorRate: 100}, false, `{"error":{"message":"The simulator was asked to fail here (faults.stream_error_rate).","type":"InternalServerError","param":null,"code":500}}`,
			func(t *testing.T, got streamed, e Entry) {
				if len(got.events) != len(e.Tokens)+1 || e.Finish != "error" {
					t.Errorf("%d seen, %+v", len(got.events), e)
				}
			}},
		{"malformed", Faults{MalformedRate: 100}, false, "", func(t *testing.T, got streamed, e Entry) {
			if last := got.events[len(got.events)-1].data; !strings.HasSuffix(last, `"choices":[{"index":0,`) || len(got.events) != len(e.Tokens)+1 {
				t.Errorf("%q, %+v", last, e)
			}
		}},
		{"empty", Faults{EmptyRate: 100}, false, "[DONE]", func(t *testing.T, got streamed, e Entry) {
			if len(got.events) != 2 || len(e.Tokens) != 0 || !strings.Contains(got.events[0].data, `"completion_tokens":0`) || e.Finish != "stop" {
				t.Errorf("%v, %+v", got.events, e)
			}
		}},
		{"short", Faults{ShortRate: 100}, false, "[DONE]", func(t *testing.T, got streamed, e Entry) {
			if len(got.events) != 7 || len(e.Tokens) != 5 || !strings.Contains(got.events[4].data, `"finish_reason":"stop"`) || !strings.Contains(got.events[5].data, `"completion_tokens":5`) {
				t.Errorf("%v, %+v", got.events, e)
			}
		}},
		{"missing usage", Faults{MissingUsage: true}, false, "[DONE]", func(t *testing.T, got streamed, e Entry) {
			if len(got.events) != 11 || len(e.Tokens) != 10 {
				t.Errorf("%v", got.events)
			}
		}},
		{"empty text", Faults{EmptyText: 100}, false, "[DONE]", func(t *testing.T, got streamed, e Entry) {
			if len(got.events) != 12 || !strings.Contains(got.events[3].data, `"text":"",`) || !strings.Contains(got.events[10].data, `"completion_tokens":10`) {
				t.Errorf("%v", got.events)
			}
		}},
		{"stall", Faults{Stall: ms(5000)}, false, "[DONE]", func(t *testing.T, got streamed, e Entry) {
			long := 0
			for i := 1; i < 10; i++ {
				switch gap := got.events[i].at - got.events[i-1].at; gap {
				case 10 * time.Millisecond:
				case 5010 * time.Millisecond:
					long++
				default:
					t.Errorf("gap of %v", gap)
				}
			}
			if long != 1 {
				t.Errorf("%d stalls", long)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, withFaults(c.faults), func(w *world) {
				got := w.stream("/v1/completions", ask(ids(100, 20), 10, ""))
				if (got.err != nil) != c.cut || got.status != 200 {
					t.Fatalf("%+v", got)
				}
				if last := got.events[len(got.events)-1].data; c.last != "" && last != c.last {
					t.Errorf("ends with %s", last)
				}
				e := w.s.Log()[0]
				for i, at := range e.Tokens {
					if got.events[i].at != e.since(at) {
						t.Errorf("token %d seen at %v, logged at %v", i, got.events[i].at, e.since(at))
					}
				}
				c.check(t, got, e)
				if _, used := w.s.cache.usage(); used != 0 {
					t.Errorf("%v of tier 1 is still held", used)
				}
			})
		})
	}
}

// TestOneToken: with one token of output there is no place between two tokens.
func TestOneToken(t *testing.T) {
	inBubble(t, withFaults(Faults{Stall: ms(1000)}), func(w *world) {
		if got := w.stream("/v1/completions", ask(ids(100, 20), 1, "")); got.events[0].at != 120*time.Millisecond {
			t.Errorf("%+v", got)
		}
	})
	inBubble(t, withFaults(Faults{ResetRate: 100}), func(w *world) {
		if got := w.stream("/v1/completions", ask(ids(100, 20), 1, "")); len(got.events) != 0 || got.err == nil {
			t.Errorf("%+v", got)
		}
	})
	inBubble(t, withFaults(Faults{ResetRate: 100, TokensPerEvent: 10}), func(w *world) {
		if got := w.stream("/v1/completions", ask(ids(100, 20), 10, "")); len(got.events) != 1 || got.err == nil {
			t.Errorf("one event of ten tokens, then the reset: %+v", got)
		}
	})
}

// TestRoleDelta: a chat's first record; with the fault it comes before the prompt is
// computed, and a client that takes it for a token measures no TTFT at all.
func TestRoleDelta(t *testing.T) {
	body := `{"messages":[{"role":"user","content":"a b c"}],"max_tokens":2,"stream":true}`
	for _, c := range []struct {
		early bool
		at    time.Duration
	}{{false, 108 * time.Millisecond}, {true, 0}} {
		inBubble(t, withFaults(Faults{RoleDelta: c.early}), func(w *world) {
			got := w.stream("/v1/chat/completions", body)
			if len(got.events) != 4 || !strings.Contains(got.events[0].data, `"delta":{"role":"assistant","content":""}`) || got.events[0].at != c.at || got.events[1].at != 108*time.Millisecond {
				t.Errorf("early %v: %+v", c.early, got)
			}
		})
	}
}

// TestWholeFaults: the faults of an answer in one piece.
func TestWholeFaults(t *testing.T) {
	body := `{"prompt":` + ids(100, 20) + `,"max_tokens":10}`
	for _, c := range []struct {
		faults Faults
		want   func(r reply) bool
	}{
		{Faults{ResetRate: 100}, func(r reply) bool { return r.err != nil }},
		{Faults{StreamErrorRate: 100}, func(r reply) bool { return r.status == 500 }},
		{Faults{MalformedRate: 100}, func(r reply) bool { return r.status == 200 && strings.HasSuffix(r.body, "[{") }},
		{Faults{EmptyRate: 100}, func(r reply) bool { return strings.Contains(r.body, `"text":"",`) }},
		{Faults{ShortRate: 100}, func(r reply) bool { return strings.Contains(r.body, `"completion_tokens":5`) }},
		{Faults{MissingUsage: true}, func(r reply) bool { return strings.Contains(r.body, `"usage":null`) }},
	} {
		inBubble(t, withFaults(c.faults), func(w *world) {
			if got := w.do("/v1/completions", body); !c.want(got) {
				t.Errorf("%+v: %+v", c.faults, got)
			}
		})
	}
}

// TestCloseAfterStream on real sockets: the stream ends properly and promises to keep
// the connection, which is closed; answers in one piece keep theirs.
func TestCloseAfterStream(t *testing.T) {
	p := withFaults(Faults{CloseAfter: true})
	p.Base, p.Prefill, p.Decode = 0, 0, 0
	srv := httptest.NewServer(New(p))
	defer srv.Close()
	for _, c := range []struct {
		body string
		end  string // of the answer
		keep bool
	}{{`{"prompt":[3,4],"max_tokens":2}`, `"cached_tokens":0}}}`, true}, {ask("[3,4]", 2, ""), "\r\n0\r\n\r\n", false}} {
		keep, text := twice(t, srv.URL, c.body, c.end)
		if keep != c.keep {
			t.Errorf("%s: connection kept: %v\n%s", c.body, keep, text)
		}
		if !c.keep && (!strings.Contains(text, "data: [DONE]\n\n\r\n0\r\n\r\n") || strings.Contains(text, "Connection: close") || !strings.Contains(text, "Keep-Alive: timeout=5")) {
			t.Errorf("%q", text)
		}
	}
}

// twice sends a request two times over one connection and tells whether the second one
// was answered, and everything that came.
func twice(t *testing.T, url, body, end string) (answered bool, text string) {
	t.Helper()
	conn, err := dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: sim\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	last := strings.Replace(request, "Host: sim", "Host: sim\r\nConnection: close", 1)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	// The second request may meet a closed connection: that is what is asked.
	first := make([]byte, 64<<10)
	n := 0
	for !strings.HasSuffix(string(first[:n]), end) {
		m, err := conn.Read(first[n:])
		n += m
		if err != nil {
			t.Fatalf("%v after %q", err, first[:n])
		}
	}
	if _, err := io.WriteString(conn, last); err != nil {
		return false, string(first[:n])
	}
	rest, _ := io.ReadAll(conn) // a reset ends it too
	return strings.Contains(string(rest), "HTTP/1.1 200"), string(first[:n])
}
