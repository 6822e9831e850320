package embed_test

import (
	"strings"
	"testing"

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
)

func BenchmarkEmbed(b *testing.B) {
	e := embedtest.Open(b)
	long := strings.Repeat("retrieval ", 300)
	for _, bc := range []struct {
		name  string
		texts []string
		class embed.Class
	}{
		{"one short query", []string{"dense retrieval without labelled data"}, embed.Interactive},
		{"one text of 256 tokens", []string{long}, embed.Interactive},
		{"32 sample abstracts", sample(b, 32), embed.Bulk},
	} {
		b.Run(bc.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := e.Embed(b.Context(), bc.texts, embed.Options{Class: bc.class}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(bc.texts))/b.Elapsed().Seconds(), "texts/s")
		})
	}
}
