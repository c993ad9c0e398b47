package simulator

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBuiltins(t *testing.T) {
	if got := strings.Join(Names(), " "); got != "ci h100-70b small" {
		t.Error(got)
	}
	for _, name := range Names() {
		p, ok := Builtin(name)
		if !ok || p.Name != name || p.Doc == "" {
			t.Errorf("%s: %+v", name, p)
		}
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeProfile(b)
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Errorf("%s does not come back from JSON: %v\n%+v\n%+v", name, err, p, again)
		}
	}
	if _, ok := Builtin("none"); ok {
		t.Error("there is no such profile")
	}
	p, _ := Builtin("small")
	p.Tiers[0].Capacity = 1
	if again, _ := Builtin("small"); again.Tiers[0].Capacity != 200_000 {
		t.Error("a caller changed the built-in profile")
	}
}

// TestSmallIsTheDesigns: the default profile as the design writes it.
func TestSmallIsTheDesigns(t *testing.T) {
	p, err := DecodeProfile([]byte(`{"name":"small","model":"sim","block":16,"tiers":[{"name":"hbm","capacity":200000,"load":"0us"},{"name":"dram","capacity":600000,"load":"5us"}],
		"placement":"exclusive","eviction":"lru","base":"5ms","prefill":"50us","decode":"2ms","queue":"free","noise":0,
		"tells":{"cached_tokens":true,"usage":true,"token_ids":true,"metrics":"vllm","reset":true},"faults":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := Builtin("small")
	want.Doc = ""
	if !reflect.DeepEqual(p, want) {
		t.Errorf("%+v\n%+v", p, want)
	}
}

// TestH100Arithmetic: the figures follow from what their Doc says.
func TestH100Arithmetic(t *testing.T) {
	p, _ := Builtin("h100-70b")
	const kv = 2 * 80 * 8 * 128 * 2
	within := func(what string, got, want float64) {
		if got < want*0.98 || got > want*1.02 {
			t.Errorf("%s: %v, the arithmetic gives %v", what, got, want)
		}
	}
	within("hbm", float64(p.Tiers[0].Capacity), (4*80e9*0.9-2*70.6e9-8e9)/kv)
	within("dram", float64(p.Tiers[1].Capacity), 512e9/kv)
	within("ssd", float64(p.Tiers[2].Capacity), 4e12/kv)
	within("load dram", float64(p.Tiers[1].Load), kv/(4*50e9)*1e9)
	within("load ssd", float64(p.Tiers[2].Load), kv/28e9*1e9)
	within("prefill", float64(p.Prefill), 2*70.6e9/(4*989e12*0.5)*1e9)
	within("decode", float64(p.Decode), 2*70.6e9/(4*3.35e12*0.7)*1e9)
}

func TestDecodeProfileTellsEverything(t *testing.T) {
	for _, c := range []struct {
		src  string
		want []string
	}{
		{`{"tiers":[{"name":"a","capacity":100}]}`, nil},
		{`nonsense`, []string{"must be a map"}},
		{`null`, []string{"must be a map"}},
		{`[]`, []string{"must be a map"}},
		{`{}`, []string{"tiers: 0 tiers: must be from 1 to 8"}},
		{`{"tiers":{}}`, []string{"tiers: must be a list"}},
		{`{"blok":1,"admit":1,"base":5,"block":"x","tiers":[{"nam":"a","load":"5"}],"tells":{"usage":1},"faults":{"error_rate":"20%"},"noise":null}`, []string{
			`block: "x": must be a whole number`, `tiers[0].load: "5" is no duration: write e.g. "5ms"`, "tiers[0].nam: unknown key; known are name, capacity, load",
			`base: 5 is no duration: write it with its unit, e.g. "5ms"`, "noise: has no value", "tells.usage: 1: must be true or false", `faults.error_rate: "20%": must be a number`,
			"admit: 1: must be text", "blok: unknown key; known are name, doc, model, block"}},
		{`{"model":"","block":0,"vocab":3,"max_model_len":-1,"noise":9,"base":"-1s","prefill":"-1s","decode":"-1s","placement":"x","queue":"y","eviction":"mru","admit":"third","frees":"middles",
			"tiers":[{"name":"a","capacity":100},{"name":"a","capacity":100,"load":"-1s"},{"capacity":-1}],"tells":{"metrics":"z"},
			"faults":{"after":-1,"status":200,"tokens_per_event":-1,"stall":"-1s","stall_rate":101,"reset_rate":-1}}`, []string{
			"model: must not be empty", "block: 0: must be from 1", "vocab: 3: must be from 16", "max_model_len: -1", "noise: 9: must be from 0 to 3", "base: -1s: must not be negative",
			"prefill: -1s", "decode: -1s", `placement: "x": must be exclusive or write-through`, `queue: "y": must be free or serial`, `eviction: "mru": must be lru or fifo or random`, `admit: "third": must be first or second`, `frees: "middles": must be tails or heads`,
			`tells.metrics: "z": must be vllm or sglang or none`, `tiers[1].name: "a" is there twice`, "tiers[1].load: -1s", "tiers[2].name: must not be empty", "tiers[2].capacity: -1 tokens",
			"faults.after: -1", "faults.status: 200: must be from 400 to 599", "faults.tokens_per_event: -1", "faults.stall: -1s", "faults.stall_rate: has no meaning without stall",
			"faults.status: has no meaning without error_rate", "faults.reset_rate: -1: must be a percentage", "faults.stall_rate: 101"}},
		{`{"block":32,"tiers":[{"name":"a","capacity":31}]}`, []string{"tiers[0].capacity: 31 tokens: must be at least one block (32)"}},
	} {
		_, err := DecodeProfile([]byte(c.src))
		var pe *ProfileError
		if len(c.want) == 0 {
			if err != nil {
				t.Errorf("%s: %v", c.src, err)
			}
			continue
		}
		if !errors.As(err, &pe) {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if len(pe.Problems) != len(c.want) {
			t.Errorf("%s: %d problems, want %d:\n%v", c.src, len(pe.Problems), len(c.want), err)
		}
		for _, want := range c.want {
			if !slices.ContainsFunc(strings.Split(err.Error(), "\n"), func(line string) bool {
				return strings.HasPrefix(strings.TrimPrefix(line, "simulator profile: "), want)
			}) {
				t.Errorf("no %q in\n%v", want, err)
			}
		}
	}
}

// FuzzDecodeProfile: whatever comes, it is refused or valid, and comes back the same.
func FuzzDecodeProfile(f *testing.F) {
	p, _ := Builtin("small")
	b, err := json.Marshal(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"tiers":[{"name":"a","capacity":1e3}],"faults":{"stall":"1h"}}`))
	f.Add([]byte(`{"tiers":[{"name":"a","capacity":99999999999999999999}]}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := DecodeProfile(src)
		if err != nil {
			return
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeProfile(b)
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%v: %s", err, b)
		}
	})
}

func TestNewRefusesAnInvalidProfile(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New took a profile without tiers")
		}
	}()
	New(defaults())
}

func TestDuration(t *testing.T) {
	b, err := json.Marshal(Duration(1500 * time.Microsecond))
	if err != nil || string(b) != `"1.5ms"` {
		t.Errorf("%s, %v", b, err)
	}
}

// TestDocsNameEveryKey: docs/simulator.md has each key of a profile and each value that
// it may have.
func TestDocsNameEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../docs/simulator.md")
	if err != nil {
		t.Fatal(err)
	}
	words := []string{Exclusive, WriteThrough, LRU, FIFO, Random, First, Second, Tails, Heads, "serial", "sglang", "vllm", "none"}
	for _, typ := range []reflect.Type{reflect.TypeFor[Profile](), reflect.TypeFor[Tier](), reflect.TypeFor[Tells](), reflect.TypeFor[Faults]()} {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			words = append(words, name)
		}
	}
	for _, word := range append(words, Names()...) {
		if !strings.Contains(string(text), "`"+word+"`") {
			t.Errorf("docs/simulator.md does not explain `%s`", word)
		}
	}
}
