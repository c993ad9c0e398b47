package scenario

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func (r *resolver) target() Target {
	raw := section(r.raw.Target)
	to := section(raw.Timeouts)
	t := Target{
		Model:           def(raw.Model, "auto"),
		API:             def(raw.API, "auto"),
		Engine:          engineOf(raw.Engine),
		TLS:             r.tls(raw.TLS),
		Balance:         def(raw.Balance, "round-robin"),
		APIKeyEnv:       def(raw.APIKeyEnv, "WSRUN_API_KEY"),
		Headers:         map[string]string(section(raw.Headers)),
		Body:            map[string]any(section(raw.Body)),
		MetricsInterval: dur(raw.MetricsInterval, time.Second),
		MaxInFlight:     int(def(raw.MaxInFlight, 2000)),
		Replicas:        int(def(raw.Replicas, 1)),
		GPUs:            int(def(raw.GPUs, 0)),
		MetricsAuto:     true,
		Timeouts: Timeouts{
			Connect:       dur(to.Connect, 5*time.Second),
			FirstToken:    dur(to.FirstToken, 15*time.Minute),
			BetweenTokens: dur(to.BetweenTokens, 60*time.Second),
			Request:       dur(to.Request, 30*time.Minute),
		},
	}
	if len(t.Headers) == 0 {
		t.Headers = nil
	}
	if len(t.Body) == 0 {
		t.Body = nil
	}
	if kv := section(raw.KVBytesPerToken); kv.Number != nil {
		t.KVBytesPerToken = float64(*kv.Number)
	}
	t.Tiers = r.tiers(raw.Tiers, t.KVBytesPerToken)
	r.checkKeyName(t.APIKeyEnv)
	r.checkHeaders(t.Headers)
	r.checkBody(t.Body)
	r.servers(&t, raw)
	return t
}

// servers fills in endpoints or simulator, and the telemetry URLs that hang on them.
func (r *resolver) servers(t *Target, raw rawTarget) {
	if r.opt.Target != "" {
		r.override(t)
		return
	}
	if m := raw.Metrics; m != nil {
		t.MetricsAuto = m.Auto
		t.Metrics = r.urls("/target/metrics", m.URLs)
	}
	hasURLs := len(raw.Endpoints) > 0
	switch {
	case !r.clean("/target/endpoints", "/target/simulator"):
	case hasURLs && raw.Simulator != nil:
		r.fault("endpoints-with-simulator", "/target/simulator", "target has endpoints and simulator: remove one of them")
	case raw.Simulator != nil:
		t.Simulator = r.simulator(def(raw.Simulator.Profile, "small"))
	case hasURLs:
		t.Endpoints = r.endpoints(raw.Endpoints)
	case r.raw.Target != nil && !raw.short && !r.meant["/target/endpoints"] && !r.meant["/target/simulator"]:
		r.fault("missing-key", "/target/endpoints", "target has neither endpoints nor simulator: write endpoints: [http://localhost:8000], or simulator: {profile: small}")
	}
	r.checkMetricsCount(t)
}

func (r *resolver) checkMetricsCount(t *Target) {
	n, e := len(t.Metrics), len(t.Endpoints)
	switch {
	case n <= 1 || e == 0 || n == e || n == e*t.Replicas:
	case t.Replicas > 1:
		r.fault("bad-value", "/target/metrics", "target.metrics has %d URLs for %d endpoints of %d replicas each: write one for each endpoint, one for each replica (%d), or one for all", n, e, t.Replicas, e*t.Replicas)
	default:
		r.fault("bad-value", "/target/metrics", "target.metrics has %d URLs for %d endpoints: write one for each, or one for all", n, e)
	}
}

func (r *resolver) override(t *Target) {
	if r.opt.Target == "simulator" {
		t.Simulator = &Simulator{Profile: "small"}
		return
	}
	u, why := normalise(r.opt.Target)
	if why != "" {
		r.problems = append(r.problems, Problem{File: r.src.file, Path: "/target", Code: "bad-url", Message: "--target " + withoutUser(r.opt.Target) + ": " + why})
	}
	t.Endpoints = []string{u}
}

