package report

import (
	"bytes"
	"encoding/csv"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
)

// sections gives the columns that each section of docs/columns.md describes, by the name
// of the file without what varies.
func sections(t *testing.T) map[string][]string {
	t.Helper()
	var doc bytes.Buffer
	ColumnsDoc(&doc)
	out := map[string][]string{}
	for _, part := range strings.Split(doc.String(), "\n## ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		for _, line := range strings.Split(body, "\n") {
			if cell, ok := strings.CutPrefix(line, "| `"); ok {
				name, _, _ := strings.Cut(cell, "`")
				out[plainName(title)] = append(out[plainName(title)], name)
			}
		}
	}
	return out
}

// varying is what names of files have of their run: numbers, and braces in the docs.
var varying = regexp.MustCompile(`_?(ctx|ws|cache)?(\{[a-z]+\}|[0-9]+(_[0-9]+)*)`)

func plainName(file string) string {
	return varying.ReplaceAllString(strings.TrimSuffix(file, ".csv"), "")
}

// Each file that is written, in each mode, is described with exactly its columns, in
// their order; and each section is about a file that is written.
func TestColumnsDocIsWhatIsWritten(t *testing.T) {
	doc := sections(t)
	written := map[string]bool{}
	worlds := mapWorlds()
	names := slices.Sorted(maps.Keys(worlds))
	for _, rec := range []*result.Record{fixture(1), growingFixture(1), worlds[names[0]].record(t)} {
		for _, f := range filesOf(result.Summarise(rec), rec) {
			var out bytes.Buffer
			if err := f.write(&out); err != nil {
				t.Fatal(err)
			}
			header, err := csv.NewReader(&out).Read()
			if err != nil {
				t.Fatal(err)
			}
			name := plainName(f.name)
			written[name] = true
			if got := doc[name]; !slices.Equal(got, header) {
				t.Errorf("%s: docs/columns.md has %v, the file has %v", f.name, got, header)
			}
		}
	}
	for name := range doc {
		if !written[name] && !strings.Contains(name, "only") {
			t.Errorf("docs/columns.md describes %s, which no mode writes", name)
		}
	}
}

// complaints says what a description of columns lacks: ours, and for a column of the
// original its formula, and why ours reads otherwise where it does.
func complaints[T any](cols []column[T], original int) (out []string) {
	for i, c := range cols {
		switch {
		case c.ours == "" && i >= original:
			out = append(out, c.name+": nothing says what it is")
		case i < original && c.original == "":
			out = append(out, c.name+": nothing says what the original wrote")
		case i < original && c.ours != "" && c.ours != c.original && c.why == "":
			out = append(out, c.name+": nothing says why ours differs")
		case i >= original && c.original != "":
			out = append(out, c.name+": the original has no such column")
		}
	}
	return out
}

// Each column says what it is, and those of the original what that wrote: 22, 16 and 11 of
// the fixed files, 30 of the periods.
func TestColumnsAreDescribed(t *testing.T) {
	for name, lacks := range map[string][]string{
		"summary": complaints(pointColumns, 22), "detailed_results": complaints(requestColumns, 16), "phase_metadata": complaints(phaseColumns, 11),
		"sustained_periods": complaints(periodColumns("ttft.p95"), 30), "tier_map": complaints(depthColumns, 0), "tiers": complaints(transitionColumns, 0),
		"capacities": complaints(capacityColumns, 0), "maps": complaints(mapKeys, 0),
	} {
		if len(lacks) > 0 {
			t.Errorf("%s: %s", name, strings.Join(lacks, "; "))
		}
	}
}
