package lexical

import (
	"bytes"
	"math"
	"slices"
	"sync"

	"akin/internal/paper"
)

// Options are the limits of an Index. The zero value means the defaults.
type Options struct {
	// SegmentPapers is how many papers are collected before they are sealed into
	// a segment; 0 means 4,096.
	SegmentPapers int
	// MaxSegmentPapers is the size from which segments are no longer merged;
	// 0 means 1,000,000.
	MaxSegmentPapers int
}

const (
	defaultSegmentPapers    = 4096
	defaultMaxSegmentPapers = 1_000_000
	// fanIn is how many segments of like size are merged.
	fanIn = 4
)

func (o Options) withDefaults() Options {
	if o.SegmentPapers == 0 {
		o.SegmentPapers = defaultSegmentPapers
	}
	if o.MaxSegmentPapers == 0 {
		o.MaxSegmentPapers = max(defaultMaxSegmentPapers, o.SegmentPapers)
	}
	return o
}

// check says what is wrong with options that have been defaulted.
func (o Options) check() error {
	e := &paper.Error{Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Message: "options of the lexical index are not valid"}
	if o.SegmentPapers < 1 || o.SegmentPapers > 1<<20 {
		e.Violations = append(e.Violations, paper.InvalidField("SegmentPapers", "is %d; it must be 1 to %d", o.SegmentPapers, 1<<20).Violations...)
	}
	if o.MaxSegmentPapers < o.SegmentPapers || o.MaxSegmentPapers > 1<<22 {
		e.Violations = append(e.Violations, paper.InvalidField("MaxSegmentPapers", "is %d; it must be at least SegmentPapers and at most %d",
			o.MaxSegmentPapers, 1<<22).Violations...)
	}
	if len(e.Violations) > 0 {
		return e
	}
	return nil
}

// sealed is a segment and its dead papers.
type sealed struct {
	*segment
	dead bitset
}

// Index finds papers by their words. See the package's comment.
type Index struct {
	options Options
	ids     *identifiers

	// write is held by whoever changes the index, before mu.
	write   sync.Mutex
	tokens  []token
	stops   []token // those of tokens that are stop words
	record  []byte
	counter tallier

	mu       sync.RWMutex // guards what searches read, below
	lexicon  *lexicon
	segments []sealed
	memory   *memory
	// memoryDead are the dead papers of memory.
	memoryDead bitset
	// papers and length are the number of live papers and the sum of their
	// weighted lengths.
	papers int
	length uint64
	closed bool
	// current is a view of all that, nil where something changed since; published
	// is what Publish took.
	current, published *View

	saving sync.Mutex // held by Save, before all others; guards saved
	// saved are the files of segments that Save or Open has seen.
	saved map[*segment]savedFile

	merging sync.Mutex // held by whoever merges, before write and mu
	merger  merger
	pool    sync.Pool // of *searcher
	// analysers are those that nobody uses at the moment.
	analysers sync.Pool // of *analyser
	// speller is made when it is first asked for.
	speller func() (speller, error)
}

// New makes an empty index. Close it to end its merges.
func New(options Options) (*Index, error) {
	options = options.withDefaults()
	if err := options.check(); err != nil {
		return nil, err
	}
	x := blank(options)
	x.merger.start(x)
	return x, nil
}

// blank makes an empty index without background work.
func blank(options Options) *Index {
	x := &Index{
		options: options, ids: newIdentifiers(), lexicon: newLexicon(), memory: newMemory(), saved: map[*segment]savedFile{},
		speller: sync.OnceValues(newSpeller),
	}
	x.pool.New = func() any { return &searcher{} }
	x.analysers.New = func() any { return &analyser{} }
	return x
}

// Close ends background work and waits for it. Searches go on to work; changes
// are refused. A second call does nothing.
func (x *Index) Close() error {
	x.write.Lock()
	x.mu.Lock()
	already := x.closed
	x.closed = true
	x.mu.Unlock()
	x.write.Unlock()
	if !already {
		x.merger.stop()
	}
	return nil
}

// Len returns the number of papers that can be found.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.papers
}

func closedError() error {
	return &paper.Error{Kind: paper.Unavailable, Reason: paper.ReasonStopping, Message: "the lexical index is closed; try again after the restart"}
}

// Upsert puts a paper under an ordinal, in place of what was there. ids are the
// paper's identifiers: what akin calls it, DOI, arXiv id. A search that begins
// after Upsert returned finds it.
func (x *Index) Upsert(ordinal uint32, title, abstract string, ids []string) error {
	return x.UpsertPrepared(ordinal, x.Prepare(title, abstract, ids))
}

// UpsertPrepared is Upsert of what was prepared before, of this index or another.
func (x *Index) UpsertPrepared(ordinal uint32, p *Prepared) error {
	x.write.Lock()
	defer x.write.Unlock()
	if x.closed {
		return closedError()
	}
	x.number(p, x.term, x.idTerm)
	x.record = appendRecord(x.record[:0], x.tokens)
	if len(x.memory.records)+len(x.record) > math.MaxInt32 {
		x.seal()
	}
	x.mu.Lock()
	x.remove(ordinal)
	counts, length := x.memory.add(ordinal, x.record)
	for _, c := range counts {
		x.lexicon.df.add(c.id, 1)
	}
	x.papers++
	x.length += uint64(length)
	x.current = nil
	x.mu.Unlock()
	if x.memory.len() >= x.options.SegmentPapers {
		x.seal()
	}
	return nil
}

