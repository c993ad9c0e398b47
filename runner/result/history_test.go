package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsrun/wsrun/scenario"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What was written is read again, headline and all.
func TestReadManifest(t *testing.T) {
	dir := t.TempDir()
	rec := collect(someFrames())
	m := ManifestOf(rec, StateDone)
	m.Conclude(Summarise(rec))
	m.Headline.Exit = ptr(99)
	if err := WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	got, err := ReadManifest(filepath.Join(dir, ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	written, _ := json.Marshal(m)
	read, _ := json.Marshal(got)
	if diff := cmp.Diff(string(written), string(read)); diff != "" {
		t.Error(diff)
	}
}

func TestReadManifestRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ text, want string }{
		"empty":     {"", "unexpected end of JSON input"},
		"cut":       {`{"schema":1,"name":`, "unexpected end of JSON input"},
		"other":     {`{"name":"package"}`, "it has no schema"},
		"null":      {`null`, "it has no schema"},
		"list":      {`[1]`, "no manifest: a JSON array, not an object"},
		"wrongtype": {`{"schema":1,"labels":7}`, "no manifest: labels has a JSON number"},
		"deeper":    {`{"schema":1,"headline":{"points":[]}}`, "no manifest: headline.points has a JSON array"},
		"large":     {`{"schema":1,"name":"` + strings.Repeat("x", manifestMost) + `"}`, "larger than 8 MiB"},
	} {
		path := filepath.Join(dir, name+".json")
		put(t, path, c.text)
		if _, err := ReadManifest(path); err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadManifest(filepath.Join(dir, "none.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := ReadManifest(dir); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a folder: %v", err)
	}
}

// An old manifest has no headline; a newer one has fields that we do not know and a
// scenario that we cannot read: the rest is told.
func TestReadManifestOfOtherVersions(t *testing.T) {
	for name, c := range map[string]struct {
		text     string
		scenario bool
	}{
		"old": {`{"schema":1,"id":"ab12","name":"s","state":"done","scenario":{"version":1,"name":"s"}}`, true},
		"new": {`{"schema":9,"id":"ab12","name":"s","state":"done","colour":"red","scenario":{"name":["s"]}}`, false},
		"no":  {`{"schema":1,"id":"ab12","name":"s","state":"done","scenario":null}`, false},
	} {
		m, err := decodeManifest([]byte(c.text))
		if err != nil || m.ID != "ab12" || m.State != StateDone || m.Headline != nil || (m.Scenario != nil) != c.scenario {
			t.Errorf("%s: %v %+v", name, err, m)
		}
	}
}

func FuzzReadManifest(f *testing.F) {
	rec := collect(someFrames())
	m := ManifestOf(rec, StateDone)
	m.Conclude(Summarise(rec))
	b, err := json.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	for _, text := range []string{``, `null`, `{}`, `{"schema":1}`, `{"schema":1,"scenario":{"duration":{"min":"1y"}}}`, `{"schema":1,"headline":{"exit":1e99}}`, `{"schema":2,"epoch":"0000-01-01T00:00:00Z"}`, `{"SCHEMA":1,"schema":3,"labels":{"\ud800":"\u0000"}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeManifest(b)
		if err != nil {
			return
		}
		once, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if m, err = decodeManifest(once); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, once)
		}
		if twice, err := json.Marshal(m); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v\n%s\n%s", err, once, twice)
		}
	})
}

func TestFindRuns(t *testing.T) {
	base := filepath.Join(t.TempDir(), "results")
	manifest := func(name, dir string, second int, more string) {
		epoch := time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC).Format(time.RFC3339)
		put(t, filepath.Join(base, name, dir, ManifestFile), `{"schema":1,"name":"`+name+`","epoch":"`+epoch+`"`+more+`}`)
	}
	manifest("b", "20260102_030405-ab12", 5, "")
	manifest("a", "20260102_030401-0001", 1, `,"headline":{"points":{"ok":3}}`)
	manifest("a", "20260102_030409-0009", 9, "")
	manifest("a", "baseline", 5, "") // renamed: the manifest knows its time
	manifest("a", "20260102_030405-0005", 5, "")
	manifest("a/20260102_030409-0009", "deeper", 7, "")
	put(t, filepath.Join(base, ManifestFile), `{"schema":1}`)
	put(t, filepath.Join(base, "a", ManifestFile), `{"schema":1}`)
	put(t, filepath.Join(base, "a", "assets", "x.js"), "")
	put(t, filepath.Join(base, "c", "broken", ManifestFile), "{")
	put(t, filepath.Join(base, "c", "folder", ManifestFile, "x"), "")
	for link, to := range map[string]string{"loop": base, "a/loop": base, "a/latest": filepath.Join(base, "a", "baseline")} {
		if err := os.Symlink(to, filepath.Join(base, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	runs, errs := FindRuns(base)
	var got []string
	for _, r := range runs {
		got = append(got, r.Name+"/"+r.Dir)
	}
	want := []string{"a/20260102_030409-0009", "a/baseline", "a/20260102_030405-0005", "a/20260102_030401-0001", "b/20260102_030405-ab12"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if runs[3].Manifest.Headline == nil || runs[3].Manifest.Headline.Points.OK != 3 || runs[0].Manifest.Headline != nil {
		t.Errorf("headlines: %+v", runs)
	}
	// The history travels: what it says of its folder must not name where that was.
	for i, dir := range []string{"c/broken", "c/folder"} {
		if len(errs) != 2 || !strings.HasPrefix(errs[i].Error(), "cannot read the manifest "+dir+"/run.json: ") || strings.Contains(errs[i].Error(), base) {
			t.Errorf("errors: %v", errs)
		}
	}
	if runs, errs = FindRuns(filepath.Join(base, "none")); runs != nil || len(errs) != 1 || !errors.Is(errs[0], fs.ErrNotExist) {
		t.Errorf("no folder: %v, %v", runs, errs)
	}
}

// The scenario of the record has to survive the way through run.json: it is what the
// history shows of what was asked.
func TestManifestKeepsTheScenario(t *testing.T) {
	g := newGrower(10)
	g.sc.Labels = map[string]string{"gpu": "H100"}
	g.sc.Duration = scenario.Span{Min: scenario.Duration(time.Minute), Max: scenario.Duration(time.Hour)}
	dir := t.TempDir()
	if err := WriteManifest(dir, ManifestOf(g.record(), StateDone)); err != nil {
		t.Fatal(err)
	}
	m, err := ReadManifest(filepath.Join(dir, ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&g.sc, m.Scenario); diff != "" {
		t.Error(diff)
	}
}
