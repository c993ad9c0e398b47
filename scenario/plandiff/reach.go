package plandiff

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wsrun/wsrun/scenario"
)

// reachRules are about what is contacted, read or run. They say it of a new scenario as
// well, and they show no value that could be a secret: of headers the names, of URLs
// neither user nor query, of commands the program.
func reachRules() []rule {
	return []rule{
		{keys: "target.endpoints", lone: whenNew, diff: endpoints},
		{keys: "target.api_key_env", lone: whenNew, diff: func(d *differ) {
			old, new := d.sc()
			if a, b := old.Target.APIKeyEnv, new.Target.APIKeyEnv; a != b && !d.offline() {
				d.at(changed(d.classOf("target.api_key_env"), "target.api_key_env", a, b, "another secret is read and sent"), "/target/api_key_env")
			}
		}},
		{keys: "target.headers", lone: whenNew, diff: headers},
		{keys: "target.metrics", lone: whenNew, diff: func(d *differ) {
			old, new := d.sc()
			d.list("target.metrics", "target.metrics", telemetryText(&old.Target), telemetryText(&new.Target), saying{"telemetry is read from", "telemetry is no longer read from"})
		}},
		{keys: "target.tls target.tls.ca_file target.tls.cert_file target.tls.key_file target.tls.insecure", lone: whenNew, diff: tls},
		{keys: "warmup.reset warmup.reset.post warmup.reset.command", lone: whenNew, diff: reset},
		{keys: "output.dir", lone: whenNew, diff: func(d *differ) {
			old, new := d.sc()
			if a, b := old.Output.Dir, new.Output.Dir; a != b {
				d.at(changed(d.classOf("output.dir"), "output.dir", a, b, "files are written elsewhere"), "/output/dir")
			}
		}},
		plainly("output.requests", func(sc *scenario.Scenario) string { return yesNo(sc.Output.Requests) }, "whether the CSV of requests is written"),
		plainly("output.html", func(sc *scenario.Scenario) string { return yesNo(sc.Output.HTML) }, "whether pages are written"),
		{keys: "extends", diff: func(*differ) {}}, // a base is in the plan: what it changes is told by its keys
		{keys: "target", lone: whenNew, diff: variables},
	}
}

