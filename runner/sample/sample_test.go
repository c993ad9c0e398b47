package sample

import (
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Events survive their encoding, and a cut list gives what is whole.
func TestEventsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Request{Started: rapid.Int64Range(0, 1<<50).Draw(t, "started")}
		at := r.Started
		var want []Event
		for _, gap := range rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 0, 30).Draw(t, "gaps") {
			at += gap
			want = append(want, Event{At: at, Tokens: rapid.Int64Range(0, 9).Draw(t, "tokens")})
		}
		r.SetEvents(want)
		if len(want) == 0 {
			if r.FirstToken != Never || r.LastToken != Never {
				t.Fatalf("stamps %d, %d of no event", r.FirstToken, r.LastToken)
			}
			return
		}
		if r.FirstToken != want[0].At || r.LastToken != at || r.EventCount != int64(len(want)) {
			t.Fatalf("first %d last %d count %d", r.FirstToken, r.LastToken, r.EventCount)
		}
		r.Events = r.Events[:rapid.IntRange(0, len(r.Events)).Draw(t, "cut")]
		n := 0
		r.EachEvent(func(ev Event) bool {
			if ev != want[n] {
				t.Fatalf("event %d is %v, want %v", n, ev, want[n])
			}
			n++
			return true
		})
	})
}

func FuzzEachEvent(f *testing.F) {
	f.Add([]byte{1, 0, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Request{Events: b}
		n := 0
		r.EachEvent(func(Event) bool { n++; return true })
		if n > len(b)/2 {
			t.Fatalf("%d events in %d bytes", n, len(b))
		}
	})
}

// A stream can be read at any time while its owner writes: what is seen is a prefix of
// what was written, also when the buffer had to grow.
func TestStreamIsReadWhileItIsWritten(t *testing.T) {
	const events = 2000
	s := new(Stream)
	if _, ok := s.Snapshot(); ok {
		t.Error("a snapshot before the request has started")
	}
	s.Begin(&Request{ID: 7, Started: Never}, 4)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			last := int64(0)
			for {
				r, ok := s.Snapshot()
				if ok {
					if r.ID != 7 || r.Started != 100 || r.End != Never || r.EventCount < last {
						t.Errorf("snapshot %+v after %d events", r, last)
						return
					}
					i := int64(0)
					r.EachEvent(func(ev Event) bool {
						i++
						if ev.At != 100+i {
							t.Errorf("event %d at %d", i, ev.At)
						}
						return true
					})
					if last = r.EventCount; i != last {
						t.Errorf("%d events decoded, %d counted", i, last)
						return
					}
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	s.Start(100)
	for i := range int64(events) {
		s.Token(Event{At: 101 + i})
	}
	close(stop)
	readers.Wait()
	if n := len(s.Events()); n != events {
		t.Errorf("%d events, want %d", n, events)
	}
}

// Nothing is allocated per event while the buffer is large enough.
func TestTokenDoesNotAllocate(t *testing.T) {
	s := new(Stream)
	s.Begin(&Request{}, 10000)
	if n := testing.AllocsPerRun(1000, func() { s.Token(Event{At: 1}) }); n != 0 {
		t.Errorf("%v allocations per event", n)
	}
}

func TestNames(t *testing.T) {
	for c := OK; c <= Censored; c++ {
		if c.String() == "unknown" {
			t.Errorf("class %d has no name", c)
		}
		if c.Failed() != (c != OK && c != Censored) {
			t.Errorf("%v failed: %v", c, c.Failed())
		}
	}
	if Class(200).String() != "unknown" || Phase(200).String() != "unknown" {
		t.Error("a class or phase out of range has a name")
	}
	if (&Request{PromptTokens: Unknown, Sent: 5, CompletionTokens: Unknown, EventCount: 3}).Input() != 5 {
		t.Error("prompt tokens that were not told are as sent")
	}
	if (&Request{FirstToken: Never, Started: 3}).TTFT() != Never {
		t.Error("TTFT without a first token")
	}
}
