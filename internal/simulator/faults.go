package simulator

import "time"

// The kinds of fault, as they stand in the log. One request has at most one of them.
const (
	faultError     = "error"
	faultReset     = "reset"
	faultStream    = "stream_error"
	faultMalformed = "malformed"
	faultEmpty     = "empty"
	faultShort     = "short"
)

// fault is what goes wrong with one request.
type fault struct {
	kind  string        // empty = nothing
	stall time.Duration // pause between two tokens
	where float64       // in [0,1): how far into its output
	on    bool          // faults are in force: the profile's After is over
}

// of draws the faults of a request; the same seed and number give the same.
func (f *Faults) of(seed int64, number int) fault {
	if number <= f.After {
		return fault{}
	}
	d := fault{on: true, where: draw(seed, number, "where")}
	for _, k := range []struct {
		kind string
		rate float64
	}{{faultError, f.ErrorRate}, {faultReset, f.ResetRate}, {faultStream, f.StreamErrorRate}, {faultMalformed, f.MalformedRate},
		{faultEmpty, f.EmptyRate}, {faultShort, f.ShortRate}} {
		if chance(k.rate, seed, number, k.kind) {
			d.kind = k.kind
			break
		}
	}
	if f.Stall > 0 && (f.StallRate == 0 || chance(f.StallRate, seed, number, "stall")) {
		d.stall = time.Duration(f.Stall)
	}
	return d
}

// status of an error reply.
func (f *Faults) status() int {
	if f.Status == 0 {
		return 503
	}
	return f.Status
}

// at gives after how many of out tokens the fault happens: between two tokens where
// there are two, else before the only one.
func (d fault) at(out int) int {
	if out < 2 {
		return 0
	}
	return 1 + int(d.where*float64(out-1))
}

// output gives how many tokens of out are sent when nothing else ends the stream, and
// the finish reason.
func (d fault) output(out int) (int, string) {
	switch d.kind {
	case faultEmpty:
		return 0, "stop"
	case faultShort:
		return max(1, out/2), "stop"
	}
	return out, "length"
}

// ends reports whether the fault cuts the stream.
func (d fault) ends() bool {
	return d.kind == faultReset || d.kind == faultStream || d.kind == faultMalformed
}
