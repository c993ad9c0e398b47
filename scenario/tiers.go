package scenario

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// rawTier is one stated tier.
type rawTier struct {
	Name      *string       `yaml:"name" validate:"required,tiername" jsonschema_description:"Name of the tier, as hbm, dram or ssd; conditions read it, as edge.hbm." diff:"cosmetic, loosened / tightened" example:"hbm"`
	Capacity  *rawCapacity  `yaml:"capacity" validate:"required" jsonschema_description:"The tier's own size in one replica: tokens (1M), or MiB, GiB or TiB with a target.kv_bytes_per_token." diff:"cosmetic, loosened / tightened" example:"1M | 512GiB"`
	Bandwidth *rawBandwidth `yaml:"bandwidth" jsonschema_description:"What reading from the tier can give in one replica, in MB/s, GB/s or TB/s: the least that falling to it costs." diff:"cosmetic" example:"50GB/s"`
}

// rawCapacity is a number of tokens, or of bytes.
type rawCapacity struct {
	tokens int64
	bytes  float64 // above 0: it was written in bytes
	text   string
}

// Shape implements the schema's side.
func (rawCapacity) Shape() []any {
	return []any{`{"type":"integer","minimum":1}`, `{"type":"string","pattern":"^[0-9]+(\\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti|MiB|GiB|TiB)?$","examples":["1M","80GiB"]}`}
}

var byteFactors = map[string]float64{"MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

func (c *rawCapacity) decode(w *walker, n *yaml.Node, path string) bool {
	text, ok := w.scalar(n, path, "a capacity, as 1M or 512GiB")
	if !ok {
		return false
	}
	c.text = text
	var err error
	if c.tokens, c.bytes, err = parseTokensOrBytes(text); err != nil {
		return w.fail("bad-size", n, path, "%s", err)
	}
	if c.tokens == 0 && c.bytes == 0 {
		return w.fail("out-of-range", n, path, "%s: must be above 0; leave out a tier that the server does not have", pathName(path))
	}
	return true
}

// parseBytes reads 80GiB. Decimal units are refused: memory is sold in both, and the
// two differ by 7 to 10 %.
func parseBytes(s string) (float64, error) {
	num, unit, rest := splitUnit(s)
	v, err := strconv.ParseFloat(num, 64)
	factor, known := byteFactors[unit]
	switch {
	case err != nil || rest != "":
		return 0, fmt.Errorf("%q is no size: write tokens, as 1M, or 512MiB, 80GiB, 2TiB", s)
	case !known && strings.HasSuffix(unit, "B") && len(unit) == 2 && strings.Contains("MGT", unit[:1]):
		binary := unit[:1] + "iB"
		decimal := v * decimalPrefixes[unit[:1]] / byteFactors[binary]
		return 0, fmt.Errorf("%s can be read in two ways: write %s%s, or %s%s where a unit is a power of 1000", s, num, binary, strconv.FormatFloat(decimal, 'f', 2, 64), binary)
	case !known:
		return 0, fmt.Errorf("%q is no size: bytes are written in MiB, GiB or TiB, as 80GiB", s)
	}
	return v * factor, nil
}

// rawBandwidth is a number of bytes per second.
type rawBandwidth float64

// Shape implements the schema's side.
func (rawBandwidth) Shape() []any {
	return []any{`{"type":"string","pattern":"^[0-9]+(\\.[0-9]+)?[MGT]B/s$","examples":["50GB/s"]}`}
}

var (
	bandwidth        = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)([MGT])B/s$`)
	bitRate          = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)([MGT])(?:b/s|bit/s|bps)$`)
	decimalPrefixes  = map[string]float64{"M": 1e6, "G": 1e9, "T": 1e12}
	bandwidthExample = "write 500MB/s, 50GB/s or 1.2TB/s"
)

func (b *rawBandwidth) decode(w *walker, n *yaml.Node, path string) bool {
	text, ok := w.scalar(n, path, "a bandwidth, as 50GB/s")
	if !ok {
		return false
	}
	m := bandwidth.FindStringSubmatch(text)
	if bits := bitRate.FindStringSubmatch(text); bits != nil {
		v, _ := strconv.ParseFloat(bits[1], 64) // the expression lets only numbers through
		return w.fail("bad-bandwidth", n, path, "%s is a number of bits: write %s%sB/s", text, strconv.FormatFloat(v/8, 'f', -1, 64), bits[2])
	}
	if m == nil {
		return w.fail("bad-bandwidth", n, path, "%q is no bandwidth: %s", text, bandwidthExample)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if v *= decimalPrefixes[m[2]]; err != nil || v <= 0 || math.IsInf(v, 0) {
		return w.fail("bad-bandwidth", n, path, "%s is no bandwidth above 0: %s, or remove the key", text, bandwidthExample)
	}
	*b = rawBandwidth(v)
	return true
}

// tiers resolves the stated tiers: capacities become tokens.
func (r *resolver) tiers(raw List[rawTier], kvBytes float64) []Tier {
	var out []Tier
	for i, t := range raw {
		path := "/target/tiers/" + itoa(i)
		tier := Tier{Name: def(t.Name, ""), Bandwidth: float64(def(t.Bandwidth, 0))}
		if r.clean(path + "/name") {
			r.checkTierName(path+"/name", tier.Name, out)
		}
		if r.clean(path+"/capacity") && t.Capacity != nil {
			tier.Capacity = r.capacity(path+"/capacity", *t.Capacity, kvBytes)
		}
		out = append(out, tier)
	}
	return out
}

// numberedTier is how tiers without a name are called.
var numberedTier = regexp.MustCompile(`^tier-?[0-9]+$`)

func (r *resolver) checkTierName(path, name string, before []Tier) {
	switch {
	case name == "recompute":
		r.fault("bad-name", path, "recompute is what happens when no tier holds a prompt: it is no tier; remove it, or choose another name")
	case numberedTier.MatchString(name):
		r.fault("bad-name", path, "%s is how tiers without a name are called: choose another name, as hbm", name)
	case name != "" && slices.ContainsFunc(before, func(t Tier) bool { return t.Name == name }):
		r.fault("duplicate-value", path, "the tier %s is given twice: remove one, or choose another name", name)
	}
}

func (r *resolver) capacity(path string, c rawCapacity, kvBytes float64) int64 {
	if c.bytes == 0 {
		return c.tokens
	}
	return r.inTokens(path, c.text, c.bytes, kvBytes)
}

// inTokens gives how many tokens fit into bytes; 0 where that cannot be known, which is
// then a problem.
func (r *resolver) inTokens(path, text string, bytes, kvBytes float64) int64 {
	if kvBytes <= 0 {
		if r.clean("/target/kv_bytes_per_token") {
			r.fault("needs-kv-bytes", path, "%s is a size in bytes and needs the KV bytes of a token: write target.kv_bytes_per_token, as the name of a known model (llama-3.1-70b) or a number (2 x layers x KV heads x head size x bytes of a value), or the size in tokens, as 1M", text)
		}
		return 0
	}
	tokens := math.Floor(bytes / kvBytes)
	switch {
	case tokens < 1:
		r.fault("out-of-range", path, "%s holds no token of %s bytes (target.kv_bytes_per_token)", text, strconv.FormatFloat(kvBytes, 'f', -1, 64))
	case tokens > float64(maxSize):
		r.fault("out-of-range", path, "%s is too large: at most %s tokens, of %s bytes each (target.kv_bytes_per_token)", text, FormatSize(maxSize), strconv.FormatFloat(kvBytes, 'f', -1, 64))
	default:
		return int64(tokens)
	}
	return 0
}
