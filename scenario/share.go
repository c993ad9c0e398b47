package scenario

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// rawSetSize is a size of the working set: a number of tokens; of bytes, which become
// tokens once those of a token are known; or a share of what an earlier run found, as 0.5
// tier1 or 1.2 dram, which is resolved as it is read. A plan and a record hold tokens.
type rawSetSize struct {
	tokens int64
	bytes  float64 // above 0: it was written in bytes
	text   string
}

// String writes the size as the file does.
func (s rawSetSize) String() string {
	if s.bytes > 0 {
		return s.text
	}
	return FormatSize(s.tokens)
}

// Shape implements the schema's side.
func (rawSetSize) Shape() []any {
	return []any{`{"type":"integer","minimum":1}`, `{"type":"string","pattern":"^[0-9]+(\\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti|MiB|GiB|TiB)?$","examples":["30k","5M","32Ki","40GiB"]}`, `{"type":"string","pattern":"^[0-9]+(\\.[0-9]+)? +[A-Za-z][A-Za-z0-9_.-]*$","examples":["0.5 tier1"]}`}
}

// tierShare is a share of a tier: a number, a space, a name.
var tierShare = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) +([A-Za-z][A-Za-z0-9_.-]*)$`)

func (s *rawSetSize) decode(w *walker, n *yaml.Node, path string) bool {
	m := tierShare.FindStringSubmatch(n.Value)
	if n.Kind != yaml.ScalarNode || m == nil || sizeUnits[m[2]] > 0 || byteUnits[m[2]] || durationUnits[m[2]] > 0 {
		return s.plain(w, n, path)
	}
	if len(w.opt.Tiers) == 0 {
		return w.fail("tiers-not-given", n, path, "%s is a share of what a tier of an earlier run was found to hold: name that run with --tiers RUN, or write tokens, as 100k", n.Value)
	}
	edge, known := w.opt.Tiers[m[2]]
	if !known {
		names := sortedKeys(w.opt.Tiers)
		return w.fail("unknown-tier", n, path, "%s: the run of --tiers found no end of a tier %s%s", n.Value, m[2], meant(m[2], names, "known are "+strings.Join(names, ", ")))
	}
	share, err := strconv.ParseFloat(m[1], 64)
	tokens := math.Floor(share*float64(edge) + 1e-6) // 0.57 x 100 is 57
	if err != nil || tokens < 1 || tokens > float64(maxSize) {
		return w.fail("out-of-range", n, path, "%s: %s ends at %s tokens: write a share of it that is 1 to %s", n.Value, m[2], FormatSize(edge), FormatSize(maxSize))
	}
	s.tokens = int64(tokens)
	return true
}

// plain reads tokens or bytes.
func (s *rawSetSize) plain(w *walker, n *yaml.Node, path string) bool {
	var ok bool
	if s.text, ok = w.scalar(n, path, "a size, as 100k, 5M or 40GiB"); !ok {
		return false
	}
	var err error
	if s.tokens, s.bytes, err = parseTokensOrBytes(s.text); err != nil {
		return w.fail("bad-size", n, path, "%s", err)
	}
	if s.tokens == 0 && s.bytes == 0 {
		return w.fail("out-of-range", n, path, "%s: must be above 0", pathName(path))
	}
	return true
}

// parseTokensOrBytes reads 5M or 40GiB: one of the two is above 0, but for 0 itself.
func parseTokensOrBytes(text string) (tokens int64, bytes float64, err error) {
	tokens, err = ParseSize(text)
	var inBytes errBytes
	if errors.As(err, &inBytes) {
		bytes, err = parseBytes(text)
	}
	return tokens, bytes, err
}

// tokens gives a size in tokens; 0 where it cannot be known, which is then a problem.
func (r *resolver) tokens(path string, s rawSetSize, kvBytes float64) int64 {
	if s.bytes == 0 {
		return s.tokens
	}
	return r.inTokens(path, s.text, s.bytes, kvBytes)
}
