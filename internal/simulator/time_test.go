package simulator

import (
	"context"
	"fmt"
	"math"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// at gives stamps of a log entry relative to its arrival.
func (e *Entry) since(stamp int64) time.Duration { return time.Duration(stamp - e.Arrival) }

// TestFormula: the client sees, to the nanosecond, what the formula and the log say.
func TestFormula(t *testing.T) {
	inBubble(t, testProfile(), func(w *world) {
		prompt := ids(100, 100)
		for i, want := range []time.Duration{200 * time.Millisecond, 104 * time.Millisecond} { // 100 computed; then 96 cached
			got := w.stream("/v1/completions", ask(prompt, 5, ""))
			if got.err != nil || len(got.events) != 7 || got.opened != 0 {
				t.Fatalf("%d: %+v", i, got)
			}
			e := w.s.Log()[i]
			for k := range 5 {
				due := want + time.Duration(k)*10*time.Millisecond
				if got.events[k].at != due || e.since(e.Tokens[k]) != due {
					t.Errorf("request %d token %d: seen at %v, logged at %v, want %v", i, k, got.events[k].at, e.since(e.Tokens[k]), due)
				}
			}
			if e.since(e.FirstToken) != want || e.Planned != int64(want) || e.since(e.End) != want+40*time.Millisecond || e.Prefill != e.Arrival {
				t.Errorf("request %d: %+v", i, e)
			}
		}
	})
}

// TestLoadByTier: what comes from a lower tier costs its load.
func TestLoadByTier(t *testing.T) {
	p := testProfile()
	inBubble(t, p, func(w *world) {
		w.stream("/v1/completions", ask(ids(100, 801), 1, ""))
		w.stream("/v1/completions", ask(ids(10000, 1584), 1, "")) // tier 1 has 1600: the first prompt goes down
		w.stream("/v1/completions", ask(ids(100, 801), 1, ""))
		e := w.s.Log()[2]
		if e.ByTier[0] != 0 || e.ByTier[1] != 800 || e.Computed != 1 {
			t.Fatalf("%+v", e)
		}
		if want := 100*time.Millisecond + time.Millisecond + 800*100*time.Microsecond; e.since(e.FirstToken) != want {
			t.Errorf("first token at %v, want %v", e.since(e.FirstToken), want)
		}
	})
}

// TestSerial: one prefill at a time, in order of arrival; decoding does not wait.
func TestSerial(t *testing.T) {
	p := testProfile()
	p.Queue = "serial"
	inBubble(t, p, func(w *world) {
		parallel(5, func(i int) {
			time.Sleep(time.Duration(i) * time.Millisecond) // arrival in order of i
			w.stream("/v1/completions", ask(ids(1000*i+10, 50), 20, ""))
		})
		log := w.s.Log()
		sort.Slice(log, func(i, j int) bool { return log[i].Number < log[j].Number })
		for i, e := range log {
			if want := int64(i+1) * int64(150*time.Millisecond); e.FirstToken != want {
				t.Errorf("request %d: first token at %v, want %v", i, time.Duration(e.FirstToken), time.Duration(want))
			}
			if want := e.FirstToken + 19*int64(10*time.Millisecond); e.Tokens[19] != want {
				t.Errorf("request %d: last token at %v, want %v", i, e.Tokens[19], want)
			}
		}
	})
}

// TestPrivateRoom: a request that finds tier 1 full of running ones waits for one to end.
func TestPrivateRoom(t *testing.T) {
	inBubble(t, testProfile(), func(w *world) {
		parallel(3, func(i int) {
			time.Sleep(time.Duration(i) * time.Millisecond)
			w.stream("/v1/completions", ask(ids(1000*i+10, 700), 10, "")) // 45 of 100 blocks
		})
		log := w.s.Log()
		if e := log[2]; e.Number != 3 || e.Prefill != log[0].End || e.FirstToken-e.Prefill != int64(800*time.Millisecond) {
			t.Fatalf("the third was admitted at %d, the first ended at %d: %+v", e.Prefill, log[0].End, e)
		}
	})
}

// TestTokensPerEvent: the first event comes at TTFT, each further one as many steps
// later as the one before had tokens.
func TestTokensPerEvent(t *testing.T) {
	p := testProfile()
	p.Faults.TokensPerEvent = 4
	inBubble(t, p, func(w *world) {
		got := w.stream("/v1/completions", ask(ids(100, 100), 10, `,"return_token_ids":true`))
		e := w.s.Log()[0]
		if len(got.events) != 5 || e.Events != 3 || len(e.Tokens) != 10 {
			t.Fatalf("%d records, log %+v", len(got.events), e)
		}
		for i, want := range []time.Duration{200, 240, 280} {
			if got.events[i].at != want*time.Millisecond || e.since(e.Tokens[4*i]) != got.events[i].at {
				t.Errorf("event %d at %v, want %v ms", i, got.events[i].at, int(want))
			}
		}
	})
}

// TestNoise: log-normal with median 1, the same for the same seed and number.
func TestNoise(t *testing.T) {
	p := testProfile()
	p.Noise = 0.5
	s := New(p)
	var logs []float64
	for i := range 2000 {
		logs = append(logs, math.Log(s.noise(i+1)))
	}
	mean, square := 0.0, 0.0
	for _, v := range logs {
		mean += v / 2000
		square += v * v / 2000
	}
	if math.Abs(mean) > 0.04 || math.Abs(math.Sqrt(square)-0.5) > 0.03 {
		t.Errorf("mean %v, sigma %v of the logarithm", mean, math.Sqrt(square))
	}
	if s.noise(7) != New(p).noise(7) || s.noise(7) == s.noise(8) {
		t.Error("noise is not a function of the request's number")
	}
	p.Seed++
	if New(p).noise(7) == s.noise(7) {
		t.Error("noise does not depend on the seed")
	}
}

// TestClientGoes: a request whose client goes away ends at once, lets go of its room
// and is logged, wherever it is.
func TestClientGoes(t *testing.T) {
	p := testProfile()
	p.Queue = "serial"
	inBubble(t, p, func(w *world) {
		for _, c := range []struct {
			name   string
			after  time.Duration
			tokens int
		}{{"prefill", 50 * time.Millisecond, 0}, {"decoding", 215 * time.Millisecond, 2}} {
			ctx, cancel := context.WithCancel(w.t.Context())
			res, err := w.post(ctx, "/v1/completions", ask(ids(100, 100), 50, ""))
			if err != nil {
				t.Fatal(err)
			}
			start := w.s.now()
			if c.tokens > 0 {
				go func() { // a pipe has no buffer: somebody must read
					b := make([]byte, 4096)
					for {
						if _, err := res.Body.Read(b); err != nil {
							return
						}
					}
				}()
			}
			time.Sleep(c.after)
			cancel()
			res.Body.Close()
			synctest.Wait()
			log := w.s.Log()
			e := log[len(log)-1]
			if e.Finish != "abort" || e.End-start != int64(c.after) || len(e.Tokens) != c.tokens {
				t.Errorf("%s: %+v", c.name, e)
			}
			if _, used := w.s.cache.usage(); used != 0 {
				t.Errorf("%s: %v of tier 1 is still held", c.name, used)
			}
			w.s.Reset()
		}
		waiting, gone := context.WithTimeout(w.t.Context(), 20*time.Millisecond)
		defer gone()
		parallel(2, func(i int) {
			if i == 0 {
				w.stream("/v1/completions", ask(ids(100, 100), 1, ""))
				return
			}
			time.Sleep(time.Millisecond)
			if res, err := w.post(waiting, "/v1/completions", ask(ids(300, 100), 1, "")); err == nil {
				defer res.Body.Close()
				if _, err := res.Body.Read(make([]byte, 1)); err == nil {
					t.Error("the waiting request was answered")
				}
			}
		})
		log := w.s.Log()
		if e := log[len(log)-2]; e.Finish != "abort" || e.Prefill != Never || e.End-e.Arrival != int64(19*time.Millisecond) {
			t.Errorf("waiting: %+v", e)
		}
		if n := w.s.tell.running.Load() + w.s.tell.waiting.Load(); n != 0 {
			t.Errorf("gauges end at %d", n)
		}
	})
}

// TestManyStreams: 100 streams at once, every stamp where it belongs.
func TestManyStreams(t *testing.T) {
	p := testProfile()
	p.Tiers[0].Capacity = 100_000
	inBubble(t, p, func(w *world) {
		parallel(100, func(i int) {
			got := w.stream("/v1/completions", ask(ids(200*i+10, 100), 30, ""))
			for k := range 30 {
				if want := time.Duration(200+10*k) * time.Millisecond; got.events[k].at != want {
					t.Errorf("stream %d token %d at %v, want %v", i, k, got.events[k].at, want)
				}
			}
		})
		if n := len(w.s.Log()); n != 100 {
			t.Errorf("%d entries", n)
		}
	})
}

// TestCliffOverHTTP: usage tells the same as the cache, at the edge and above it.
func TestCliffOverHTTP(t *testing.T) {
	for _, c := range []struct{ prompts, cached int }{{16, 16 * 80}, {18, 0}} { // tier 1 has room for 16.67 prompts of 96 tokens; at 17 each keeps a part
		p := testProfile()
		p.Tiers = p.Tiers[:1]
		inBubble(t, p, func(w *world) {
			for range 2 {
				for i := range c.prompts {
					w.stream("/v1/completions", ask(ids(100*i+10, 90), 6, ""))
				}
			}
			cached := 0
			for _, e := range w.s.Log()[c.prompts:] {
				cached += e.Cached
			}
			if cached != c.cached {
				t.Errorf("%d prompts: %d tokens cached in the second pass, want %d", c.prompts, cached, c.cached)
			}
		})
	}
}

func TestSinkGetsTheLog(t *testing.T) {
	inBubble(t, testProfile(), func(w *world) {
		w.s.KeepLog(false)
		var got []string
		w.s.SetLogSink(func(e Entry) {
			time.Sleep(time.Minute) // slow: must delay no request
			got = append(got, fmt.Sprint(e.Number, " ", e.RequestID))
		})
		start := time.Now()
		for i := range 3 {
			w.do("/v1/completions", `{"prompt":`+ids(100*i, 10)+`,"max_tokens":1}`)
		}
		if took := time.Since(start); took != 330*time.Millisecond {
			t.Errorf("three requests took %v", took)
		}
		w.s.FlushLog()
		if fmt.Sprint(got) != "[1 r-/v1/completions 2 r-/v1/completions 3 r-/v1/completions]" || len(w.s.Log()) != 0 {
			t.Errorf("%v, kept %d", got, len(w.s.Log()))
		}
	})
}

// TestEdgeUnderConcurrency: with several requests in flight, cached tokens are still
// what the prompt's prefix promises while the set fits, and none one prompt above.
func TestEdgeUnderConcurrency(t *testing.T) {
	const prompt, out, room = 96, 16, 20
	for _, placement := range []string{Exclusive, WriteThrough} {
		for _, prefix := range []int{96, 48} {
			for _, c := range []struct {
				prompts int
				hit     bool
			}{{room, true}, {room + 1, false}} {
				p := testProfile()
				p.Placement = placement
				p.Tiers = []Tier{{Name: "hbm", Capacity: room * (prompt + out)}}
				inBubble(t, p, func(w *world) {
					total, next := 4*c.prompts, make(chan int)
					go func() {
						defer close(next)
						for i := range total {
							next <- i
						}
					}()
					parallel(4, func(worker int) {
						sleep(7 * worker)
						for i := range next {
							list := ids(3+100*(i%c.prompts), prefix)
							if prefix < prompt {
								list = strings.TrimSuffix(list, "]") + "," + strings.TrimPrefix(ids(10000+100*i, prompt-prefix), "[")
							}
							w.stream("/v1/completions", ask(list, out, ""))
						}
					})
					want := 0
					if c.hit {
						want = min(prefix, prompt-1) / 16 * 16
					}
					for _, e := range w.s.Log() {
						if e.Number > c.prompts && e.Cached != want {
							t.Fatalf("%s, prefix %d, %d prompts, request %d: %d cached, want %d", placement, prefix, c.prompts, e.Number, e.Cached, want)
						}
					}
				})
			}
		}
	}
}
