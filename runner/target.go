package runner

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wsrun/wsrun/runner/engine"
	"github.com/wsrun/wsrun/runner/load"
	"github.com/wsrun/wsrun/runner/openai"
	"github.com/wsrun/wsrun/runner/prompt"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// target is the server under test: its endpoints, how requests to it are written, and
// where its telemetry is.
type target struct {
	servers  []*engine.Server
	encoders map[int64]prompt.Encoder // by R: fitted text depends on the prompt's length
	metrics  []string                 // URL by endpoint; empty: none
	soon     chan chan struct{}       // asks for a scrape now, and closes what it was given after it
	http     *http.Client             // of scrapes: each closes its connection
}

func newTarget(metrics []string, dial func(ctx context.Context, network, addr string) (net.Conn, error), secure *tls.Config) *target {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	}
	return &target{metrics: metrics, soon: make(chan chan struct{}, 1),
		http: &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: secure.Clone(), DisableKeepAlives: true}}}
}

// connect probes the first endpoint, sees that the others answer, and makes the
// encoders. Whatever would spoil every cell is found here, before the first minute.
func (r *run) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.soft, func() { cancel(context.Cause(r.soft)) })()
	err := r.probeAll(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (r *run) probeAll(ctx context.Context) error {
	r.target = newTarget(r.metricsURLs(), r.opt.Dial, r.opt.TLS)
	first, err := engine.Open(r.engineConfig(0))
	if err != nil {
		return err
	}
	probe, err := first.Probe(ctx)
	if err != nil {
		return err
	}
	probe.At = r.now()
	if err := r.sameServer(probe); err != nil {
		return err
	}
	r.probe = probe
	r.target.servers = []*engine.Server{first}
	err = r.prepare(ctx)
	// After what was prepared, since that tells how prompts are made; before its error,
	// since the record is to say which server it was.
	r.emit(&result.Probe{Probe: r.probe})
	if err == nil {
		r.probeNotes()
	}
	return err
}

// prepare sees that the other endpoints answer and that the cells fit, and makes the
// encoders.
func (r *run) prepare(ctx context.Context) error {
	first := r.target.servers[0]
	for i := 1; i < len(r.opt.Endpoints); i++ {
		s, err := first.Like(r.opt.Endpoints[i], r.target.metricsURL(i))
		if err != nil {
			return err
		}
		if err := s.Check(ctx); err != nil {
			return err
		}
		r.target.servers = append(r.target.servers, s)
	}
	if err := r.fits(); err != nil {
		return err
	}
	return r.makeEncoders(ctx)
}

func (r *run) engineConfig(i int) engine.Config {
	t := r.live.Target
	reset := r.live.Warmup.Reset
	return engine.Config{
		Endpoint: r.opt.Endpoints[i], Model: t.Model, API: t.API, Engine: t.Engine, Header: r.fixedHeaders(), Body: t.Body, Block: r.sc.ServerBlock,
		Metrics: r.target.metricsURL(i), Run: r.opt.Command, Connect: time.Duration(t.Timeouts.Connect), Dial: r.opt.Dial, TLS: r.opt.TLS,
		Now: r.now, Report: func(q *sample.Request) {
			q.ID = r.ids.Add(1)
			r.emit(&result.Request{Request: *q})
		},
		Reset: engine.Reset{Auto: reset.Auto, Posts: reset.Posts, Command: reset.Command},
	}
}

// fixedHeaders are those that are the same in each request: the key, and headers
// without a template.
func (r *run) fixedHeaders() []string {
	var out []string
	if r.opt.APIKey != "" {
		out = append(out, "Authorization", "Bearer "+r.opt.APIKey)
	}
	return append(out, r.headers(false)...)
}

// varyingHeaders are those with a template, filled in for each request.
func (r *run) varyingHeaders() []string {
	return r.headers(true)
}

// headers gives the target's headers, those with a template or those without, alternating
// name and value. What the scenario says decides, not a brace in a variable's value.
func (r *run) headers(templated bool) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(r.live.Target.Headers)) {
		if scenario.Templated(r.sc.Target.Headers[name]) == templated {
			out = append(out, name, r.live.Target.Headers[name])
		}
	}
	return out
}

func (r *run) metricsURLs() []string {
	if !r.live.Target.MetricsAuto {
		return r.live.Target.Metrics
	}
	out := make([]string, len(r.opt.Endpoints))
	for i, e := range r.opt.Endpoints {
		out[i] = strings.TrimSuffix(strings.TrimRight(e, "/"), "/v1") + "/metrics"
	}
	return out
}

func (t *target) metricsURL(i int) string {
	if i >= len(t.metrics) {
		return ""
	}
	return t.metrics[i]
}

// fits refuses cells that the server would cut or refuse: engines answer 200 and cut
// the output.
func (r *run) fits() error {
	var errs []error
	seen := map[int64]bool{}
	for _, c := range r.plan.Cells {
		if seen[c.R] || !r.wanted(c.Key) {
			continue
		}
		seen[c.R] = true
		if err := engine.CheckFit(&r.probe, c.R, r.sc.OutputTokens); err != nil {
			errs = append(errs, fmt.Errorf("context %d: %w", c.Context, err))
		}
	}
	return errors.Join(errs...)
}

