package explain

// exits are the exit codes: what each says, and what to do.
var exits = []struct{ code, what, then string }{
	{"0", "Done, and every threshold held.", "Nothing is to be done. Where there was no threshold it says that the work was done."},
	{"1", "The work failed: the server could not be reached or broke off, a file could not be written, a stop condition with fail: true fired, or a planned cell has no point that is ok or doubtful although neither the slo nor a stop skipped it.", "Standard error says why. What was measured is in the run directory; wsrun run --resume RUN goes on with it."},
	{"2", "Called wrongly: an unknown command or flag, a missing argument, a file that is none.", "The message says what was meant, and wsrun help COMMAND what there is."},
	{"3", "A scenario is invalid. Nothing was sent.", "Each problem has its file, line and column, and a code in brackets: wsrun explain CODE."},
	{"4", "compare found a regression, or diff found a change of a class that --fail-on names.", "The verdict or the finding says which, and on what evidence."},
	{"5", "No verdict: no data, too few trials, nothing in common. No data never passes.", "The message says what was missing; wsrun plan says how many trials a verdict needs."},
	{"99", "A threshold was crossed.", "The lines under the table say which, where, and by how much."},
	{"130", "Interrupted by Ctrl-C or SIGTERM. What was measured is written.", "wsrun run --resume RUN goes on with it."},
}

const exitOrder = "Where several hold at once, 130 goes before 1, before 99, before 5, before 0; of compare 1 before 4, before 5."

func exitTopics() []Topic {
	var out []Topic
	for _, e := range exits {
		out = append(out, Topic{Kind: KindExit, Name: e.code, Text: e.what + " " + e.then + "\n\n" + exitOrder})
	}
	return out
}

// classes are what a change of a scenario can mean to wsrun diff.
var classes = []struct {
	name    string
	aliases []string
	text    string
}{
	{"breaks-comparison", nil, "Points no longer pair with those of older results: what is sent or how it is measured is another thing now. History goes on, but no comparison spans the change. Such are tokens of a context, output tokens, access, mode, model, api, balance, replicas, the simulator and the body; in sustained mode the slo, because it sets the level that is held."},
	{"loosened / tightened", []string{"loosened", "tightened", "loosens", "tightens"}, "It became easier (loosened) or harder (tightened) to pass, or a result rests on less or more evidence: limits of the slo, thresholds, stop conditions with fail: true, durations, trials, tolerances."},
	{"coverage", nil, "Cells were added or removed: contexts, hit rates, sizes, levels. The cells that stayed still pair."},
	{"cost", nil, "It takes more or less time, or more or fewer tokens, and answers the same question. A stop condition that ends later costs; it does not loosen."},
	{"reach", nil, "Something else is contacted, read or run: URLs, metrics, reset calls, headers, the name of the key's variable, ${NAMES}, certificates, commands, the results folder. A reviewer looks at these first."},
	{"cosmetic", nil, "Nothing that is measured changes: descriptions, labels, comments, the order of keys, a seed that only draws other tokens. A rename is cosmetic too; its history begins anew."},
}

func classTopics() []Topic {
	var out []Topic
	for _, c := range classes {
		out = append(out, Topic{Kind: KindClass, Name: c.name, aliases: c.aliases,
			Text: c.text + " wsrun diff works the class out of the two expanded plans, and --fail-on names classes that end with exit code 4."})
	}
	return out
}

// doubt is a state of a point, or a reason for one.
type doubt struct{ name, class, text string }

const (
	isInvalid  = "makes a point invalid: it takes no part in verdicts and comparisons"
	isDoubtful = "makes a point doubtful: it counts, and says so"
	isNote     = "a note: it changes no verdict"
	notPlanned = "the point was not measured"
)

