package scenario

import (
	"strings"
	"testing"
)

// TestDigestsStay pins the digests of scenarios: runs of older versions pair with those
// of this one only while what they asked for keeps its digest. A new key must leave the
// digest of a scenario without it alone.
func TestDigestsStay(t *testing.T) {
	for _, c := range []struct{ what, src, digest string }{
		{"minimal", minimal(""), "629eb1ba1645932144dfbd82a75c674d1d9046c938a8379596826a10bb9ebcc3"},
		{"everything", everything, "b84b54bba54a8bba2d0665b5dfd8f604277c5e838c3485045ac8460ebb65f55f"},
		{"sustained", sustainedFile(""), "08eea546dffd43d27be0f66107a4df286749600ff7a410a130f71d9f926c8eb6"},
		{"growing", growing, "a11b07e5476785a1bb4538d26490e815a0e6957fb9ade6dd097d253ededb4f7d"},
		{"map", mapFile(""), "56e13d00ee5965010529450105be1d079c45b9b87233a662256e36c1412c2bd5"},
		{"mapping", mapping, "408ff53d32e672cfb537e76cc16fb352fe2c5ebbac790864cbc5495d7d9ad2eb"},
	} {
		if got := must(t, c.src, Options{}).Digest; got != c.digest {
			t.Errorf("%s: digest %s, was %s", c.what, got, c.digest)
		}
	}
}

// TestDigestOfAResetURL: of a URL only the path tells runs apart, whoever asks for it.
func TestDigestOfAResetURL(t *testing.T) {
	digest := func(post string) string {
		env := envOf(map[string]string{"WSRUN_A": "word", "WSRUN_B": "word"})
		return must(t, minimal("warmup: {reset: {post: \""+post+"\"}}\n"), Options{Env: env}).Digest
	}
	want := digest("/reset")
	for _, same := range []string{"http://a/reset", "http://b/reset?k=${WSRUN_A}", "http://u:${WSRUN_A}@a/reset", "http://u:${WSRUN_B}@a/reset", "http://u:${WSRUN_A}@b/reset?k=v"} {
		if digest(same) != want {
			t.Errorf("%s is told apart from /reset", same)
		}
	}
	for _, other := range []string{"/flush", "http://u:${WSRUN_A}@a/flush", "http://u:${WSRUN_A}@a"} {
		if digest(other) == want {
			t.Errorf("%s is taken for /reset", other)
		}
	}
}

// TestDigestLeavesOut: what is not measured does not tell two runs apart; what is does.
func TestDigestLeavesOut(t *testing.T) {
	const plain = "target: http://localhost:8000\n"
	secure := strings.Replace(minimal(""), plain, "target: https://a\n", 1)
	base := must(t, secure, Options{}).Digest
	for _, c := range []struct {
		target, more string
		same         bool
	}{
		{"https://a", "compare: {tolerance: 5%, gate: [{metric: ttft.p95}]}\n", true},
		{"{endpoints: https://a, tls: {insecure: true}}", "", true},
		{"{endpoints: https://a, engine: auto}", "", true},
		{"{endpoints: https://a, engine: vllm}", "", false},
		{"https://a", "access: {zipf: 1.1}\n", false},
	} {
		got := must(t, strings.Replace(minimal(c.more), plain, "target: "+c.target+"\n", 1), Options{}).Digest
		if (got == base) != c.same {
			t.Errorf("%s %s: the digest is the same: %v, want %v", c.target, c.more, got == base, c.same)
		}
	}
}
