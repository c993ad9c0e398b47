package main

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/scenario"
)

// gitEntry is a name in a directory of a commit.
type gitEntry struct{ mode, kind, object string }

// plain reports whether it is a file with bytes of its own: no link, which may lead
// anywhere.
func (e gitEntry) plain() bool { return e.kind == "blob" && e.mode != "120000" }

// read gives a file as it was, for scenario.Options.
func (g *gitAt) read(name string) ([]byte, error) {
	rel, err := fromHere(name)
	if err != nil {
		return nil, errNotInRevision
	}
	e, there := g.entry(rel)
	switch {
	case !there:
		return nil, errNotInRevision
	case !e.plain():
		return nil, fmt.Errorf("%s is no plain file in %s", name, g.rev)
	}
	if g.blobs == nil {
		if g.blobs, err = openBlobs(); err != nil {
			return nil, err
		}
	}
	return g.blobs.read(e.object, scenario.MaxFileSize+4)
}

// has reports whether the revision has a plain file of that name.
func (g *gitAt) has(name string) bool {
	rel, err := fromHere(name)
	if err != nil {
		return false
	}
	e, there := g.entry(rel)
	return there && e.plain()
}

// entry looks a path up in its directory, which is read once.
func (g *gitAt) entry(rel string) (gitEntry, bool) {
	dir, base := path.Split(rel)
	entries, known := g.trees[dir]
	if !known {
		entries = tree(g.commit, dir)
		g.trees[dir] = entries
	}
	e, there := entries[base]
	return e, there
}

// tree lists a directory of a commit, by name; dir ends in a slash, or is empty for the
// working directory. One that the commit does not have is empty.
func tree(commit, dir string) map[string]gitEntry {
	call := []string{"ls-tree", "-z", commit}
	if dir != "" {
		call = append(call, "--", dir)
	}
	lines, err := gitNames(call...)
	if err != nil {
		return nil
	}
	out := map[string]gitEntry{}
	for _, line := range lines {
		head, name, ok := strings.Cut(line, "\t")
		if fields := strings.Fields(head); ok && len(fields) == 3 { // mode, type, object
			out[path.Base(name)] = gitEntry{fields[0], fields[1], fields[2]}
		}
	}
	return out
}

// gitBlobs is one git that gives the bytes of one object after the other: a process for
// each file would take a minute for a thousand.
type gitBlobs struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func openBlobs() (*gitBlobs, error) {
	cmd := gitCommand("cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("git: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("git: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("git: %w", err)
	}
	return &gitBlobs{cmd, in, bufio.NewReader(out)}, nil
}

// read gives the first bytes of an object, which is named by its hash.
func (b *gitBlobs) read(object string, most int64) ([]byte, error) {
	if _, err := io.WriteString(b.in, object+"\n"); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	head, err := b.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	fields := strings.Fields(head) // object, type, size
	if len(fields) != 3 || fields[1] != "blob" {
		return nil, fmt.Errorf("git cat-file: %s", strings.TrimSpace(head))
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %s: %w", strings.TrimSpace(head), err)
	}
	src := make([]byte, min(size, most))
	if _, err := io.ReadFull(b.out, src); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	if _, err := io.CopyN(io.Discard, b.out, size-int64(len(src))+1); err != nil { // and its newline
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return src, nil
}

// close ends what was started.
func (g *gitAt) close() {
	if g.blobs == nil {
		return
	}
	g.blobs.in.Close()
	_ = g.blobs.cmd.Wait() // everything that was asked for has been read
}
