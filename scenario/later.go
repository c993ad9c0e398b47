package scenario

import "sort"

// laterKeys are keys of the language that this version knows and does not read.
// They are refused by name: a key that is silently ignored would make a result
// that answers another question.
var laterKeys = map[string]string{
	"/extends": "extends (base files); write the keys into this file",
}

func sorted(s []string) []string {
	sort.Strings(s)
	return s
}
