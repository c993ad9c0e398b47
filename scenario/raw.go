package scenario

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/wsrun/wsrun/internal/nearest"
)

// The raw structs are the file's own shape. Their tags are the one place that
// holds a key's name (yaml), rule (validate), default and description
// (jsonschema...): loader, schema and docs read them.

type rawFile struct {
	Version      *Int               `yaml:"version" validate:"omitnil,eq=1" jsonschema:"default=1" jsonschema_description:"Version of the scenario language." diff:"cosmetic"`
	Name         *string            `yaml:"name" validate:"required,slug" jsonschema_description:"Name of the scenario, a-z 0-9 and hyphens; used in paths, unique within a call." diff:"cosmetic" example:"tier-sweep"`
	Description  *string            `yaml:"description" jsonschema_description:"What the scenario is for." diff:"cosmetic" example:"Where does this server fall from HBM to DRAM to SSD?"`
	Labels       *textMap           `yaml:"labels" jsonschema_description:"Free text, kept in the record, on pages and in CSV files; not in the digest." diff:"cosmetic" example:"{gpu: H100, lmcache: \"on\"}"`
	Extends      *string            `yaml:"extends" validate:"omitnil,min=1" jsonschema_description:"A base file, relative to this one: its keys hold where this file does not write them. Maps merge, lists replace, null deletes." diff:"cosmetic" example:"_base.yaml"`
	Target       *rawTarget         `yaml:"target" validate:"required" jsonschema_description:"The server under test: a URL, the word simulator, or a map." diff:"reach" orig:"--api-endpoint" example:"http://localhost:8000 | simulator"`
	Contexts     List[Size]         `yaml:"contexts" validate:"required,min=1,dive,gt=0,lte=1000000000" jsonschema_description:"Prompt lengths in tokens, ascending; k = 1000, M = 1e6, Ki = 1024, Mi = 1024^2." diff:"coverage, breaks-comparison" orig:"--context-sizes" example:"[8k, 32k] | 30k"`
	WorkingSet   *rawWorkingSet     `yaml:"working_set" jsonschema_description:"Sizes of the working set: a range or a list, in tokens, or in MiB, GiB, TiB with target.kv_bytes_per_token. Map: {max}, how far to look." diff:"coverage, breaks-comparison" example:"{min: 100k, max: 5M, steps: 10} | [100k, 1M]"`
	HitRates     List[Percent]      `yaml:"hit_rates" validate:"omitempty,dive,gte=0,lte=100" jsonschema:"default=100" jsonschema_description:"Percent of each prompt that is reusable prefix, ascending." diff:"coverage, breaks-comparison" orig:"--cache-hit-rates" example:"[50, 90, 100]"`
	OutputTokens *Size              `yaml:"output_tokens" validate:"omitnil,gte=1,lte=1000000" jsonschema:"default=256" jsonschema_description:"Output tokens of each request; a map asks for one." diff:"breaks-comparison" orig:"--output-tokens" example:"256"`
	Chunk        *Size              `yaml:"chunk" validate:"omitnil,gte=1,lte=1000000" jsonschema:"default=256" jsonschema_description:"Contexts and prefixes are rounded to this many tokens." diff:"breaks-comparison" orig:"--chunk-size" example:"16 | 256"`
	ServerBlock  *rawAutoSize       `yaml:"server_block" jsonschema:"default=auto" jsonschema_description:"The engine's KV block in tokens; auto: told, else learnt by sending one prompt twice." diff:"breaks-comparison" example:"16"`
	Access       *rawAccess         `yaml:"access" validate:"omitnil" jsonschema:"default=cyclic" jsonschema_description:"Order in which prompts are used again: cyclic (all in turn, the worst case of an LRU cache), uniform (at random); {zipf: s} (a few prompts often, most seldom); fixed: depth (log-uniform reuse distances, so that one window draws the whole curve)." diff:"breaks-comparison" orig:"--random-working-set-selection" example:"uniform | {zipf: 1.1}"`
	Seed         *rawSeed           `yaml:"seed" jsonschema:"default=42" jsonschema_description:"Seed of everything that is drawn." diff:"cosmetic, breaks-comparison; map: cosmetic" orig:"--seed" example:"42"`
	Prompts      *rawPrompts        `yaml:"prompts" jsonschema_description:"How prompts are made." diff:"breaks-comparison"`
	Mode         *string            `yaml:"mode" validate:"omitnil,oneof=fixed sustained map" jsonschema:"default=sustained" jsonschema_description:"How the scenario is run; sustained: the working set grows and a controller finds the concurrency that the slo bears; fixed: each working set is measured at each concurrency level; map: where each tier ends and what leaving it costs, in one pass." diff:"breaks-comparison" orig:"--mode" example:"fixed"`
	Duration     *rawSpan           `yaml:"duration" jsonschema_description:"Fixed: measured window of a level, exact, or {min, max}. Sustained: the whole cell, all sizes; default: steps x 16 x assessment_period." diff:"loosened / tightened" orig:"--test-duration, --ramp-duration" example:"2m | {min: 60s, max: 5m}"`
	Assessment   *Dur               `yaml:"assessment_period" validate:"omitnil,gt=0" jsonschema_description:"Length of an assessment period; default min(30s, duration or duration.min)." diff:"loosened / tightened" orig:"--assessment-period" example:"30s"`
	WarmInMax    *rawAutoDur        `yaml:"warm_in_max" jsonschema:"default=auto" jsonschema_description:"Longest warm-in of a level; auto: max(60s, 3 x p95 latency seen)." diff:"loosened / tightened" example:"2m"`
	Drain        *Dur               `yaml:"drain" validate:"omitnil,gte=0" jsonschema:"default=30s" jsonschema_description:"How long requests in flight may take at a cell's end before they are cancelled." diff:"cost" example:"30s"`
	Concurrency  *rawConcurrency    `yaml:"concurrency" jsonschema_description:"Requests in flight. Fixed: ascending levels. Sustained: where the search looks, {start, step, max}." diff:"coverage, breaks-comparison" orig:"--fixed-concurrency-levels" example:"[10, 20, 40, 80] | {start: 2, step: 2, max: 1000}"`
	Rate         List[Float]        `yaml:"rate" validate:"omitempty,min=1,dive,gt=0,lte=1000000" jsonschema_description:"Fixed: requests per second that are sent whether or not earlier ones have ended (open loop), ascending, instead of concurrency." diff:"coverage, breaks-comparison" example:"[5, 10, 20]"`
	Arrivals     *string            `yaml:"arrivals" validate:"omitnil,oneof=poisson constant" jsonschema:"default=poisson" jsonschema_description:"Fixed, with rate: how requests are spread in time; poisson (at random, as many users are) or constant (evenly)." diff:"breaks-comparison" example:"constant"`
	Growth       *rawGrowth         `yaml:"growth" jsonschema_description:"Sustained: how the working set grows." diff:"breaks-comparison, loosened / tightened"`
	Map          *rawMap            `yaml:"map" jsonschema_description:"Map: how the tiers' edges are looked for." diff:"loosened / tightened, coverage"`
	OnMiss       *string            `yaml:"on_miss" validate:"omitnil,oneof=skip continue" jsonschema:"default=skip" jsonschema_description:"Fixed: a level that misses the slo ends the higher levels (skip), or not (continue)." diff:"coverage" example:"continue"`
	Warmup       *rawWarmup         `yaml:"warmup" jsonschema_description:"How the cache is brought into its state." diff:"breaks-comparison"`
	Repeats      *Int               `yaml:"repeats" validate:"omitnil,gte=0,lte=1000" jsonschema:"default=0" jsonschema_description:"Fixed: how many more times a level that met the slo is measured at once, from the same cache state; all its windows together make the result." diff:"loosened / tightened" orig:"--num-retries" example:"3"`
	Trials       *Int               `yaml:"trials" validate:"omitnil,gte=1,lte=1000" jsonschema:"default=1" jsonschema_description:"How often the whole scenario is repeated, each time from an emptied cache and with prompts of its own: only several trials show how much a result varies, so a comparison of two runs needs them." diff:"loosened / tightened" example:"5"`
	Order        *string            `yaml:"order" validate:"omitnil,oneof=ascending shuffled interleaved" jsonschema:"default=ascending" jsonschema_description:"Order of the cells; levels always ascend." diff:"breaks-comparison" example:"interleaved"`
	SLO          *rawSLO            `yaml:"slo" jsonschema_description:"What is acceptable; sustained mode looks for the concurrency that it bears." diff:"loosened / tightened; sustained: breaks-comparison" example:"{ttft: {p95: 5s}}"`
	Stop         List[rawStop]      `yaml:"stop" validate:"max=100,dive" jsonschema_description:"What is enough: conditions that end a search early." diff:"cost, loosened / tightened" example:"[ttft.p95 > 3s]"`
	Thresholds   List[rawThreshold] `yaml:"thresholds" validate:"max=100,dive" jsonschema_description:"Pass or fail lines over points; exit code 99 when one is crossed." diff:"loosened / tightened" example:"[{expect: ttft.p95 < 2s, where: hit_rate == 100}]"`
	Compare      *rawCompare        `yaml:"compare" jsonschema_description:"What a comparison of two runs of this scenario holds them against." diff:"loosened / tightened" example:"{tolerance: 5%}"`
	Output       *rawOutput         `yaml:"output" jsonschema_description:"Where results go." diff:"reach" example:"{dir: results, html: false}"`
}

