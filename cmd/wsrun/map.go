package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/migrate"
	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/engine"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// mapFlags are those of wsrun map alone: what its scenario says, and where it is kept.
type mapFlags struct {
	context, max, resolution, model, keyEnv, profile, write string
	policy                                                  bool
	given                                                   bool // the context
}

// mapContexts are the contexts of a map where none is given, in tokens: the first that the
// server takes.
var mapContexts = []int64{8000, 4000, 2000, 1000}

func (a *app) mapCommand() *cobra.Command {
	c := &cobra.Command{Use: "map URL", Short: "Where each memory tier of a server ends and what leaving it costs, in one pass", Args: exactly(1, "one URL, or simulator"),
		Long: `Sends prompts until the oldest is no longer cached, then asks for prompts at chosen reuse distances: from one
warm-up it finds the edge of each tier and the cost of falling off it. It is a run like any other, of a scenario
named map that is made of these flags; --write keeps that scenario as a file to edit and to run again.`,
		Example: `  wsrun map http://localhost:8000
  wsrun map http://localhost:8000 --context 32k --max 5M --write tiers.yaml
  wsrun map simulator`,
		ValidArgsFunction: cobra.FixedCompletions([]string{"simulator"}, cobra.ShellCompDirectiveNoFileComp)}
	var f mapFlags
	c.RunE = func(c *cobra.Command, args []string) error {
		f.given = c.Flags().Changed("context")
		return a.mapServer(args[0], f)
	}
	c.Flags().StringVar(&f.context, "context", scenario.FormatSize(mapContexts[0]), "prompt length in `tokens`; by default less where the server does not take so many")
	c.Flags().StringVar(&f.max, "max", "20M", "how far to look: reuse distance in `tokens`")
	c.Flags().StringVar(&f.resolution, "resolution", "", "how narrow the bracket round an edge becomes, in `percent` of it (default 2%)")
	c.Flags().BoolVar(&f.policy, "policy", false, "also find out how the cache evicts and admits")
	c.Flags().StringVar(&f.write, "write", "", "keep the scenario in this new `file`")
	c.Flags().StringVar(&f.model, "model", "", "`name` of the model, where the server has several")
	c.Flags().StringVar(&f.keyEnv, "api-key-env", "", "environment `variable` that holds the API key (default "+defaultKeyEnv+")")
	c.Flags().StringVar(&f.profile, "profile", "", "with simulator: a built-in profile ("+strings.Join(simulator.Names(), ", ")+") or a file")
	a.mapRunFlags(c)
	for name, values := range map[string][]string{"profile": simulator.Names(), "context": {"4k", "8k", "32k"}} {
		if err := c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveDefault)); err != nil {
			panic(err) // a flag that is not there: a mistake in this function
		}
	}
	return c
}

// mapRunFlags are those of run that a map has as well.
func (a *app) mapRunFlags(c *cobra.Command) {
	c.Flags().StringVar(&a.flags.outputDir, "output-dir", "", "where results go, instead of results")
	c.Flags().StringArrayVar(&a.flags.labels, "label", nil, "key=value to keep with the results; may be repeated")
	c.Flags().BoolVar(&a.flags.brief, "brief", false, "key: value lines with every key, for scripts")
	c.Flags().BoolVar(&a.flags.verbose, "verbose", false, "a line on stderr for each phase")
	a.printFlags(c, "text or json")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		return notEmpty(c, "context", "max", "resolution", "write", "model", "api-key-env", "profile", "output-dir")
	}
}

// mapServer runs the scenario that the flags make.
func (a *app) mapServer(server string, f mapFlags) error {
	if err := a.oneFormat("text", "json"); err != nil {
		return err
	}
	switch {
	case looksLikeScenario(server):
		return usagef("wsrun map takes a URL; %s is a scenario: wsrun run %s", server, server)
	case f.profile != "" && server != "simulator":
		return usagef("--profile is the simulator's: wsrun map simulator --profile %s", f.profile)
	case server == "simulator" && (f.model != "" || f.keyEnv != ""):
		return usagef("--model and --api-key-env are a server's: leave them out with simulator")
	}
	opt, err := a.loadOptions()
	if err != nil {
		return err
	}
	path := "wsrun map"
	if f.write != "" {
		path = f.write
	}
	if f.keyEnv != "" {
		a.flags.env = append(a.flags.env, f.keyEnv) // named on the command line, as by --env
		opt.AllowedEnv = a.flags.env
	}
	plan, text, err := a.mapPlan(path, server, f, opt)
	if err != nil {
		return err
	}
	if server != "simulator" {
		limit := a.mapLimit(plan)
		fits, err := fitting(plan, limit, f.given)
		if err != nil {
			return err
		}
		if fits != plan.Scenario.Contexts[0] {
			f.context = scenario.FormatSize(fits)
			fmt.Fprintf(a.stderr, "context %s: the server takes %d tokens in a request, prompt and output together; --context chooses another\n", f.context, limit)
			if plan, text, err = a.mapPlan(path, server, f, opt); err != nil {
				return err
			}
		}
	}
	if err := f.keep(text); err != nil {
		return err
	}
	return a.runPlans([]*scenario.Plan{plan})
}

