package lab

import (
	"fmt"

	"github.com/wsrun/wsrun/runner/control"
)

// Original is the control loop of the tool that wsrun descends from: steps by
// headroom, down by one or two increments on a violation, and never at rest. It is
// here to be compared with.
type Original struct {
	Lines            []control.Line
	Start, Step, Max int
	period, level    int
}

// Begin implements control.Controller.
func (o *Original) Begin() control.Decision {
	o.level = o.Start
	return control.Decision{Level: o.Start, Next: o.Start, Kind: control.Begin, Reason: "the start"}
}

// Extends implements control.Controller: its periods have one length.
func (o *Original) Extends(control.Observation) bool { return false }

// Next implements control.Controller.
func (o *Original) Next(seen control.Observation) control.Decision {
	o.period++
	d := control.Decision{Period: o.period, Level: o.level}
	room, known := control.Room(o.Lines, 0, seen)
	switch {
	case !known:
		d.Kind, d.Next, d.Reason = control.Lower, o.level-2*o.Step, "nothing was counted"
	case room < 1:
		d.Kind, d.Next = control.Lower, o.level-o.Step
		if 1/room-1 > 0.5 {
			d.Next = o.level - 2*o.Step
		}
		d.Reason = fmt.Sprintf("%.2f times the limit", 1/room)
	default:
		d.Kind, d.Next = control.Ramp, o.level+o.Step*stride(1-1/room)
		d.Reason = fmt.Sprintf("%.2f of the limit", 1/room)
	}
	d.Next = min(max(d.Next, o.Start), o.Max)
	o.level = d.Next
	return d
}

// stride is the number of increments for a headroom.
func stride(headroom float64) int {
	for _, s := range []struct {
		above float64
		steps int
	}{{.7, 10}, {.5, 5}, {.3, 3}, {.15, 2}} {
		if headroom > s.above {
			return s.steps
		}
	}
	return 1
}
