package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/scenario"
)

// gitAt is a commit of the repository round the working directory. Git is only ever asked
// for names and bytes: it runs no filter and no hook, and a name is never an option.
type gitAt struct {
	rev    string
	commit string // its full name
	trees  map[string]map[string]gitEntry
	blobs  *gitBlobs
}

var commitName = regexp.MustCompile(`^[0-9a-f]{40,64}$`)

// openGit finds a revision's commit.
func openGit(rev string) (*gitAt, error) {
	if strings.HasPrefix(rev, "-") {
		return nil, usagef("--against %s: no revision begins with a hyphen", rev)
	}
	out, err := git("rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil && errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("--against reads the old side with git, which is not installed: name two files instead, as wsrun diff OLD NEW")
	}
	commit := strings.TrimSpace(string(out))
	if err != nil || !commitName.MatchString(commit) {
		if _, outside := git("rev-parse", "--git-dir"); outside != nil {
			return nil, usagef("--against %s: the working directory is in no git repository that may be read: %v", rev, outside)
		}
		return nil, usagef("--against %s: the repository has no such commit; a shallow clone has few (git fetch, or fetch-depth: 0 in CI)", rev)
	}
	return &gitAt{rev: rev, commit: commit, trees: map[string]map[string]gitEntry{}}, nil
}

func gitCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("git", append([]string{"-c", "core.fsmonitor=false", "-c", "diff.relative=false"}, args...)...)
	// Words are looked at by machines here, and nobody is there to answer a question.
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
	return cmd
}

