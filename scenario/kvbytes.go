package scenario

import (
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// KVShape is what a model keeps of each token in its KV cache, as its config.json says.
// Either KVHeads and HeadDim are set (attention with all heads, or in groups), or Latent
// (multi-head latent attention, MLA: one vector for keys and values together).
type KVShape struct {
	Layers  int // num_hidden_layers
	KVHeads int // num_key_value_heads; num_attention_heads where there is none
	HeadDim int // head_dim; hidden_size / num_attention_heads where there is none
	Latent  int // kv_lora_rank
	Rope    int // qk_rope_head_dim, kept beside the latent vector
}

// BytesPerToken gives the bytes of one token over all tensor-parallel ranks of a server.
// valueBytes is the size of one cached value: 2 for bf16 and fp16, 1 for fp8.
//
// With heads it is 2 (keys and values) x layers x heads x head size x value bytes; the
// heads are divided over the ranks, and each rank holds one at least, so that with more
// ranks than KV heads they are kept more than once. With MLA it is layers x (latent + rope)
// x value bytes, and each rank keeps all of it.
func (s KVShape) BytesPerToken(valueBytes float64, ranks int) float64 {
	ranks = max(1, ranks)
	if s.Latent > 0 {
		return float64(s.Layers*(s.Latent+s.Rope)*ranks) * valueBytes
	}
	heads := (s.KVHeads + ranks - 1) / ranks * ranks
	return float64(2*s.Layers*heads*s.HeadDim) * valueBytes
}

// KVModel is a model whose shape is known.
type KVModel struct {
	Name  string // as target.kv_bytes_per_token takes it
	Repo  string // whose config.json says so
	Shape KVShape
}

// kvModels are the known models. Those whose layers attend to a window only or keep a
// state of one size (Gemma, gpt-oss, Mamba and hybrids) are not here: no number of bytes
// holds for each of their tokens.
var kvModels = []KVModel{
	{"codellama-34b", "codellama/CodeLlama-34b-hf", KVShape{Layers: 48, KVHeads: 8, HeadDim: 128}},
	{"deepseek-r1", "deepseek-ai/DeepSeek-R1", KVShape{Layers: 61, Latent: 512, Rope: 64}},
	{"deepseek-v2", "deepseek-ai/DeepSeek-V2", KVShape{Layers: 60, Latent: 512, Rope: 64}},
	{"deepseek-v2-lite", "deepseek-ai/DeepSeek-V2-Lite", KVShape{Layers: 27, Latent: 512, Rope: 64}},
	{"deepseek-v3", "deepseek-ai/DeepSeek-V3", KVShape{Layers: 61, Latent: 512, Rope: 64}},
	{"deepseek-v3.1", "deepseek-ai/DeepSeek-V3.1", KVShape{Layers: 61, Latent: 512, Rope: 64}},
	{"glm-4.5", "zai-org/GLM-4.5", KVShape{Layers: 92, KVHeads: 8, HeadDim: 128}},
	{"glm-4.5-air", "zai-org/GLM-4.5-Air", KVShape{Layers: 46, KVHeads: 8, HeadDim: 128}},
	{"kimi-k2", "moonshotai/Kimi-K2-Instruct", KVShape{Layers: 61, Latent: 512, Rope: 64}},
	{"llama-2-7b", "meta-llama/Llama-2-7b-hf", KVShape{Layers: 32, KVHeads: 32, HeadDim: 128}},
	{"llama-2-13b", "meta-llama/Llama-2-13b-hf", KVShape{Layers: 40, KVHeads: 40, HeadDim: 128}},
	{"llama-2-70b", "meta-llama/Llama-2-70b-hf", KVShape{Layers: 80, KVHeads: 8, HeadDim: 128}},
	{"llama-3-8b", "meta-llama/Meta-Llama-3-8B", KVShape{Layers: 32, KVHeads: 8, HeadDim: 128}},
	{"llama-3-70b", "meta-llama/Meta-Llama-3-70B", KVShape{Layers: 80, KVHeads: 8, HeadDim: 128}},
	{"llama-3.1-8b", "meta-llama/Llama-3.1-8B", KVShape{Layers: 32, KVHeads: 8, HeadDim: 128}},
	{"llama-3.1-70b", "meta-llama/Llama-3.1-70B", KVShape{Layers: 80, KVHeads: 8, HeadDim: 128}},
	{"llama-3.1-405b", "meta-llama/Llama-3.1-405B", KVShape{Layers: 126, KVHeads: 8, HeadDim: 128}},
	{"llama-3.2-1b", "meta-llama/Llama-3.2-1B", KVShape{Layers: 16, KVHeads: 8, HeadDim: 64}},
	{"llama-3.2-3b", "meta-llama/Llama-3.2-3B", KVShape{Layers: 28, KVHeads: 8, HeadDim: 128}},
	{"llama-3.3-70b", "meta-llama/Llama-3.3-70B-Instruct", KVShape{Layers: 80, KVHeads: 8, HeadDim: 128}},
	{"mistral-7b", "mistralai/Mistral-7B-v0.3", KVShape{Layers: 32, KVHeads: 8, HeadDim: 128}},
	{"mistral-large-2407", "mistralai/Mistral-Large-Instruct-2407", KVShape{Layers: 88, KVHeads: 8, HeadDim: 128}},
	{"mistral-nemo-12b", "mistralai/Mistral-Nemo-Base-2407", KVShape{Layers: 40, KVHeads: 8, HeadDim: 128}},
	{"mistral-small-24b", "mistralai/Mistral-Small-24B-Base-2501", KVShape{Layers: 40, KVHeads: 8, HeadDim: 128}},
	{"mixtral-8x7b", "mistralai/Mixtral-8x7B-v0.1", KVShape{Layers: 32, KVHeads: 8, HeadDim: 128}},
	{"mixtral-8x22b", "mistralai/Mixtral-8x22B-v0.1", KVShape{Layers: 56, KVHeads: 8, HeadDim: 128}},
	{"phi-4", "microsoft/phi-4", KVShape{Layers: 40, KVHeads: 10, HeadDim: 128}},
	{"qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B", KVShape{Layers: 24, KVHeads: 2, HeadDim: 64}},
	{"qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B", KVShape{Layers: 28, KVHeads: 2, HeadDim: 128}},
	{"qwen2.5-3b", "Qwen/Qwen2.5-3B", KVShape{Layers: 36, KVHeads: 2, HeadDim: 128}},
	{"qwen2.5-7b", "Qwen/Qwen2.5-7B", KVShape{Layers: 28, KVHeads: 4, HeadDim: 128}},
	{"qwen2.5-14b", "Qwen/Qwen2.5-14B", KVShape{Layers: 48, KVHeads: 8, HeadDim: 128}},
	{"qwen2.5-32b", "Qwen/Qwen2.5-32B", KVShape{Layers: 64, KVHeads: 8, HeadDim: 128}},
	{"qwen2.5-72b", "Qwen/Qwen2.5-72B", KVShape{Layers: 80, KVHeads: 8, HeadDim: 128}},
	{"qwen2.5-coder-32b", "Qwen/Qwen2.5-Coder-32B", KVShape{Layers: 64, KVHeads: 8, HeadDim: 128}},
	{"qwen3-0.6b", "Qwen/Qwen3-0.6B", KVShape{Layers: 28, KVHeads: 8, HeadDim: 128}},
	{"qwen3-1.7b", "Qwen/Qwen3-1.7B", KVShape{Layers: 28, KVHeads: 8, HeadDim: 128}},
	{"qwen3-4b", "Qwen/Qwen3-4B", KVShape{Layers: 36, KVHeads: 8, HeadDim: 128}},
	{"qwen3-8b", "Qwen/Qwen3-8B", KVShape{Layers: 36, KVHeads: 8, HeadDim: 128}},
	{"qwen3-14b", "Qwen/Qwen3-14B", KVShape{Layers: 40, KVHeads: 8, HeadDim: 128}},
	{"qwen3-32b", "Qwen/Qwen3-32B", KVShape{Layers: 64, KVHeads: 8, HeadDim: 128}},
	{"qwen3-30b-a3b", "Qwen/Qwen3-30B-A3B", KVShape{Layers: 48, KVHeads: 4, HeadDim: 128}},
	{"qwen3-235b-a22b", "Qwen/Qwen3-235B-A22B", KVShape{Layers: 94, KVHeads: 4, HeadDim: 128}},
	{"qwen3-coder-30b-a3b", "Qwen/Qwen3-Coder-30B-A3B-Instruct", KVShape{Layers: 48, KVHeads: 4, HeadDim: 128}},
	{"qwen3-coder-480b-a35b", "Qwen/Qwen3-Coder-480B-A35B-Instruct", KVShape{Layers: 62, KVHeads: 8, HeadDim: 128}},
	{"yi-34b", "01-ai/Yi-34B", KVShape{Layers: 60, KVHeads: 8, HeadDim: 128}},
}

// KVModels lists the known models by name.
func KVModels() []KVModel { return slices.Clone(kvModels) }

func kvModelNames() []string {
	var out []string
	for _, m := range kvModels {
		out = append(out, m.Name)
	}
	return out
}

// kvTypes are the bytes of one cached value. Those of llama.cpp come in blocks of 32
// with a scale of 2 bytes.
var kvTypes = map[string]float64{"bf16": 2, "fp16": 2, "fp8": 1, "int8": 1, "q8_0": 34.0 / 32, "q4_0": 18.0 / 32}

// kvFormula is how to work out the number for a model that is not known.
const kvFormula = "write the number of bytes: 2 x num_hidden_layers x num_key_value_heads x head_dim x bytes of a value (bf16 2, fp8 1), all in the model's config.json; for MLA num_hidden_layers x (kv_lora_rank + qk_rope_head_dim) x bytes of a value"

// rawKVBytes is auto (0), a number of bytes, or what a known model needs.
type rawKVBytes struct{ bytes float64 }

// rawKVModel is a known model and how its server keeps the cache.
type rawKVModel struct {
	Model    *kvName `yaml:"model" validate:"required" jsonschema_description:"Name of a known model." diff:"cosmetic, breaks-comparison" example:"deepseek-v3"`
	DType    *string `yaml:"dtype" validate:"omitnil,oneof=bf16 fp16 fp8 int8 q8_0 q4_0" jsonschema:"default=bf16" jsonschema_description:"Type of a cached value: vLLM's --kv-cache-dtype, llama.cpp's --cache-type-k." diff:"cosmetic, breaks-comparison" orig:"--kv-cache-quantization" example:"fp8"`
	Parallel *Int    `yaml:"tensor_parallel" validate:"omitnil,gte=1,lte=1024" jsonschema:"default=1" jsonschema_description:"Tensor-parallel ranks of a server: with more ranks than KV heads, and with MLA, the cache is kept more than once." diff:"cosmetic, breaks-comparison" example:"8"`
}

// kvName is the name of a known model.
type kvName string

// Shape implements the schema's side.
func (kvName) Shape() []any {
	return []any{`{"type":"string","enum":["` + strings.Join(kvModelNames(), `","`) + `"]}`}
}

func (kvName) words() string { return "name of a known model" }

// Shape implements the schema's side.
func (rawKVBytes) Shape() []any {
	return []any{`{"const":"auto"}`, `{"type":"number","exclusiveMinimum":0}`, reflect.TypeFor[kvName](), mapOf{rawKVModel{}}}
}

func (rawKVBytes) words() string { return "number, the name of a known model, a map, or auto" }

func (k *rawKVBytes) decode(w *walker, n *yaml.Node, path string) bool {
	if n.Kind == yaml.MappingNode {
		var m rawKVModel
		return w.structure(n, reflect.ValueOf(&m).Elem(), path) && k.ofModel(w, n, m, path)
	}
	text, ok := w.scalar(n, path, "a number, the name of a known model, or auto")
	switch {
	case !ok:
		return false
	case text == "auto":
		return true
	case n.Tag == "!!str" && !oddNumber.MatchString(text):
		return k.ofModel(w, n, rawKVModel{Model: (*kvName)(&text)}, path)
	}
	var f Float
	if !f.decode(w, n, path) {
		return false
	}
	if f <= 0 {
		return w.fail("out-of-range", n, path, "%s: must be above 0, or auto", pathName(path))
	}
	k.bytes = float64(f)
	return true
}

// ofModel looks the model up and works out its bytes.
func (k *rawKVBytes) ofModel(w *walker, n *yaml.Node, m rawKVModel, path string) bool {
	at := func(key string) (*yaml.Node, string) {
		if p, ok := w.at[path+"/"+key]; ok {
			return p.value, path + "/" + key
		}
		return n, path
	}
	if m.Model == nil {
		return w.fail("missing-key", n, path+"/model", "%s.model is missing: write model: llama-3.1-70b", pathName(path))
	}
	name := string(*m.Model)
	i := slices.IndexFunc(kvModels, func(known KVModel) bool { return known.Name == name })
	bytes, known := kvTypes[def(m.DType, "bf16")]
	ranks := int(def(m.Parallel, 1))
	switch {
	case i < 0 && slices.Contains(kvModelNames(), plainModel(name)):
		n, sub := at("model")
		return w.fail("unknown-model", n, sub, "%s: %s is known by a shorter name: write %s", pathName(path), name, plainModel(name))
	case i < 0:
		n, sub := at("model")
		return w.fail("unknown-model", n, sub, "%s: no model %q is known%s", pathName(path), name, meant(plainModel(name), kvModelNames(), kvFormula))
	case !known:
		n, sub := at("dtype")
		types := sortedKeys(kvTypes)
		return w.fail("bad-value", n, sub, "%s: %q is unknown%s", pathName(sub), *m.DType, meant(*m.DType, types, "write one of "+strings.Join(types, ", ")))
	case ranks < 1 || ranks > 1024:
		n, sub := at("tensor_parallel")
		return w.fail("out-of-range", n, sub, "%s: must be 1 to 1024", pathName(sub))
	}
	k.bytes = kvModels[i].Shape.BytesPerToken(bytes, ranks)
	return true
}

// plainModel takes off what people's names of models have beside those here: who made
// it, and which variant it is.
func plainModel(name string) string {
	name = strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	for _, tail := range []string{"-fp8", "-awq", "-hf", "-instruct", "-chat", "-base", "-it"} {
		name = strings.TrimSuffix(name, tail)
	}
	return strings.TrimPrefix(name, "meta-")
}
