package scenario

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/wsrun/wsrun/internal/nearest"
	"github.com/wsrun/wsrun/scenario/metric"
)

// dotted gives the name that a chain of members spells.
func dotted(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value, true
	case *ast.MemberNode:
		base, ok := dotted(n.Node)
		prop, isText := n.Property.(*ast.StringNode)
		if !ok || !isText || n.Optional || n.Method {
			return "", false
		}
		return base + "." + prop.Value, true
	}
	return "", false
}

// name resolves a name against the catalogue and the scope.
func (k *checker) name(n ast.Node) (value, *condError) {
	full, ok := dotted(n)
	if !ok {
		return value{}, k.fail(n, "condition-construct", "a metric is a plain name, as ttft.p95")
	}
	full = k.cond.original(full)
	if from, to := extent(n, k.cond.lits); string(k.text[from:to]) != full {
		return value{}, k.fail(n, "condition-construct", "a metric is a plain name: write %s", full)
	}
	prefix, base := cutScope(full)
	if prefix != "" && k.scope != StopScope {
		return value{}, k.fail(n, "condition-scope", "%s. is only known in stop: in a threshold a bare metric is the point's total; write %s", prefix, base)
	}
	def, ok := metric.Find(base)
	if tier, isTier := tierOf(base); isTier && strings.Contains(tier, ".") {
		ok = false
	}
	if !ok {
		return value{}, k.unknown(n, full, base)
	}
	if strings.HasPrefix(base, "server.") && slices.ContainsFunc(metric.Telemetry(), func(d metric.Def) bool { return strings.HasPrefix(d.Name, base+".") }) {
		return value{}, k.unknown(n, full, base) // server.cached_tokens
	}
	if near := misspelt(base); near != "" {
		return value{}, k.fail(n, "condition-name", "unknown metric %q, did you mean %q?", full, near)
	}
	if err := k.inScope(n, def, base, prefix != ""); err != nil {
		return value{}, err
	}
	if err := k.knownTier(n, base); err != nil {
		return value{}, err
	}
	k.seen[full] = true
	return value{dim: dimOf(def)}, nil
}

// knownTier holds the name of a tier against those stated. Without any, only shares
// can be read: under the names that the server tells.
func (k *checker) knownTier(n ast.Node, base string) *condError {
	tier, ok := tierOf(base)
	switch {
	case !ok || slices.Contains(k.tiers, tier):
		return nil
	case len(k.tiers) > 0:
		return k.fail(n, "condition-name", "%s: no tier is named %q%s (target.tiers has %s)", base, tier, didYouMean(tier, k.tiers), strings.Join(k.tiers, ", "))
	case strings.HasPrefix(base, "edge."):
		return k.fail(n, "condition-name", "%s: no tier has a name: write target.tiers, as tiers: [{name: %s, capacity: 1M}], or edge1 for the first transition", base, tier)
	}
	return nil
}

// unknown says what a name that is no metric may have meant.
func (k *checker) unknown(n ast.Node, full, base string) *condError {
	names := metric.Names()
	for _, d := range metric.Telemetry() {
		names = append(names, d.Name)
	}
	var kin, parts []string
	for _, name := range names {
		if strings.HasPrefix(name, base+".") {
			kin = append(kin, name)
		}
		if strings.HasSuffix(name, "."+base) {
			parts = append(parts, name)
		}
	}
	for _, name := range names {
		if family, _, nested := strings.Cut(name, "."); nested && !strings.Contains(base, ".") {
			names = append(names, family)
		}
	}
	switch near := nearest.Name(base, names); {
	case base == "tier_share" || base == "edge":
		return k.fail(n, "condition-name", "%q is a family of metrics: write %s.NAME with a tier of target.tiers, or %s", full, base, map[string]string{"tier_share": "tier_share.tier1", "edge": "edge1"}[base])
	case slices.Contains(scopePrefixes, base):
		return k.fail(n, "condition-name", "%s. stands in front of a metric: write %s.ttft.p95", base, base)
	case base == "server":
		return k.fail(n, "condition-name", "%q is a family of metrics, what the server tells of itself: write server.NAME, as server.kv_usage or server.requests_waiting", full)
	case len(kin) > 0:
		return k.fail(n, "condition-name", "%q is a family of metrics: write one of %s", full, strings.Join(kin, ", "))
	case len(parts) > 0:
		return k.fail(n, "condition-name", "%q of what? write one of %s", full, strings.Join(parts, ", "))
	case near != "":
		return k.fail(n, "condition-name", "unknown metric %q, did you mean %q?", full, near)
	}
	return k.fail(n, "condition-name", "unknown metric %q: wsrun explain lists the names", full)
}

// misspelt gives the canonical name that a name of telemetry is near to. The family is
// open, because servers differ; a slip of a letter would still never have data.
func misspelt(base string) string {
	if !strings.HasPrefix(base, "server.") || len(base) < len("server.")+6 {
		return ""
	}
	var names []string
	for _, d := range metric.Telemetry() {
		if d.Name == base {
			return ""
		}
		names = append(names, d.Name)
	}
	// Without the family's name, which would make all of them near.
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], "server.")
	}
	if near := nearest.Name(strings.TrimPrefix(base, "server."), names); near != "" {
		return "server." + near
	}
	return ""
}

func (k *checker) inScope(n ast.Node, def metric.Def, base string, prefixed bool) *condError {
	switch {
	case def.Threshold && k.scope != ExpectScope:
		return k.fail(n, "condition-scope", "%s is only known in a threshold's expect: an edge is found when all points are measured", base)
	case k.scope == WhereScope && !def.Axis:
		return k.fail(n, "condition-scope", "where chooses points by what was asked, not by %s: use context, working_set, reuse_distance, hit_rate or concurrency", base)
	case k.scope == EdgeWhereScope && base != "context" && base != "hit_rate" && base != "concurrency":
		return k.fail(n, "condition-scope", "there is one edge for each context, hit rate and level: the where of an edge threshold may only name context, hit_rate and concurrency")
	case k.scope == ExpectScope && base == "elapsed":
		return k.fail(n, "condition-scope", "elapsed is only known in stop: it is the time since the run began, no figure of a point")
	case prefixed && base == "elapsed":
		return k.fail(n, "condition-scope", "elapsed is the run's: write it without a prefix")
	}
	return nil
}