// RawFile gives the Go value whose type is the shape of a scenario file, for the
// generator of the published schema.
func RawFile() any { return rawFile{} }

type rawTarget struct {
	Endpoints       List[string]  `yaml:"endpoints" validate:"omitempty,min=1" jsonschema_description:"Base URLs of the servers; a trailing / or /v1 is accepted." diff:"reach, breaks-comparison" orig:"--api-endpoint" example:"[http://gpu-1:8000, http://gpu-2:8000]"`
	Simulator       *rawSimulator `yaml:"simulator" jsonschema_description:"The built-in server for this run, instead of endpoints." diff:"breaks-comparison" example:"{profile: h100-70b}"`
	Replicas        *Int          `yaml:"replicas" validate:"omitnil,gte=1,lte=10000" jsonschema:"default=1" jsonschema_description:"Servers behind one endpoint (a router) that share the prompts among them: a tier's edge moves by their number." diff:"breaks-comparison" example:"4"`
	GPUs            *Int          `yaml:"gpus" validate:"omitnil,gte=1,lte=1000000" jsonschema_description:"GPUs of all servers under test together, for figures per GPU." diff:"cosmetic" example:"8"`
	Model           *string       `yaml:"model" validate:"omitnil,min=1" jsonschema:"default=auto" jsonschema_description:"Model name; auto: the only one of /v1/models." diff:"breaks-comparison" example:"meta-llama/Llama-3.1-70B-Instruct"`
	API             *string       `yaml:"api" validate:"omitnil,oneof=auto completions chat" jsonschema:"default=auto" jsonschema_description:"completions (token ids, exact) when the server takes them, else chat." diff:"breaks-comparison" example:"chat"`
	Engine          *string       `yaml:"engine" validate:"omitnil,oneof=auto vllm sglang llamacpp generic simulator" jsonschema:"default=auto" jsonschema_description:"Kind of the server, which says how its cache is emptied, what fixes the output length and what its metrics are called; auto: found out." diff:"breaks-comparison" example:"vllm"`
	Balance         *string       `yaml:"balance" validate:"omitnil,oneof=round-robin pinned least-loaded" jsonschema:"default=round-robin" jsonschema_description:"How prompts are spread over endpoints." diff:"breaks-comparison" orig:"--endpoint-selection" example:"pinned"`
	APIKeyEnv       *string       `yaml:"api_key_env" validate:"omitnil,envname" jsonschema:"default=WSRUN_API_KEY" jsonschema_description:"Name of the environment variable that holds the API key." diff:"reach" example:"GATEWAY_KEY"`
	Headers         *textMap      `yaml:"headers" jsonschema_description:"Headers of each request; {run}, {cell}, {prompt} and {request} are filled in." diff:"reach" example:"{X-Session-ID: \"{prompt}\"}"`
	Body            *jsonMap      `yaml:"body" jsonschema_description:"Merged into each request's body." diff:"breaks-comparison" example:"{priority: 1}"`
	Metrics         *rawMetrics   `yaml:"metrics" jsonschema:"default=auto" jsonschema_description:"Telemetry: auto ({endpoint}/metrics), none, or a URL for each endpoint or each replica." diff:"reach" example:"none | http://gpu-1:8000/metrics"`
	MetricsInterval *Dur          `yaml:"metrics_interval" validate:"omitnil,gte=100000000" jsonschema:"default=1s" jsonschema_description:"Time between two readings of telemetry, at least 100ms." diff:"loosened / tightened" example:"5s"`
	Timeouts        *rawTimeouts  `yaml:"timeouts" jsonschema_description:"Timeouts of one request." diff:"loosened / tightened" example:"{first_token: 5m}"`
	TLS             *rawTLS       `yaml:"tls" jsonschema_description:"How https endpoints are trusted, and who the client is." diff:"reach" example:"{ca_file: ca.pem}"`
	MaxInFlight     *Int          `yaml:"max_in_flight" validate:"omitnil,gte=1,lte=100000" jsonschema:"default=2000" jsonschema_description:"Safety cap on requests in flight." diff:"cost" example:"500"`
	KVBytesPerToken *rawKVBytes   `yaml:"kv_bytes_per_token" jsonschema:"default=auto" jsonschema_description:"KV cache bytes of one token over all ranks of a server, for figures in GB/s; as a number or the name of a known model also for sizes in MiB, GiB and TiB." diff:"cosmetic, breaks-comparison" orig:"--kv-cache-quantization" example:"327680 | llama-3.1-70b | {model: deepseek-v3, dtype: fp8, tensor_parallel: 8}"`
	Tiers           List[rawTier] `yaml:"tiers" validate:"max=9,dive" jsonschema_description:"The server's cache tiers as you know them, nearest first: they are named, drawn on pages and held against what is found." diff:"cosmetic, loosened / tightened" example:"[{name: hbm, capacity: 1M}, {name: dram, capacity: 512GiB, bandwidth: 50GB/s}]"`

	short bool // written as a URL or as simulator
}

