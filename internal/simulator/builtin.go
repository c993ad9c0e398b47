package simulator

import (
	"sort"
	"time"
)

// builtins makes each built-in profile anew, so that callers may change theirs.
var builtins = map[string]func() Profile{"small": small, "ci": ci, "h100-70b": h100}

// Builtin gives the built-in profile of this name.
func Builtin(name string) (Profile, bool) {
	f, ok := builtins[name]
	if !ok {
		return Profile{}, false
	}
	return f(), true
}

// Names lists the built-in profiles in alphabetical order.
func Names() []string {
	names := make([]string, 0, len(builtins))
	for n := range builtins {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// small shows two transitions (at 200k and at 800k tokens) in a minute on a laptop.
func small() Profile {
	p := defaults()
	p.Name = "small"
	p.Doc = "Invented figures: two transitions, at 200k and at 800k tokens, within a minute on a laptop."
	p.Tiers = []Tier{{Name: "hbm", Capacity: 200_000}, {Name: "dram", Capacity: 600_000, Load: us(5)}}
	p.Base, p.Prefill, p.Decode = ms(5), us(50), ms(2)
	return p
}

// ci is small, ten times smaller and faster: for tests that must end in seconds.
func ci() Profile {
	p := small()
	p.Name = "ci"
	p.Doc = "Invented figures: like small with a tenth of its capacity, transitions at 20k and at 80k tokens."
	p.Tiers = []Tier{{Name: "hbm", Capacity: 20_000}, {Name: "dram", Capacity: 60_000, Load: us(2)}}
	p.Base, p.Prefill, p.Decode = ms(2), us(20), us(500)
	return p
}

// h100 is an estimate of Llama 3.x 70B in BF16 on 4 x H100 SXM 80 GB. Nothing here was
// measured; the arithmetic is in Doc, for `wsrun explain profile h100-70b` to print.
func h100() Profile {
	p := defaults()
	p.Name, p.Model = "h100-70b", "llama-70b-sim"
	p.Doc = h100Doc
	p.Tiers = []Tier{
		{Name: "hbm", Capacity: 424_000},
		{Name: "dram", Capacity: 1_563_000, Load: Duration(1640 * time.Nanosecond)},
		{Name: "ssd", Capacity: 12_207_000, Load: Duration(11700 * time.Nanosecond)},
	}
	p.Base, p.Prefill, p.Decode = ms(20), us(71), ms(15)
	p.Queue = "serial"
	p.Noise = 0.02
	p.MaxModelLen = 131_072
	p.Vocab = 128_256
	return p
}

const h100Doc = `ESTIMATES computed from published numbers, not measurements: Llama 3.x 70B, BF16, 4 x H100 SXM 80 GB (tensor parallel 4).
KV per token: 2 (K and V) x 80 layers x 8 KV heads x 128 head dim x 2 B = 327,680 B (320 KiB). Source: the model's config.json (num_hidden_layers 80, num_key_value_heads 8, head_dim 128).
hbm 424k tokens: 4 x 80 GB x 0.9 (vLLM's customary gpu_memory_utilization) = 288 GB, less weights 70.6e9 x 2 B = 141 GB, less 8 GB for activations and graphs (assumed) = 139 GB / 327,680 B.
dram 1,563k tokens: 512 GB of host memory (assumed) / 327,680 B.
ssd 12,207k tokens: 4 TB of NVMe (assumed) / 327,680 B.
load dram 1.64 us/token: 327,680 B / (4 GPUs x 50 GB/s). PCIe 5.0 x16 is 64 GB/s per direction (NVIDIA H100 data sheet: 128 GB/s both); 50 GB/s after protocol overhead is assumed.
load ssd 11.7 us/token: 327,680 B / 28 GB/s, four PCIe 4.0 NVMe drives of 7 GB/s each (their usual data sheet figure).
prefill 71 us/token: 2 FLOP x 70.6e9 = 141 GFLOP per token / (4 x 989 TFLOPS dense BF16, H100 data sheet, x 50 % utilisation, assumed). Attention over a long context is left out: it comes on top.
decode 15 ms: weights 141 GB / (4 x 3.35 TB/s, H100 data sheet) = 10.5 ms at full bandwidth, at 70 % of it (assumed) 15 ms. It does not grow with the batch here.
base 20 ms: scheduling, HTTP, first decode step (assumed). noise 0.02, max_model_len 131,072 (config.json), vocab 128,256 (config.json).
placement exclusive and block 16 (vLLM's default) are choices.`

func ms(n int) Duration { return Duration(time.Duration(n) * time.Millisecond) }
func us(n int) Duration { return Duration(time.Duration(n) * time.Microsecond) }
