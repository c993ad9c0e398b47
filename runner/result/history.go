package result

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/scenario"
)

// manifestMost is the size in bytes above which a file is taken for no manifest: one of a
// large scenario has some hundred KiB.
const manifestMost = 8 << 20

// ReadManifest reads a run.json that this or another version of wsrun wrote. Fields that
// it does not know are ignored; those that an older one did not write are zero, and so
// is Scenario where it cannot be read any more. The error names the file.
func ReadManifest(path string) (Manifest, error) { return readManifest(path, path) }

// readManifest reads a manifest that its error calls name.
func readManifest(path, name string) (Manifest, error) {
	b, err := readRegular(path, manifestMost)
	var m Manifest
	if err == nil {
		m, err = decodeManifest(b)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("cannot read the manifest %s: %w", name, err)
	}
	return m, nil
}

// readRegular reads a file that is one: a pipe or a device would be waited for.
func readRegular(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("it is larger than %d MiB, which no manifest is", most>>20)
	}
	return b, cause(err)
}

// cause takes the path out of an error of the file system, where it stands already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// decodeManifest reads the text of a manifest. The scenario is read by itself: what an
// older one cannot say any more must not hide the rest.
func decodeManifest(b []byte) (Manifest, error) {
	var file struct {
		Manifest
		Scenario json.RawMessage `json:"scenario"`
	}
	var kind *json.UnmarshalTypeError
	switch err := json.Unmarshal(b, &file); {
	case errors.As(err, &kind) && kind.Field == "":
		return Manifest{}, fmt.Errorf("it is JSON, but no manifest: a JSON %s, not an object", kind.Value)
	case errors.As(err, &kind):
		return Manifest{}, fmt.Errorf("it is JSON, but no manifest: %s has a JSON %s", strings.TrimPrefix(kind.Field, "Manifest."), kind.Value)
	case err != nil:
		return Manifest{}, fmt.Errorf("it is no JSON of a manifest: %w", err)
	}
	if file.Schema < 1 {
		return Manifest{}, errors.New("it is JSON, but no manifest: it has no schema")
	}
	m := file.Manifest
	var sc *scenario.Scenario
	if len(bytes.TrimSpace(file.Scenario)) > 0 && json.Unmarshal(file.Scenario, &sc) == nil {
		m.Scenario = sc
	}
	return m, nil
}

// RunDir is one run in a results folder.
type RunDir struct {
	Name     string // the folder of its scenario's runs, which is the scenario's name
	Dir      string // its own folder in there, {stamp}-{id}
	Manifest Manifest
}

// FindRuns lists the runs of a results folder: each {name}/{stamp}-{id} in it that has a
// manifest, by name, and of one name the newest first, as the manifests tell the time.
// Runs without a headline (still running, killed, or of an older wsrun) are listed, too.
// It looks two levels deep and follows no symbolic link to a folder. What cannot be read is an error
// that names it, as the folder has it, and hides nothing else.
func FindRuns(dir string) ([]RunDir, []error) {
	names, err := folders(dir)
	if err != nil {
		return nil, []error{fmt.Errorf("cannot list the results folder: %w", err)}
	}
	var runs []RunDir
	var errs []error
	for _, name := range names {
		found, failed := runsOf(dir, name)
		runs, errs = append(runs, found...), append(errs, failed...)
	}
	slices.SortStableFunc(runs, func(a, b RunDir) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), b.Manifest.Epoch.Compare(a.Manifest.Epoch), strings.Compare(b.Dir, a.Dir))
	})
	return runs, errs
}

// runsOf lists the runs of one name in a results folder, in the order of their folders.
func runsOf(dir, name string) (runs []RunDir, errs []error) {
	dirs, err := folders(filepath.Join(dir, name))
	if err != nil {
		errs = append(errs, fmt.Errorf("cannot list the runs of %s: %w", name, cause(err)))
	}
	for _, d := range dirs {
		m, err := readManifest(filepath.Join(dir, name, d, ManifestFile), path.Join(name, d, ManifestFile))
		switch {
		case errors.Is(err, fs.ErrNotExist): // another folder
		case err != nil:
			errs = append(errs, err)
		default:
			runs = append(runs, RunDir{name, d, m})
		}
	}
	return runs, errs
}

// folders gives the names of the folders in a folder, ascending; links are none.
func folders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out, err
}