type rawSimulator struct {
	Profile *string `yaml:"profile" validate:"omitnil,min=1" jsonschema:"default=small" jsonschema_description:"Name of a built-in profile, or a profile file below the working directory." diff:"breaks-comparison" example:"h100-70b | profiles/mine.yaml"`
}

type rawTimeouts struct {
	Connect       *Dur `yaml:"connect" validate:"omitnil,gt=0" jsonschema:"default=5s" jsonschema_description:"How long a connection may take, TLS included." diff:"loosened / tightened" example:"5s"`
	FirstToken    *Dur `yaml:"first_token" validate:"omitnil,gt=0" jsonschema:"default=15m" jsonschema_description:"How long a request may wait for its first token." diff:"loosened / tightened" example:"15m"`
	BetweenTokens *Dur `yaml:"between_tokens" validate:"omitnil,gt=0" jsonschema:"default=60s" jsonschema_description:"How long a stream may pause between two tokens." diff:"loosened / tightened" example:"60s"`
	Request       *Dur `yaml:"request" validate:"omitnil,gt=0" jsonschema:"default=30m" jsonschema_description:"How long a request may take in all." diff:"loosened / tightened" example:"30m"`
}

// rawTLS is how https endpoints are spoken to.
type rawTLS struct {
	CAFile   *string `yaml:"ca_file" validate:"omitnil,min=1" jsonschema_description:"PEM file of the authorities to trust instead of the system's; relative to this file, below the working directory." diff:"reach" example:"ca.pem"`
	CertFile *string `yaml:"cert_file" validate:"omitnil,min=1" jsonschema_description:"PEM file of the client's certificate, relative to this file, below the working directory; with key_file." diff:"reach" example:"client.pem"`
	KeyFile  *string `yaml:"key_file" validate:"omitnil,min=1" jsonschema_description:"PEM file of the client's key, relative to this file, below the working directory; with cert_file." diff:"reach" example:"client-key.pem"`
	Insecure *bool   `yaml:"insecure" jsonschema:"default=false" jsonschema_description:"Do not check the server's certificate: anybody in between can read the key and answer in the server's place." diff:"reach" example:"true"`
}

