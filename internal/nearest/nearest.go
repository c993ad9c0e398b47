// Package nearest finds the name that a person most likely meant by a word that is none:
// of keys, metrics, commands, flags, options of the original tool.
package nearest

import "strings"

// Name gives the candidate that a person most likely meant, or "" when none
// is near. Distance is Damerau-Levenshtein (adjacent swaps count once) on lower
// case; a third of the word may differ, one letter at least, but less than half.
func Name(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	best, bestD := "", min(len(word)/3+1, (len(word)-1)/2)
	w := strings.ToLower(word)
	for _, c := range candidates {
		d := distance(w, strings.ToLower(c))
		if d > bestD || best != "" && d == bestD && (sameLetters(w, best) || !sameLetters(w, c)) {
			continue
		}
		best, bestD = c, d
	}
	return best
}

// sameLetters breaks ties: p59 is p95 sooner than p50.
func sameLetters(a, b string) bool {
	count := map[rune]int{}
	for _, r := range a {
		count[r]++
	}
	for _, r := range strings.ToLower(b) {
		count[r]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// distance is the number of insertions, deletions, replacements and swaps of neighbours
// between a and b (optimal string alignment).
func distance(a, b string) int {
	ra, rb := []rune(a), []rune(b)
	prev2, prev, cur := make([]int, len(rb)+1), make([]int, len(rb)+1), make([]int, len(rb)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(ra); i++ {
		cur[0] = i
		for j := 1; j <= len(rb); j++ {
			cost := 1
			if ra[i-1] == rb[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && ra[i-1] == rb[j-2] && ra[i-2] == rb[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(rb)]
}
