package result

import (
	"slices"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Named gives what conditions read of a row: its metrics, and tier_share.NAME by the
// names of the stated tiers (nearest first) as well as by those that the server tells.
//
// A share told under the name is that. Else the first stated tier is the engine's own
// cache (told as local or hbm). A tier behind it, when it is the only one whose name is
// not told, has what was told of all sources that no other stated tier is: a server that
// tells local and external of two tiers has told both. Where two names are not told, who
// served what is not known: no data. Where no tier is stated, tier1, tier2 ... are the
// sources told, nearest first.
func Named(row metric.Row, stated []string) func(name string) metric.Value {
	return func(name string) metric.Value {
		if v := row.Get(name); v.Known() {
			return v
		}
		if of, ok := strings.CutPrefix(name, sharePrefix); ok {
			return shareOf(row, stated, of)
		}
		return metric.Value{}
	}
}

func shareOf(row metric.Row, stated []string, name string) metric.Value {
	told, _ := tierShares(row)
	if len(stated) == 0 {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "tier"))
		if err != nil || !strings.HasPrefix(name, "tier") || n < 1 || n > len(told) {
			return metric.Value{}
		}
		return told[n-1].Share
	}
	at := slices.Index(stated, name)
	sum, any := 0.0, false
	for _, t := range told {
		if slices.Contains(stated, t.Name) || tier.Own(t.Name) != (at == 0) {
			continue
		}
		sum, any = sum+t.Share.V, true
	}
	if at < 0 || !any || at > 0 && unknownBehind(row, stated) > 1 {
		return metric.Value{}
	}
	return metric.Of(sum)
}

// unknownBehind counts the stated tiers behind the first whose names the server does not
// tell.
func unknownBehind(row metric.Row, stated []string) (n int) {
	for _, name := range stated[1:] {
		if !row.Get(sharePrefix + name).Known() {
			n++
		}
	}
	return n
}
