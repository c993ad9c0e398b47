package scenario

import (
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// rawSetSize is a size of the working set: a number of tokens, or a share of what an
// earlier run found, as 0.5 tier1 or 1.2 dram. It is resolved as it is read, so that a
// plan and a record hold tokens.
type rawSetSize Size

// Shape implements the schema's side.
func (rawSetSize) Shape() []any {
	return []any{reflect.TypeFor[Size](), `{"type":"string","pattern":"^[0-9]+(\\.[0-9]+)? +[A-Za-z][A-Za-z0-9_.-]*$","examples":["0.5 tier1"]}`}
}

// tierShare is a share of a tier: a number, a space, a name.
var tierShare = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) +([A-Za-z][A-Za-z0-9_.-]*)$`)

func (s *rawSetSize) decode(w *walker, n *yaml.Node, path string) bool {
	m := tierShare.FindStringSubmatch(n.Value)
	if n.Kind != yaml.ScalarNode || m == nil || sizeUnits[m[2]] > 0 || byteUnits[m[2]] || durationUnits[m[2]] > 0 {
		return (*Size)(s).decode(w, n, path)
	}
	if len(w.tiers) == 0 {
		return w.fail("tiers-not-given", n, path, "%s is a share of what a tier of an earlier run was found to hold: name that run with --tiers RUN, or write tokens, as 100k", n.Value)
	}
	edge, known := w.tiers[m[2]]
	if !known {
		names := sortedKeys(w.tiers)
		return w.fail("unknown-tier", n, path, "%s: the run of --tiers found no end of a tier %s%s", n.Value, m[2], meant(m[2], names, "known are "+strings.Join(names, ", ")))
	}
	share, err := strconv.ParseFloat(m[1], 64)
	tokens := math.Floor(share*float64(edge) + 1e-6) // 0.57 x 100 is 57
	if err != nil || tokens < 1 || tokens > float64(maxSize) {
		return w.fail("out-of-range", n, path, "%s: %s ends at %s tokens: write a share of it that is 1 to %s", n.Value, m[2], FormatSize(edge), FormatSize(maxSize))
	}
	*s = rawSetSize(tokens)
	return true
}