// rawCompare is what a comparison of two runs holds them against.
type rawCompare struct {
	Gate      List[rawGate] `yaml:"gate" validate:"max=100,dive" jsonschema_description:"Metrics that must not become worse; a list of {metric, where}." diff:"loosened / tightened" example:"[{metric: ttft.p95, where: hit_rate == 100}]"`
	Tolerance *Percent      `yaml:"tolerance" validate:"omitnil,gte=0,lte=100" jsonschema:"default=3%" jsonschema_description:"A change of a gated metric up to this many percent is no regression." diff:"loosened / tightened" example:"5%"`
	Alpha     *Float        `yaml:"alpha" validate:"omitnil,gt=0,lt=1" jsonschema:"default=0.05" jsonschema_description:"How often chance alone may call a change a regression, over all gated metrics together." diff:"loosened / tightened" example:"0.01"`
}

// rawGate is one metric of a comparison's gate.
type rawGate struct {
	Metric *string `yaml:"metric" validate:"required" jsonschema_description:"Name of a metric, as ttft.p95." diff:"loosened / tightened" example:"ttft.p95"`
	Where  *string `yaml:"where" jsonschema_description:"Points for which it is compared; default all." diff:"loosened / tightened" example:"hit_rate == 100"`
}

type rawWorkingSet struct {
	Min     *rawSetSize `yaml:"min" jsonschema_description:"Smallest size in tokens; or in MiB, GiB, TiB with target.kv_bytes_per_token; or a share of a tier that the run of --tiers found, as 0.5 tier1." diff:"breaks-comparison, coverage" orig:"--min-working-set-size" example:"100k | 40GiB | 0.5 tier1"`
	Max     *rawSetSize `yaml:"max" jsonschema_description:"Largest size, in tokens; or in MiB, GiB, TiB with target.kv_bytes_per_token; or a share of a tier, as 1.5 tier2. Map: how far to look, default 20M." diff:"breaks-comparison, coverage; map: coverage" orig:"--max-working-set-size" example:"5M | 640GiB | 1.5 tier2"`
	Steps   *Int        `yaml:"steps" validate:"omitnil,gte=1,lte=10000" jsonschema_description:"Number of sizes, both ends included." diff:"breaks-comparison, coverage" orig:"--working-set-increments" example:"10"`
	Spacing *string     `yaml:"spacing" validate:"omitnil,oneof=linear log" jsonschema:"default=linear" jsonschema_description:"How sizes are spread: linear (equal steps, as the original), or log (equal factors, so that each decade has as many)." diff:"breaks-comparison, coverage" example:"log"`
	Refine  *Int        `yaml:"refine" validate:"omitnil,gte=0,lte=20" jsonschema:"default=0" jsonschema_description:"Fixed: bisections of each transition found, at all levels." diff:"coverage" example:"3"`

	List  List[rawSetSize] `yaml:"-"`
	short bool             // written as a list or one size
}

