package scenario

import (
	"strings"

	"github.com/wsrun/wsrun/internal/nearest"
)

// didYouMean gives `, did you mean "x"?` or "".
func didYouMean(word string, candidates []string) string {
	if n := nearest.Name(word, candidates); n != "" {
		return ", did you mean \"" + n + "\"?"
	}
	return ""
}

// meant ends a sentence about an unknown word: with what was probably meant, where
// something is near, and in any case with what to write.
func meant(word string, candidates []string, advice string) string {
	if near := didYouMean(word, candidates); near != "" {
		return near + " " + strings.ToUpper(advice[:1]) + advice[1:]
	}
	return ": " + advice
}
