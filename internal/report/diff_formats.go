package report

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/plandiff"
)

// mostMarkdown bounds a difference in Markdown in bytes: a comment on a pull request
// takes 65,536 characters, and some room is left for what stands round it.
const mostMarkdown = 60_000

// DiffMarkdown prints what changes of scenarios mean as Markdown, for a comment on a
// review or the summary of a CI job. No text of a scenario can become markup, a mention
// or a link.
func DiffMarkdown(w io.Writer, diffs []plandiff.Diff) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n", markdown(diffSummary(diffs)))
	left := 0
	for _, d := range diffs {
		if d.Status == plandiff.Unchanged {
			continue
		}
		head := fmt.Sprintf("\n**%s** %s\n\n| | class | change |\n|---|---|---|\n", markdown(diffPath(d.Path)), markdown(diffHead(d)))
		for i, f := range d.Findings {
			row := markdownRow(d, f)
			if i == 0 {
				row = head + row
			}
			if b.Len()+len(row) > mostMarkdown {
				left += len(d.Findings) - i
				break
			}
			b.WriteString(row)
		}
		if len(d.Findings) == 0 {
			b.WriteString(head)
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%s more are not shown here.\n", Plural(left, "finding"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownRow(d plandiff.Diff, f plandiff.Finding) string {
	text := markdown(f.Text)
	if at := diffAt(d, f); at != "" {
		text += " <sub>" + markdown(at) + "</sub>"
	}
	if f.Hint != "" {
		text += "<br>" + markdown(f.Hint)
	}
	for _, n := range f.Notes {
		text += "<br>" + markdown(n)
	}
	class := string(f.Class)
	if f.Class == plandiff.Breaks || f.Class == plandiff.Loosened || f.Class == plandiff.Reach {
		class = "**" + class + "**"
	}
	return fmt.Sprintf("| %s | %s | %s |\n", markdown(string(diffSign(f))), class, text)
}

// markdown makes text literal: every character that could begin markup is escaped, and
// what GitHub and GitLab make links or mentions of is broken up.
func markdown(s string) string {
	var b strings.Builder
	s = strings.NewReplacer("://", ":\x00//", "www.", "www\x00.", "GH-", "GH\x00-").Replace(term.Clean(s))
	for _, r := range s {
		switch {
		case r == 0:
			b.WriteString("<!-- -->") // no bare address becomes a link
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '@', r == '#', r == '!':
			b.WriteString("\\" + string(r) + "<!-- -->")
		case strings.ContainsRune("\\`*_[]|~$", r):
			b.WriteString("\\" + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// DiffGitHub prints what changes of scenarios mean as annotations, which GitHub shows at
// the lines of a pull request: warnings for what breaks a comparison, is easier to pass
// or reaches further, notices for the rest.
func DiffGitHub(w io.Writer, diffs []plandiff.Diff) error {
	ew := &errWriter{w: w}
	for _, d := range diffs {
		for _, f := range d.Findings {
			level := "notice"
			if f.Class == plandiff.Breaks || f.Class == plandiff.Loosened || f.Class == plandiff.Reach {
				level = "warning"
			}
			title := string(f.Class) + ": " + d.Name
			if f.Open {
				title = "? " + title
			}
			text := append([]string{f.Text}, f.Notes...)
			if f.Hint != "" {
				text = append(text, f.Hint)
			}
			annotate(ew, level, annotated(d, f), f, title, strings.Join(text, "\n"))
		}
	}
	return ew.err
}

// annotated is the file that an annotation stands in: what is gone has none.
func annotated(d plandiff.Diff, f plandiff.Finding) string {
	switch {
	case d.Status == plandiff.Removed:
		return ""
	case f.Old, f.Line == 0, scenario.OnCommandLine(f.File):
		return d.Path
	}
	return f.File
}

func annotate(w io.Writer, level, file string, f plandiff.Finding, title, text string) {
	var props []string
	if file != "" {
		props = append(props, "file="+property(filepath.ToSlash(file)))
		if f.Line > 0 && !f.Old && file == f.File {
			props = append(props, fmt.Sprintf("line=%d,col=%d", f.Line, f.Col))
		}
	}
	props = append(props, "title="+property(title))
	fmt.Fprintf(w, "::%s %s::%s\n", level, strings.Join(props, ","), commandData(text))
}

// ProblemsGitHub prints problems of scenarios as annotations.
func ProblemsGitHub(w io.Writer, problems []scenario.Problem) error {
	ew := &errWriter{w: w}
	for _, p := range problems {
		level := "error"
		if p.Warning {
			level = "warning"
		}
		file := p.File
		if scenario.OnCommandLine(file) {
			file = p.For
		}
		annotate(ew, level, file, plandiff.Finding{File: p.File, Line: p.Line, Col: p.Col}, p.Code, p.Message)
	}
	return ew.err
}

// commandData and property escape as GitHub's workflow commands want it, so that no text
// begins a command of its own.
func commandData(s string) string {
	var lines []string
	for _, l := range strings.Split(s, "\n") {
		lines = append(lines, term.Clean(l))
	}
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(strings.Join(lines, "\n"))
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", ":", "%3A", ",", "%2C").Replace(term.Clean(s))
}

// diffJSON and what is below it are the shape of DiffJSON.
type diffJSON struct {
	Schema    int                    `json:"schema"`
	Scenarios []scenarioJSON         `json:"scenarios"`
	Counts    map[plandiff.Class]int `json:"counts"` // of every class, 0 as well
}

type scenarioJSON struct {
	Path     string          `json:"path"`
	OldPath  string          `json:"old_path,omitempty"`
	Name     string          `json:"name"`
	Status   plandiff.Status `json:"status"`
	Reason   string          `json:"reason,omitempty"`
	Findings []findingJSON   `json:"findings"`
	Before   *costJSON       `json:"before"` // null where there is no such side
	After    *costJSON       `json:"after"`
}

type findingJSON struct {
	Class plandiff.Class `json:"class"`
	Open  bool           `json:"open"` // which way it goes cannot be told
	Sign  string         `json:"sign"`
	Key   string         `json:"key"`
	Text  string         `json:"text"`
	Hint  string         `json:"hint,omitempty"`
	Notes []string       `json:"notes,omitempty"`
	File  string         `json:"file,omitempty"`
	Line  int            `json:"line,omitempty"`
	Col   int            `json:"col,omitempty"`
	Old   bool           `json:"old,omitempty"` // the place is in the old file
}

type costJSON struct {
	Points         int     `json:"points"`
	MeasuredMin    float64 `json:"measured_min"` // seconds
	MeasuredMax    float64 `json:"measured_max"`
	WarmupTokens   int64   `json:"warmup_tokens"` // those of growth included
	WarmupRequests int64   `json:"warmup_requests"`
	LookRequests   int64   `json:"look_requests"`
	PeakStreams    int     `json:"peak_streams"`
}

// DiffJSON prints what changes of scenarios mean as one JSON object.
func DiffJSON(w io.Writer, diffs []plandiff.Diff) error {
	out := diffJSON{Schema: 1, Scenarios: []scenarioJSON{}, Counts: map[plandiff.Class]int{}}
	for _, c := range plandiff.Classes() {
		out.Counts[c] = diffCount(diffs, c)
	}
	for _, d := range diffs {
		s := scenarioJSON{Path: filepath.ToSlash(d.Path), OldPath: filepath.ToSlash(d.OldPath), Name: d.Name, Status: d.Status, Reason: d.Reason, Findings: []findingJSON{}}
		if d.Status != plandiff.Added {
			s.Before = spendOf(d.Old)
		}
		if d.Status != plandiff.Removed {
			s.After = spendOf(d.New)
		}
		for _, f := range d.Findings {
			s.Findings = append(s.Findings, findingJSON{f.Class, f.Open, string(f.Sign), f.Key, f.Text, f.Hint, f.Notes, filepath.ToSlash(f.File), f.Line, f.Col, f.Old})
		}
		out.Scenarios = append(out.Scenarios, s)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("writing the difference: %w", err)
	}
	return nil
}

func spendOf(e scenario.Estimate) *costJSON {
	return &costJSON{e.Points, e.MinMeasured.Seconds(), e.MaxMeasured.Seconds(), e.WarmupTokens + e.IngestTokens, e.WarmupRequests + e.IngestRequests, e.LookRequests, e.PeakStreams}
}
