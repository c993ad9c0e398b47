package scenario

import (
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
	t.KVBytesPerToken = section(raw.KVBytesPerToken).bytes
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
		r.fault("endpoints-with-simulator", "/target/simulator", "target has endpoints and simulator: remove one of them%s", r.fromBase("/target/endpoints", "/target/simulator"))
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
		r.fault("bad-value", "/target/metrics", "target.metrics has %s for %s: write one for each, or one for all", counted(n, "URL"), counted(e, "endpoint"))
	}
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
		case secretHeader(low) && !byVariable(value):
			r.fault("secret-in-file", path, "the header %s holds a secret: keep it out of the file; write a variable for it, as ${WSRUN_TOKEN}, or let target.api_key_env send it as Authorization: Bearer", name)
		case slices.Contains(ownHeaders, low):
			r.faultKey("bad-header", path, "the header %s is wsrun's own: remove it", name)
		case strings.ContainsAny(value, "\r\n\x00"):
			r.fault("bad-header", path, "the header %s has a line break: a header is one line", name)
		case r.brokenHeader(value):
			r.fault("bad-header", path, "the header %s: %s", name, brokenHeader)
		default:
			r.checkTemplate(path, value)
		}
	}
}

// secretEndings are how headers end that carry a key: X-Api-Key, X-Auth-Token, Private-Token.
var secretEndings = []string{"api-key", "apikey", "subscription-key", "token", "secret", "password"}

// secretHeader names, in lower case, what carries a key.
func secretHeader(name string) bool {
	switch name {
	case "authorization", "cookie", "proxy-authorization":
		return true
	}
	return slices.ContainsFunc(secretEndings, func(end string) bool { return strings.HasSuffix(name, end) })
}

func (r *resolver) checkTemplate(path, value string) {
	for rest := literalText(value); ; {
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
		if _, code, why := r.url(p, at, false); why != "" {
			r.fault(code, at, "%s, or a path as /reset_prefix_cache", why)
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
