package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"akin/internal/embed"
	"akin/internal/paper"
)

// counter is an Embedder that counts the texts that it gets.
type counter struct {
	mu    sync.Mutex
	texts int
	most  int // of one call
	dim   int
	err   error
}

func (c *counter) Embed(_ context.Context, texts []string, _ embed.Options) ([]embed.Embedding, embed.Timing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts += len(texts)
	c.most = max(c.most, len(texts))
	out := make([]embed.Embedding, len(texts))
	for i, t := range texts {
		out[i].Vector = make([]float32, c.dim)
		out[i].Vector[0] = float32(len(t)) // to recognise it
	}
	return out, embed.Timing{}, c.err
}

func (c *counter) Text(title, abstract string) string { return title + abstract }
func (c *counter) Space() paper.Space                 { return paper.Space{Dimension: c.dim} }

func TestReader(t *testing.T) {
	c := &counter{dim: 4}
	r := newReader(c, newSentenceCache())
	a := Text{"A title", "One sentence. Another one, longer."}
	got, err := r.read(t.Context(), []Text{a, {}, a, {Title: "Alone"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.texts != 4 {
		t.Errorf("%d texts embedded, want 4: the same one only once", c.texts)
	}
	if len(got) != 4 || got[0] != got[2] || len(got[0].passages) != 3 || len(got[1].passages) != 0 {
		t.Fatalf("read %v", got)
	}
	for i, p := range got[0].passages {
		if int(got[0].vectors[i][0]) != len(p.Text) {
			t.Errorf("%q has the vector of another sentence", p.Text)
		}
	}
	if s := got[0].abstract(); len(s.passages) != 2 || s.passages[0].Field != AbstractField || len(s.vectors) != 2 {
		t.Errorf("abstract %v", s.passages)
	}
	if s := got[3].abstract(); len(s.passages) != 1 || s.passages[0].Field != TitleField {
		t.Errorf("without an abstract %v", s.passages)
	}
	if _, err := r.read(t.Context(), []Text{a}); err != nil || c.texts != 4 {
		t.Errorf("%d texts embedded, %v: what was read is kept", c.texts, err)
	}
	if _, err := r.read(t.Context(), []Text{{a.Title, a.Abstract + " New."}}); err != nil || c.texts != 8 {
		t.Errorf("%d texts embedded, %v: a changed text is read anew", c.texts, err)
	}
}

// Two spaces share a cache, and never a sentence or a query.
func TestReadersOfTwoSpaces(t *testing.T) {
	cache := newSentenceCache()
	small, large := newReader(&counter{dim: 2}, cache), newReader(&counter{dim: 3}, cache)
	for range 2 { // the second time, both are kept
		for dim, r := range map[int]*reader{2: small, 3: large} {
			got, err := r.read(t.Context(), []Text{{Title: "One title"}})
			if err != nil || len(got[0].vectors[0]) != dim {
				t.Errorf("%v, %v: not a vector of %d numbers", got, err, dim)
			}
			vector, err := r.query(t.Context(), "a query")
			if err != nil || len(vector) != dim {
				t.Errorf("%v, %v: not a vector of %d numbers", vector, err, dim)
			}
		}
	}
}

// What failed is not kept.
func TestReaderFails(t *testing.T) {
	c := &counter{dim: 4, err: errors.New("no model")}
	r := newReader(c, newSentenceCache())
	if _, err := r.read(t.Context(), []Text{{Title: "A"}}); !errors.Is(err, c.err) {
		t.Errorf("error %v", err)
	}
	c.err = nil
	if got, err := r.read(t.Context(), []Text{{Title: "A"}}); err != nil || len(got[0].vectors) != 1 {
		t.Errorf("read %v, %v", got, err)
	}
}

// However much is read, by however many, memory stays within its limit and texts
// go to the model in small groups.
func TestReaderIsBounded(t *testing.T) {
	c := &counter{dim: 8192}
	r := newReader(c, newSentenceCache())
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 40 {
				text := Text{fmt.Sprintf("Title %d %d", g%2, i), strings.Repeat("A sentence of words. ", 40)}
				if _, err := r.read(t.Context(), []Text{text, {Title: text.Title}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	size := 0
	for _, s := range r.cache.kept.Values() {
		size += s.bytes()
	}
	if size != r.cache.size || size > keptSentences || size < keptSentences/2 {
		t.Errorf("%d bytes kept, %d counted, the limit is %d", size, r.cache.size, keptSentences)
	}
	if c.most > readGroup {
		t.Errorf("%d texts in one call, want at most %d", c.most, readGroup)
	}
}