type rawPrompts struct {
	Encoding *string `yaml:"encoding" validate:"omitnil,oneof=auto" jsonschema:"default=auto" jsonschema_description:"How prompts are encoded: token ids where the server takes them, else fitted text." diff:"breaks-comparison" orig:"--tokenizer" example:"auto"`
	Salt     *string `yaml:"salt" validate:"omitnil,oneof=cell run none" jsonschema:"default=cell" jsonschema_description:"What makes the prompts unlike earlier ones, so that nothing left in the server's cache is hit by accident: cell (new prompts for each cell and trial), run (new prompts for each run), none (the same prompts in every run, which a warm server may still hold)." diff:"breaks-comparison" example:"run"`
}

type rawSpan struct {
	Min *Dur `yaml:"min" validate:"omitnil,gt=0" jsonschema:"default=60s" jsonschema_description:"Shortest measured window of a level." diff:"loosened / tightened" example:"60s"`
	Max *Dur `yaml:"max" validate:"omitnil,gt=0" jsonschema:"default=5m" jsonschema_description:"Longest measured window of a level." diff:"loosened / tightened" example:"5m"`

	ranged bool // written as {min, max}
}

type rawWarmup struct {
	Concurrency *Int      `yaml:"concurrency" validate:"omitnil,gte=1" jsonschema:"default=16" jsonschema_description:"Requests in flight during warm-up." diff:"cost" orig:"--init-concurrency" example:"16"`
	Reset       *rawReset `yaml:"reset" jsonschema:"default=auto" jsonschema_description:"How the cache is emptied before a cell." diff:"reach" example:"none | {post: /reset_prefix_cache} | {command: [./restart.sh, \"gpu-1\"]}"`
	Rewarm      *string   `yaml:"rewarm" validate:"omitnil,oneof=per-working-set per-level once" jsonschema:"default=per-working-set" jsonschema_description:"Fixed: when the prompts are sent again before measuring, so that the cache holds them: per-working-set (before each size), per-level (before each level of concurrency too), once (sizes build on each other, and each sends its new prompts only)." diff:"cost" orig:"--reinit-strategy" example:"per-level"`
	Verify      *bool     `yaml:"verify" jsonschema:"default=true" jsonschema_description:"Look again at 1 % of the prompts after warm-up." diff:"loosened / tightened" example:"false"`
}

type rawSLO struct {
	TTFT       *rawTTFT `yaml:"ttft" jsonschema_description:"Upper limits on the time to first token." diff:"loosened / tightened; sustained: breaks-comparison" orig:"--max-ttft, --ttft-metric" example:"{p95: 5s}"`
	OutputRate *rawRate `yaml:"output_rate" jsonschema_description:"Lower limits on output tokens/s per request." diff:"loosened / tightened; sustained: breaks-comparison" orig:"--min-tokens-per-req, --tokens-per-req-metric" example:"{avg: 20}"`
	Margin     *Percent `yaml:"margin" validate:"omitnil,lt=100" jsonschema:"default=10" jsonschema_description:"Sustained: percent of each limit that the search keeps clear of it." diff:"breaks-comparison" example:"10"`
}

