package main

import (
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// reveal gives the scenario as it is sent, with the values of the variables that it names,
// and the server's key. Nothing of them is ever shown: what a server or a library says of
// them is starred out.
func (a *app) reveal(sc *scenario.Scenario) (live *scenario.Scenario, key string, err error) {
	key, err = a.apiKey(sc)
	if err != nil {
		return nil, "", err
	}
	live, values, err := scenario.Reveal(sc, scenario.Readable(a.env, a.flags.env))
	if err != nil {
		return nil, "", usagef("%s: %v", sc.Name, err)
	}
	a.hide(values...)
	a.hide(key)
	return live, key, nil
}

// apiKey reads the server's key from the environment.
func (a *app) apiKey(sc *scenario.Scenario) (string, error) {
	name := sc.Target.APIKeyEnv
	if name == "" {
		return "", nil
	}
	key, ok := scenario.Readable(a.env, a.flags.env)(name)
	switch _, set := a.env(name); {
	case ok || name == defaultKeyEnv:
		return key, nil
	case set:
		return "", usagef("%s: target.api_key_env names %s, which may not be read: allow it with --env %s", sc.Name, name, name)
	}
	return "", usagef("%s: target.api_key_env names %s, which is not set", sc.Name, name)
}

// hide adds values that no output may hold, in all forms in which they could be said.
func (a *app) hide(values ...string) {
	for _, form := range scenario.Forms(values...) {
		if !slices.Contains(a.hidden, form) {
			a.hidden = append(a.hidden, form)
		}
	}
	// Longest first: a value may hold another.
	slices.SortFunc(a.hidden, func(x, y string) int { return len(y) - len(x) })
}

// public is a text without the values that are hidden, nor the beginning of one where the
// text was cut.
func (a *app) public(text string) string {
	for _, v := range a.hidden {
		text = strings.ReplaceAll(text, v, "***")
	}
	const cut = "..."
	parts := strings.Split(text, cut)
	for i := range parts[:len(parts)-1] {
		parts[i] = a.withoutBegun(parts[i])
	}
	return strings.Join(parts, cut)
}

// withoutBegun stars out the beginning of a hidden value at the end of a text.
func (a *app) withoutBegun(text string) string {
	for _, v := range a.hidden {
		for n := min(len(v)-1, len(text)); n >= 4; n-- {
			if head, found := strings.CutSuffix(text, v[:n]); found {
				return head + "***"
			}
		}
	}
	return text
}

// publicly hands frames on with hidden values starred out: a server may say back what it
// was sent, and a library the URL that it was called with. Frames are the observer's to
// change: runner makes each for it, and reads no words in them.
type publicly struct {
	app  *app
	next runner.Observer
}

// Observe implements runner.Observer.
func (p publicly) Observe(f result.Frame) {
	if len(p.app.hidden) > 0 {
		for _, text := range texts(f) {
			*text = p.app.public(*text)
		}
	}
	p.next.Observe(f)
}

// texts gives the words of a frame that are not the scenario's own.
func texts(f result.Frame) []*string {
	switch f := f.(type) {
	case *result.Probe:
		return append(each(f.Notes), &f.Version, &f.Model)
	case *result.Cell:
		return []*string{&f.Reason}
	case *result.Phase:
		return append(each(f.Notes), &f.Reason)
	case *result.Change:
		return []*string{&f.Reason}
	case *result.Request:
		return []*string{&f.Err}
	case *result.Period:
		return []*string{&f.Reason}
	case *result.Scrape:
		return []*string{&f.Err}
	case *result.Note:
		return []*string{&f.Text}
	}
	return nil
}

func each(list []string) []*string {
	out := make([]*string, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}
