// Package verdict holds thresholds against what a run measured: pass, fail, or no
// verdict, and combines what happened into an exit code. It prints nothing.
package verdict

// Exit codes of wsrun. They are a contract.
const (
	ExitOK          = 0   // done, every threshold held
	ExitFailed      = 1   // the work failed
	ExitUsage       = 2   // called wrongly
	ExitInvalid     = 3   // a scenario is invalid; nothing was sent
	ExitRegression  = 4   // compare found a regression; diff found what --fail-on names
	ExitNoVerdict   = 5   // no data, too few trials, nothing in common
	ExitThreshold   = 99  // a threshold was crossed
	ExitInterrupted = 130 // interrupted; what was measured is written
)

// exitOrder is which of several codes wins.
var exitOrder = []int{ExitUsage, ExitInvalid, ExitInterrupted, ExitFailed, ExitThreshold, ExitNoVerdict, ExitOK}

// Combine gives the one exit code of several results: 130 before 1 before 99
// before 5 before 0. Codes 2 and 3 stand alone, because nothing ran then; an
// unknown code counts as failed work.
func Combine(codes ...int) int {
	best := len(exitOrder) - 1
	for _, c := range codes {
		best = min(best, rank(c))
	}
	return exitOrder[best]
}

func rank(code int) int {
	for i, c := range exitOrder {
		if c == code {
			return i
		}
	}
	return rank(ExitFailed)
}