func yesNo(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// blank is the side that is not there: a scenario that contacts, reads and runs nothing
// but by default.
func blank(of *scenario.Plan) *scenario.Plan {
	sc := &scenario.Scenario{Mode: of.Scenario.Mode, Chunk: of.Scenario.Chunk, OutputTokens: of.Scenario.OutputTokens, Compare: scenario.DefaultCompare()}
	sc.Target = scenario.Target{APIKeyEnv: "WSRUN_API_KEY", MetricsAuto: true}
	sc.Warmup.Reset.Auto = true
	sc.Output.Dir = "results"
	return &scenario.Plan{Scenario: sc, Path: of.Path}
}

// offline reports whether no endpoint is contacted on either side.
func (d *differ) offline() bool {
	old, new := d.sc()
	return len(old.Target.Endpoints)+len(new.Target.Endpoints) == 0
}

// fewPlaces is how many places have a finding each; more are told together.
const fewPlaces = 3

// saying is how a place is told that is contacted or read, and one that no longer is.
type saying struct{ now, gone string }

// list tells what was added to and removed from a list of places, each on its line. key is
// where they stand, which may be below the key that has the class.
func (d *differ) list(key, at string, old, new []string, say saying) {
	tell := func(sign byte, places []string, verb string, path func(string) []string) {
		f := Finding{Class: d.classOf(key), Sign: sign, Key: key}
		if n := len(places); n > fewPlaces {
			f.Text = fmt.Sprintf("%s %d", verb, n)
			if sign == '+' && len(old) > 0 {
				f.Text += " more"
			}
			f.Text += ": " + strings.Join(places, ", ")
			d.at(f, path(places[0])...)
			return
		}
		for _, place := range places {
			f.Text = verb + " " + place
			d.at(f, path(place)...)
		}
	}
	tell('+', missingIn(new, old), say.now, func(place string) []string { return elements(at, slices.Index(new, place)) })
	tell('-', missingIn(old, new), say.gone, func(place string) []string { return elements(at, slices.Index(old, place))[1:] })
}

// missingIn gives the entries of a that b does not have, each once.
func missingIn(a, b []string) (out []string) {
	for _, s := range a {
		if !slices.Contains(b, s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// elements are the paths of an element of a list that may have been written short.
func elements(key string, i int) []string {
	return []string{pointer(key) + "/" + strconv.Itoa(i), pointer(key)}
}

// fallback is a variable with what stands in for it, which may be a secret.
var fallback = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}`)

// shown gives the part of a URL that is no secret: scheme, host and path.
func shown(raw string) string {
	raw = fallback.ReplaceAllString(raw, "$${$1}")
	u, err := url.Parse(raw)
	if err != nil {
		// A variable in the place of a host is no URL, and takes no secret along.
		raw, _, _ = strings.Cut(raw, "?")
		raw, _, _ = strings.Cut(raw, "#")
		if scheme, rest, ok := strings.Cut(raw, "://"); ok {
			if i := strings.LastIndexByte(rest, '@'); i >= 0 {
				rest = "***@" + rest[i+1:]
			}
			return scheme + "://" + rest
		}
		return raw
	}
	u.Fragment, u.RawFragment = "", ""
	query := u.RawQuery != ""
	user := u.User != nil
	u.RawQuery, u.User = "", nil
	s := u.String()
	if unescaped, err := url.PathUnescape(s); err == nil && strings.Contains(unescaped, "${") {
		s = unescaped // variables as they were written
	}
	if user {
		s = strings.Replace(s, "://", "://***@", 1)
	}
	if query {
		s += "?***"
	}
	return s
}

func shownAll(urls []string) []string {
	var out []string
	for _, u := range urls {
		out = append(out, shown(u))
	}
	return out
}

// endpoints: each is contacted; their number also decides which share of the prompts
// one cache meets.
func endpoints(d *differ) {
	old, new := d.sc()
	a, b := old.Target.Endpoints, new.Target.Endpoints
	d.list("target.endpoints", "target.endpoints", shownAll(a), shownAll(b), saying{"contacts", "no longer contacts"})
	if slices.Equal(shownAll(a), shownAll(b)) && !slices.Equal(a, b) {
		d.at(Finding{Class: Reach, Sign: '~', Key: "target.endpoints", Text: "target.endpoints: the same hosts, with another user, query or order"}, "/target/endpoints", "/target")
	}
	if len(a) > 0 && len(b) > 0 && len(a) != len(b) {
		d.at(changed(Breaks, "target.endpoints", count(len(a), "endpoint"), count(len(b), "endpoint"), "each cache meets another share of the load"), "/target/endpoints", "/target")
	}
}

// telemetryText lists where telemetry is read beside the endpoints themselves.
func telemetryText(t *scenario.Target) []string {
	switch {
	case t.MetricsAuto:
		return nil
	case len(t.Metrics) == 0:
		return []string{"nowhere (none)"}
	}
	return shownAll(t.Metrics)
}

// inValue are the templates and variables of a header's value: the only parts of it that
// are shown.
var inValue = regexp.MustCompile(`\$?\{[A-Za-z_][A-Za-z0-9_]*`)

// headers tells names and what they are filled from, never values.
func headers(d *differ) {
	old, new := d.sc()
	for _, name := range bothKeys(old.Target.Headers, new.Target.Headers) {
		a, before := old.Target.Headers[name]
		b, after := new.Target.Headers[name]
		f := Finding{Class: d.classOf("target.headers"), Key: "target.headers." + name, Sign: '~', Text: "the header " + name + " has another value" + filledFrom(b)}
		switch {
		case before && after && a == b:
			continue
		case !before:
			f.Sign, f.Text = '+', "the header "+name+" is sent"+filledFrom(b)
		case !after:
			f.Sign, f.Text = '-', "the header "+name+" is no longer sent"
		}
		d.at(f, "/target/headers/"+escaped(name), "/target/headers")
	}
}

func filledFrom(value string) string {
	var names []string
	for _, m := range inValue.FindAllString(value, -1) {
		names = append(names, m+"}")
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return ", filled from " + strings.Join(slices.Compact(names), ", ")
}

// tls tells which files are read; insecure is what a reviewer must not miss.
func tls(d *differ) {
	old, new := d.sc()
	var a, b scenario.TLS
	if t := old.Target.TLS; t != nil {
		a = *t
	}
	if t := new.Target.TLS; t != nil {
		b = *t
	}
	for _, k := range []struct{ key, old, new, why string }{
		{"target.tls.ca_file", a.CAFile, b.CAFile, "other authorities are trusted"},
		{"target.tls.cert_file", a.CertFile, b.CertFile, "another certificate is shown"},
		{"target.tls.key_file", a.KeyFile, b.KeyFile, "another key is read"},
		{"target.tls.insecure", yesNo(a.Insecure), yesNo(b.Insecure), "whether the server's certificate is checked at all"},
	} {
		if k.old != k.new {
			d.at(changed(d.classOf(k.key), k.key, k.old, k.new, k.why), pointer(k.key))
		}
	}
}

// reset tells how a cache is emptied: calls to make, or a program to run.
func reset(d *differ) {
	old, new := d.sc()
	a, b := old.Warmup.Reset, new.Warmup.Reset
	if x, y := shownAll(a.Posts), shownAll(b.Posts); len(x) > 0 && len(y) > 0 && len(missingIn(x, y))+len(missingIn(y, x)) > 0 {
		d.list("warmup.reset", "warmup.reset.post", x, y, saying{"a cache is emptied with POST", "a cache is no longer emptied with POST"})
		return
	}
	if x, y := resetText(a), resetText(b); x != y {
		why := "how the cache is emptied"
		if len(b.Command) > 0 {
			why = "runs a program on this machine"
		}
		d.at(changed(d.classOf("warmup.reset"), "warmup.reset", x, y, why), "/warmup/reset/command", "/warmup/reset/post", "/warmup/reset")
		return
	}
	if !slices.Equal(a.Posts, b.Posts) || !slices.Equal(a.Command, b.Command) {
		d.at(Finding{Class: d.classOf("warmup.reset"), Sign: '~', Key: "warmup.reset", Text: "warmup.reset: " + resetText(b) + " has other arguments"}, "/warmup/reset/command", "/warmup/reset/post", "/warmup/reset")
	}
}

func resetText(r scenario.Reset) string {
	switch {
	case r.Auto:
		return "auto"
	case len(r.Posts) > 0:
		return "POST " + strings.Join(shownAll(r.Posts), ", ")
	case len(r.Command) > 0:
		return "command " + r.Command[0] + " with " + count(len(r.Command)-1, "argument")
	}
	return "none"
}

// variables tells which names of the environment a scenario newly reads.
func variables(d *differ) {
	a, b := d.old.Variables, d.new.Variables
	for _, name := range b {
		if !slices.Contains(a, name) {
			d.named(Finding{Class: Reach, Sign: '+', Key: "${" + name + "}", Text: "reads the environment variable " + name}, d.new, name)
		}
	}
	for _, name := range a {
		if !slices.Contains(b, name) {
			d.named(Finding{Class: Reach, Sign: '-', Key: "${" + name + "}", Text: "no longer reads the environment variable " + name, Old: true}, d.old, name)
		}
	}
}

// named keeps a finding about a variable, at the line that names it.
func (d *differ) named(f Finding, in *scenario.Plan, name string) {
	use := regexp.MustCompile(`\$\{` + regexp.QuoteMeta(name) + `\b`)
	for _, source := range in.Sources {
		for i, line := range strings.Split(string(source.Text), "\n") {
			if at := use.FindStringIndex(line); at != nil && f.Line == 0 {
				f.File, f.Line, f.Col = source.Path, i+1, utf8.RuneCountInString(line[:at[0]])+1
			}
		}
	}
	d.add(f)
}