// mapPlan loads the scenario that the flags make, and gives its text as well.
func (a *app) mapPlan(path, server string, f mapFlags, opt scenario.Options) (*scenario.Plan, string, error) {
	text := f.scenario(server)
	if f.profile != "" && f.write == "" {
		// The command line may name a file anywhere; what is kept as a file may not.
		opt.Set = append(opt.Set, "target.simulator.profile="+strconv.Quote(f.profile))
	}
	plan, problems := scenario.Load(path, []byte(text), opt)
	if len(problems) > 0 {
		fmt.Fprint(a.stderr, scenario.Render(problems, bool(a.paint(a.stderr))))
	}
	if plan == nil {
		return nil, "", exitError{code: verdict.ExitInvalid}
	}
	return plan, text, nil
}

// mapLimit is the tokens that a request to the server may have, prompt and output together,
// or sample.Unknown: what it tells without being sent a prompt. Where it cannot be asked,
// the run will say why.
func (a *app) mapLimit(plan *scenario.Plan) int64 {
	live, key, err := a.reveal(plan.Scenario)
	if err != nil {
		return sample.Unknown
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	cfg := engine.Config{Endpoint: live.Target.Endpoints[0], Model: live.Target.Model,
		Now:    func() int64 { stop(); return 0 }, // the probe is about to send its first prompt
		Report: func(*sample.Request) {}}
	if key != "" {
		cfg.Header = []string{"Authorization", "Bearer " + key}
	}
	s, err := engine.Open(cfg)
	if err != nil {
		return sample.Unknown
	}
	p, _ := s.Probe(ctx) // it ends with an error: it was stopped
	return p.MaxModelLen
}

// fitting gives the context to map, in tokens: that of the plan where its prompts fit the
// server, else, where nobody asked for one, the first default that does.
func fitting(plan *scenario.Plan, limit int64, given bool) (int64, error) {
	sc, r := plan.Scenario, plan.Cells[0].R
	room := limit - sc.OutputTokens
	if limit <= 0 || r <= room {
		return sc.Contexts[0], nil
	}
	whole := func(n int64) int64 { return (n + sc.Chunk - 1) / sc.Chunk * sc.Chunk }
	for _, n := range mapContexts {
		if !given && whole(n) <= room {
			return n, nil
		}
	}
	most := max(room, 0) / sc.Chunk * sc.Chunk
	todo := "start the server with more"
	if most > 0 {
		todo = fmt.Sprintf("write --context %d, or %s", most, todo)
	}
	return 0, fmt.Errorf("--context %s: a prompt of %d tokens (in whole chunks of %d) and %d output token do not fit, the server takes %d together: %s",
		scenario.FormatSize(sc.Contexts[0]), r, sc.Chunk, sc.OutputTokens, limit, todo)
}

// keep writes the scenario where --write says. What is there is never overwritten.
func (f mapFlags) keep(text string) error {
	if f.write == "" {
		return nil
	}
	file, err := os.OpenFile(f.write, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usagef("--write %s: the file is there already and is not overwritten: choose another name, or run it with wsrun %s", f.write, f.write)
	}
	if err == nil {
		_, err = file.WriteString(text)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("the scenario cannot be kept: %w", err)
	}
	return nil
}

// scenario gives the text of the scenario: what a person would write, and nothing that
// is the default anyway.
func (f mapFlags) scenario(server string) string {
	var b strings.Builder
	b.WriteString("# Where does each memory tier of this server end, and what does leaving it cost?\nname: map\n")
	b.WriteString("target: " + f.target(server) + "\n")
	fmt.Fprintf(&b, "contexts: [%s]\nworking_set: {max: %s}\nmode: map\n", amount(f.context), amount(f.max))
	var how []string
	if f.resolution != "" {
		how = append(how, "resolution: "+amount(f.resolution))
	}
	if f.policy {
		how = append(how, "policy: true")
	}
	if len(how) > 0 {
		b.WriteString("map: {" + strings.Join(how, ", ") + "}\n")
	}
	return b.String()
}

func (f mapFlags) target(server string) string {
	switch {
	case server == "simulator" && f.profile != "":
		return "{simulator: {profile: " + strconv.Quote(f.profile) + "}}"
	case f.model == "" && f.keyEnv == "":
		return migrate.Scalar(server)
	}
	keys := []string{"endpoints: [" + migrate.Scalar(server) + "]"}
	if f.model != "" {
		keys = append(keys, "model: "+strconv.Quote(f.model))
	}
	if f.keyEnv != "" {
		keys = append(keys, "api_key_env: "+strconv.Quote(f.keyEnv))
	}
	return "{" + strings.Join(keys, ", ") + "}"
}

// plain is a number, with a unit or without, or a percentage.
var plain = regexp.MustCompile(`^[0-9][0-9A-Za-z.]*%?$`)

// amount writes an argument that should be a number into the scenario: what is none is a
// text, and no syntax.
func amount(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return migrate.Scalar(s)
}
