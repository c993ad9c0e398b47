package runner

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"

	"github.com/wsrun/wsrun/runner/load"
	"github.com/wsrun/wsrun/runner/prompt"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// ending is a source that ends, and about how many jobs it has.
type ending interface {
	load.Source
	Len() int
}

// counted gives a source its length.
type counted struct {
	load.Source
	n int
}

func (c counted) Len() int { return c.n }

// dealer makes the jobs of one unit.
type dealer struct {
	u   *unit
	set *prompt.Set
	law prompt.Law
}

// newDealer makes the unit's working set. Its salt keeps it apart from everything
// that was sent before: by this run, by an earlier session, by any other run.
func (u *unit) newDealer() (*dealer, error) {
	c := u.cell
	if u.once.warmed(c, u.id.Trial) == 0 {
		// The caches are taken as empty, but counters go on: cells may share a salt, and
		// unique means unique.
		u.history = u.history.Fresh()
	}
	set, err := prompt.NewSet(prompt.Config{
		Geometry: prompt.Geometry{R: c.R, Prefix: c.Prefix, Output: u.sc.OutputTokens},
		Prompts:  c.Prompts + spare(u.sc, c),
		Key:      u.saltKey(),
		Encoder:  u.target.encoders[c.R],
		History:  u.history,
		Balance:  prompt.Balance(u.sc.Target.Balance),
		InFlight: func(e int) int { return int(u.gen.InFlight(int32(e))) },
		Template: u.probe.TemplateTokens,
		Block:    u.probe.Block,
		Run:      u.opt.ID,
		Header:   u.varyingHeaders(),
		NextID:   func() int64 { return u.ids.Add(1) },
		Base:     sample.Request{Cell: u.id.Cell, Trial: int32(u.id.Trial)},
	})
	if err != nil {
		return nil, err
	}
	d := &dealer{u: u, set: set}
	if c.Prompts > 0 {
		d.law = u.law()
	}
	return d, nil
}

// law is the scenario's access law over the unit's prompts; sustained, over those of
// the first step, with room for more.
func (u *unit) law() prompt.Law {
	first := u.spec.At(0).Prompts
	h := fnv.New64a()
	fmt.Fprint(h, u.id.Cell, u.id.Trial)
	rng := rand.New(rand.NewPCG(uint64(u.sc.Seed), h.Sum64()))
	switch uniform, grows := u.sc.Access == "uniform", len(u.spec.Steps) > 0; {
	case u.sc.Access == "depth":
		return prompt.Depth(first, rng)
	case uniform && grows:
		return prompt.UniformGrowing(first, rng)
	case uniform:
		return prompt.Uniform(first, rng)
	case grows:
		return prompt.Ring(first)
	}
	return prompt.Cyclic(first, 0)
}

// saltKey names the tokens of this unit (scenario: prompts.salt). With rewarm: once the
// working set is no part of it: the sets are nested.
func (u *unit) saltKey() prompt.Key {
	seed := strconv.FormatInt(u.sc.Seed, 10)
	switch u.sc.Prompts.Salt {
	case "none":
		return prompt.NewKey("none", seed)
	case "run":
		return prompt.NewKey("run", seed, u.opt.Nonce, strconv.Itoa(u.session))
	}
	size := strconv.FormatInt(u.cell.WorkingSet, 10)
	if u.once != nil {
		size = "nested"
	}
	return prompt.NewKey("cell", seed, u.opt.Nonce, strconv.Itoa(u.session), strconv.FormatInt(u.cell.Context, 10),
		scenario.FormatPercent(u.cell.HitRate), size, strconv.Itoa(u.id.Trial))
}

// endpoints is the number of endpoints each prompt is sent to.
func (d *dealer) endpoints() int {
	if d.u.sc.Target.Balance == string(prompt.Pinned) {
		return 1
	}
	return len(d.u.opt.Endpoints)
}

// loop is the endless source of measured requests. The law goes on over the levels.
func (d *dealer) loop() load.Source { return d.set.Deal(d.law) }

func (d *dealer) sentinels() ending {
	n := 2 * len(d.u.opt.Endpoints)
	return counted{d.set.Sentinels(n), n}
}

func (d *dealer) coverageSize(first int) int { return max(0, d.u.cell.Prompts-first) * d.endpoints() }

func (d *dealer) coverage(first int) ending {
	return counted{d.set.Coverage(first), d.coverageSize(first)}
}

// ingest deals n prompts of a map from index first on.
func (d *dealer) ingest(first, n int) ending { return counted{d.set.Ingest(first, n), n} }

func (d *dealer) repeat() ending { return counted{d.set.Looks(), 64 * d.endpoints()} }

// again retries failed warm-up requests, each once, in their order.
func (d *dealer) again(failed []*sample.Request) ending {
	i := 0
	return counted{sourceFunc(func() (*sample.Job, bool) {
		if i == len(failed) {
			return nil, false
		}
		i++
		return d.set.Again(failed[i-1])
	}), len(failed)}
}

type sourceFunc func() (*sample.Job, bool)

// Next implements load.Source.
func (f sourceFunc) Next() (*sample.Job, bool) { return f() }

// onceState is what rewarm: once carries from cell to cell: which prompts of a context
// and hit rate are warm already. nil for any other rewarm.
type onceState struct {
	of    series
	trial int
	warm  int
}

// warmed gives how many prompts need no warm-up.
func (o *onceState) warmed(c scenario.Cell, trial int) int {
	if o == nil || o.of != seriesOf(c) || o.trial != trial {
		return 0
	}
	return o.warm
}

func (o *onceState) advance(c scenario.Cell, trial int) {
	if o != nil {
		o.of, o.trial, o.warm = seriesOf(c), trial, c.Prompts
	}
}
