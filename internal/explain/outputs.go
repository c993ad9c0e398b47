package explain

import (
	"path"
	"regexp"
)

// heads are the words over the tables of a run, of its tiers and of a plan, as they are
// printed; those that are metrics by another name are in metricHeads.
var heads = []word{
	{"hit want/got", []string{"want/got"}, "Head of a run's table: the hit rate that was sent, after rounding to chunk and block, and the one that the server told, in percent of prompt tokens.", []string{"hit_rate", "hit_rate_observed", "chunk"}},
	{"errors", nil, "Head of a run's table: how many attempts of the point failed, and the share of them.", []string{"error_rate", "errors_by_class"}},
	{"from", nil, "Head of the tables of tiers. Of a transition: the tier before it. Of a map: the reuse distance from which on the tier served prompts, as a bracket in tokens.", []string{"transition", "from_tier", "from_lo_tokens"}},
	{"to", []string{"to prompts"}, "Head of the tables of tiers. Of a transition: the tier behind it. Of a map: the reuse distance, or the number of prompts, up to which the tier served them, as a bracket.", []string{"transition", "to_tier", "to_lo_tokens"}},
	{"edge >=", []string{"edge <=", "edge above", "edge below"}, "Heads of the transitions: the edge lies between these two reuse distances, in tokens, cumulative over the tiers above.", []string{"edge1", "edge_lo_tokens", "edge_hi_tokens"}},
	{"ttft before", []string{"ttft after"}, "Heads of the transitions: the median time to first token on either side of the edge.", []string{"ttft_before", "ttft_after"}},
	{"ratio", nil, "Head of the transitions: the TTFT behind the edge divided by that before it.", []string{"ttft_ratio"}},
	{"ms/1k tok", []string{"cost"}, "Head of the tables of tiers: what a thousand reused tokens cost more, in milliseconds of TTFT, behind the edge or in this tier.", []string{"ms_per_1k_tokens"}},
	{"looks", []string{"look"}, "Requests that a finding rests on: of a map those that asked for a prompt at a chosen depth, else first tokens of the points on both sides.", []string{"map.looks", "transition"}},
	{"told by source", nil, "Head of a map's table: prompt tokens of the looks by the tier that the server says it served them from.", []string{"tokens_by_source"}},
	{"holds", []string{"capacity"}, "Head of the capacities: the tier's own size in tokens, as target.tiers states it or the server tells it.", []string{"capacities", "target.tiers"}},
	{"if", nil, "Head of the capacities: exclusive, if what leaves the tier above moves into this one, or inclusive, if this one holds a copy of it. It says where on the axis of reuse distance the size is reached.", []string{"reached at reuse"}},
	{"said by", nil, "Head of the capacities: target.tiers, or the series or call of the server that told the size.", []string{"capacities"}},
	{"reached at reuse", nil, "Head of the capacities: the reuse distance at which the tier is full: its own size and, where tiers are exclusive, those above it.", []string{"capacities", "reuse distance"}},
	{"found", []string{"as told", "as stated"}, "Head of the capacities: yes where the transition that was found holds the size within its bracket, no where it lies elsewhere, else why it is not known.", []string{"capacities", "transition"}},
	{"capacities", []string{"capacity line"}, "What a tier holds as target.tiers states it or the server tells it, held against the transitions that were found.", []string{"holds", "found", "target.tiers"}},
	{"measured", nil, "Head of a plan: the time of all measured windows of a cell, from the shortest to the longest that they may take. Warm-up, warm-in and drain come on top.", []string{"duration", "measured_min", "measured_max"}},
	{"warm-up tok", []string{"warm-up tokens", "warm-up tok up to"}, "Head of a plan: prompt tokens that the warm-ups of a cell send, all trials together. --prefill-rate says how long they take.", []string{"warm-up", "warmup_tokens"}},
	{"prompts", []string{"prompts up to"}, "Head of a plan: how many prompts the working set has: its size divided by the tokens of one, rounded up.", []string{"working_set", "context"}},
	{"as far as", nil, "Head of a map's plan: the largest reuse distance at which it looks.", []string{"working_set.max", "map"}},
	{"further requests about", nil, "Head of a map's plan: looks at chosen depths, one at a time, about as many as are needed.", []string{"map.looks"}},
	{"req/s", []string{"rates", "requests/s"}, "Head of a plan with rate: requests a second at which the open loop begins them.", []string{"rate"}},
}

