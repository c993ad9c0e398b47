package html

import (
	"io"
	"testing"
)

// A record of 100 sustained cells of 1,000 periods gives its index and each page in under
// two seconds: what each of them costs, out of a record with a scrape each second.
func BenchmarkLargeSustainedRun(b *testing.B) {
	k := soakRun{cells: 100, periods: 996, slow: 4}
	k.scrapes = 99 * 12_000
	r := k.run()
	write := func(b *testing.B, name string) {
		for b.Loop() {
			found := false
			for _, f := range Files(r) {
				if f.Name != name+".html" {
					continue
				}
				found = true
				if err := f.Write(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
			if !found {
				b.Fatalf("there is no %s", name)
			}
		}
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/page")
	}
	b.Run("index", func(b *testing.B) { write(b, IndexName) })
	b.Run("cell", func(b *testing.B) { write(b, soakPage) })
	b.Run("performance", func(b *testing.B) { write(b, "performance_vs_working_set_2000") })
}
