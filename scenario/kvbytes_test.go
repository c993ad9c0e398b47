package scenario

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestKVBytes holds the formula against figures worked out by hand.
func TestKVBytes(t *testing.T) {
	for _, c := range []struct {
		written string
		want    float64
	}{
		{"llama-2-7b", 524_288},            // all heads: 2 x 32 layers x 32 heads x 128 x 2 B
		{"llama-2-13b", 819_200},           // 2 x 40 x 40 x 128 x 2
		{"llama-3.1-8b", 131_072},          // groups: 2 x 32 x 8 x 128 x 2
		{"llama-3.1-70b", 327_680},         // 2 x 80 x 8 x 128 x 2
		{"llama-3.1-405b", 516_096},        // 2 x 126 x 8 x 128 x 2
		{"llama-3.2-1b", 32_768},           // 2 x 16 x 8 x 64 x 2: heads of 64
		{"qwen2.5-7b", 57_344},             // 2 x 28 x 4 x 128 x 2
		{"qwen2.5-coder-32b", 262_144},     // 2 x 64 x 8 x 128 x 2
		{"qwen3-coder-30b-a3b", 98_304},    // 2 x 48 x 4 x 128 x 2
		{"qwen3-coder-480b-a35b", 253_952}, // 2 x 62 x 8 x 128 x 2
		{"mixtral-8x22b", 229_376},         // 2 x 56 x 8 x 128 x 2
		{"deepseek-v3", 70_272},            // MLA: 61 x (512 + 64) x 2
		{"deepseek-v2-lite", 31_104},       // 27 x 576 x 2
		{"{model: llama-3.1-8b, dtype: fp8}", 65_536},
		{"{model: qwen2.5-coder-32b, dtype: fp8}", 131_072},
		{"{model: deepseek-v3, dtype: fp8}", 35_136},
		{"{model: llama-3.1-8b, dtype: q8_0}", 69_632},            // 34 bytes for 32 values
		{"{model: llama-3.1-8b, dtype: q4_0}", 36_864},            // 18 bytes for 32 values
		{"{model: llama-3.1-70b, tensor_parallel: 8}", 327_680},   // a head on each rank
		{"{model: llama-3.1-70b, tensor_parallel: 16}", 655_360},  // 8 heads on 16 ranks: each twice
		{"{model: qwen3-235b-a22b, tensor_parallel: 8}", 385_024}, // 2 x 94 x 8 x 128 x 2: 4 heads on 8 ranks
		{"{model: deepseek-v3, tensor_parallel: 8}", 562_176},     // MLA: the whole on each of 8 ranks
		{"{model: deepseek-v3, dtype: fp8, tensor_parallel: 16}", 562_176},
		{"327680", 327_680},
		{"auto", 0},
	} {
		src := strings.Replace(minimal(""), "target: http://localhost:8000", "target: {endpoints: [http://localhost:8000], kv_bytes_per_token: "+c.written+"}", 1)
		if got := must(t, src, Options{}).Scenario.Target.KVBytesPerToken; got != c.want {
			t.Errorf("%s: %v bytes, want %v", c.written, got, c.want)
		}
	}
}

// TestKVModels: each model has one shape and says where it is from.
func TestKVModels(t *testing.T) {
	names := map[string]bool{}
	for _, m := range KVModels() {
		heads, latent := m.Shape.KVHeads > 0 && m.Shape.HeadDim > 0, m.Shape.Latent > 0 && m.Shape.Rope > 0
		if names[m.Name] || m.Shape.Layers == 0 || heads == latent || strings.Count(m.Repo, "/") != 1 || plainModel(m.Name) != m.Name {
			t.Errorf("%+v", m)
		}
		names[m.Name] = true
	}
}

// TestKVBytesGrow: more ranks never keep less, and a power of two up to the number of KV
// heads keeps just as much.
func TestKVBytesGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom(kvModels).Draw(t, "model")
		ranks := rapid.IntRange(1, 64).Draw(t, "ranks")
		one, some := m.Shape.BytesPerToken(2, 1), m.Shape.BytesPerToken(2, ranks)
		if some < one || m.Shape.BytesPerToken(1, ranks)*2 != some {
			t.Fatalf("%s: %v bytes on %d ranks, %v on one", m.Name, some, ranks, one)
		}
		if m.Shape.KVHeads > 0 && m.Shape.KVHeads%ranks == 0 && some != one {
			t.Fatalf("%s: %v bytes on %d ranks, want %v", m.Name, some, ranks, one)
		}
	})
}

// TestSizesInBytes: sizes become tokens, cut down, in lists, ranges and maps.
func TestSizesInBytes(t *testing.T) {
	with := func(sizes, kv string) string {
		src := strings.Replace(minimal(""), "{min: 100k, max: 1M, steps: 4}", sizes, 1)
		return strings.Replace(src, "http://localhost:8000", "{endpoints: [http://localhost:8000], kv_bytes_per_token: "+kv+"}", 1)
	}
	for _, c := range []struct {
		sizes, kv string
		want      []int64
	}{
		{"[40GiB, 0.625TiB]", "llama-3.1-70b", []int64{131_072, 2_097_152}}, // 40 x 2^30 / 327680
		{"40960MiB", "llama-3.1-70b", []int64{131_072}},
		{"{min: 40GiB, max: 640GiB, steps: 5, spacing: log}", "llama-3.1-70b", []int64{131_072, 262_144, 524_288, 1_048_576, 2_097_152}},
		{"{min: 100k, max: 640GiB, steps: 2}", "327680", []int64{100_000, 2_097_152}}, // tokens beside bytes
		{"[1GiB]", "100000", []int64{10_737}},                                         // 10737.4 cut down
	} {
		if got := must(t, with(c.sizes, c.kv), Options{}).Scenario.WorkingSet.Sizes; !slices.Equal(got, c.want) {
			t.Errorf("%s of %s: %v, want %v", c.sizes, c.kv, got, c.want)
		}
	}
	src := strings.Replace(mapFile("working_set: {max: 512GiB}\n"), "http://localhost:8000", "{endpoints: [http://localhost:8000], kv_bytes_per_token: llama-3.1-70b}", 1)
	if got := must(t, src, Options{}).Scenario.Map.Max; got != 1_677_721 {
		t.Errorf("a map looks as far as %d", got)
	}
}
