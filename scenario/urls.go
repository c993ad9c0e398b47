package scenario

import (
	"net/url"
	"slices"
	"strings"
)

func (r *resolver) override(t *Target) {
	if r.opt.Target == "simulator" {
		t.Simulator = &Simulator{Profile: "small"}
		return
	}
	u, why := normalise(r.opt.Target)
	if hasRefs(r.opt.Target) || why != "" && urlCode(r.opt.Target) == "secret-in-file" {
		why = "secrets do not belong on a command line, and no variables are read here: name them with --set 'target.endpoints=http://user:${WSRUN_PASSWORD}@host:8000'"
	}
	if why != "" {
		r.problems = append(r.problems, Problem{File: targetFlag, For: r.src.file, Path: "/target", Code: "bad-url", Message: withoutUser(r.opt.Target) + ": " + why})
	}
	t.Endpoints = []string{u}
}

func (r *resolver) endpoints(list List[string]) []string {
	out := make([]string, 0, len(list))
	for i, e := range list {
		path := "/target/endpoints/" + itoa(i)
		u, code, why := r.url(e, path, true)
		switch {
		case why != "":
			r.fault(code, path, "%s", why)
		case slices.Contains(out, u):
			r.fault("duplicate-value", path, "endpoint %s is given twice: remove one", u)
		default:
			out = append(out, u)
		}
	}
	return out
}

func (r *resolver) urls(path string, list List[string]) []string {
	var out []string
	for i, e := range list {
		at := path
		if r.given(path + "/" + itoa(i)) {
			at += "/" + itoa(i)
		}
		u, code, why := r.url(e, at, false)
		if why != "" {
			r.fault(code, at, "%s", why)
			continue
		}
		out = append(out, u)
	}
	return out
}

// url checks a URL, and gives it as it is kept: base URLs without a trailing / or /v1. Of
// one that a variable has a part in no value is told.
func (r *resolver) url(text, path string, base bool) (kept, code, why string) {
	kept = text
	if !hasRefs(text) && !r.filledAt(path) {
		if base {
			kept, why = normalise(text)
		} else {
			why = badURL(text)
		}
		return kept, urlCode(text), why
	}
	if secretInText(text) {
		return "", "secret-in-file", "a URL with a password in the file: write ${NAME} for it, without a default, or use target.api_key_env"
	}
	reveal := revealer{env: r.opt.Env, values: map[string]bool{}}
	real := reveal.urls("", []string{text}, base)
	if len(reveal.errs) > 0 {
		return "", "bad-url", brokenURL
	}
	if why = quietURL(real[0]); why != "" {
		return "", "bad-url", why
	}
	if u, _ := url.Parse(real[0]); base && (u.RawQuery != "" || u.Fragment != "") {
		return "", "bad-url", "an endpoint is a base URL: with the values of its variables it has a ? or #"
	}
	if base {
		kept = trimBase(text)
	}
	return kept, "", ""
}

// filledAt reports whether a variable has a part in the value at a path.
func (r *resolver) filledAt(path string) bool {
	p, ok := r.at[path]
	return ok && (r.was[p.value] != nil || hasRefs(follow(p.value).Value))
}

// normalise strips what people add to a base URL: a trailing / or /v1.
func normalise(s string) (base, why string) {
	if why := badURL(s); why != "" {
		return "", why
	}
	u, _ := url.Parse(s) // badURL has parsed it
	if u.RawQuery != "" || u.Fragment != "" {
		return "", "an endpoint is a base URL: remove what follows ? or #"
	}
	return trimBase(s), ""
}

func trimBase(s string) string {
	s = strings.TrimRight(s, "/")
	s = strings.TrimSuffix(s, "/v1")
	return strings.TrimRight(s, "/")
}

// badURL says what is wrong with a URL, or "".
func badURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return "an empty URL: write http://localhost:8000"
	case err != nil && !strings.Contains(s, "://"), err == nil && u.Scheme != "http" && u.Scheme != "https" && !strings.Contains(s, "://"):
		return "\"" + s + "\" is no URL: write http://" + strings.TrimLeft(s, "/")
	case err != nil:
		return "\"" + s + "\" is no URL: " + strings.TrimPrefix(err.Error(), "parse \""+s+"\": ")
	case u.Scheme != "http" && u.Scheme != "https":
		return "\"" + s + "\": the scheme is http or https"
	case u.Hostname() == "":
		return "\"" + s + "\" has no host: write http://localhost:8000"
	case u.User != nil:
		return "a URL with a user or password: keep secrets out of the file; use target.api_key_env, or a variable as http://user:${WSRUN_PASSWORD}@host"
	}
	return ""
}

