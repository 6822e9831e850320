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

// proofSample is about how many papers' vectors, words and attributes are compared with
// the store's when derived files are opened, others each time; that a paper is there is
// looked up for all.
const proofSample = 128

// proof compares what was read from derived files, and caught up, with the store:
// each paper must be there, no other may, and the vectors and words of a sample,
// another one each time, must be what the store has. It looks at a record after the
// other; nothing may be changed meanwhile.
type proof struct {
	snapshot *store.Snapshot
	graph    *ann.Graph     // nil if there is none to prove
	words    *lexical.Index // likewise
	known    *known         // likewise
	// inWords are the ordinals that words has.
	inWords ordinalSet
	// at counts records; one in every is compared.
	at, every int
	// badGraph, badWords and badKnown say what is wrong, the first thing found.
	badGraph, badWords, badKnown error
}

// newProof begins a proof by the counts. every is how many records there are for
// each that is compared; 1 compares all.
func newProof(snapshot *store.Snapshot, graph *ann.Graph, words *lexical.Index, k *known, every int) *proof {
	p := &proof{snapshot: snapshot, graph: graph, words: words, known: k, every: max(1, every)}
	p.at = rand.IntN(p.every)
	if graph != nil && graph.Len() != snapshot.Count() {
		p.badGraph = fmt.Errorf("it has %d papers, the store has %d", graph.Len(), snapshot.Count())
	}
	if words != nil && words.Len() != snapshot.Count() {
		p.badWords = fmt.Errorf("it has %d papers, the store has %d", words.Len(), snapshot.Count())
	}
	if k != nil && (k.attributes.Len() != snapshot.Count() || k.count() != snapshot.Count()) {
		p.badKnown = fmt.Errorf("it has %d papers and %d ids, the store has %d", k.attributes.Len(), k.count(), snapshot.Count())
	}
	return p
}

// quick proves all by the ids of the store's papers, and by the records of the sample
// alone.
func (p *proof) quick(ctx context.Context) error {
	p.inWords = make(ordinalSet, p.snapshot.NextOrdinal()/64+1)
	p.words.Each(p.inWords.add)
	sample := sampleOf{at: p.at, every: p.every}
	err := p.snapshot.EachID(ctx, func(id []byte, ordinal uint32) error {
		p.named(id, ordinal)
		sample.offer(ordinal)
		return nil
	})
	if err != nil {
		return err
	}
	records, err := p.snapshot.ByOrdinals(ctx, sample.sorted())
	if err != nil {
		return err
	}
	p.at, p.every = 0, 1
	for _, record := range records {
		if record == nil {
			continue // akin verify finds it
		}
		if err := p.look(ctx, record); err != nil {
			return err
		}
		if p.badKnown == nil {
			p.badKnown = p.known.holds(record)
		}
	}
	return nil
}

// named looks whether a paper is there.
func (p *proof) named(id []byte, ordinal uint32) {
	if p.graph != nil && p.badGraph == nil && !p.graph.Has(ordinal) {
		p.badGraph = notInIt(id)
	}
	if p.words != nil && p.badWords == nil && !p.inWords.has(ordinal) {
		p.badWords = notInIt(id)
	}
	p.knownAs(id, ordinal)
}

// knownAs looks whether what is known of an ordinal is of the paper with an id.
func (p *proof) knownAs(id []byte, ordinal uint32) {
	if p.known != nil && p.badKnown == nil && (int(ordinal) >= len(p.known.ids) || p.known.ids[ordinal] != string(id)) {
		p.badKnown = notInIt(id)
	}
}

func notInIt(id []byte) error { return fmt.Errorf("paper %q is not in it", id) }

// ordinalSet is a set of ordinals below a bound.
type ordinalSet []uint64

// add puts an ordinal in; one that is beyond is of no paper.
func (s ordinalSet) add(ordinal uint32) {
	if at := ordinal / 64; int(at) < len(s) {
		s[at] |= 1 << (ordinal % 64)
	}
}

func (s ordinalSet) has(ordinal uint32) bool {
	at := ordinal / 64
	return int(at) < len(s) && s[at]&(1<<(ordinal%64)) != 0
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
	if !p.graph.Has(record.Ordinal) {
		p.badGraph = fmt.Errorf("paper %q is not in it", record.ID)
		return nil
	}
	if !compare {
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

// derived is what a collection begins with.
type derived struct {
	graph *ann.Graph // nil if it is to be built
	words *lexical.Index
	known *known
}

func (d *derived) close() (err error) {
	if d.graph != nil {
		err = d.graph.Close()
	}
	if d.words != nil {
		err = errors.Join(err, d.words.Close())
	}
	return err
}

// prove opens what is derived and saved, and gives what of it can be believed; words and
// attributes are made anew if need be.
func (c *collection) prove(ctx context.Context, snapshot *store.Snapshot) (d *derived, err error) {
	c.clearLeftovers()
	d = &derived{graph: c.openGraph(ctx, snapshot), words: c.openWords(ctx, snapshot), known: c.openKnown(ctx, snapshot)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	p := newProof(snapshot, d.graph, d.words, d.known, snapshot.Count()/proofSample)
	if d.words != nil && d.known != nil {
		err = p.quick(ctx)
	} else {
		err = c.readAll(ctx, p, d)
	}
	if err != nil {
		return d, err
	}
	return d, c.dropUnproven(ctx, p, d)
}

// readAll proves and makes by reading all records.
func (c *collection) readAll(ctx context.Context, p *proof, d *derived) (err error) {
	makeWords, makeKnown := d.words == nil, d.known == nil
	if makeWords {
		if d.words, err = lexical.New(lexical.Options{}); err != nil {
			return err
		}
	}
	if makeKnown {
		d.known = newKnown(p.snapshot.NextOrdinal())
	}
	hashing := newHashing(d.known.keys)
	defer hashing.wait()
	for record, err := range p.snapshot.Records(ctx) {
		if err == nil {
			compare := p.at%p.every == 0
			if err = p.look(ctx, record); err == nil && p.known != nil && compare && p.badKnown == nil {
				p.badKnown = p.known.holds(record)
			}
		}
		if err != nil {
			return err
		}
		if makeKnown {
			d.known.put(record)
			hashing.add(record)
		} else {
			p.knownAs([]byte(record.ID), record.Ordinal)
		}
		if makeWords {
			if err := addWords(d.words, record); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropUnproven refuses what a proof found wrong, and makes it anew.
func (c *collection) dropUnproven(ctx context.Context, p *proof, d *derived) error {
	w := &c.writing
	if p.badGraph != nil {
		c.refuse(c.graphPath(), p.badGraph)
		graph := d.graph
		d.graph, w.saved, w.unread = nil, 0, false
		if err := graph.Close(); err != nil {
			return err
		}
	}
	again := proof{snapshot: p.snapshot, every: 1} // of nothing
	if p.badWords != nil {
		c.refuse(c.wordsPath(), p.badWords)
		words := d.words
		d.words, w.savedWords = nil, 0
		if err := words.Close(); err != nil {
			return err
		}
	}
	if p.badKnown != nil {
		c.refuse(c.knownPath(), p.badKnown)
		d.known, w.savedKnown = nil, 0
	}
	if d.words == nil || d.known == nil {
		return c.readAll(ctx, &again, d)
	}
	return nil
}
