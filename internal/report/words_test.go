package report

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
)

// Doubts are the console's footnotes, each once, with how many points have it, the
// gravest first.
func TestDoubts(t *testing.T) {
	sum := result.Summarise(fixture(2))
	got := map[string]Doubt{}
	worst := 99
	for _, d := range Doubts(sum) {
		if _, twice := got[d.Code]; twice || d.Points == 0 || d.Text == "" || gravity(d.Class) > worst {
			t.Errorf("%+v", d)
		}
		worst = gravity(d.Class)
		got[d.Code] = d
	}
	for code, want := range map[string]Doubt{
		"failed":  {Class: result.ValidFailed, Points: 4},
		"skipped": {Class: result.ValidSkipped, Points: 2},
		"errors":  {Class: result.ValidInvalid, Points: 2, Counted: true},
	} {
		if d := got[code]; d.Class != want.Class || d.Points != want.Points || d.Counted != want.Counted {
			t.Errorf("%s: %+v, want %+v", code, d, want)
		}
	}
	if len(Doubts(&result.Summary{})) != 0 {
		t.Error("nothing has doubts")
	}
}

// A file that cannot be written leaves what was there, and nothing half-written; the
// error names it and says how to get it.
func TestWriteFileKeepsTheOldOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "index.html")
	put := func(text string, end error) error {
		return WriteFile(path, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, end)
		})
	}
	if err := put("old", nil); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left on device")
	err := put("half of the n", full)
	if !errors.Is(err, full) || !strings.Contains(err.Error(), path+" could not be written") || !strings.Contains(err.Error(), "`wsrun report` writes it from the record") {
		t.Errorf("%v", err)
	}
	b, err := os.ReadFile(path)
	entries, _ := os.ReadDir(dir)
	if err != nil || string(b) != "old" || len(entries) != 1 {
		t.Errorf("%q, %v, %d files", b, err, len(entries))
	}
}

func TestFoundNot(t *testing.T) {
	for _, c := range []struct {
		lo, hi int
		want   string
	}{{1, 2, " (1 prompt is found, 2 are not)"}, {40, 41, " (40 prompts are found, 41 are not)"}} {
		if got := foundNot(c.lo, c.hi); got != c.want {
			t.Errorf("%d, %d: %q, want %q", c.lo, c.hi, got, c.want)
		}
	}
}

// A process that ends in the middle of a file leaves the old one, and nothing of the new.
func TestAbandonLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "page.html")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, func(w io.Writer) error {
		if _, err := w.Write([]byte("half of the n")); err != nil {
			return err
		}
		Abandon()
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != "page.html" {
			t.Errorf("left behind: %v %v", left, err)
		}
		return nil
	})
	if text, rerr := os.ReadFile(path); err == nil || rerr != nil || string(text) != "old" {
		t.Errorf("%q, %v, %v", text, rerr, err)
	}
}
