package runner

import (
	"fmt"
	"testing"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
)

func mapOf(more string) string {
	return "\nname: map\ntarget: {endpoints: [http://sim0], metrics: auto}\ncontexts: [1000]\nchunk: 50\nmode: map\nworking_set: {max: 300k}\nwarmup: {concurrency: 4}\n" + more
}

func TestVirtualMapFirst(t *testing.T) {
	p := profile(func(p *simulator.Profile) {
		p.Tiers = []simulator.Tier{{Name: "hbm", Capacity: 30000}, {Name: "dram", Capacity: 60000, Load: simulator.Duration(20e3)}}
		p.Base = simulator.Duration(10e6)
	})
	inBubble(t, mapOf(""), []simulator.Profile{p}, nil, func(w *world) {
		w.mustRun()
		s := result.Summarise(w.Record())
		for _, n := range s.Notes {
			fmt.Println("note", n)
		}
		for _, p := range s.Points {
			fmt.Printf("%s %s %v %+v from %+v to %+v %v\n", p.Cell, p.Validity, p.Reasons, p.Tier, p.Tier.From, p.Tier.To, p.Row)
		}
		for _, s := range s.Series {
			fmt.Printf("%+v\n", s)
		}
		fmt.Printf("%+v\n", s.Maps[0].Found)
		for _, c := range s.Capacity {
			fmt.Println(c.Text)
		}
		for _, ph := range w.phases(result.PhaseLook) {
			fmt.Println(ph.Looks, ph.Sent, ph.Notes)
		}
	})
}
