package lexical

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
)

// Papers that come together make the index that they make one by one: terms have the
// same numbers, papers the same records, and searches the same answers; also where
// ordinals come out of order, twice, or are there already, and where what was prepared is
// of another index or of words that were unknown then.
func TestUpsertMany(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 9))
	one := fill(t, nil, Options{SegmentPapers: 500})
	many := fill(t, nil, Options{SegmentPapers: 500})
	for round := range 6 {
		n := []int{bulkPapers - 1, bulkPapers, 700, 2000, 300, 900}[round]
		var ordinals []uint32
		var papers []*Prepared
		for i := range n {
			ordinal := uint32(random.IntN(4000))
			title, abstract, ids := zipf(random, 5000, 5), zipf(random, 5000, 30), []string{fmt.Sprint("p", ordinal)}
			from := many
			if i%7 == 0 {
				from = one
			}
			ordinals, papers = append(ordinals, ordinal), append(papers, from.Prepare(title, abstract, ids))
			if err := one.Upsert(ordinal, title, abstract, ids); err != nil {
				t.Fatal(err)
			}
		}
		if err := many.UpsertMany(ordinals, papers); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			ordinal := uint32(random.IntN(4000))
			a, err := one.Delete(ordinal)
			b, otherErr := many.Delete(ordinal)
			if a != b || err != nil || otherErr != nil {
				t.Fatalf("round %d: paper %d was there: %t, %t; %v, %v", round, ordinal, a, b, err, otherErr)
			}
		}
		sameIndex(t, one, many)
		compareIndexes(t, one, many)
	}
	dir := t.TempDir()
	if err := many.Save(dir, "x"); err != nil {
		t.Fatal(err)
	}
	opened, _, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	compareIndexes(t, one, opened)
	if err := many.Close(); err != nil {
		t.Fatal(err)
	}
	if err := many.UpsertMany(make([]uint32, bulkPapers), make([]*Prepared, bulkPapers)); err == nil {
		t.Error("a closed index takes papers")
	}
}

// sameTerms compares what two indexes keep of terms; the caller holds y's lock.
func sameTerms(t *testing.T, x, y *Index) {
	t.Helper()
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.papers != y.papers || x.length != y.length || !reflect.DeepEqual(x.lexicon.stems.texts, y.lexicon.stems.texts) {
		t.Fatalf("%d papers of length %d and %d terms; %d, %d, %d", x.papers, x.length, x.lexicon.len(), y.papers, y.length, y.lexicon.len())
	}
	for id := range uint32(x.lexicon.len()) {
		if a, b := x.lexicon.df.at(id), y.lexicon.df.at(id); a != b {
			t.Fatalf("term %d is in %d papers, and in %d", id, a, b)
		}
	}
}

// sameIndex compares what two indexes keep of terms and papers.
func sameIndex(t *testing.T, x, y *Index) {
	t.Helper()
	y.mu.RLock() // segments are joined beside
	defer y.mu.RUnlock()
	sameTerms(t, x, y)
	x.Each(func(ordinal uint32) {
		a, at, _ := x.locate(ordinal)
		b, to, _ := y.locate(ordinal)
		if b == nil || !bytes.Equal(a.record(at), b.record(to)) || a.lengths[at] != b.lengths[to] {
			t.Fatalf("paper %d is another", ordinal)
		}
	})
}

// Papers may be prepared and looked for while others land and segments merge.
func TestUpsertManyBeside(t *testing.T) {
	x := fill(t, nil, Options{SegmentPapers: 300})
	words := rand.New(rand.NewPCG(2, 2))
	var texts []string
	for range 2000 {
		texts = append(texts, zipf(words, 3000, 20))
	}
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				x.Prepare(texts[i%len(texts)], "", nil)
				x.View().Len()
			}
		})
	}
	for from := 0; from < len(texts); from += 400 {
		var ordinals []uint32
		var papers []*Prepared
		for i := from; i < from+400; i++ {
			ordinals, papers = append(ordinals, uint32(i)), append(papers, x.Prepare(texts[i], "", nil))
		}
		if err := x.UpsertMany(ordinals, papers); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
	for i, text := range texts {
		if !x.Holds(uint32(i), text, "", nil) {
			t.Fatalf("paper %d is not there", i)
		}
	}
}
