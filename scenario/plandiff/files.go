package plandiff

import "github.com/wsrun/wsrun/scenario"

// Side is one scenario file of one side.
type Side struct {
	Key  string         // what files are paired by: the path, relative to what was named
	Plan *scenario.Plan // nil: the file is there and is no valid scenario
	Why  string         // then: why it counts for nothing, in one line
}

// Files works out what becomes of each scenario of a call: files pair by their key, what
// is left by name. missing says why a new file has no old side. An old file that is no
// longer valid counts as missing, with its reason. Diffs are in the order of the new
// files, then of the removed ones.
func Files(old, new []Side, missing string) []Diff {
	byKey, byName := map[string]int{}, map[string]int{}
	for i, s := range old {
		byKey[s.Key] = i
	}
	taken := make([]bool, len(old))
	partner := make([]int, len(new))
	for j, s := range new {
		partner[j] = -1
		if i, ok := byKey[s.Key]; ok {
			partner[j], taken[i] = i, true
		}
	}
	for i, s := range old {
		if !taken[i] && s.Plan != nil {
			byName[s.Plan.Scenario.Name] = i
		}
	}
	var out []Diff
	for j, s := range new {
		i := partner[j]
		if i < 0 {
			if k, ok := byName[s.Plan.Scenario.Name]; ok && !taken[k] {
				i, taken[k] = k, true
			}
		}
		out = append(out, against(old, i, s, missing))
	}
	for i, s := range old {
		if !taken[i] && s.Plan != nil {
			out = append(out, Of(s.Plan, nil))
		}
	}
	return out
}

func against(old []Side, i int, s Side, missing string) Diff {
	if i < 0 {
		d := Of(nil, s.Plan)
		d.Reason = missing
		return d
	}
	d := Of(old[i].Plan, s.Plan)
	if old[i].Plan == nil {
		d.Reason = old[i].Why
	}
	if old[i].Key == s.Key {
		d.OldPath = "" // it is the same file, wherever the two sides stand
	}
	return d
}