func (r *resolver) endpoints(list List[string]) []string {
	out := make([]string, 0, len(list))
	for i, e := range list {
		path := "/target/endpoints/" + itoa(i)
		u, why := normalise(e)
		switch {
		case why != "":
			r.fault(urlCode(e), path, "%s", why)
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
		if why := badURL(e); why != "" {
			at := path
			if r.given(path + "/" + itoa(i)) {
				at += "/" + itoa(i)
			}
			r.fault(urlCode(e), at, "%s", why)
			continue
		}
		out = append(out, e)
	}
	return out
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
	s = strings.TrimRight(s, "/")
	s = strings.TrimSuffix(s, "/v1")
	return strings.TrimRight(s, "/"), ""
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
		return "a URL with a user or password: keep secrets out of the file; use target.api_key_env"
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

func (r *resolver) checkKeyName(name string) {
	if strings.HasPrefix(name, "WSRUN_") || slices.Contains(r.opt.AllowedEnv, name) || !r.clean("/target/api_key_env") {
		return
	}
	r.fault("env-not-allowed", "/target/api_key_env", "target.api_key_env: %s may not be read: only WSRUN_* and names given with --env; a scenario must not read a CI's secrets", name)
}

// ownHeaders are set by the client; a second value would break the request.
var ownHeaders = []string{"content-length", "transfer-encoding", "connection", "content-type", "accept-encoding", "host"}

// headerTemplates are filled in for each request.
var headerTemplates = []string{"run", "cell", "prompt", "request"}

func (r *resolver) checkHeaders(headers map[string]string) {
	for _, name := range sortedKeys(headers) {
		path, value := "/target/headers/"+escapePointer(name), headers[name]
		low := strings.ToLower(name)
		switch {
		case !headerName(name):
			r.faultKey("bad-header", path, "%q is no name of a header: letters, digits and hyphens", name)
		case low == "authorization" || low == "cookie" || low == "proxy-authorization" || low == "x-api-key" || low == "api-key":
			r.fault("secret-in-file", path, "the header %s holds a secret: keep it out of the file; target.api_key_env sends it as Authorization: Bearer", name)
		case slices.Contains(ownHeaders, low):
			r.faultKey("bad-header", path, "the header %s is wsrun's own: remove it", name)
		case strings.ContainsAny(value, "\r\n\x00"):
			r.fault("bad-header", path, "the header %s has a line break: a header is one line", name)
		default:
			r.checkTemplate(path, value)
		}
	}
}

func (r *resolver) checkTemplate(path, value string) {
	for rest := value; ; {
		_, after, open := strings.Cut(rest, "{")
		name, tail, closed := strings.Cut(after, "}")
		if !open || !closed {
			return
		}
		if !slices.Contains(headerTemplates, name) {
			r.fault("bad-header", path, "{%s} is no template%s", name, meant(name, headerTemplates, "known are {run}, {cell}, {prompt} and {request}"))
			return
		}
		rest = tail
	}
}

func headerName(s string) bool {
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", c)) {
			return false
		}
	}
	return s != ""
}

// ownBody are the fields that wsrun sets itself; what fixes the output length is
// set per engine.
var ownBody = map[string]string{
	"model": "use target.model", "prompt": "prompts are wsrun's", "messages": "prompts are wsrun's",
	"stream": "requests are always streamed", "stream_options": "requests are always streamed with usage",
	"max_tokens": "use output_tokens", "max_completion_tokens": "use output_tokens", "min_tokens": "use output_tokens",
	"n_predict": "use output_tokens", "ignore_eos": "the output length is fixed per engine", "stop": "the output length is fixed per engine",
	"stop_token_ids": "the output length is fixed per engine", "n": "one completion a request", "best_of": "one completion a request",
}

func (r *resolver) checkBody(body map[string]any) {
	for _, key := range sortedKeys(body) {
		if why, own := ownBody[key]; own {
			r.faultKey("bad-body", "/target/body/"+key, "body.%s is wsrun's own: %s; remove it", key, why)
		}
	}
}

func (r *resolver) checkReset(reset *Reset) {
	const path = "/warmup/reset"
	if len(reset.Command) > 0 && !r.opt.AllowCommands {
		r.fault("command-not-allowed", path+"/command", "warmup.reset.command starts a program: allow it with --allow-commands")
	}
	var kept []string
	for i, p := range reset.Posts {
		at := path + "/post/" + itoa(i)
		if strings.HasPrefix(p, "/") {
			kept = append(kept, p)
			continue
		}
		if why := badURL(p); why != "" {
			r.fault(urlCode(p), at, "%s, or a path as /reset_prefix_cache", why)
			continue
		}
		if r.opt.Target == "" { // a URL belongs to the replaced target
			kept = append(kept, p)
		}
	}
	reset.Posts = kept
}

// local reports whether a path stays below the working directory.
func local(path string) bool { return filepath.IsLocal(filepath.FromSlash(path)) }
