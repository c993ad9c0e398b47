package result

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestManifest(t *testing.T) {
	dir := t.TempDir()
	rec := collect(someFrames())
	for _, state := range []string{StateRunning, StateDone} { // the second replaces the first
		if err := WriteManifest(dir, ManifestOf(rec, state)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	server := m["server"].(map[string]any)
	for got, want := range map[any]any{
		m["state"]: "done", m["id"]: "ab12", m["name"]: "golden", m["seed"]: 42.0, m["nonce"]: "nonce", m["order"]: "ascending",
		m["epoch"]: "2026-01-02T03:04:05.000000006Z", m["sessions"]: 2.0, m["labels"].(map[string]any)["gpu"]: "H100",
		m["host"].(map[string]any)["cpu_limit"]: 8.0, server["engine"]: "simulator", server["block"]: 16.0,
		server["endpoints"].([]any)[0]:                           "http://127.0.0.1:8000",
		server["capacities"].([]any)[0].(map[string]any)["tier"]: "hbm",
		m["scenario"].(map[string]any)["working_set"] != nil:     true,
		m["notes"].([]any)[0]:                                    "session 2",
		len(m["cells"].([]any)):                                  2,
	} {
		if got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if _, told := server["max_model_len"]; told {
		t.Error("what the server did not tell is there")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// A run that has just begun has a manifest, too; lists are never null.
func TestManifestOfNothing(t *testing.T) {
	b, err := json.Marshal(ManifestOf(&Record{}, StateFailed))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"cells":[]`, `"notes":[]`, `"warnings":[]`, `"labels":{}`, `"server":null`, `"state":"failed"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
	if err := WriteManifest(filepath.Join(t.TempDir(), "none"), Manifest{}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "cannot write the manifest") {
		t.Errorf("%v", err)
	}
}

func TestNewRunDir(t *testing.T) {
	base := filepath.Join(t.TempDir(), "results")
	now := time.Date(2026, 3, 1, 1, 30, 5, 0, time.FixedZone("east", 2*3600)) // the day before in UTC
	dir, stamp, err := NewRunDir(base, "tier-sweep", now, "ab12")
	if err != nil || stamp != "20260228_233005" || dir != filepath.Join(base, "tier-sweep", "20260228_233005-ab12") {
		t.Fatalf("%s, %s, %v", dir, stamp, err)
	}
	if _, _, err := NewRunDir(base, "tier-sweep", now, "ab12"); !errors.Is(err, os.ErrExist) {
		t.Errorf("taken twice: %v", err)
	}
	for _, name := range []string{"", ".", "..", "a/b", `a\b`} {
		if _, _, err := NewRunDir(base, name, now, "ab12"); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
	if _, err := FindRecord(dir); err == nil || !strings.Contains(err.Error(), "it has no record.wsr") {
		t.Errorf("no record: %v", err)
	}
	path := filepath.Join(dir, RecordFile)
	write(t, path, []Frame{&Run{Schema: Schema}}, false)
	for _, run := range []string{dir, path} {
		if got, err := FindRecord(run); err != nil || got != path {
			t.Errorf("%s: %s, %v", run, got, err)
		}
	}
	folder := t.TempDir() // as good as a pipe, and everywhere to be had
	if err := os.Mkdir(filepath.Join(folder, RecordFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := FindRecord(folder); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a record that is no file: %v", err)
	}
	if _, err := FindRecord(os.DevNull); err == nil || !strings.Contains(err.Error(), "neither a directory nor a regular file") {
		t.Errorf("a device: %v", err)
	}
	if _, err := FindRecord(filepath.Join(base, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}
