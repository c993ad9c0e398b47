package scenario

import (
	"math"
	"testing"

	"gopkg.in/yaml.v3"
)

// FuzzUnits reads a value as each kind of number that has a unit of its own: what is
// read is a finite number in the key's range, what is not has a sentence.
func FuzzUnits(f *testing.F) {
	for _, s := range []string{"99.5", "5%", "101", "-1", "NaN", "1e2", "512GiB", "512GB", "1.5TiB", "80 GiB", "1e999GiB", "50GB/s", "400Gb/s", "1.2TB/s", "0GB/s", "", "%", ".", "GiB", "/s", "99999999999999999999999TB/s", "0.5 tier1", "\x00", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := parsePercent(s); err == nil && !(v >= 0 && v <= 100) {
			t.Errorf("%q is %g percent", s, v)
		}
		if n, bytes, err := parseTokensOrBytes(s); err == nil && (n < 0 || n > maxSize || bytes < 0 || math.IsNaN(bytes)) {
			t.Errorf("%q is %d tokens, %g bytes", s, n, bytes)
		}
		w := newWalker(newSource("fuzz.yaml", []byte(s)))
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Line: 1, Column: 1}
		var b rawBandwidth
		if ok := b.decode(w, n, "/bandwidth"); ok != (len(w.problems) == 0) || ok && !(float64(b) > 0 && float64(b) < math.Inf(1)) {
			t.Errorf("%q is %g bytes/s, read %v, %v", s, float64(b), ok, w.problems)
		}
		var c rawCapacity
		if ok := c.decode(w, n, "/capacity"); !ok && len(w.problems) == 0 {
			t.Errorf("%q is no capacity, without a word", s)
		}
	})
}