// pageHeads are those over the tables of pages that nothing else is called.
var pageHeads = []word{
	{"Asked as", nil, "Head of a map's page: the order in which a look was asked for.", []string{"looks"}},
	{"Assumption", nil, "Head of the capacities on a page: exclusive, if a tier holds what no tier above it holds, inclusive, if it holds what they hold as well.", []string{"if", "capacities"}},
	{"Best output", []string{"Best goodput"}, "Heads of a history: the highest output throughput, or goodput, of a run's points that are ok or doubtful.", []string{"output_throughput", "goodput"}},
	{"Change", nil, "Head of a history: whether the run's scenario is another than that of the run before.", []string{"digest"}},
	{"Held", []string{"Held at least", "Held at most"}, "Head of a sustained page: the requests in flight that keep the slo; a bracket where the level was not found.", []string{"bracket", "not-converged"}},
	{"Held against", nil, "Head of the thresholds on edges on a page: the reuse distance that the lower end of the edge is compared with.", []string{"thresholds", "Reached at"}},
	{"Reached at", []string{"Working set there"}, "Heads of the capacities on a page: the reuse distance, and the working set, at which the tier is full.", []string{"reached at reuse"}},
	{"Run", nil, "Head of a history: the run's directory, which is named by when it began.", []string{"run.json"}},
	{"Started", []string{"Started, UTC"}, "When the run, or the trial, began.", nil},
	{"State", nil, "How a run stands: done, interrupted, failed, or running.", []string{"done", "running", "interrupted"}},
	{"Output rate p50", nil, "The output tokens a second that half of the requests see at least: 1 / TPOT p50.", []string{"output_rate", "tpot.p50"}},
	{"Output per GPU", nil, "Output throughput divided by target.gpus.", []string{"output_throughput", "target.gpus"}},
	{"Output speed-up", []string{"Input speed-up"}, "Throughput divided by that at the smallest working set of the same context, hit rate and level.", []string{"output_throughput", "input_throughput"}},
	{"TTFT distribution", nil, "Percent of the requests by TTFT, ten bins a decade.", []string{"ttft"}},
}

// columnHeads are heads of pages that name a column otherwise than the files do.
var columnHeads = map[string][]string{
	"ttft_samples": {"First tokens"}, "working_set_real": {"Working set sent"}, "size_lo": {"Working set above"}, "size_hi": {"Working set below"},
}

// metricHeads are heads that name a metric otherwise than conditions do.
var metricHeads = map[string][]string{
	"concurrency": {"conc"}, "reuse_distance": {"reuse"}, "hit_rate": {"hit"}, "input_throughput": {"in tok/s"}, "prefill_throughput": {"prefill"},
	"output_throughput": {"out tok/s"}, "goodput_share": {"good%"}, "error_rate": {"failed attempts"}, "concurrency_achieved": {"achieved concurrency"},
}