// brokenURL is what is wrong with a URL that a variable broke.
const brokenURL = "with the values of its variables this is no URL as http://host:port: check them (they are not shown)"

// quietURL is badURL for a URL that may hold a secret, which may have a user and a password.
func quietURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsAny(s, " \t") {
		return brokenURL
	}
	return ""
}

// withoutUser keeps a password that was given away from the screen.
func withoutUser(s string) string {
	scheme, rest, found := strings.Cut(s, "://")
	if at := strings.LastIndexByte(rest, '@'); found && at >= 0 {
		return scheme + "://***" + rest[at:]
	}
	return s
}

func urlCode(s string) string {
	if u, err := url.Parse(s); err == nil && u.User != nil && u.Hostname() != "" {
		return "secret-in-file"
	}
	return "bad-url"
}

// zone is a part of a URL.
type zone int

const (
	frontZone zone = iota // before ://, or there is none
	userZone              // user and password
	hostZone
	pathZone
	queryZone // query and fragment
)

// zonesOf says in which part of a URL each piece of it begins. Only literal text divides
// a URL: a password with a / in it is still one.
func zonesOf(parts []piece) []zone {
	zones := make([]zone, len(parts))
	now := frontZone
	if len(parts) > 0 && strings.HasPrefix(parts[0].text, "/") {
		now = pathZone
	}
	var authority []int // pieces since ://
	for i, p := range parts {
		zones[i] = now
		if now == hostZone {
			authority = append(authority, i)
		}
		for j := 0; j < len(p.text); j++ {
			c := p.text[j]
			switch {
			case now == frontZone && strings.HasPrefix(p.text[j:], "://"):
				now = hostZone
				j += 2
			case now == queryZone:
			case c == '?' || c == '#':
				now = queryZone
			case c == '/':
				now = pathZone
			case c == '@' && now == hostZone:
				for _, k := range authority {
					zones[k] = userZone
				}
				authority = nil
			}
		}
	}
	return zones
}

// fillURL fills in the variables of a URL that hold no secret. Those of the user-info and
// of the query stay, and so do values that bring a user-info or a query along.
func fillURL(parts []piece, env func(string) (string, bool)) string {
	zones := zonesOf(parts)
	var b strings.Builder
	for i, p := range parts {
		v, _ := p.value(env)
		if p.name == "" || p.name == keyVariable || zones[i] == userZone || zones[i] == queryZone || strings.ContainsAny(v, "@?#") {
			b.WriteString(p.written())
			continue
		}
		b.WriteString(strings.ReplaceAll(v, "${", "$${"))
	}
	return b.String()
}

// escapeUser writes a user or a password so that it may stand in a URL.
func escapeUser(v string) string {
	return strings.TrimPrefix(url.UserPassword("", v).String(), ":")
}

// secretInText reports whether a URL that names variables has a password, or a user who
// has none, that stands in the text all the same.
func secretInText(text string) bool {
	parts, _ := pieces(text)
	zones := zonesOf(parts)
	var user strings.Builder
	for i, p := range parts {
		switch {
		case p.name == "":
			user.WriteString(p.text)
		case zones[i] == userZone && p.def == "":
			user.WriteByte(0)
		default:
			user.WriteString(strings.NewReplacer("@", "", ":", "").Replace(p.def))
		}
	}
	_, rest, _ := strings.Cut(user.String(), "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return false
	}
	secret := rest[:at]
	if _, password, both := strings.Cut(secret, ":"); both {
		secret = password
	}
	return strings.Trim(secret, "\x00") != ""
}

// PublicURL gives a URL as it may be shown: without user, password, query and fragment. A
// variable in another part of it stays as ${NAME}. What cannot be taken apart is not shown.
func PublicURL(raw string) string {
	const hidden = "(not a URL)"
	if !hasRefs(raw) {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" {
			return hidden
		}
		return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	}
	parts, bad := pieces(raw)
	var b strings.Builder
	named := false
	for _, p := range parts {
		if b.WriteString(p.text); p.name != "" {
			b.WriteString("${" + p.name + "}")
			named = true
		}
	}
	scheme, rest, found := strings.Cut(b.String(), "://")
	switch {
	case bad >= 0:
		return hidden
	case !found && named && len(parts) == 1:
		return b.String()
	case !found:
		return hidden
	}
	if end := strings.IndexAny(rest, "?#"); end >= 0 {
		rest = rest[:end]
	}
	host, path, below := strings.Cut(rest, "/")
	if below {
		path = "/" + path
	}
	return scheme + "://" + host[strings.LastIndexByte(host, '@')+1:] + path
}
