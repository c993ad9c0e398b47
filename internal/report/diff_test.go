package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/plandiff"
)

// hostileDiff has text that tries to be markup, a mention, a link, a command and colour.
func hostileDiff() []plandiff.Diff {
	text := "x | y\n::error::pwned\r\n<script>alert(1)</script> @team #12 !3 GH-12 `code` **b** [a](http://evil) www.evil.example ~~s~~ $a$ <!-- x --> \x1b[31mred 100%"
	return []plandiff.Diff{{Path: "a,b:c|d@e.yaml", Name: "a", Status: plandiff.Changed, Reason: text, Findings: []plandiff.Finding{
		{Class: plandiff.Breaks, Sign: '~', Key: "labels." + text, Text: text, Hint: text, Notes: []string{text}, File: "a,b:c|d@e.yaml", Line: 3, Col: 2},
		{Class: plandiff.Loosened, Open: true, Sign: '~', Text: text, File: "--set " + text, Line: 1, Col: 1},
		{Class: plandiff.Coverage, Sign: '-', Text: text, File: "old.yaml", Line: 9, Col: 1, Old: true},
	}}}
}

func TestDiffMarkdownIsText(t *testing.T) {
	var b bytes.Buffer
	if err := DiffMarkdown(&b, hostileDiff()); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	own := strings.NewReplacer("<!-- -->", "", "<sub>", "", "</sub>", "", "<br>", "").Replace(out)
	if strings.ContainsAny(own, "<>\x1b\r") {
		t.Errorf("markup of a scenario:\n%s", out)
	}
	for _, bad := range []string{`[^\\]\[`, "[^\\\\]`", `@[a-z]`, `#[0-9]`, `![0-9]`, `GH-`, `://`, `www\.`, `[^\\]~`, `[^\\*]\*[^*]`, `[^\\]\$a`, `x \| y`} {
		inner := strings.ReplaceAll(out, "**", "") // the class is bold
		if m := regexp.MustCompile(bad).FindString(inner); m != "" {
			t.Errorf("%q was let through as %q:\n%s", bad, m, out)
		}
	}
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 4 {
			t.Errorf("not three columns: %s", line)
		}
	}
}

// What is too long for a comment is cut between findings, and says so.
func TestDiffMarkdownIsBounded(t *testing.T) {
	d := plandiff.Diff{Path: "a.yaml", Name: "a", Status: plandiff.Changed}
	for i := range 2000 {
		d.Findings = append(d.Findings, plandiff.Finding{Class: plandiff.Cosmetic, Sign: '~', Text: fmt.Sprintf("labels.k%d has another value", i)})
	}
	var b bytes.Buffer
	if err := DiffMarkdown(&b, []plandiff.Diff{d, d}); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 65_000 {
		t.Errorf("%d bytes", b.Len())
	}
	if !regexp.MustCompile(`\n[0-9]+ findings more are not shown here\.\n$`).MatchString(b.String()) {
		t.Errorf("it ends in %q", b.String()[b.Len()-80:])
	}
}

// A line is one command, whatever a text holds; places that are no file's are left out.
func TestDiffGitHubIsEscaped(t *testing.T) {
	var b bytes.Buffer
	if err := DiffGitHub(&b, hostileDiff()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	want := []string{
		"::warning file=a%2Cb%3Ac|d@e.yaml,line=3,col=2,title=breaks-comparison%3A a::",
		"::warning file=a%2Cb%3Ac|d@e.yaml,title=? loosened%3A a::",
		"::notice file=a%2Cb%3Ac|d@e.yaml,title=coverage%3A a::",
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines:\n%s", len(lines), b.String())
	}
	for i, l := range lines {
		if !strings.HasPrefix(l, want[i]) || !strings.HasSuffix(l, "red 100%25") || strings.Contains(l, "\x1b") {
			t.Errorf("%q does not begin with %q", l, want[i])
		}
	}
	b.Reset()
	problems := []scenario.Problem{{File: "--set a=b", For: "a.yaml", Line: 1, Col: 7, Code: "bad-set", Message: "100% wrong\n::error::x"}, {File: "a.yaml", Line: 2, Col: 1, Code: "unknown-key", Message: "m", Warning: true}}
	if err := ProblemsGitHub(&b, problems); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "::error file=a.yaml,title=bad-set::100%25 wrong%0A::error::x\n::warning file=a.yaml,line=2,col=1,title=unknown-key::m\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// JSON is one object, with every text as it is.
func TestDiffJSON(t *testing.T) {
	var b bytes.Buffer
	if err := DiffJSON(&b, hostileDiff()); err != nil {
		t.Fatal(err)
	}
	var got diffJSON
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if f := got.Scenarios[0].Findings; len(f) != 3 || f[0].Text != hostileDiff()[0].Findings[0].Text || !f[1].Open || !f[2].Old || got.Counts[plandiff.Reach] != 0 || got.Counts[plandiff.Breaks] != 1 {
		t.Errorf("%+v", got)
	}
}

// A key that is gone stood in the old file, or in one that this one extended.
func TestDiffPlaces(t *testing.T) {
	d := plandiff.Diff{Path: "a.yaml"}
	for want, f := range map[string]plandiff.Finding{
		"":                             {},
		"line 3":                       {File: "a.yaml", Line: 3},
		"_base.yaml line 3":            {File: "_base.yaml", Line: 3, Base: true},
		"line 3 of the old file":       {File: "was.yaml", Line: 3, Old: true},
		"line 3 of the old _base.yaml": {File: "_base.yaml", Line: 3, Old: true, Base: true},
		"--set seed=7":                 {File: "--set seed=7", Line: 1, Base: true},
	} {
		if got := diffAt(d, f); got != want {
			t.Errorf("%+v: %q, want %q", f, got, want)
		}
	}
}

// Text fits its width, and colour changes nothing but colour.
func TestDiffText(t *testing.T) {
	for _, width := range []int{0, 60, 100} {
		var plain, painted bytes.Buffer
		if err := Diff(&plain, hostileDiff(), Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		if err := Diff(&painted, hostileDiff(), Options{Width: width, Paint: true}); err != nil {
			t.Fatal(err)
		}
		most := width
		if width == 0 {
			most = diffWidth
		}
		for _, l := range strings.Split(plain.String(), "\n") {
			if n := term.Len(l); n > most {
				t.Errorf("width %d: a line of %d: %s", width, n, l)
			}
		}
		if strings.Contains(plain.String(), "\x1b") {
			t.Error("colour without paint, or a scenario's own")
		}
		if got := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(painted.String(), ""); got != plain.String() {
			t.Errorf("colour changes the text:\n%s\n%s", got, plain.String())
		}
	}
	var b bytes.Buffer
	if err := Diff(&b, nil, Options{}); err != nil || b.String() != "no scenario to hold against another\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