// planKeys are those of wsrun plan --format lines and json that are no columns.
var planKeys = []word{
	{"levels", nil, "Key of a plan: the levels of concurrency of a cell, with commas.", []string{"concurrency"}},
	{"sizes", nil, "Key of a plan: the sizes that a sustained cell grows to, with commas.", []string{"working_set"}},
	{"search_start", []string{"search_max", "search_step"}, "Keys of a plan: where the search of sustained mode begins, its step, and how far it goes.", []string{"concurrency.start", "concurrency.step", "concurrency.max"}},
	{"warmup_tokens", []string{"warmup_requests"}, "Keys of a plan: what the warm-ups of a cell send, all trials together.", []string{"warm-up"}},
	{"measured_min", []string{"measured_max"}, "Keys of a plan: the measured time of a cell in seconds, at least and at most.", []string{"duration"}},
	{"ingest_tokens", []string{"ingest_requests"}, "Keys of a plan: what a growing or mapped working set sends of new prompts.", []string{"growth.prompts"}},
	{"peak_streams", []string{"peak streams"}, "Key of a plan: requests in flight at most.", []string{"target.max_in_flight"}},
	{"look_requests", nil, "Key of a map's plan: about how many looks it takes.", []string{"map.looks"}},
	{"requests_min", []string{"requests_max"}, "Keys of a plan with rate: requests that begin in its windows, at least and at most.", []string{"rate"}},
}

// states say how a run, a unit of it, or a threshold stands, and phases what it does.
var states = []word{
	{"running", []string{"not ended"}, "The run has not ended, or its process died: wsrun run --resume RUN goes on with it.", []string{"interrupted", "done"}},
	{"done", nil, "The run came to its end. Whether it passed is another question: its exit code and its thresholds say so.", []string{"thresholds", "0"}},
	{"superseded", nil, "What a session began and did not finish, and a later one did again. It does not count.", nil},
	{"pass", nil, "The threshold held at every point that it judges.", []string{"thresholds"}},
	{"fail", nil, "The threshold was crossed at a point, which is named. The run ends with exit code 99.", []string{"thresholds", "99"}},
	{"no verdict", []string{"no-verdict"}, "There was no data to judge by: no point is left, all are invalid, or the figure is empty. No data never passes: exit code 5.", []string{"thresholds", "5"}},
	{"reset", nil, "The phase that empties the server's cache before a unit.", []string{"warmup.reset"}},
	{"sentinel", []string{"sentinels"}, "The phase before a warm-up in which a few prompts that the unit does not use are sent: they show whether the cache was empty, and how long a cold prompt takes.", []string{"warmup.verify"}},
	{"settle", nil, "The phase behind a warm-up: a wait until the server is at rest.", []string{"warm-up"}},
	{"verify", nil, "The phase behind a warm-up in which a few of its prompts are sent again: it shows what of the set is still there.", []string{"warmup.verify", "warm-up"}},
	{"measure", nil, "The phase that is the measured window of a level.", []string{"window", "warm-in"}},
	{"drain", nil, "The phase behind a level in which no request begins and those in flight may end.", []string{"drain"}},
}

