package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"github.com/wsrun/wsrun/runner/sample"
)

// prober is one probe on its way.
type prober struct {
	*Server
	ctx   context.Context
	p     sample.Probe
	list  models
	entry listed         // the chosen one of list
	props map[string]any // llama-server's /props
	gen   *generator
	pages map[string]*dto.MetricFamily // the first scrape
	info  *serverInfo                  // SGLang's /server_info; nil: none, or not asked for
	asked bool                         // whether it was asked for
	kept  prompt                       // one that was repeated
}

func (p *prober) note(format string, args ...any) {
	p.p.Notes = append(p.p.Notes, fmt.Sprintf(format, args...))
}

// Probe finds out what a run must know of the server, with some ten requests of at
// most 4,096 tokens; Notes say what was seen where it is not what one would wish. At
// is the caller's to set, and so are TokensPerWord and Fitted. It fails when the
// server does not answer, when it has no such model, and when it serves no prompt at
// all; whatever else cannot be found out stays unknown.
func (s *Server) Probe(ctx context.Context) (sample.Probe, error) {
	p := &prober{Server: s, ctx: ctx, gen: newGenerator()}
	p.p = sample.Probe{MaxModelLen: sample.Unknown, RepeatCached: sample.Unknown}
	for _, step := range []func() error{p.findModel, p.identify, p.chooseAPI, p.repeat, p.findTemplate, p.tryReset} {
		if err := ctx.Err(); err != nil {
			return p.p, err
		}
		if err := step(); err != nil {
			return p.p, err
		}
	}
	return p.p, nil
}

// Check looks once whether the server still answers.
func (s *Server) Check(ctx context.Context) error {
	status, body, err := s.get(ctx, "/v1/models", s.cfg.Connect)
	if err == nil && status >= 500 {
		err = &answer{redact(s.cfg.Endpoint), "GET /v1/models", status, message(body)}
	}
	return err
}

// findModel asks for /v1/models and chooses.
func (p *prober) findModel() error {
	status, body, err := p.get(p.ctx, "/v1/models", p.quick())
	if err != nil {
		return err
	}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("%s answers %d to GET /v1/models: it wants an API key; put the key into the variable that target.api_key_env names", redact(p.cfg.Endpoint), status)
	case status == http.StatusServiceUnavailable:
		return fmt.Errorf("%s answers 503 to GET /v1/models: %s; it is not ready, wait until /health answers 200", redact(p.cfg.Endpoint), message(body))
	case status/100 == 3:
		return &answer{redact(p.cfg.Endpoint), "GET /v1/models", status, message(body)}
	case status != http.StatusOK && auto(p.model):
		return fmt.Errorf("%s answers %d to GET /v1/models: %s; is this an OpenAI-compatible server? If it has no such call, set target.model", redact(p.cfg.Endpoint), status, message(body))
	case status == http.StatusOK:
		if err := json.Unmarshal(body, &p.list); err != nil {
			return fmt.Errorf("%s answers GET /v1/models with what is no list of models: %w; is this an OpenAI-compatible server?", redact(p.cfg.Endpoint), err)
		}
	}
	if err := p.choose(); err != nil {
		return err
	}
	p.p.Model = p.model
	return nil
}

func (p *prober) choose() error {
	names := p.list.names()
	if auto(p.model) {
		switch len(names) {
		case 0:
			return fmt.Errorf("%s lists no model in /v1/models: set target.model", redact(p.cfg.Endpoint))
		case 1:
			if p.model = names[0]; len(p.model) > longestModel {
				return fmt.Errorf("%s lists a model whose id has %d bytes in /v1/models, at most %d are taken: set target.model to a name that it is served by", redact(p.cfg.Endpoint), len(p.model), longestModel)
			}
		default:
			return fmt.Errorf("%s serves %d models: set target.model to one of %s", redact(p.cfg.Endpoint), len(names), enumerate(names))
		}
	}
	i := slices.Index(names, p.model)
	switch {
	case i >= 0:
		p.entry = p.list.Data[i]
	case len(names) > 0:
		return fmt.Errorf("%s does not serve the model %q of target.model; it serves %s", redact(p.cfg.Endpoint), p.model, enumerate(names))
	}
	return nil
}

// longestModel is how many bytes a model's id may have that nobody asked for: it is in each
// request, in each row of the summary, and on each page.
const longestModel = 1024

