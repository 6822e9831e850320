package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkApply measures groups of papers, synced, in a directory on disk.
func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprintf("group=%d", size), func(b *testing.B) {
			o := testOptions()
			o.MemTableBytes = 0
			s := must(Open(filepath.Join(b.TempDir(), "data"), o))(b)
			must(s.EnsureCollection(context.Background(), papers, testSpace()))(b)
			n := 0
			for b.Loop() {
				group := make([]Mutation, size)
				for i := range group {
					n++
					group[i] = upsert(testPaper(fmt.Sprint(n), fmt.Sprint("paper ", n)))
				}
				must(s.Apply(context.Background(), papers, group))(b)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