// things are what else outputs name: figures and files.
var things = []word{
	{"unit", nil, "One trial of one cell: what is done again as a whole when a run is resumed.", []string{"cell", "trial"}},
	{"digest", []string{"scenario_digest"}, "A fingerprint of what a scenario measures: runs with the same one asked for the same. Names, labels, URLs, secrets and folders have no part in it.", []string{"scenario"}},
	{"headline", nil, "The few figures of a run in run.json that the history of a results folder shows.", []string{"run.json"}},
	{"nonce", nil, "Random bytes of a run that its prompts begin with, so that no server has seen them before.", []string{"prompts.salt"}},
	{"block", nil, "The unit in which the server's prefix cache keeps tokens: told, learnt by sending one prompt twice, or server_block.", []string{"server_block", "chunk"}},
	{"bracket", []string{"bracket_lo", "bracket_hi"}, "Two bounds between which a figure lies: of an edge in tokens of reuse distance, of a level that was searched in requests in flight.", []string{"edge", "not-converged"}},
	{"best", nil, "1 marks the best level of a cell that passed: the one with the highest goodput, or output throughput where there is no slo. In a stop condition best. means the best point of the cell so far.", []string{"condition", "slo"}},
	{"total", []string{"total."}, "In a stop condition: total.ttft.p95 is the figure since the point began.", []string{"condition", "prev"}},
	{"prev", []string{"prev."}, "In a stop condition: prev.ttft.p95 is the figure of the period before.", []string{"condition", "total"}},
	{"recompute", nil, "Behind the last tier: nothing of the prefix is kept, and the prompt is computed again.", []string{"tier", "transition"}},
	{"hbm", []string{"gpu"}, "The GPU's own memory, as a tier: the fastest.", []string{"tier", "target.tiers"}},
	{"dram", []string{"cpu"}, "The host's memory, as a tier below the GPU's.", []string{"tier", "target.tiers"}},
	{"ssd", []string{"disk", "remote"}, "A disk or a remote store, as the last tier.", []string{"tier", "target.tiers"}},
	{"tier1", []string{"tier2", "tier3"}, "Tiers that have no name are numbered, from the fastest on.", []string{"tier", "target.tiers"}},
	{"run.json", nil, "Of a run: what was run, on what, how it ended, and its headline.", []string{"headline", "record.wsr"}},
	{"record.wsr", []string{"record"}, "Of a run: everything that happened, as it happened. All else is computed from it, by wsrun report too.", []string{"run.json"}},
	{"scenario.yaml", nil, "Of a run: the scenario as given.", []string{"scenario.merged.yaml"}},
	{"scenario.merged.yaml", nil, "Of a run: the scenario in one file, with what it extends and what --set says; only where it does either.", []string{"scenario.yaml", "extends"}},
	{"summary_{ts}.csv", []string{"summary"}, "One row for each point and trial.", []string{"point", "trial"}},
	{"detailed_results_{ts}.csv", []string{"detailed_results"}, "One row for each attempt, failures included; of a sustained run one file for each context.", []string{"attempts", "output.requests"}},
	{"phase_metadata_{ts}.csv", []string{"phase_metadata"}, "One row for each level that was run, in fixed mode.", []string{"fixed"}},
	{"sustained_periods_ctx{context}_ws{ws}_cache{rate}_{ts}.csv", []string{"sustained_periods"}, "One row for each assessment period, in sustained mode.", []string{"period"}},
	{"tier_map_{context}_{ts}.csv", []string{"tier_map"}, "One row for each depth that a map looked at.", []string{"map", "depth_tokens"}},
	{"tiers_{ts}.csv", []string{"tiers"}, "One row for each transition that was found.", []string{"transition"}},
	{"index.html", nil, "The first page of a run: how it ended, its verdicts, transitions and points, and all other pages and files. The one of a results folder is the history of its runs.", []string{"headline"}},
	{"charts.js", nil, "The script that the pages of a run share.", nil},
	{"report.html", nil, "All pages of a run in one file, from wsrun report RUN --single-file.", nil},
	{"output_throughput_comparison.html", nil, "The page of throughput across contexts.", []string{"output_throughput", "input_throughput"}},
	{"output_metrics_comparison.html", nil, "The page of latency and output across contexts.", []string{"ttft", "tpot"}},
	{"tier_map_{context}.html", []string{"tier_map"}, "The page of a map: TTFT and the share found of every look against reuse distance.", []string{"map", "looks"}},
	{"performance_vs_working_set_{context}.html", []string{"performance_vs_working_set"}, "The main page of a context: throughput, TTFT, goodput and hit rate against the working set, with the edges of the tiers.", []string{"transition"}},
	{"fixed_ctx{context}_ws{ws}_cache{rate}.html", []string{"fixed_ctx"}, "The page of one cell of fixed mode: each figure against concurrency.", []string{"cell"}},
	{"sustained_ctx{context}_ws{ws}_cache{rate}.html", []string{"sustained_ctx"}, "The page of one cell of sustained mode: how the working set grew, and what was held.", []string{"cell"}},
}

// part is what a file's name has something in the place of, as {ts}.
var part = regexp.MustCompile(`\{[a-z]+\}`)

// fileOf gives what a file of a run is: the one that is called so but for its {parts}.
func fileOf(name string) (Topic, bool) {
	for _, w := range things {
		if part.MatchString(w.name) {
			if is, err := path.Match(part.ReplaceAllString(w.name, "*"), name); err == nil && is {
				return w.topic(), true
			}
		}
	}
	return Topic{}, false
}
