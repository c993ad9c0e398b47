package scenario

import "sort"

// sorted sorts a list in place and gives it.
func sorted(s []string) []string {
	sort.Strings(s)
	return s
}