// probeNotes says once what the probe found that touches every point.
func (r *run) probeNotes() {
	if t := r.sc.Target.TLS; t != nil && t.Insecure {
		r.note("tls-insecure", "target.tls.insecure: no certificate was checked; whoever stands between can read the API key and answer in the server's place")
	}
	switch tells := r.probe.TellsCached || len(r.probe.Metrics) > 0; {
	case r.sc.Mode == "map" && !r.probe.TellsCached && !countsTiers(r.probe):
		r.note("hit-rate-unverified", "the server tells no cached tokens, neither with its answers nor in its metrics: tiers are told apart by TTFT alone, and levels of it nearer than x1.35 are one")
	case !tells:
		r.note("hit-rate-unverified", "the server tells no cached tokens, neither with its answers nor in its metrics: hit rates are as intended, not as observed")
	}
	if r.sc.Target.Balance == string(prompt.LeastLoaded) && len(r.opt.Endpoints) > 1 {
		r.note("hit-rate-unverified", "balance: least-loaded lets the load decide which endpoint sees a prompt: hit rates are unverified by design")
	}
	if r.probe.CanReset && !r.probe.ResetVerified {
		r.note("reset-unverified", "the server takes a reset call, but nothing shows that its cache was cold after it; prompts of different cells share no block")
	}
	if !r.probe.TellsUsage {
		r.note("no-usage", "the server tells no usage: output tokens are counted events, prompt tokens are as sent")
	}
	if r.probe.Fitted {
		r.note("fitted", "prompt lengths are fitted by the server's usage to within 1 %, not exact to the token")
	}
}

// makeEncoders makes the form of requests for each prompt length of the plan.
func (r *run) makeEncoders(ctx context.Context) error {
	first := r.target.servers[0]
	out := first.Output()
	frame, err := prompt.NewFrame(first.API(), first.Model(), out.Lengths, out.Fields, r.live.Target.Body)
	if err != nil {
		return err
	}
	r.target.encoders = map[int64]prompt.Encoder{}
	for _, c := range r.plan.Cells {
		if r.target.encoders[c.R] != nil {
			continue
		}
		e, err := r.encoder(ctx, frame, c.R)
		if err != nil {
			return fmt.Errorf("%s: prompts of %d tokens cannot be made: %w", r.opt.Endpoints[0], c.R, err)
		}
		r.target.encoders[c.R] = e
	}
	return nil
}

// encoder gives token ids where they are taken, else text counted by the server's
// tokeniser, else text fitted by its usage.
func (r *run) encoder(ctx context.Context, frame prompt.Frame, length int64) (prompt.Encoder, error) {
	if r.probe.TokenIDs {
		return prompt.NewIDs(frame, r.probe.SafeIDs[0], r.probe.SafeIDs[1])
	}
	first := r.target.servers[0]
	if r.probe.Tokenizer {
		fit, err := prompt.FitTokenizer(ctx, prompt.CounterFunc(first.Count), r.probe.TemplateTokens)
		if err == nil {
			return prompt.NewText(frame, fit)
		}
		if !errors.Is(err, prompt.ErrNotAdditive) {
			return nil, err
		}
	}
	if !r.probe.TellsUsage {
		return nil, errors.New("the server takes no token ids, has no /tokenize and tells no usage: nothing says how long a prompt is")
	}
	key := prompt.NewKey("fit", r.opt.Nonce, fmt.Sprint(r.session, length))
	fit, err := prompt.FitUsage(ctx, prompt.CounterFunc(first.Ask), key, r.probe.TemplateTokens, length)
	if err != nil {
		return nil, err
	}
	r.probe.Fitted, r.probe.TokensPerWord = true, fit.PerWord
	return prompt.NewText(frame, fit)
}

// generatorConfig builds the load generator on this target.
func (r *run) generatorConfig() load.Config {
	t := r.sc.Target.Timeouts
	client := openai.New(openai.Config{
		Endpoints: r.opt.Endpoints, Path: prompt.Path(r.target.servers[0].API()), Headers: r.fixedHeaders(), Fresh: r.probe.FreshConnection,
		UntoldIsNone: r.target.servers[0].UntoldIsNone(),
		Timeouts:     openai.Timeouts{Connect: time.Duration(t.Connect), FirstToken: time.Duration(t.FirstToken), BetweenTokens: time.Duration(t.BetweenTokens), Request: time.Duration(t.Request)},
		Now:          r.now, Dial: r.opt.Dial, TLS: r.opt.TLS,
	})
	r.client = client
	return load.Config{
		Transport: client, Now: r.now, IDs: &r.ids,
		Report: func(q *sample.Request) {
			r.alive.saw(q)
			r.emit(&result.Request{Request: *q})
		},
		Overflow: func() {
			r.stop(errors.New("the record could not be written as fast as requests ended: 256 MiB were waiting; the disk is too slow or full"))
		},
	}
}

// reset empties the cache of every endpoint.
func (t *target) reset(ctx context.Context) error {
	for _, s := range t.servers {
		if err := s.Reset(ctx); err != nil {
			return err
		}
	}
	return nil
}

// look asks every endpoint for its models: is anybody there?
func (t *target) look(ctx context.Context) error {
	for _, s := range t.servers {
		if err := s.Check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// cachedTokens begins the canonical names of counters of cached tokens by tier.
const cachedTokens = "server.cached_tokens."

// countsTiers reports whether the telemetry counts cached tokens by tier.
func countsTiers(p sample.Probe) bool {
	return slices.ContainsFunc(p.Metrics, func(name string) bool { return strings.HasPrefix(name, cachedTokens) })
}

// tierSum adds up what the tiers' counters say.
func tierSum(values map[string]float64) (sum float64) {
	for name, v := range values {
		if strings.HasPrefix(name, cachedTokens) {
			sum += v
		}
	}
	return sum
}

// kvBytes is the KV cache's bytes per token: the scenario's, else the server's, else 0.
func kvBytes(sc *scenario.Scenario, p sample.Probe) float64 {
	if sc.Target.KVBytesPerToken > 0 {
		return sc.Target.KVBytesPerToken
	}
	return p.KVBytesPerToken
}
