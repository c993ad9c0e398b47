package scenario

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Reveal gives the scenario as it is really sent: with the values of the variables that
// it names in headers, body, URLs and the reset command. It is made just before a run and
// must never be kept or shown; values are those that it was filled with, which no output
// may hold. A scenario that names no variable is given back itself. The error names every
// variable that is not set and every place where a value cannot be sent, never a value.
func Reveal(sc *Scenario, env func(string) (string, bool)) (live *Scenario, values []string, err error) {
	if len(References(sc)) == 0 {
		return sc, nil, nil
	}
	r := &revealer{env: env, values: map[string]bool{}}
	c := *sc
	t := &c.Target
	t.Headers = maps.Clone(t.Headers)
	for _, name := range sortedKeys(t.Headers) {
		t.Headers[name] = r.header("target.headers."+name, t.Headers[name])
	}
	if t.Body != nil {
		t.Body = r.json("target.body", t.Body).(map[string]any)
	}
	t.Endpoints = r.urls("target.endpoints", t.Endpoints, true)
	t.Metrics = r.urls("target.metrics", t.Metrics, false)
	c.Warmup.Reset.Posts = r.urls("warmup.reset.post", c.Warmup.Reset.Posts, false)
	c.Warmup.Reset.Command = slices.Clone(c.Warmup.Reset.Command)
	for i, arg := range c.Warmup.Reset.Command {
		c.Warmup.Reset.Command[i] = r.text("warmup.reset.command", arg)
	}
	if r.errs != nil {
		return nil, nil, errors.Join(r.errs...)
	}
	return &c, Forms(sortedKeys(r.values)...), nil
}

// References gives the names of the variables whose values a scenario still lacks, each
// once, in order.
func References(sc *Scenario) []string {
	names := map[string]bool{}
	look := func(text string) {
		parts, _ := pieces(text)
		for _, p := range parts {
			if p.name != "" {
				names[p.name] = true
			}
		}
	}
	for _, v := range sc.Target.Headers {
		look(v)
	}
	eachString(sc.Target.Body, look)
	for _, list := range [][]string{sc.Target.Endpoints, sc.Target.Metrics, sc.Warmup.Reset.Posts, sc.Warmup.Reset.Command} {
		for _, v := range list {
			look(v)
		}
	}
	return sortedKeys(names)
}

// eachString visits the strings of a JSON value.
func eachString(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case map[string]any:
		for _, each := range v {
			eachString(each, visit)
		}
	case []any:
		for _, each := range v {
			eachString(each, visit)
		}
	}
}

// Templated reports whether a header's value differs from request to request: it has a
// template, as {prompt}, outside the variables that it names.
func Templated(value string) bool {
	return strings.Contains(literalText(value), "{")
}

// revealer fills in values and remembers them.
type revealer struct {
	env    func(string) (string, bool)
	values map[string]bool
	errs   []error
}

func (r *revealer) fail(where, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
}

// fill looks all references of a text up and joins the pieces, each through how.
func (r *revealer) fill(where, text string, how func(i int, value string) string) string {
	if !hasRefs(text) {
		return text
	}
	parts, bad := pieces(text)
	if bad >= 0 {
		r.fail(where, "%q holds something that is no variable", text)
		return text
	}
	var b strings.Builder
	for i, p := range parts {
		v, ok := p.value(r.env)
		if !ok {
			r.fail(where, "the environment variable %s is not set, or may not be read (WSRUN_* and names given with --env may)", p.name)
		}
		if p.name != "" {
			r.values[v] = true
			v = how(i, v)
			r.values[v] = true
		}
		b.WriteString(v)
	}
	return b.String()
}

func (r *revealer) text(where, text string) string {
	return r.fill(where, text, func(_ int, v string) string { return v })
}

func (r *revealer) header(name, text string) string {
	v := r.text(name, text)
	if strings.ContainsAny(v, "\r\n\x00") {
		r.fail(name, "%s", brokenHeader)
	}
	return v
}

// brokenHeader is what is wrong with a header whose variable holds a line break.
const brokenHeader = "the value of its variable holds a line break or a zero byte: a header is one line"

func (r *revealer) json(where string, v any) any {
	switch v := v.(type) {
	case string:
		return r.text(where, v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range sortedKeys(v) {
			out[key] = r.json(where+"."+key, v[key])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, each := range v {
			out[i] = r.json(where, each)
		}
		return out
	}
	return v
}

func (r *revealer) urls(where string, list []string, base bool) []string {
	out := slices.Clone(list)
	for i, text := range list {
		if !hasRefs(text) {
			continue
		}
		parts, _ := pieces(text)
		zones := zonesOf(parts)
		real := r.fill(where, text, func(i int, v string) string {
			if zones[i] == userZone {
				return escapeUser(v)
			}
			return v
		})
		if base {
			real = trimBase(real)
		}
		if why := quietURL(real); why != "" && !strings.HasPrefix(text, "/") {
			r.fail(where, "%s", why)
		}
		if u, err := url.Parse(real); err == nil && u.User != nil {
			password, _ := u.User.Password()
			r.values[u.User.Username()+":"+password] = true // as Authorization: Basic has it
		}
		out[i] = real
	}
	return out
}

// Forms gives the values that an output must not hold in the forms in which a server or a
// library says them back: escaped for a URL or in JSON, on one line, or in base64; longest
// first, so that one that holds another is found whole. Values of less than four characters
// are no secrets, and hiding them would spoil every text.
func Forms(values ...string) []string {
	known := map[string]bool{}
	for _, v := range values {
		for _, form := range []string{v, url.QueryEscape(v), url.PathEscape(v), strings.TrimSpace(v), strings.Join(strings.Fields(v), " "),
			quoted(v, true), quoted(v, false), base64.StdEncoding.EncodeToString([]byte(v))} {
			known[form] = known[form] || len(v) >= 4 && len(form) >= 4
		}
	}
	var out []string
	for form, told := range known {
		if told {
			out = append(out, form)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	return out
}

// quoted writes a text as JSON does between quotes; html: with < > and & escaped as well.
func quoted(v string, html bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	if e.Encode(v) != nil {
		return v
	}
	return b.String()[1 : b.Len()-2] // between the quotes; a line break ends it
}
