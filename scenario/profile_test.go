package scenario

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/simulator"
)

// TestProfileKeys: the two packages do not import each other, so this holds their
// shapes together: every key that the simulator reads can be written in a file.
func TestProfileKeys(t *testing.T) {
	var keys func(typ reflect.Type, tag, path string) []string
	keys = func(typ reflect.Type, tag, path string) []string {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			return []string{path}
		}
		var out []string
		for i := 0; i < typ.NumField(); i++ {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get(tag), ",")
			if name != "" && name != "-" {
				out = append(out, keys(typ.Field(i).Type, tag, path+"/"+name)...)
			}
		}
		slices.Sort(out)
		return out
	}
	want := keys(reflect.TypeOf(simulator.Profile{}), "json", "")
	for _, tag := range []string{"yaml", "json"} {
		if got := keys(reflect.TypeOf(rawProfile{}), tag, ""); !slices.Equal(got, want) {
			t.Errorf("%s keys of a profile file\n%v\nof the simulator\n%v", tag, got, want)
		}
	}
}

// TestProfileIsUnderstood: the simulator reads what LoadProfile writes.
func TestProfileIsUnderstood(t *testing.T) {
	src, err := os.ReadFile("testdata/profiles/two-tiers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	body, problems := LoadProfile("two-tiers.yaml", src)
	if body == nil {
		t.Fatal(Render(problems, false))
	}
	p, err := simulator.DecodeProfile(body)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "two-tiers" || len(p.Tiers) != 2 || p.Tiers[1].Capacity != 600000 || p.Faults.ErrorRate != 20 {
		t.Errorf("%+v", p)
	}
}

// TestProfilePolicies: every policy of the cache, and what the server tells, can be
// written in a file.
func TestProfilePolicies(t *testing.T) {
	for _, eviction := range []string{"lru", "fifo", "random"} {
		for _, admit := range []string{"first", "second"} {
			for _, frees := range []string{"tails", "heads"} {
				src := "tiers: [{name: a, capacity: 1k}]\neviction: " + eviction + "\nadmit: " + admit + "\nfrees: " + frees +
					"\ntells: {metrics: sglang, cached_tokens_details: true}\n"
				body, problems := LoadProfile("x.yaml", []byte(src))
				if body == nil {
					t.Fatal(Render(problems, false))
				}
				p, err := simulator.DecodeProfile(body)
				if err != nil || p.Eviction != eviction || p.Admit != admit || p.Frees != frees || p.Tells.Metrics != "sglang" || !p.Tells.CachedTokensDetails {
					t.Errorf("%s: %+v, %v", src, p, err)
				}
			}
		}
	}
	body, _ := LoadProfile("x.yaml", []byte("tiers: [{name: a, capacity: 1k}]\n"))
	p, err := simulator.DecodeProfile(body)
	if err != nil || p.Eviction != "lru" || p.Admit != "first" || p.Frees != "tails" || p.Tells.CachedTokensDetails {
		t.Errorf("defaults: %+v, %v", p, err)
	}
}
