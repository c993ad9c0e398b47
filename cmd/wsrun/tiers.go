package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
)

// tierEnds gives where the tiers of a finished run end, in tokens of reuse distance, by
// name and as tier1, tier2 ...: what sizes such as 0.5 tier1 are shares of. Where the
// run has several series (contexts, hit rates, levels) it is the smallest: what each of
// them has found to be held.
func tierEnds(run string) (map[string]int64, error) {
	dir := run
	if st, err := os.Stat(run); err != nil {
		return nil, usagef("--tiers: no such run: %v", err)
	} else if !st.IsDir() {
		dir = filepath.Dir(run)
	}
	m, err := result.ReadManifest(filepath.Join(dir, result.ManifestFile))
	switch {
	case err != nil:
		return nil, usagef("--tiers %s: %v (a run directory is {output.dir}/{name}/{time}-{id})", run, err)
	case m.Headline == nil:
		return nil, usagef("--tiers %s: the run has not ended, or nobody has summed it up: wsrun report %s does", run, run)
	case len(m.Headline.Edges) == 0:
		none := m.Headline.None
		if none == "" {
			none = "it has no series that could have one"
		}
		return nil, usagef("--tiers %s: the run found no tier's end: %s", run, none)
	}
	ends := map[string]int64{}
	least := func(name string, tokens int64) {
		if was, known := ends[name]; !known || tokens < was {
			ends[name] = tokens
		}
	}
	for _, e := range m.Headline.Edges {
		least("tier"+strconv.Itoa(e.Number), e.Lo)
		if !strings.ContainsRune(e.From, ' ') && e.From != "" { // tier 1 is no name
			least(e.From, e.Lo)
		}
	}
	return ends, nil
}

// tiersHelp is the help of --tiers.
var tiersHelp = fmt.Sprintf("a finished `run` whose tiers sizes may be shares of, as working_set: [0.5 tier1, 1.2 tier1]: its directory, with %s", result.ManifestFile)
