package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"akin/internal/ann"
	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/store"
)

// proofSample is about how many papers' vectors and words are compared with the
// store's when derived files are opened; that a paper is there is looked up for all.
const proofSample = 512

// proof compares what was read from derived files, and caught up, with the store:
// each paper must be there, no other may, and the vectors and words of a sample,
// another one each time, must be what the store has. It looks at a record after the
// other; nothing may be changed meanwhile.
type proof struct {
	snapshot *store.Snapshot
	graph    *ann.Graph     // nil if there is none to prove
	words    *lexical.Index // likewise
	// at counts records; one in every is compared.
	at, every int
	// badGraph and badWords say what is wrong, the first thing found.
	badGraph, badWords error
}

// newProof begins a proof by the counts. every is how many records there are for
// each that is compared; 1 compares all.
func newProof(snapshot *store.Snapshot, graph *ann.Graph, words *lexical.Index, every int) *proof {
	p := &proof{snapshot: snapshot, graph: graph, words: words, every: max(1, every)}
	p.at = rand.IntN(p.every)
	if graph != nil && graph.Len() != snapshot.Count() {
		p.badGraph = fmt.Errorf("it has %d papers, the store has %d", graph.Len(), snapshot.Count())
	}
	if words != nil && words.Len() != snapshot.Count() {
		p.badWords = fmt.Errorf("it has %d papers, the store has %d", words.Len(), snapshot.Count())
	}
	return p
}

// look goes on with a record of the store. The error is the store's.
func (p *proof) look(ctx context.Context, record *paper.Record) error {
	compare := p.at%p.every == 0
	p.at++
	if p.graph != nil && p.badGraph == nil {
		if err := p.vector(ctx, record, compare); err != nil {
			return err
		}
	}
	if p.words != nil && p.badWords == nil {
		switch {
		case !p.words.Has(record.Ordinal):
			p.badWords = fmt.Errorf("paper %q is not in it", record.ID)
		case compare && !holdsWords(p.words, record):
			p.badWords = fmt.Errorf("the words of paper %q are not those of its text", record.ID)
		}
	}
	return nil
}

func (p *proof) vector(ctx context.Context, record *paper.Record, compare bool) error {
	if !compare {
		if !p.graph.Has(record.Ordinal) {
			p.badGraph = fmt.Errorf("paper %q is not in it", record.ID)
		}
		return nil
	}
	if !p.graph.Has(record.Ordinal) {
		p.badGraph = fmt.Errorf("paper %q is not in it", record.ID)
		return nil
	}
	want, err := p.snapshot.Vector(ctx, record.Ordinal)
	if err != nil {
		return err
	}
	if !p.graph.Holds(record.Ordinal, want) {
		p.badGraph = fmt.Errorf("the vector of paper %q is not that of the store", record.ID)
	}
	return nil
}

// prove opens what is derived and saved, and gives what of it can be believed: a
// graph, or nil if it is to be built, and the lexical index, made anew if need be.
// each is called with all records.
func (c *collection) prove(ctx context.Context, snapshot *store.Snapshot, each func(*paper.Record)) (graph *ann.Graph, words *lexical.Index, err error) {
	c.clearLeftovers()
	graph, words = c.openGraph(ctx, snapshot), c.openWords(ctx, snapshot)
	p := newProof(snapshot, graph, words, snapshot.Count()/proofSample)
	defer func() {
		if err == nil {
			return
		}
		if graph != nil {
			err = errors.Join(err, graph.Close())
		}
		if words != nil {
			err = errors.Join(err, words.Close())
		}
	}()
	anew := words == nil
	if anew {
		if words, err = lexical.New(lexical.Options{}); err != nil {
			return graph, nil, err
		}
	}
	for record, err := range snapshot.Records(ctx) {
		if err == nil {
			each(record)
			err = p.look(ctx, record)
		}
		if err == nil && anew {
			err = addWords(words, record)
		}
		if err != nil {
			return graph, words, err
		}
	}
	return c.dropUnproven(ctx, p, graph, words)
}

// dropUnproven refuses what a proof found wrong.
func (c *collection) dropUnproven(ctx context.Context, p *proof, graph *ann.Graph, words *lexical.Index) (*ann.Graph, *lexical.Index, error) {
	var err error
	if p.badGraph != nil {
		c.refuse(c.graphPath(), p.badGraph)
		err, graph = graph.Close(), nil
		c.writing.saved, c.writing.unread = 0, false
	}
	if p.badWords != nil {
		c.refuse(c.wordsPath(), p.badWords)
		err, words = errors.Join(err, words.Close()), nil
		c.writing.savedWords = 0
	}
	if err == nil && words == nil {
		words, err = makeWords(ctx, p.snapshot)
	}
	return graph, words, err
}
