package simulator

// table finds nodes by key: open addressing with linear probing. An entry is 32 bits of
// the key's hash and a node's number (0 = empty), so that a search touches one or two
// cache lines and a single node. It is at most three quarters full, and never larger
// than its tier can need.
type table struct {
	entries []uint64
	n       int
}

// hashOf spreads a key over 32 bits (multiplicative hashing, Knuth 6.4).
func hashOf(key uint64) uint64 { return key * hashSeed >> 32 }

// home is where the search for a hash begins: hashes in order, spread over the entries.
func (t *table) home(hash uint64) int { return int(hash * uint64(len(t.entries)) >> 32) }

func (t *table) after(p int) int {
	if p++; p == len(t.entries) {
		return 0
	}
	return p
}

// seek gives the place of a key's entry, or of the empty one where it would stand.
func (t *table) seek(a *arena, key uint64) int {
	hash := hashOf(key)
	p := t.home(hash)
	for t.entries[p] != 0 && (t.entries[p]>>32 != hash || a.node(uint32(t.entries[p])).key != key) {
		p = t.after(p)
	}
	return p
}

// find gives the node of a key, 0 for none.
func (t *table) find(a *arena, key uint64) uint32 {
	if t.n == 0 {
		return 0
	}
	return uint32(t.entries[t.seek(a, key)])
}

// put enters a node, whose key must not be there yet; most is how many there can be.
func (t *table) put(a *arena, i uint32, most int) {
	if t.n >= len(t.entries)/4*3 {
		t.grow(most)
	}
	key := a.node(i).key
	t.entries[t.seek(a, key)] = hashOf(key)<<32 | uint64(i)
	t.n++
}

// grow doubles the table, as far as it can be needed.
func (t *table) grow(most int) {
	old := t.entries
	size := max(64, 2*len(old))
	if enough := (most/3 + 2) * 4; enough > len(old) {
		size = min(size, enough)
	}
	t.entries = make([]uint64, size)
	for _, e := range old {
		if e == 0 {
			continue
		}
		p := t.home(e >> 32)
		for t.entries[p] != 0 {
			p = t.after(p)
		}
		t.entries[p] = e
	}
}

// remove takes a node's entry out and closes the gap (Knuth 6.4, algorithm R), so that
// a cache that runs for days leaves no dead entries to walk over.
func (t *table) remove(a *arena, i uint32) {
	size := len(t.entries)
	gap := t.seek(a, a.node(i).key)
	for p := t.after(gap); t.entries[p] != 0; p = t.after(p) {
		home := t.home(t.entries[p] >> 32)
		if (p-home+size)%size >= (p-gap+size)%size { // its search passes the gap
			t.entries[gap] = t.entries[p]
			gap = p
		}
	}
	t.entries[gap] = 0
	t.n--
}
