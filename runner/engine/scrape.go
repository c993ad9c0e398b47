package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/wsrun/wsrun/runner/sample"
)

// Scrape reads telemetry in Prometheus' text format and gives what Canonical names.
// It leaves no connection behind and reads at most 16 MB. A page without one known
// series is an error: it is some other server's.
func Scrape(ctx context.Context, client *http.Client, url string) (map[string]float64, error) {
	page, err := fetch(ctx, client, url)
	if err != nil {
		return nil, err
	}
	families, err := parse(page)
	if err != nil {
		return nil, fmt.Errorf("telemetry of %s: %w", redact(url), err)
	}
	values := canonical(families)
	if len(values) == 0 {
		return nil, fmt.Errorf("telemetry of %s holds no series of a known engine", redact(url))
	}
	return values, nil
}

func fetch(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("telemetry of %s: %w", redact(url), errors.Unwrap(err))
	}
	req.Close = true
	req.Header.Set("Accept", "text/plain; version=0.0.4")
	here := *client
	here.CheckRedirect = stay
	res, err := here.Do(req)
	if err != nil {
		return nil, fmt.Errorf("telemetry of %s: %w", redact(url), cause(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("telemetry of %s: HTTP status %d", redact(url), res.StatusCode)
	}
	page, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("telemetry of %s broke off: %w", redact(url), err)
	}
	if len(page) > maxBody {
		return nil, fmt.Errorf("telemetry of %s is larger than %d MB", redact(url), maxBody>>20)
	}
	return page, nil
}

const configInfo = "vllm:cache_config_info"

// parse reads the families that are of use. Lines of all others are left out before
// the parser sees them: a server's page is long, and a line that breaks the format
// must not cost those that do not.
func parse(page []byte) (map[string]*dto.MetricFamily, error) {
	var kept bytes.Buffer
	for line := range bytes.Lines(page) {
		if wanted[seriesOf(line)] {
			kept.Write(bytes.TrimRight(line, "\r\n"))
			kept.WriteByte('\n')
		}
	}
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(&kept)
	if err != nil {
		return nil, fmt.Errorf("not in Prometheus' text format: %w", err)
	}
	return families, nil
}

// seriesOf gives the name at the head of a line of values, empty for a comment.
// Without TYPE lines every series is untyped: its type is ours to know.
func seriesOf(line []byte) string {
	line = bytes.TrimLeft(line, " \t")
	if len(line) == 0 || line[0] == '#' {
		return ""
	}
	if i := bytes.IndexAny(line, "{ \t"); i > 0 {
		return string(line[:i])
	}
	return ""
}

// canonical finds the value of each name.
func canonical(families map[string]*dto.MetricFamily) map[string]float64 {
	out := map[string]float64{}
	for _, n := range Canonical {
		for _, s := range n.Sources {
			if v, ok := s.value(families); ok {
				out[n.Name] = v
				break
			}
		}
	}
	return out
}

// value adds the series of a source.
func (s *Source) value(families map[string]*dto.MetricFamily) (sum float64, ok bool) {
	n := 0
	for _, series := range s.Series {
		f, found := families[series]
		if !found {
			return 0, false
		}
		values := s.pick(f)
		if len(values) == 0 && !s.begins(f, families) {
			return 0, false
		}
		for _, v := range values {
			sum += v
		}
		n += max(1, len(values))
	}
	if s.Mean {
		sum /= float64(n)
	}
	if s.Scale != 0 {
		sum *= s.Scale
	}
	return sum, n > 0 && !math.IsInf(sum, 0)
}

// pick gives the values of a series that count, in the order of the page.
func (s *Source) pick(f *dto.MetricFamily) (out []float64) {
	at := map[string]int{} // Ranks: where the value of a data-parallel rank is
	for _, m := range f.GetMetric() {
		v := m.GetUntyped().GetValue()
		if !s.takes(m) || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		if !s.Ranks {
			out = append(out, v)
			continue
		}
		if priority, _ := label(m, "priority"); priority != "" {
			continue
		}
		rank, _ := label(m, "dp_rank")
		i, seen := at[rank]
		if !seen {
			at[rank], out = len(out), append(out, v)
			continue
		}
		out[i] = max(out[i], v)
	}
	return out
}

// begins reports whether a series that is missing has counted nothing yet: see Begins.
func (s *Source) begins(f *dto.MetricFamily, families map[string]*dto.MetricFamily) bool {
	if _, there := families[s.Begins]; s.Begins == "" || !there {
		return false
	}
	for _, m := range f.GetMetric() {
		if v, _ := label(m, s.Label); v != "" && v != "total" {
			return true
		}
	}
	return false
}

func (s *Source) takes(m *dto.Metric) bool {
	if s.Label == "" {
		return true
	}
	v, _ := label(m, s.Label)
	if slices.Contains(s.Not, v) {
		return false
	}
	if begin, ok := strings.CutSuffix(s.Value, "*"); ok {
		return strings.HasPrefix(v, begin)
	}
	return v == s.Value
}

func label(m *dto.Metric, name string) (string, bool) {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue(), true
		}
	}
	return "", false
}

// told reads vLLM's cache_config_info: the block size and the capacity of the first
// tier over all engines of the page.
func told(families map[string]*dto.MetricFamily) (block int64, capacity []sample.Capacity) {
	f, ok := families[configInfo]
	if !ok {
		return 0, nil
	}
	var tokens int64
	for _, m := range f.GetMetric() {
		b := number(m, "block_size")
		if block == 0 {
			block = b
		}
		size := number(m, "kv_cache_size_tokens")
		if blocks := number(m, "num_gpu_blocks"); size == 0 && blocks < math.MaxInt64/max(1, b) {
			size = b * blocks
		}
		tokens += min(size, math.MaxInt64-tokens)
	}
	if tokens > 0 {
		capacity = []sample.Capacity{{Tier: "hbm", Tokens: tokens, Source: configInfo}}
	}
	return block, capacity
}

// number reads a label that is a number; 0 when it is none ("None").
func number(m *dto.Metric, name string) int64 {
	v, _ := label(m, name)
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
