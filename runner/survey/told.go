package survey

import (
	"slices"

	"github.com/wsrun/wsrun/runner/sample"
)

// What servers tell of a look is believed unless it stands alone: in nats of log
// likelihood.
const (
	toldOdds   = 7.0 // an answer that tells another tier than the one it belongs to
	toldChange = 3.8 // a change of tier; a lone answer would need two of them
)

// Categories of a look. Tiers that are told by name follow.
const (
	untold     = -1
	toldCold   = 0
	toldCached = 1 // cached, in a tier that was not told
)

// teller reads what the server tells of its looks.
type teller struct {
	names []string // by category from toldCached + 1
	most  int64    // cached tokens of the fullest hit
	any   bool     // something was told
}

// learn takes a look in.
func (t *teller) learn(l Look) {
	cached, ok := l.cached()
	if !ok {
		return
	}
	t.any = true
	t.most = max(t.most, cached, l.Prompt/4)
	for name := range l.sources() {
		if !slices.Contains(t.names, name) {
			t.names = append(t.names, name)
		}
	}
}

// sources are those that can be told for this request alone.
func (l *Look) sources() map[string]int64 {
	if l.Counters && l.Foreign > 0 {
		return nil
	}
	return l.Sources
}

// cached gives the tokens found cached, when told.
func (l *Look) cached() (int64, bool) {
	if l.Cached != sample.Unknown {
		return l.Cached, true
	}
	src := l.sources()
	if src == nil {
		return 0, false
	}
	var sum int64
	for _, n := range src {
		sum += n
	}
	return sum, true
}

// category is what a look tells. It is cold when less than half of the fullest hit
// was found: at an edge hits are partial, and the last block is always computed. A hit
// is of the tier that most of it came from.
func (t *teller) category(l *Look) int {
	cached, ok := l.cached()
	switch {
	case !ok:
		return untold
	case cached <= 0 || 2*cached < t.most:
		return toldCold
	}
	best, most := toldCached, int64(0)
	for i, name := range t.names {
		if n := l.sources()[name]; n > most {
			best, most = toldCached+1+i, n
		}
	}
	return best
}

// fits reports whether a look of one category may be of a level of another: one whose tier
// could not be told, as others were served meanwhile, may be of any tier.
func fits(look, level int) bool {
	return look == untold || look == level || look == toldCached && level > toldCached
}

// part reports whether a look tells that between a fifth and four fifths of the fullest
// hit were found.
func (t *teller) part(l *Look) bool {
	cached, ok := l.cached()
	return ok && 5*cached > t.most && 5*cached < 4*t.most
}

// votes is the number of looks in a column that tell a hit, less those that tell none.
func (t *teller) votes(s *Survey, c *column) (n int) {
	for _, look := range c.looks {
		switch t.category(&s.looks[look]) {
		case untold:
		case toldCold:
			n--
		default:
			n++
		}
	}
	return n
}

// name of a category's tier; empty when none was told.
func (t *teller) name(cat int) string {
	if i := cat - toldCached - 1; i >= 0 && i < len(t.names) {
		return t.names[i]
	}
	return ""
}