// enumerate lists the names of models, but no more than can be read.
func enumerate(names []string) string {
	const most = 50
	var shown []string
	for _, name := range names[:min(len(names), most)] {
		shown = append(shown, cut(name))
	}
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), more)
	}
	return strings.Join(shown, ", ")
}

// identify finds the engine, its version, and what it tells of its limits.
func (p *prober) identify() error {
	owner := p.entry.OwnedBy
	families, err := p.scrape()
	if err != nil && p.cfg.Metrics != "" {
		p.note("no telemetry: %v", err)
	}
	p.pages = families
	p.version()
	seen := p.recognise(owner)
	if auto(p.cfg.Engine) {
		p.engine = seen
	} else if seen != generic && seen != p.engine {
		p.note("the server looks like %s, and is spoken to as target.engine says: %s", seen.name, p.cfg.Engine)
	}
	p.p.Engine = p.engine.name
	if p.engine == vllm && (p.cfg.Engine == simulatorName || strings.Contains(owner, "wsrun")) {
		p.p.Engine = simulatorName
	}
	if p.engine.notes != nil {
		p.p.Notes = append(p.p.Notes, p.engine.notes(p.props)...)
	}
	p.p.MaxModelLen = p.limit()
	p.p.Metrics = slices.Sorted(maps.Keys(canonical(families)))
	p.p.Block, p.p.Capacity = told(families)
	if p.engine.learn != nil {
		p.engine.learn(p)
	}
	if p.p.Block > 0 {
		p.p.BlockFrom = "told"
	}
	if p.cfg.Block > 0 {
		p.p.Block, p.p.BlockFrom = p.cfg.Block, "scenario"
	}
	return nil
}

func (p *prober) recognise(owner string) *engine {
	for _, e := range engines {
		if slices.Contains(e.owners, owner) {
			return e
		}
	}
	if p.props["default_generation_settings"] != nil || p.entry.Meta.Vocabulary > 0 {
		return llamacpp
	}
	switch {
	case p.serves("vllm:"):
		return vllm
	case p.serves("sglang:"), p.serverInfo().ours():
		return sglang
	}
	return generic
}

// serves reports whether the telemetry has series with this prefix.
func (p *prober) serves(prefix string) bool {
	for name := range p.pages {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// version asks /version (vLLM) and /props (llama.cpp); both are free to be missing.
func (p *prober) version() {
	if status, body, err := p.get(p.ctx, "/version", p.quick()); err == nil && status == http.StatusOK {
		var v struct{ Version string }
		if json.Unmarshal(body, &v) == nil {
			p.p.Version = cut(v.Version)
		}
	}
	if p.p.Version != "" {
		return
	}
	if status, body, err := p.get(p.ctx, "/props", p.quick()); err == nil && status == http.StatusOK {
		if json.Unmarshal(body, &p.props) == nil {
			build, _ := p.props["build_info"].(string)
			p.p.Version = cut(build)
		}
	}
}

// limit is the tokens that prompt and output may have together.
func (p *prober) limit() int64 {
	settings, _ := p.props["default_generation_settings"].(map[string]any)
	context, _ := settings["n_ctx"].(float64)
	for _, n := range []int64{p.entry.MaxModelLen, int64(context), p.entry.Meta.Context} {
		if n > 0 {
			return n
		}
	}
	return sample.Unknown
}

func (p *prober) scrape() (map[string]*dto.MetricFamily, error) {
	if p.cfg.Metrics == "" {
		return nil, errors.New("target.metrics is none")
	}
	ctx, cancel := context.WithTimeout(p.ctx, p.quick())
	defer cancel()
	page, err := fetch(ctx, p.client, p.cfg.Metrics)
	if err != nil {
		return nil, err
	}
	return parse(page)
}

// CheckFit says whether a prompt of r tokens and out output tokens fit the server.
// Engines answer 200 to a request that does not and cut its output.
func CheckFit(p *sample.Probe, r, out int64) error {
	if p.MaxModelLen <= 0 || r+out <= p.MaxModelLen {
		return nil
	}
	return fmt.Errorf("a prompt of %d tokens and %d output tokens do not fit: %s takes %d together (max_model_len, or n_ctx of a slot); make the context, rounded up to chunk, at most %d, ask for fewer output_tokens, or start the server with more",
		r, out, p.Model, p.MaxModelLen, max(0, p.MaxModelLen-out))
}
