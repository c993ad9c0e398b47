package html

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// serverAsked says what the scenario says of the server, where that is not left to be found
// out, and how it is spoken to. Of headers and of the body names are told, never values.
func serverAsked(t *scenario.Target) []Fact {
	return []Fact{
		{Key: "Server", Value: takenFor(t)},
		{Key: "Replicas", Value: spreadText(t)},
		{Key: "TLS", Value: tlsText(t.TLS)},
		{Key: "Headers", Value: namesOnly(t.Headers)},
		{Key: "Body", Value: namesOnly(t.Body)},
		{Key: "Telemetry", Value: telemetryText(t)},
		{Key: "Timeouts", Value: timeoutText(t.Timeouts)},
	}
}

// takenFor is what the probe was told instead of finding it out.
func takenFor(t *scenario.Target) string {
	var parts []string
	for _, p := range []struct{ what, value string }{{"engine", t.Engine}, {"model", t.Model}, {"API", t.API}} {
		if p.value != "" && p.value != "auto" {
			parts = append(parts, p.what+" "+p.value)
		}
	}
	return strings.Join(parts, ", ")
}

// spreadText says who shares the prompts: the edge of a tier moves by their number.
func spreadText(t *scenario.Target) string {
	var parts []string
	if n := len(t.Endpoints); n > 1 {
		parts = append(parts, fmt.Sprintf("%d endpoints, %s", n, t.Balance))
	}
	if t.Replicas > 1 {
		parts = append(parts, fmt.Sprintf("%d servers behind an endpoint share the prompts", t.Replicas))
	}
	return strings.Join(parts, "; ")
}

func tlsText(t *scenario.TLS) string {
	if t == nil {
		return ""
	}
	var parts []string
	if t.Insecure {
		parts = append(parts, "the server's certificate is not checked")
	}
	if t.CAFile != "" {
		parts = append(parts, "the authorities of "+t.CAFile)
	}
	if t.CertFile != "" {
		parts = append(parts, "the client shows "+t.CertFile)
	}
	return strings.Join(parts, ", ")
}

// namesOnly lists the keys of what may hold secrets.
func namesOnly[V any](m map[string]V) string {
	if len(m) == 0 {
		return ""
	}
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ") + " (values left out)"
}

func telemetryText(t *scenario.Target) string {
	if t.MetricsAuto {
		return "" // each endpoint's own
	}
	if len(t.Metrics) == 0 {
		return "none is read"
	}
	urls := make([]string, len(t.Metrics))
	for i, u := range t.Metrics {
		urls[i] = scenario.PublicURL(u)
	}
	return strings.Join(urls, ", ")
}

func timeoutText(t scenario.Timeouts) string {
	var parts []string
	for _, p := range []struct {
		after scenario.Duration
		what  string
	}{{t.Connect, "to connect"}, {t.FirstToken, "to the first token"}, {t.BetweenTokens, "between tokens"}, {t.Request, "in all"}} {
		if p.after > 0 {
			parts = append(parts, p.after.String()+" "+p.what)
		}
	}
	return strings.Join(parts, ", ")
}

// promptText is what prompts are rounded to, and what makes them new.
func promptText(sc *scenario.Scenario) string {
	s := metric.Size(sc.Chunk) + " tokens are a chunk"
	if sc.ServerBlock > 0 {
		s += fmt.Sprintf(", %s the server's block", metric.Size(sc.ServerBlock))
	}
	switch sc.Prompts.Salt {
	case "run":
		s += "; new prompts for each run, not for each cell"
	case "none":
		s += "; the same prompts in every run: a warm server may hold them"
	}
	return s
}

// missText says what a level that misses the slo ends; in sustained mode the search decides.
func missText(sc *scenario.Scenario) string {
	switch {
	case sc.Mode == "sustained" || sc.SLO.Empty():
		return ""
	case sc.OnMiss == "skip":
		return "the higher levels are skipped"
	}
	return "the higher levels are run all the same"
}

func repeatText(times int) string {
	if times == 0 {
		return ""
	}
	return "a level that meets the slo is measured " + plural(times, "more time") + " from the same cache state"
}

func warmInText(sc *scenario.Scenario) string {
	if sc.WarmInMax == 0 {
		return ""
	}
	return "at most " + sc.WarmInMax.String()
}

// resetText says how the cache is emptied. A command and a URL may hold secrets.
func resetText(r scenario.Reset) string {
	switch {
	case r.None():
		return "the cache is not emptied"
	case len(r.Posts) > 0:
		return "the cache is emptied before it by a POST of the scenario's"
	case len(r.Command) > 0:
		return "the cache is emptied before it by a command"
	}
	return "the cache is emptied before it"
}
