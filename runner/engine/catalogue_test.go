package engine

import (
	"testing"

	"github.com/wsrun/wsrun/scenario/metric"
)

// TestTelemetryIsInTheCatalogue: conditions know the names under which telemetry is
// recorded, and what they are.
func TestTelemetryIsInTheCatalogue(t *testing.T) {
	known := metric.Telemetry()
	if len(known) != len(Canonical) {
		t.Fatalf("the catalogue has %d names, telemetry %d", len(known), len(Canonical))
	}
	for i, n := range Canonical {
		if d := known[i]; d.Name != n.Name || d.Unit != n.Unit || d.Doc != n.Doc {
			t.Errorf("%s: the catalogue has %s, unit %d (want %d), %q", n.Name, d.Name, d.Unit, n.Unit, d.Doc)
		}
	}
}