// number turns a paper into x.tokens; term and id give the numbers of the terms of
// words and identifiers. The caller holds the write lock, under which alone the
// lexicon changes; so it may be read here, and searches wait for new words only.
func (x *Index) number(p *Prepared, term func(w []byte) uint32, id func(key string) uint32) {
	x.tokens, x.stops = x.tokens[:0], x.stops[:0]
	for i := range p.words {
		w := &p.words[i]
		if w.stop {
			x.stops = append(x.stops, token{id: w.id, field: fieldTitleStops + field(w.field), position: int(w.position)})
			continue
		}
		id := w.id
		if !w.known || p.by != x {
			id = term(p.text[w.from:w.to])
		}
		x.tokens = append(x.tokens, token{id: id, field: field(w.field), position: int(w.position), fresh: w.fresh})
	}
	for n, key := range p.keys {
		x.tokens = append(x.tokens, token{id: id(key), field: fieldID, position: n, fresh: true})
	}
	x.tokens = append(x.tokens, x.stops...)
}

// idTerm gives the number of an identifier's term.
func (x *Index) idTerm(key string) uint32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.lexicon.addID(key)
}

// term gives the number of a word's term.
func (x *Index) term(w []byte) uint32 {
	if id, ok := x.lexicon.seen(w); ok {
		return id
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.lexicon.add(w)
}

// Has says whether there is a paper under an ordinal.
func (x *Index) Has(ordinal uint32) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	d, _, _ := x.locate(ordinal)
	return d != nil
}

// Each calls f with the ordinals of all papers, in no order. Changes wait meanwhile.
func (x *Index) Each(f func(ordinal uint32)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	each := func(d *docs, dead *bitset) {
		for local, ordinal := range d.ordinals {
			if !dead.has(uint32(local)) {
				f(ordinal)
			}
		}
	}
	each(&x.memory.docs, &x.memoryDead)
	for i := range x.segments {
		each(&x.segments[i].docs, &x.segments[i].dead)
	}
}

// Holds says whether the paper under an ordinal is there with just this text, as
// Upsert would put it there. Changes wait meanwhile, searches don't.
func (x *Index) Holds(ordinal uint32, title, abstract string, ids []string) bool {
	p := x.Prepare(title, abstract, ids)
	x.write.Lock()
	defer x.write.Unlock()
	d, local, _ := x.locate(ordinal)
	if d == nil {
		return false
	}
	known := true
	x.number(p, func(w []byte) uint32 {
		id, ok := x.lexicon.word(w)
		known = known && ok
		return id
	}, func(key string) uint32 {
		id, ok := x.lexicon.id(key)
		known = known && ok
		return id
	})
	if !known {
		return false
	}
	x.record = appendRecord(x.record[:0], x.tokens)
	return bytes.Equal(x.record, d.record(local))
}

// Delete removes the paper under an ordinal and says whether there was one.
func (x *Index) Delete(ordinal uint32) (existed bool, err error) {
	x.write.Lock()
	defer x.write.Unlock()
	if x.closed {
		return false, closedError()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	existed = x.remove(ordinal)
	if existed {
		x.merger.wake()
	}
	return existed, nil
}

// remove marks a paper as dead and takes it out of the statistics. The caller
// holds both locks.
func (x *Index) remove(ordinal uint32) bool {
	x.segments = slices.Clone(x.segments) // views have the old ones
	d, local, dead := x.locate(ordinal)
	if d == nil {
		return false
	}
	counts, length := x.counter.tally(d.record(local))
	for _, c := range counts {
		x.lexicon.df.sub(c.id, 1)
	}
	x.papers--
	x.length -= uint64(length)
	*dead = dead.with(local)
	x.current = nil
	return true
}

// locate finds a live paper, and the set to put it into when it dies.
func (x *Index) locate(ordinal uint32) (d *docs, local uint32, dead *bitset) {
	if local, ok := x.memory.byOrdinal[ordinal]; ok && !x.memoryDead.has(local) {
		return &x.memory.docs, local, &x.memoryDead
	}
	for i := range x.segments {
		s := &x.segments[i]
		if local, ok := s.find(ordinal); ok && !s.dead.has(local) {
			return &s.docs, local, &s.dead
		}
	}
	return nil, 0, nil
}

// seal turns the growing segment into one that never changes. The caller holds
// the write lock; searches go on meanwhile.
func (x *Index) seal() {
	if x.memory.len() == 0 {
		return
	}
	seg := build([]source{{&x.memory.docs, x.memoryDead}}, x.lexicon.len())
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lexicon.sort()
	x.memory, x.memoryDead = newMemory(), bitset{}
	if seg.len() > 0 {
		x.segments = append(slices.Clip(x.segments), sealed{segment: seg})
		x.merger.wake()
	}
	x.rearranged()
}