// git runs one git command and gives what it prints, at most a little more than a
// scenario may have.
func git(args ...string) ([]byte, error) {
	cmd := gitCommand(args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("git: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("git: %w", err)
	}
	out, readErr := io.ReadAll(io.LimitReader(pipe, gitMost))
	pipe.Close() // more than that is of no use, and git ends when nobody reads
	err = cmd.Wait()
	switch {
	case len(out) == gitMost:
		return out, nil
	case err != nil:
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	case readErr != nil:
		return nil, fmt.Errorf("git %s: %w", args[0], readErr)
	}
	return out, nil
}

// gitMost bounds what is read of git: a scenario's largest file, and lists of names.
const gitMost = 16 << 20

// fromHere writes a path relative to the working directory, as git wants it.
func fromHere(name string) (string, error) {
	if !filepath.IsAbs(name) {
		return filepath.ToSlash(filepath.Clean(name)), nil
	}
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	rel, err := filepath.Rel(here, name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return filepath.ToSlash(rel), nil
}

// inputs gives the files of both sides. A directory's files are those that it has, or had
// then; without arguments they are the scenarios below the working directory that differ
// in any file that they are made of, and same are the others.
func (g *gitAt) inputs(args []string) (from, to []input, same []string, err error) {
	if len(args) == 0 {
		var old, new []string
		old, new, same, err = g.everywhere()
		return named(old), named(new), same, err
	}
	for _, arg := range args {
		if err := sameRepository(arg); err != nil {
			return nil, nil, nil, err
		}
		old, new := []string{arg}, []string{arg}
		if isDir(arg) || g.isTree(arg) {
			if old, new, err = g.directory(arg); err != nil {
				return nil, nil, nil, err
			}
		}
		from = append(from, named(old)...)
		for _, f := range named(new) {
			if _, err := os.Lstat(f.path); err == nil || !g.has(f.path) {
				to = append(to, f) // what is on neither side is told as unreadable
			}
		}
	}
	return from, to, nil, nil
}

// sameRepository refuses a path in a repository within this one: none of its files is in
// this one's commits, and all would be called new.
func sameRepository(arg string) error {
	dir := arg
	if !isDir(dir) {
		if dir = filepath.Dir(arg); !isDir(dir) {
			return nil // gone; the revision may have had it
		}
	}
	here, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	there, err := git("-C", dir, "rev-parse", "--show-toplevel")
	if err == nil && !bytes.Equal(here, there) {
		return usagef("%s lies in another repository, as of a submodule: run wsrun diff --against in it", arg)
	}
	return nil
}

func named(paths []string) (out []input) {
	for _, p := range paths {
		out = append(out, input{p, filepath.Clean(p)})
	}
	return out
}

// isTree reports whether a path was a directory.
func (g *gitAt) isTree(name string) bool {
	rel, err := fromHere(name)
	if err != nil {
		return false
	}
	out, err := git("ls-tree", "-z", g.commit, "--", rel)
	return err == nil && strings.Contains(string(out), " tree ")
}

// directory lists the scenarios that a directory has, and those that it had.
func (g *gitAt) directory(dir string) (old, new []string, err error) {
	if isDir(dir) {
		if new, err = scenario.Files([]string{dir}); err != nil {
			new, err = nil, nil // it may have had some
		}
	}
	rel, err := fromHere(dir)
	if err != nil {
		return nil, nil, err
	}
	spec := []string{"ls-tree", "-z", "--name-only", g.commit}
	if rel != "." {
		spec = append(spec, "--", rel+"/")
	}
	names, err := gitNames(spec...)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range names {
		if isScenarioName(n) {
			old = append(old, filepath.FromSlash(n))
		}
	}
	if len(old)+len(new) == 0 {
		return nil, nil, usagef("%s: the directory holds no scenario (*.yaml, *.yml), and held none in %s", dir, g.rev)
	}
	return old, new, nil
}

// everywhere lists the files that read like scenarios, of the working tree (those that git
// knows or would add) and of the revision: those that differ, or extend or use a file that
// does, and by name alone those that do not. Files that nobody has touched need not be
// valid: a repository may keep bad examples.
func (g *gitAt) everywhere() (old, new, same []string, err error) {
	here, err := gitNames("ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, nil, nil, err
	}
	touched, err := g.touched()
	if err != nil {
		return nil, nil, nil, err
	}
	for _, n := range here {
		src, err := readSome(n)
		switch {
		case err != nil || !isScenarioName(n) || !readsLikeScenario(src):
		case touched.any(n, 0):
			new = append(new, n)
		default:
			same = append(same, n)
		}
	}
	// git grep finds those that may have been scenarios in one go; it fails when there is none.
	then, _ := gitNames("grep", "--no-textconv", "-lzIE", "-e", "^.?(target|extends).?[[:space:]]*:", g.commit, "--", "*.yaml", "*.yml")
	for _, n := range then {
		n = strings.TrimPrefix(n, g.commit+":")
		if !isScenarioName(n) || !touched[n] || slices.Contains(new, n) {
			continue
		}
		if src, err := g.read(n); err == nil && readsLikeScenario(src) {
			old = append(old, n)
		}
	}
	for _, n := range new {
		if g.has(n) {
			old = append(old, n)
		}
	}
	slices.Sort(old)
	slices.Sort(new)
	slices.Sort(same)
	return old, slices.Compact(new), slices.Compact(same), nil
}

// touched are the files, by their path from the working directory, that are not as they
// were.
type touched map[string]bool

func (g *gitAt) touched() (touched, error) {
	out := touched{}
	names, err := gitNames("ls-files", "-z", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		out[n] = true
	}
	// A base may lie above the working directory, so all of the repository is asked for.
	prefix, err := git("rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	if names, err = gitNames("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", g.commit, "--"); err != nil {
		return nil, err
	}
	for _, n := range names {
		rel, err := filepath.Rel(filepath.FromSlash(strings.TrimSuffix(string(prefix), "\n")), filepath.FromSlash(n))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		out[filepath.ToSlash(rel)] = true
	}
	return out, nil
}

// Other files that a scenario is made of.
var uses = regexp.MustCompile(`(?m)(?:^["']?extends["']?|["']?profile["']?)\s*:\s*["']?([^\s"',}]+\.ya?ml)`)

// mostBases is how far bases are followed here: farther than anybody stacks them.
const mostBases = 16

// any reports whether a scenario, or a file that it extends or uses, was touched.
func (t touched) any(name string, depth int) bool {
	if t[name] || depth > mostBases {
		return true
	}
	src, err := readSome(name)
	if err != nil {
		return depth > 0 // what it needs is gone
	}
	for _, m := range uses.FindAllSubmatch(src, -1) {
		if t.any(path.Join(path.Dir(name), string(m[1])), depth+1) {
			return true
		}
	}
	return false
}

func gitNames(args ...string) ([]string, error) {
	out, err := git(args...)
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
}

// readSome gives a file's bytes, no more than a scenario may have.
func readSome(name string) ([]byte, error) {
	name = filepath.FromSlash(name)
	if st, err := os.Lstat(name); err != nil || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file", name) // a link may lead anywhere
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, scenario.MaxFileSize))
}

// isScenarioName reports whether a file could be a scenario by its name: a base is none.
func isScenarioName(name string) bool {
	base := path.Base(name)
	ext := path.Ext(base)
	return (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(base, "_")
}

// Keys that a scenario has at its top and hardly any other YAML file has together.
var (
	topTarget = regexp.MustCompile(`(?m)^["']?(target|extends)["']?\s*:`)
	topShape  = regexp.MustCompile(`(?m)^["']?(contexts|working_set|concurrency|slo|mode|extends)["']?\s*:`)
)

// readsLikeScenario tells scenarios from the other YAML files of a repository.
func readsLikeScenario(src []byte) bool { return topTarget.Match(src) && topShape.Match(src) }