type rawTTFT struct {
	Max *Dur `yaml:"max" validate:"omitnil,gt=0" jsonschema_description:"Upper limit on the largest time to first token." diff:"loosened / tightened; sustained: breaks-comparison" example:"5s"`
	Avg *Dur `yaml:"avg" validate:"omitnil,gt=0" jsonschema_description:"Upper limit on the mean time to first token." diff:"loosened / tightened; sustained: breaks-comparison" example:"5s"`
	P50 *Dur `yaml:"p50" validate:"omitnil,gt=0" jsonschema_description:"Upper limit on the median time to first token." diff:"loosened / tightened; sustained: breaks-comparison" example:"5s"`
	P90 *Dur `yaml:"p90" validate:"omitnil,gt=0" jsonschema_description:"Upper limit on the 90th percentile of the time to first token." diff:"loosened / tightened; sustained: breaks-comparison" example:"5s"`
	P95 *Dur `yaml:"p95" validate:"omitnil,gt=0" jsonschema_description:"Upper limit on the 95th percentile of the time to first token." diff:"loosened / tightened; sustained: breaks-comparison" example:"5s"`
	P99 *Dur `yaml:"p99" validate:"omitnil,gt=0" jsonschema_description:"Upper limit on the 99th percentile of the time to first token." diff:"loosened / tightened; sustained: breaks-comparison" example:"5s"`
}

type rawRate struct {
	Avg *Float `yaml:"avg" validate:"omitnil,gt=0" jsonschema_description:"Lower limit on the mean output rate of requests, in tokens/s." diff:"loosened / tightened; sustained: breaks-comparison" example:"20"`
	P5  *Float `yaml:"p5" validate:"omitnil,gt=0" jsonschema_description:"Lower limit on the 5th percentile of the output rate of requests, in tokens/s." diff:"loosened / tightened; sustained: breaks-comparison" example:"20"`
	P10 *Float `yaml:"p10" validate:"omitnil,gt=0" jsonschema_description:"Lower limit on the 10th percentile of the output rate of requests, in tokens/s." diff:"loosened / tightened; sustained: breaks-comparison" example:"20"`
}

type rawStop struct {
	When    *string `yaml:"when" validate:"required" jsonschema_description:"Condition on metrics that ends the search when it is true, as ttft.p95 > 3s." diff:"cost, loosened / tightened" example:"ttft.p95 > 3s"`
	Periods *Int    `yaml:"periods" validate:"omitnil,gte=1,lte=1000" jsonschema_description:"Consecutive periods for which it must hold; default: judged on the finished level (fixed), or 1 (sustained)." diff:"cost, loosened / tightened" example:"2"`
	Ends    *string `yaml:"ends" validate:"omitnil,oneof=level cell sweep run" jsonschema:"default=cell" jsonschema_description:"What the condition ends: level (the one that is running; fixed only), cell (the higher levels of this working set), sweep (the larger working sets of this context and hit rate as well), run (everything)." diff:"cost, loosened / tightened" example:"sweep"`
	Fail    *bool   `yaml:"fail" jsonschema:"default=false" jsonschema_description:"The run failed: exit code 1." diff:"loosened / tightened" example:"true"`
	Reason  *string `yaml:"reason" jsonschema_description:"Why it ends, in words, for console and pages." diff:"cosmetic" example:"server is failing"`
}

type rawThreshold struct {
	Expect *string `yaml:"expect" validate:"required" jsonschema_description:"Condition that must hold." diff:"loosened / tightened" example:"ttft.p95 < 2s | edge1 > 950k"`
	Where  *string `yaml:"where" jsonschema_description:"Points for which it must hold; default all." diff:"loosened / tightened" example:"hit_rate == 100 and working_set <= 1M"`
}

type rawOutput struct {
	Dir      *string `yaml:"dir" validate:"omitnil,min=1" jsonschema:"default=results" jsonschema_description:"Directory of results, below the working directory." diff:"reach" orig:"--output-dir" example:"results"`
	Requests *bool   `yaml:"requests" jsonschema:"default=true" jsonschema_description:"Write the detailed CSV; the record always has all requests." diff:"cosmetic" example:"false"`
	HTML     *bool   `yaml:"html" jsonschema:"default=true" jsonschema_description:"Write HTML pages of the run." diff:"cosmetic" orig:"--skip-graphs" example:"false"`
}

