package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"akin/internal/paper"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const papers = paper.DefaultCollection

func testSpace() paper.Space {
	return paper.Space{
		Model: "tiny", ModelDigest: "m", TokenizerDigest: "t", Pooling: "mean",
		Template: "{title}. {abstract}", MaxTokens: 256, Dimension: 4, Precision: "float32",
	}
}

// clockAt is a clock that goes one second forward at each look.
func clockAt(start time.Time) func() time.Time {
	now := start
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func testOptions() Options {
	return Options{Create: true, CacheBytes: 1 << 20, MemTableBytes: 256 << 10, Now: clockAt(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))}
}

type tb interface {
	Helper()
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

func must[T any](v T, err error) func(t tb) T {
	return func(t tb) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

// openMem opens a store on a file system in memory, with the collection made.
func openMem(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s := must(Open("/data", testOptions().WithFS(fs)))(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	must(s.EnsureCollection(context.Background(), papers, testSpace()))(t)
	return s
}

func testPaper(id, text string) paper.Paper {
	return paper.Paper{ID: id, Title: "On " + text, Abstract: "We study " + text + "."}
}

// vectorFor is a vector that depends on the text, so that mixing two up shows.
func vectorFor(p paper.Paper) []float32 {
	d := paper.EmbedDigest(p.Title, p.Abstract)
	return []float32{float32(d[0]), float32(d[1]), float32(d[2]), -0.5}
}

func upsert(p paper.Paper) Mutation {
	return Mutation{Upsert: &Upsert{Paper: p, Vector: vectorFor(p), TokenCount: len(p.Title), Truncated: len(p.Title) > 8}}
}

func remove(id string) Mutation { return Mutation{Delete: id} }

func apply(t tb, s *Store, group ...Mutation) []Outcome {
	t.Helper()
	return must(s.Apply(context.Background(), papers, group))(t)
}

// fullPaper has something in every field.
func fullPaper(id string) paper.Paper {
	return paper.Paper{
		ID: id, Title: "Über Größe — 大きさ", Abstract: "An abstract.\nWith two lines.",
		Authors:    []paper.Author{{Name: "Ada Lovelace", ORCID: "0000-0001-2345-6789"}, {Name: "Émilie"}},
		Categories: []string{"cs.CL", "cs.IR"}, Venue: "Proc. of Things",
		PublishDate: paper.Date{Year: 2021, Month: 12},
		ListedDates: []paper.Date{{Month: 3, Day: 17}, {Year: 2026, Month: 3, Day: 18}},
		DOI:         "10.1/x", ArxivID: "2112.09118", URLs: []string{"https://example.org/a b"}, Language: "de",
		Signals:  map[string]float64{"up_votes": 12, "ratio": 0.1},
		Metadata: map[string]string{"note": "x", "": "empty key", "z": ""},
	}
}

func verified(t tb, s *Store) *Report {
	t.Helper()
	r := must(s.Verify(context.Background()))(t)
	for _, f := range r.Faults {
		t.Errorf("verify: %v (%v)", f, unwrapped(f))
	}
	return r
}

func unwrapped(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return nil
}

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("p:%03d", i)
	}
	return out
}
