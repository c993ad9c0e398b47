package scenario

import (
	"encoding/json"
	"path"
	"path/filepath"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// A simulator profile as a file writes it. The simulator stands alone and reads
// JSON without units (tokens as integers, percent as numbers, durations as text),
// so this is where units are read and slips get a place in the file.

type rawProfile struct {
	Name        *string           `yaml:"name" json:"name,omitempty" validate:"omitnil,min=1"`
	Doc         *string           `yaml:"doc" json:"doc,omitempty"`
	Model       *string           `yaml:"model" json:"model,omitempty" validate:"omitnil,min=1"`
	Block       *Size             `yaml:"block" json:"block,omitempty" validate:"omitnil,gte=1"`
	Tiers       List[profileTier] `yaml:"tiers" json:"tiers,omitempty" validate:"dive"`
	Placement   *string           `yaml:"placement" json:"placement,omitempty" validate:"omitnil,oneof=exclusive write-through"`
	Eviction    *string           `yaml:"eviction" json:"eviction,omitempty" validate:"omitnil,oneof=lru fifo random"`
	Admit       *string           `yaml:"admit" json:"admit,omitempty" validate:"omitnil,oneof=first second"`
	Frees       *string           `yaml:"frees" json:"frees,omitempty" validate:"omitnil,oneof=tails heads"`
	Base        *Dur              `yaml:"base" json:"base,omitempty"`
	Prefill     *Dur              `yaml:"prefill" json:"prefill,omitempty"`
	Decode      *Dur              `yaml:"decode" json:"decode,omitempty"`
	Queue       *string           `yaml:"queue" json:"queue,omitempty" validate:"omitnil,oneof=free serial"`
	Noise       *Float            `yaml:"noise" json:"noise,omitempty" validate:"omitnil,gte=0"`
	Seed        *rawSeed          `yaml:"seed" json:"seed,omitempty"`
	MaxModelLen *Size             `yaml:"max_model_len" json:"max_model_len,omitempty"`
	Vocab       *Size             `yaml:"vocab" json:"vocab,omitempty"`
	Tells       *profileTells     `yaml:"tells" json:"tells,omitempty"`
	Faults      *profileFaults    `yaml:"faults" json:"faults,omitempty"`
}

type profileTier struct {
	Name     *string `yaml:"name" json:"name,omitempty" validate:"required"`
	Capacity *Size   `yaml:"capacity" json:"capacity,omitempty" validate:"required,gt=0"`
	Load     *Dur    `yaml:"load" json:"load,omitempty"`
}

type profileTells struct {
	CachedTokens        *bool   `yaml:"cached_tokens" json:"cached_tokens,omitempty"`
	CachedTokensDetails *bool   `yaml:"cached_tokens_details" json:"cached_tokens_details,omitempty"`
	Usage               *bool   `yaml:"usage" json:"usage,omitempty"`
	TokenIDs            *bool   `yaml:"token_ids" json:"token_ids,omitempty"`
	Tokenizer           *bool   `yaml:"tokenizer" json:"tokenizer,omitempty"`
	Metrics             *string `yaml:"metrics" json:"metrics,omitempty" validate:"omitnil,oneof=vllm sglang none"`
	Reset               *bool   `yaml:"reset" json:"reset,omitempty"`
	BySource            *bool   `yaml:"by_source" json:"by_source,omitempty"`
}

type profileFaults struct {
	After            *Int     `yaml:"after" json:"after,omitempty" validate:"omitnil,gte=0"`
	ErrorRate        *Percent `yaml:"error_rate" json:"error_rate,omitempty"`
	Status           *Int     `yaml:"status" json:"status,omitempty" validate:"omitnil,gte=400,lte=599"`
	ResetRate        *Percent `yaml:"reset_rate" json:"reset_rate,omitempty"`
	Stall            *Dur     `yaml:"stall" json:"stall,omitempty"`
	StallRate        *Percent `yaml:"stall_rate" json:"stall_rate,omitempty"`
	TokensPerEvent   *Int     `yaml:"tokens_per_event" json:"tokens_per_event,omitempty" validate:"omitnil,gte=1"`
	EmptyText        *Percent `yaml:"empty_text" json:"empty_text,omitempty"`
	RoleDelta        *bool    `yaml:"role_delta" json:"role_delta,omitempty"`
	CloseAfterStream *bool    `yaml:"close_after_stream" json:"close_after_stream,omitempty"`
	MissingUsage     *bool    `yaml:"missing_usage" json:"missing_usage,omitempty"`
	StreamErrorRate  *Percent `yaml:"stream_error_rate" json:"stream_error_rate,omitempty"`
	MalformedRate    *Percent `yaml:"malformed_rate" json:"malformed_rate,omitempty"`
	EmptyRate        *Percent `yaml:"empty_rate" json:"empty_rate,omitempty"`
	ShortRate        *Percent `yaml:"short_rate" json:"short_rate,omitempty"`
}

// MarshalJSON writes the duration as the simulator reads it.
func (d Dur) MarshalJSON() ([]byte, error) { return json.Marshal(Duration(d).String()) }

// LoadProfile reads a simulator profile file and gives it as the simulator's JSON.
// name is as the user wrote it and stands in the problems.
func LoadProfile(name string, src []byte) ([]byte, []Problem) {
	s := newSource(name, src)
	root, problems := s.parse()
	if root == nil {
		return nil, problems
	}
	w := newWalker(s)
	w.at[""] = place{value: root}
	var raw rawProfile
	if w.value(root, reflect.ValueOf(&raw).Elem(), ""); follow(root).Kind != yaml.MappingNode {
		return nil, w.problems
	}
	w.checkFields(&raw)
	if len(w.problems) > 0 {
		sortProblems(w.problems)
		return nil, w.problems
	}
	b, err := json.Marshal(raw)
	if err != nil {
		panic("scenario: a profile is always JSON: " + err.Error())
	}
	return b, nil
}

// simulator resolves a profile: a built-in name, or a file below the working
// directory, relative to the scenario.
func (r *resolver) simulator(profile string) *Simulator {
	if !isFile(profile) {
		r.checkProfileName(profile)
		return &Simulator{Profile: profile}
	}
	at := "/target/simulator/profile"
	file, inside := r.fileAt(at, profile)
	read := r.opt.readBelow
	if !local(profile) && r.byCommandLine(at) {
		file, read = profile, r.opt.read
	} else if !inside {
		r.fault("outside-working-directory", at, "target.simulator.profile %q leaves the working directory: write a path below it, or give it on the command line with --set", profile)
		return nil
	}
	src, err := read(file)
	if err != nil {
		r.fault("unknown-profile", at, "target.simulator.profile %s: %s", file, readMessage(err))
		return nil
	}
	r.beside = append(r.beside, SourceFile{filepath.ToSlash(file), src})
	body, problems := LoadProfile(file, src)
	for _, p := range problems {
		r.fault("bad-profile", at, "%s:%d:%d: %s", p.File, p.Line, p.Col, p.Message)
	}
	if body != nil && r.opt.CheckProfile != nil {
		if err := r.opt.CheckProfile(body); err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				r.fault("bad-profile", at, "%s: %s", file, line)
			}
		}
	}
	name := strings.TrimSuffix(path.Base(filepath.ToSlash(file)), filepath.Ext(file))
	return &Simulator{Profile: name, Body: body}
}

func isFile(profile string) bool {
	return strings.ContainsAny(profile, `/\`) || strings.HasSuffix(profile, ".yaml") || strings.HasSuffix(profile, ".yml")
}

func (r *resolver) checkProfileName(name string) {
	if r.opt.SimulatorProfiles == nil || r.opt.SimulatorProfiles(name) {
		return
	}
	known := ""
	if len(r.opt.ProfileNames) > 0 {
		known = "; known are " + strings.Join(r.opt.ProfileNames, ", ")
	}
	r.fault("unknown-profile", "/target/simulator/profile", "the simulator has no profile %q%s%s; a file ends in .yaml", name, didYouMean(name, r.opt.ProfileNames), known)
}