// doubts are the validities and their reasons, as in docs/measurement.md.
var doubts = []doubt{
	{"ok", "", "The point was measured as it was meant, and counts in verdicts and comparisons."},
	{"doubtful", "", "Something makes the point's figures less sure than they look; its reasons say what. It counts in verdicts and comparisons, and says so."},
	{"invalid", "", "The point does not measure what it was meant to; its reasons say why. It gives no verdict, and compare uses it only when asked."},
	{"skipped", "", "The point was planned and not measured: a limit of the slo or a stop condition ended its search before, or the run did."},
	{"failed", "", "The cell failed before the point could be measured: its warm-up, its reset, or the server."},

	{"hit-rate-high", isInvalid, "More prompt tokens were cached than intended, by more than 2 points: old cache state. The cache was not empty, or prompts that should be new were seen before. Reset the server (warmup.reset), and leave prompts.salt at cell."},
	{"hit-rate-low", isInvalid, "Fewer prompt tokens were cached than intended, by more than 2 points, although the reuse distance is below 0.8 of what the server is known to hold. Another client may use it, a router may send prompts elsewhere, or the server drops blocks early."},
	{"no-reuse", isInvalid, "A hit rate above 0 is asked for, and the prompt that the probe sent twice found nothing cached: prefix caching is off in the server."},
	{"prompt-length-off", isInvalid, "The server counted more than 1 % more or fewer prompt tokens than were sent: it cuts prompts, or another tokeniser was asked."},
	{"errors", isInvalid, "More than 1 % of the attempts failed. The reason lists them by class: connection, HTTP status, timeout, reset mid-stream, empty or malformed answer."},
	{"short-outputs", isInvalid, "The server made less than 95 % of the output tokens that were asked for: it stops early, so the load is not the one that was meant."},

	{"client-limited", isDoubtful, "This machine was late: the p99 of the time to write a request and to read what came exceeds 1 % of the median TTFT (at least 1 ms), or its CPU was used to more than 90 %. Latencies contain that lag. Use another machine, or fewer requests in flight."},
	{"partial-coverage", isDoubtful, "Less than 90 % of the working set was touched since the cell's warm-up ended, so a part of it never had the chance to miss. A longer duration or growth.hold covers it."},
	{"few-prompts", isDoubtful, "More requests are in flight than the working set has prompts, so that one prompt is asked for several times at once. Take a larger working set or a lower level."},
	{"not-converged", isDoubtful, "The concurrency that holds was not found in the time that the size had: its bracket is shown, and the figures are those of the last level. A longer duration, fewer sizes or a smaller concurrency.max help; wsrun plan warns of it."},
	{"too-few-samples", isDoubtful, "A percentile that an slo, stop or threshold names rests on too few samples: 59 are needed up to p95, 299 for p99. Other thin percentiles are left empty. A longer duration helps."},
	{"not-steady", isDoubtful, "Time to first token drifted within the window: medians of ten parts of it rise or fall with time (p < 0.01) by more than 10 %. Of a map: a level that was looked at again at its end had moved by more than 20 %. Something warms up, fills up, or shares the server."},
	{"shared", isDoubtful, "Of a map: the server's counters have prompt tokens that were not sent from here: another client used it."},
	{"unfinished", isDoubtful, "Of a map: it did not come to its end, so brackets are as wide as what was known."},
	{"unconfirmed", isDoubtful, "Of a map: a tier seems to end at an edge, but new prompts, asked for in the order in which they were sent as a sweep does, did not show it there. Repeat the map on a quiet server, or sweep round the edge: wsrun plan says what that costs."},

	{"over-capacity", isNote, "Fewer tokens were cached than intended because the reuse distance is beyond what the server holds. That is what a sweep looks for."},
	{"warm-in-cut", isNote, "The time before the window, in which each worker ends a request of its own, reached warm_in_max and was cut."},
	{"ingest", isNote, "New prompts were sent for the first time inside the window, as the set grew: they are the misses."},
	{"verdict-differs", isNote, "The slo was missed or held while it ran, and the other way round once all token counts were known: the figures are near the limit."},
	{"gradual", isNote, "Of a map: a tier does not end at an edge, the share that it serves falls over a stretch. Random or approximate eviction does that."},
	{"lost-earlier", isNote, "Of a map: prompts that were asked for out of turn were lost before the depth at which the tier ends for new ones. A hit does not always renew a prompt's place: first in, first out, or a store behind slots (llama-server). The edge is the one that new prompts have shown."},
	{"other-rules", isNote, "Of a map: the record was made by a version with other rules; this one would have looked elsewhere."},
	{"note", isNote, "What the runner noted of this point, in its own words."},
	{"not-run", notPlanned, "The run ended before the point's turn came. wsrun run --resume RUN goes on with it."},
	{"interrupted", notPlanned, "The run was interrupted before the point was measured. wsrun run --resume RUN goes on with it."},
}

func doubtTopics() []Topic {
	var out []Topic
	for _, d := range doubts {
		var f facts
		f.add("effect", d.class)
		out = append(out, Topic{Kind: KindDoubt, Name: d.name, Text: d.text, Facts: f})
	}
	return out
}

// notes are of the whole run, said once above the table and in run.json.
var notes = []struct{ name, text string }{
	{"hit-rate-unverified", "The server tells no cached tokens, neither with its answers nor in its metrics: hit rates are as intended, not as seen. vLLM tells them with --enable-prompt-tokens-details, SGLang with --enable-cache-report. With balance: least-loaded they are unverified by design."},
	{"reset-unverified", "Nothing shows that the server's cache was empty when a cell began: it has no reset call, or nothing proves that it worked. Prompts of different cells share no block (prompts.salt: cell), so that none can hit another's."},
	{"fitted", "Prompt lengths are fitted by the server's usage to within 1 %, because it takes neither token ids nor has a tokeniser to ask."},
	{"no-usage", "The server tells no usage: output tokens are counted events, prompt tokens are as sent."},
	{"not-cold", "A prompt that was never sent before was partly cached when a cell began: old state, or a chat template that all prompts share."},
	{"tls-insecure", "The server's certificate was not checked, because target.tls.insecure says so: whoever stands between can read the API key and answer in the place of the server."},
	{"server-changed", "The server was another one, or another version, when the run was gone on with: points from before and after may differ for that reason."},
	{"wsrun-changed", "Another version of wsrun began this run than goes on with it."},
	{"probe", "What the probe found out about the server, in words."},
	{"torn", "The record was cut off in its last frame, as by a crash; that frame was dropped, all before it is whole."},
	{"warning", "A warning that the scenario had when it was loaded."},
	{"stop-level", "A stop condition with ends: level fired."},
	{"stop-cell", "A stop condition with ends: cell fired."},
	{"stop-sweep", "A stop condition with ends: sweep fired."},
	{"stop-run", "A stop condition with ends: run fired."},
}

func noteTopics() []Topic {
	var out []Topic
	for _, n := range notes {
		out = append(out, Topic{Kind: KindNote, Name: n.name, Text: n.text})
	}
	return out
}
