package scenario

// NotYet names what a plan asks for that this version reads, checks, plans and diffs,
// and does not run: each with its place. A run of such a plan would answer another
// question than the one that is asked.
func NotYet(p *Plan) []Problem {
	var out []Problem
	note := func(path, message string) {
		q := Problem{Path: path, Code: "not-supported-yet", Message: "not supported yet: " + message}
		out = append(out, p.placed(q))
	}
	sc := p.Scenario
	if len(sc.Rates) > 0 {
		note("/rate", "a run with rate (open loop); it can be validated, planned and diffed; to run it write concurrency")
	}
	if sc.Access == "zipf" {
		note("/access", "a run with access: {zipf: ...}; it can be validated, planned and diffed; to run it write cyclic or uniform")
	}
	if def := DefaultCompare(); len(sc.Compare.Gate) > 0 || sc.Compare.Tolerance != def.Tolerance || sc.Compare.Alpha != def.Alpha {
		note("/compare", "a run with compare; it can be validated, planned and diffed; to run it remove the key")
	}
	return out
}
