package scenario

// Codes lists the stable codes of all problems, with a file of the museum
// (testdata/museum) or a test for each.
func Codes() []string {
	return []string{
		"above-max-in-flight", "arrivals-without-rate", "bad-bandwidth", "bad-body", "bad-duration", "bad-extends", "bad-header", "bad-key", "bad-name",
		"bad-number", "bad-percent", "bad-profile", "bad-set", "bad-size", "bad-url", "bad-value", "bad-variable", "base-alone", "command-not-allowed",
		"concurrency-range", "condition-constant", "condition-construct", "condition-dimension", "condition-literal", "condition-name", "condition-scope",
		"condition-syntax", "condition-too-long", "condition-type", "depth-refine", "duplicate-file", "duplicate-key", "duplicate-name", "duplicate-value",
		"duration-range", "empty-decade", "empty-file", "encoding", "endpoints-with-simulator", "env-not-allowed", "explicit-tag", "goodput-without-slo",
		"hit-rate-moved", "hit-rate-rounds-to-zero", "map-endpoints", "map-too-short", "may-not-converge", "merge-key", "missing-key", "needs-kv-bytes",
		"no-size-left", "no-value", "not-ascending", "not-supported-yet", "other-mode", "out-of-range", "output-too-short", "outside-working-directory",
		"period-longer-than-duration", "rate-with-concurrency", "rewarm-once", "same-cell", "second-document", "secret-in-file", "size-left-out",
		"sustained-without-slo", "syntax", "tiers-not-given", "tls-without-https", "too-large", "too-many-aliases", "too-many-points", "unknown-key",
		"unknown-model", "unknown-profile", "unknown-tier", "unquoted-template", "unreadable", "unset-variable", "where-unmet", "working-set-range", "wrong-type",
	}
}
