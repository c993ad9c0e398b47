package prompt

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wsrun/wsrun/runner/sample"
)

// Depths are drawn evenly in their logarithm, from the newest prompt to the deepest.
func TestDepthLaw(t *testing.T) {
	const n, draws = 1000, 60_000
	var s Stack
	for i := range n {
		s.Touch(i, Use{Reuse: 10})
	}
	law := Depth(n, rand.New(rand.NewPCG(1, 2)))
	var decades [3]int
	for range draws {
		d := s.Depth(law.Next(&s)) + 1
		if d < 1 || d > n {
			t.Fatalf("depth %d of %d", d, n)
		}
		decades[min(2, int(math.Log10(float64(d))))]++
	}
	for i, c := range decades {
		if share := float64(c) / draws; math.Abs(share-1.0/3) > 0.01 {
			t.Errorf("decade %d has %.3f of the draws, want a third", i+1, share)
		}
	}
	var none Stack
	if i := law.Next(&none); i < 0 || i >= n {
		t.Errorf("prompt %d of a set that was never sent", i)
	}
}

// What is asked for at a depth is the prompt that stands there, byte for byte, at the
// distance of so many prompts; it then stands on top, and the order of the others holds.
func TestAskAtDepth(t *testing.T) {
	for _, endpoints := range []int{1, 2} {
		set := set(t, Config{Geometry: Geometry{R: 64, Prefix: 64, Output: 1}, Prompts: 12, Balance: Pinned, Block: 16}, endpoints)
		bodies := map[int32][]byte{}
		for _, job := range all(t, set.Ingest(0, 10)) {
			bodies[job.Request.Prompt] = job.Body
			if r := job.Request; r.Phase != sample.PhaseIngest || r.MaxTokens != 1 || r.ReuseDistance != sample.Unknown || r.Endpoint != r.Prompt%int32(endpoints) {
				t.Fatalf("ingest: %+v", r)
			}
		}
		if len(bodies) != 10 {
			t.Fatalf("%d prompts, want 10", len(bodies))
		}
		order := []int32{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}
		for _, depth := range []int{1, 4, 10, 10, 2} {
			job, ok := set.Ask(sample.PhaseLook, depth)
			want := order[depth-1]
			if r := job.Request; !ok || r.Prompt != want || r.Depth != int32(depth) || r.Phase != sample.PhaseLook || r.IntendedCached != 48 || !bytes.Equal(job.Body, bodies[want]) {
				t.Fatalf("depth %d: prompt %d, want %d: %+v", depth, r.Prompt, want, r)
			}
			if endpoints == 1 && job.Request.ReuseDistance != int64(depth)*65 {
				t.Errorf("depth %d: distance %d, want %d", depth, job.Request.ReuseDistance, depth*65)
			}
			order = append([]int32{want}, append(order[:depth-1:depth-1], order[depth:]...)...)
		}
		set.Drop(&sample.Request{Prompt: order[0], Endpoint: order[0] % int32(endpoints)})
		if job, ok := set.Ask(sample.PhaseTouch, 1); !ok || job.Request.Prompt != order[1] {
			t.Errorf("after a drop the newest is %d, want %d", job.Request.Prompt, order[1])
		}
		if _, ok := set.Ask(sample.PhaseLook, 10); ok {
			t.Error("a prompt below the deepest")
		}
		if n := len(all(t, set.Ingest(10, 5))); n != 2 {
			t.Errorf("%d prompts beyond 10 of a set of 12, want 2", n)
		}
	}
}
