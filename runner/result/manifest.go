package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// ManifestFile is the name of the manifest in a run directory.
const ManifestFile = "run.json"

// States of a run, as its manifest tells them.
const (
	StateRunning     = "running" // also: the process died
	StateDone        = "done"
	StateInterrupted = "interrupted"
	StateFailed      = "failed"
)

// Manifest is run.json: what a run is, for people and for programs that want no
// record. It is made of the record; only the history of a results folder reads it back.
type Manifest struct {
	Schema   int                `json:"schema"` // of the record
	ID       string             `json:"id"`
	Name     string             `json:"name"`
	State    string             `json:"state"`
	Stamp    string             `json:"stamp"` // {ts} of file names, UTC
	Epoch    time.Time          `json:"epoch"` // the clock anchor: stamps are ns since then
	Sessions int                `json:"sessions"`
	Version  string             `json:"version"` // wsrun's
	Digest   string             `json:"digest"`
	Labels   map[string]string  `json:"labels"`
	Seed     int64              `json:"seed"`
	Nonce    string             `json:"nonce"`
	Order    string             `json:"order"`
	Cells    []string           `json:"cells"` // keys in the order of a trial, refined ones last
	Only     []string           `json:"only,omitempty"`
	Host     Host               `json:"host"`
	Server   *Server            `json:"server"` // null until it was probed
	Notes    []string           `json:"notes"`  // what a reader should know of the whole run
	Warnings []string           `json:"warnings"`
	Headline *Headline          `json:"headline"` // null until the run is finished
	Scenario *scenario.Scenario `json:"scenario"` // resolved
}

// Server is what the manifest tells of the server. Absent is not told.
type Server struct {
	Engine          string     `json:"engine"`
	Version         string     `json:"version,omitempty"`
	Model           string     `json:"model,omitempty"`
	MaxModelLen     *int64     `json:"max_model_len,omitempty"`
	API             string     `json:"api"`
	Endpoints       []string   `json:"endpoints"`
	TokenIDs        bool       `json:"token_ids"`
	Fitted          bool       `json:"fitted"`
	TellsUsage      bool       `json:"tells_usage"`
	TellsCached     bool       `json:"tells_cached"`
	Block           *int64     `json:"block,omitempty"` // tokens
	BlockFrom       string     `json:"block_from,omitempty"`
	CanReset        bool       `json:"can_reset"`
	ResetVerified   bool       `json:"reset_verified"`
	Capacities      []Capacity `json:"capacities"`
	KVBytesPerToken *float64   `json:"kv_bytes_per_token,omitempty"`
}

// Capacity is what the server says one of its tiers holds, in one replica.
type Capacity struct {
	Tier   string `json:"tier"`
	Tokens int64  `json:"tokens"`
	Source string `json:"source"`
}

// ManifestOf makes the manifest of a record, which may be that of a run that has
// just begun. Notes are those of the record; who has the Summary sets its notes.
func ManifestOf(rec *Record, state string) Manifest {
	m := Manifest{Schema: Schema, State: state, Sessions: len(rec.Sessions), Labels: map[string]string{},
		Cells: []string{}, Notes: []string{}, Warnings: []string{}}
	if run := rec.Run; run != nil {
		m.ID, m.Stamp, m.Epoch, m.Version, m.Digest = run.ID, run.Stamp, run.Epoch, run.Version, run.Digest
		m.Nonce, m.Only, m.Host, m.Scenario = run.Nonce, run.Only, run.Host, run.Scenario
		m.Warnings = append(m.Warnings, run.Warnings...)
		for _, c := range run.Cells {
			m.Cells = append(m.Cells, c.Key)
		}
		if sc := run.Scenario; sc != nil {
			m.Name, m.Seed, m.Order = sc.Name, sc.Seed, sc.Order
			maps.Copy(m.Labels, sc.Labels)
		}
	}
	for _, n := range rec.Notes {
		if n.Cell == "" && !slices.Contains(m.Notes, n.Text) {
			m.Notes = append(m.Notes, n.Text)
		}
	}
	if rec.Probe != nil {
		m.Server = serverOf(&rec.Probe.Probe)
		if m.Scenario != nil {
			m.Server.Endpoints = append(m.Server.Endpoints, m.Scenario.Target.Endpoints...)
		}
	}
	return m
}

// Conclude takes over what only the summary of a finished run knows: its notes and its
// headline, of which the caller sets Thresholds and Exit.
func (m *Manifest) Conclude(s *Summary) {
	m.Notes = []string{}
	for _, n := range s.Notes {
		m.Notes = append(m.Notes, n.Text)
	}
	m.Headline = HeadlineOf(s)
}

func serverOf(p *sample.Probe) *Server {
	s := &Server{Endpoints: []string{}, Capacities: []Capacity{}, Engine: p.Engine, Version: p.Version, Model: p.Model, API: p.API, TokenIDs: p.TokenIDs, Fitted: p.Fitted,
		TellsUsage: p.TellsUsage, TellsCached: p.TellsCached, BlockFrom: p.BlockFrom, CanReset: p.CanReset, ResetVerified: p.ResetVerified}
	if p.MaxModelLen > 0 {
		s.MaxModelLen = &p.MaxModelLen
	}
	if p.Block > 0 {
		s.Block = &p.Block
	}
	if p.KVBytesPerToken > 0 {
		s.KVBytesPerToken = &p.KVBytesPerToken
	}
	for _, c := range p.Capacity {
		s.Capacities = append(s.Capacities, Capacity(c))
	}
	return s
}

// WriteManifest writes run.json into dir, as a whole or not at all.
func WriteManifest(dir string, m Manifest) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = writeWhole(filepath.Join(dir, ManifestFile), append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("cannot write the manifest: %w", err)
	}
	return nil
}

// writeWhole replaces the file at path: readers see the old content or the new.
func writeWhole(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name()) // ours; it has no other name yet
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// StampLayout is the time layout of {ts} in the names of directories and files.
const StampLayout = "20060102_150405"

// NewRunDir makes the directory of a new run, base/name/{stamp}-{id}, and gives it
// with its stamp (UTC). It never takes one that is there.
func NewRunDir(base, name string, now time.Time, id string) (dir, stamp string, err error) {
	for what, s := range map[string]string{"name": name, "id": id} {
		if s == "" || s == "." || s == ".." || strings.ContainsAny(s, `/\`) {
			return "", "", fmt.Errorf("cannot make the run directory: the %s %q is no directory name", what, s)
		}
	}
	stamp = now.UTC().Format(StampLayout)
	dir = filepath.Join(base, name, stamp+"-"+id)
	err = os.MkdirAll(filepath.Dir(dir), 0o755)
	if err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	if err != nil {
		return "", "", fmt.Errorf("cannot make the run directory %s: %w; choose another place with output.dir or --output-dir", dir, err)
	}
	return dir, stamp, nil
}

// FindRecord gives the path of a run's record: run is its directory or the file
// itself.
func FindRecord(run string) (string, error) {
	info, err := os.Stat(run)
	if err != nil {
		return "", fmt.Errorf("no such run: %w", err)
	}
	if info.Mode().IsRegular() {
		return run, nil
	}
	if !info.IsDir() { // a pipe would be waited for
		return "", fmt.Errorf("%s is no run: it is neither a directory nor a regular file", run)
	}
	path := filepath.Join(run, RecordFile)
	if info, err = os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is no run directory: it has no %s (a run directory is {output.dir}/{name}/{time}-{id})", run, RecordFile)
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return "", fmt.Errorf("%s is no run directory: its %s is no regular file", run, RecordFile)
	}
	return path, nil
}
