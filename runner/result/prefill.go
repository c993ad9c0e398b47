package result

import (
	"path/filepath"
	"slices"
	"time"

	"github.com/wsrun/wsrun/scenario"
)

// LastWarmupRate gives the rate of the newest run in a results folder that has the
// scenario's name and its server, see WarmupRate, and the run's directory. Runs that
// cannot be read, or have no warm-up, are passed over; 0 where none is left.
func LastWarmupRate(dir string, sc *scenario.Scenario) (rate float64, run string) {
	runs, _ := runsOf(dir, sc.Name) // what cannot be read tells no rate
	slices.SortFunc(runs, func(a, b RunDir) int { return b.Manifest.Epoch.Compare(a.Manifest.Epoch) })
	for _, r := range runs {
		if r.Manifest.Scenario == nil || !sameServer(&r.Manifest.Scenario.Target, &sc.Target) {
			continue
		}
		run = filepath.Join(dir, r.Name, r.Dir)
		path, err := FindRecord(run)
		if err != nil {
			continue
		}
		rec, err := Read(path, ReadOptions{SkipRequests: true})
		if err != nil {
			continue
		}
		if rate = WarmupRate(rec); rate > 0 {
			return rate, run
		}
	}
	return 0, ""
}

// sameServer reports whether two targets are the same server and model, so that the
// speed of one tells that of the other.
func sameServer(a, b *scenario.Target) bool {
	if (a.Simulator == nil) != (b.Simulator == nil) || a.Model != b.Model || !slices.Equal(a.Endpoints, b.Endpoints) {
		return false
	}
	return a.Simulator == nil || a.Simulator.Profile == b.Simulator.Profile && slices.Equal(a.Simulator.Body, b.Simulator.Body)
}

// WarmupRate gives the prompt tokens/s at which a run's warm-ups went: prompts that the
// server had never seen, sent with warmup.concurrency, their output tokens included in
// the time. It is what the next warm-up of that server will take, and close to its cold
// prefill rate. Only warm-ups that are cold count: the first of each unit, and with
// salt: run that of the first unit. 0 where the record has none.
func WarmupRate(rec *Record) float64 {
	var tokens float64
	var took time.Duration
	if rec.Run == nil || rec.Run.Scenario == nil || rec.Run.Scenario.Prompts.Salt == "none" {
		return 0
	}
	sc := rec.Run.Scenario
	for _, u := range rec.Units {
		n, d := u.warmed(sc.Mode == "map")
		tokens += float64(n) * float64(u.Spec.R)
		took += d
		if n > 0 && sc.Prompts.Salt != "cell" {
			break
		}
	}
	if took <= 0 {
		return 0
	}
	return tokens / took.Seconds()
}

// warmed gives the prompts of the unit's first warm-up, and how long that took; of a
// map's unit those of all its ingests, each of which sends new prompts.
func (u *UnitRecord) warmed(mapped bool) (prompts int, took time.Duration) {
	for _, ph := range u.Phases {
		switch {
		case mapped && ph.Phase == PhaseIngest:
			prompts += ph.Sent - ph.Failed
			took += time.Duration(ph.End - ph.Start)
		case !mapped && ph.Phase == PhaseWarmup:
			return ph.Sent - ph.Failed, time.Duration(ph.End - ph.Start)
		}
	}
	return prompts, took
}