// accessLaws are the values of access.
var accessLaws = []string{"cyclic", "uniform", "depth"}

// rawAccess is an access law by name, or zipf with its exponent.
type rawAccess struct {
	law  string
	zipf float64
}

// rawZipf is an access law with a parameter.
type rawZipf struct {
	Zipf *Float `yaml:"zipf" validate:"required,gt=0,lte=10" jsonschema_description:"Exponent of a Zipf law: the n-th most popular prompt is asked for in proportion to 1/n^s; above 0, at most 10." diff:"breaks-comparison" example:"1.1"`
}

// Shape implements the schema's side.
func (rawAccess) Shape() []any {
	return []any{`{"type":"string","enum":["` + strings.Join(accessLaws, `","`) + `"]}`, mapOf{rawZipf{}}}
}

func (a *rawAccess) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind == yaml.MappingNode {
		return a.decodeZipf(w, n, path)
	}
	text, ok := w.scalar(n, path, "cyclic, uniform, depth or {zipf: 1.1}")
	switch {
	case !ok:
		return false
	case slices.Contains(accessLaws, text):
		a.law = text
		return true
	case text == "zipf":
		return w.fail("bad-value", n, path, "access: zipf needs its exponent: write {zipf: 1.1}")
	case text == "random":
		return w.fail("bad-value", n, path, "access: write uniform for the original's random selection")
	}
	return w.fail("bad-value", n, path, "access: %q is unknown%s", text, meant(text, accessLaws, "write cyclic, uniform, depth or {zipf: 1.1}"))
}

func (a *rawAccess) decodeZipf(w *walker, n *yaml.Node, path string) bool {
	var z rawZipf
	if !w.structure(n, reflect.ValueOf(&z).Elem(), path) {
		return false
	}
	switch {
	case z.Zipf == nil:
		return w.fail("missing-key", n, path+"/zipf", "access.zipf is missing: write access: {zipf: 1.1}")
	case *z.Zipf <= 0 || *z.Zipf > 10:
		return w.fail("out-of-range", w.locate(path+"/zipf"), path+"/zipf", "access.zipf: must be above 0 and at most 10; write access: uniform for 0")
	}
	a.law, a.zipf = "zipf", float64(*z.Zipf)
	return true
}

// rawSeed is any whole number.
type rawSeed int64

// Shape implements the schema's side.
func (rawSeed) Shape() []any { return []any{`{"type":"integer"}`} }

func (s *rawSeed) decode(w *walker, n *yaml.Node, path string) bool {
	var i Int
	ok := i.decode(w, n, path)
	*s = rawSeed(i)
	return ok
}

// rawAutoSize is auto or a number of tokens; nil in Size means auto.
type rawAutoSize struct{ Size *Size }

// Shape implements the schema's side.
func (rawAutoSize) Shape() []any {
	return append([]any{`{"const":"auto"}`, `{"type":"integer","minimum":1}`}, Size(0).Shape()[1:]...)
}

func (a *rawAutoSize) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Value == "auto" {
		return true
	}
	a.Size = new(Size)
	if !a.Size.decode(w, n, path) {
		return false
	}
	if *a.Size == 0 {
		return w.fail("out-of-range", n, path, "%s: must be above 0, or auto", pathName(path))
	}
	return true
}

// rawAutoDur is auto or a duration.
type rawAutoDur struct{ Dur *Dur }

// Shape implements the schema's side.
func (rawAutoDur) Shape() []any { return append([]any{`{"const":"auto"}`}, Dur(0).Shape()...) }

func (a *rawAutoDur) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Value == "auto" {
		return true
	}
	a.Dur = new(Dur)
	if !a.Dur.decode(w, n, path) {
		return false
	}
	if *a.Dur == 0 {
		return w.fail("out-of-range", n, path, "%s: must be above 0, or auto", pathName(path))
	}
	return true
}

// rawMetrics is auto, none, a URL or several.
type rawMetrics struct {
	Auto bool
	URLs List[string]
}

// Shape implements the schema's side.
func (rawMetrics) Shape() []any { return List[string]{}.Shape() }

func (m *rawMetrics) decode(w *walker, n *yaml.Node, path string) bool {
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == "auto":
		m.Auto = true
		return true
	case n.Kind == yaml.ScalarNode && n.Value == "none":
		return true
	}
	return m.URLs.decode(w, n, path)
}

