package scenario

import "sort"

// laterKeys are keys of the language that this version knows and does not run.
// They are refused by name: a key that is silently ignored would make a result
// that answers another question.
var laterKeys = map[string]string{
	"/extends":       "extends (base files); write the keys into this file",
	"/rate":          "rate (open loop); use concurrency",
	"/arrivals":      "arrivals (open loop); use concurrency",
	"/compare":       "compare; remove it",
	"/target/engine": "target.engine: the engine is found out; remove it",
	"/target/tls":    "target.tls; use an endpoint whose certificate the system trusts",
}

// laterValues are values of the language that this version knows and does not run.
var laterValues = map[string]map[string]string{
	"/working_set/spacing": {"log": "spacing: log; write the sizes as a list, or use linear"},
}

func sorted(s []string) []string {
	sort.Strings(s)
	return s
}
