package simulator

// A prefix is named by the hash of all its tokens: extend is applied token by token,
// and a block's key is the hash of everything up to its end. Two prefixes of 64-bit
// keys collide with a probability of about n^2/2^65 for n blocks (1e6: 3e-8).

const hashSeed = 0x9e3779b97f4a7c15

// extend gives the hash of a prefix with one more token.
func extend(h uint64, id int32) uint64 {
	h = (h ^ (uint64(uint32(id))+1)*0xff51afd7ed558ccd) * 0xc4ceb9fe1a85ec53
	return h ^ h>>32
}

// rootOf is where the chain of a request begins: vLLM's cache_salt isolates the
// prompts that carry it from all others.
func rootOf(salt string) uint64 {
	if salt == "" {
		return hashSeed
	}
	return hashString(salt)
}

// hashString is FNV-1a with a final mix.
func hashString(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return mix(h)
}

// mix is the finaliser of splitmix64: every bit of the result depends on every bit of x.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// chain walks the tokens of a request and finds the keys of its blocks.
type chain struct {
	hash  uint64
	n     int // tokens so far
	block int
}

// next adds a token; full is true when it completes a block, whose key is then hash.
func (c *chain) next(id int32) (full bool) {
	c.hash = extend(c.hash, id)
	c.n++
	return c.n%c.block == 0
}

// prompt adds all tokens of a prompt and gives the keys of its full blocks.
func (c *chain) prompt(ids []int32) []uint64 {
	keys := make([]uint64, 0, len(ids)/c.block)
	for _, id := range ids {
		if c.next(id) {
			keys = append(keys, c.hash)
		}
	}
	return keys
}

// outputToken gives the k-th output token of a prompt: the same for the same prompt,
// and never a special token.
func outputToken(prompt uint64, k, vocab int) int32 {
	r := mix(prompt + uint64(k)*hashSeed)
	return specialTokens + int32(r%uint64(vocab-specialTokens))
}

// chance draws for one request (or token) whether something with this probability in
// percent happens; the same seed, number and kind always give the same answer.
func chance(percent float64, seed int64, number int, kind string) bool {
	return percent > 0 && draw(seed, number, kind) < percent/100
}

// draw gives a number in [0,1) that is a function of its arguments.
func draw(seed int64, number int, kind string) float64 {
	h := mix(uint64(seed) ^ hashString(kind))
	return float64(mix(h+uint64(number)*hashSeed)>>11) / (1 << 53)
}