// rawReset is auto, none, {post: ...} or {command: [...]}.
type rawReset struct {
	Auto    bool
	Post    List[string]
	Command List[string]
}

type rawResetMap struct {
	Post    List[string] `yaml:"post" jsonschema_description:"A path on each endpoint, a URL, or several, to POST to." diff:"reach" example:"/reset_prefix_cache"`
	Command List[string] `yaml:"command" jsonschema_description:"Program and arguments to run; needs --allow-commands." diff:"reach" example:"[./restart.sh]"`
}

// Shape implements the schema's side.
func (rawReset) Shape() []any { return []any{`{"enum":["auto","none"]}`, mapOf{rawResetMap{}}} }

func (r *rawReset) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind != yaml.MappingNode {
		text, ok := w.scalar(n, path, "auto, none, {post: ...} or {command: [...]}")
		if ok && text != "auto" && text != "none" {
			return w.fail("bad-value", n, path, "%s: %q is unknown%s", pathName(path), text, meant(text, []string{"auto", "none"}, "write auto, none, {post: /path} or {command: [...]}"))
		}
		r.Auto = text == "auto"
		return ok
	}
	var m rawResetMap
	if !w.structure(n, reflect.ValueOf(&m).Elem(), path) {
		return false
	}
	if (len(m.Post) > 0) == (len(m.Command) > 0) {
		return w.fail("bad-value", n, path, "%s: write either post or command", pathName(path))
	}
	r.Post, r.Command = m.Post, m.Command
	return true
}

// Shape implements the schema's side.
func (rawTarget) Shape() []any {
	return []any{`{"const":"simulator"}`, `{"type":"string","pattern":"^https?://"}`, mapOf{rawTarget{}}}
}

func (t *rawTarget) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind == yaml.MappingNode {
		return w.structure(n, reflect.ValueOf(t).Elem(), path)
	}
	text, ok := w.scalar(n, path, "a URL, simulator, or a map")
	if !ok {
		return false
	}
	t.short = true
	if text == "simulator" {
		t.Simulator = &rawSimulator{}
		return true
	}
	if near := nearest.Name(text, []string{"simulator"}); near != "" {
		return w.fail("bad-value", n, path, "target: %q is no URL, did you mean simulator?", text)
	}
	w.at[path+"/endpoints"] = place{value: n}
	w.at[path+"/endpoints/0"] = place{value: n}
	t.Endpoints = List[string]{text}
	return true
}

// mapOf tells the schema generator to reflect the struct itself, not its Shape.
type mapOf struct{ V any }

// Struct gives the struct value.
func (m mapOf) Struct() any { return m.V }

// Shape implements the schema's side.
func (rawWorkingSet) Shape() []any {
	return append(List[rawSetSize]{}.Shape(), mapOf{rawWorkingSet{}})
}

func (s *rawWorkingSet) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind == yaml.MappingNode {
		return w.structure(n, reflect.ValueOf(s).Elem(), path)
	}
	s.short = true
	return s.List.decode(w, n, path)
}

// Shape implements the schema's side.
func (rawSpan) Shape() []any { return append(Dur(0).Shape(), mapOf{rawSpan{}}) }

func (s *rawSpan) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind == yaml.MappingNode {
		s.ranged = true
		return w.structure(n, reflect.ValueOf(s).Elem(), path)
	}
	var d Dur
	if !d.decode(w, n, path) {
		return false
	}
	s.Min, s.Max = &d, &d
	return true
}

// Shape implements the schema's side.
func (rawStop) Shape() []any { return []any{`{"type":"string","maxLength":4096}`, mapOf{rawStop{}}} }

func (s *rawStop) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind == yaml.MappingNode {
		return w.structure(n, reflect.ValueOf(s).Elem(), path)
	}
	var when string
	if !w.value(n, reflect.ValueOf(&when).Elem(), path) {
		return false
	}
	w.at[path+"/when"] = place{value: n}
	s.When = &when
	return true
}

// Shape implements the schema's side.
func (rawThreshold) Shape() []any { return []any{mapOf{rawThreshold{}}} }

func (t *rawThreshold) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind == yaml.ScalarNode {
		return w.fail("wrong-type", n, path, "%s: a threshold is a map: write - expect: %s", pathName(path), strings.TrimSpace(n.Value))
	}
	return w.structure(n, reflect.ValueOf(t).Elem(), path)
}

// indexPath turns /stop/0/when into /stop/*/when.
func indexPath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if _, err := strconv.Atoi(p); err == nil {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}
