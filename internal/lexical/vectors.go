package lexical

import (
	"context"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// TermWeight is a part of a paper's term vector.
type TermWeight struct {
	// ID is the term's number. Numbers hold for this Index value only; View.Names
	// gives words for them.
	ID     uint32
	Weight float32
}

// Vector is Vectors of one paper, whose absence is an error of kind NotFound.
func (v *View) Vector(ordinal uint32) (vector []TermWeight, err error) {
	there := false
	err = v.Vectors(context.Background(), []uint32{ordinal}, func(_ int, terms []TermWeight) {
		there, vector = true, append(make([]TermWeight, 0, len(terms)), terms...)
	})
	if err == nil && !there {
		err = missing(ordinal)
	}
	return vector, err
}

// Vectors calls each with the term vectors of papers, valid until the next call, and the
// places of their ordinals in the list; not for a paper that is not there. Its only error
// is the context's.
//
// A vector has weights (1 + ln tf) × √idf, scaled to unit length, in the order of ID
// (Manning, Raghavan and Schütze, Introduction to Information Retrieval, 2008, section
// 6.4, but for the root: the product of two papers then has the idf of a word once, as
// BM25 has it, and not squared). A word of the title counts as one of the abstract. It is
// empty for a paper without words. Identifiers are not part of it.
func (v *View) Vectors(ctx context.Context, ordinals []uint32, each func(i int, terms []TermWeight)) error {
	defer runtime.KeepAlive(v)
	return v.weighAll(ctx, ordinals, each, func(w *weigher, at place) []TermWeight {
		terms := w.weigh(v, v.at(at).record)
		v.norms.put(v, at, w.norm)
		return terms
	})
}

// VectorsAmong is Vectors, of which it gives the weights of some terms alone. A view keeps
// how long the vectors are that it was asked for: after the first time, it takes a fraction
// of the time of Vectors.
func (v *View) VectorsAmong(ctx context.Context, ordinals, among []uint32, each func(i int, terms []TermWeight)) error {
	defer runtime.KeepAlive(v)
	wanted := v.wanted(among)
	return v.weighAll(ctx, ordinals, each, func(w *weigher, at place) []TermWeight {
		record := v.at(at).record
		if norm := v.norms.get(v, at); norm != 0 {
			return w.weighSome(record, wanted, norm)
		}
		terms := w.weigh(v, record)
		v.norms.put(v, at, w.norm)
		return slices.DeleteFunc(terms, func(t TermWeight) bool { return !wanted.has(t.ID) })
	})
}

// wantedTerms are some terms, in the order of their numbers, with what each weighs where
// it is once.
type wantedTerms struct {
	ids   []uint32
	roots []float64 // √idf, parallel to them
	set   []uint64  // a bit for each term of the view
	// before is how many of them are in the words of set before each.
	before []uint32
}

// wanted gives those of the terms that the view has, each once.
func (v *View) wanted(among []uint32) *wantedTerms {
	t := &wantedTerms{set: make([]uint64, (v.terms.len()+63)/64)}
	for _, id := range among {
		if int64(id) < int64(v.terms.len()) {
			t.set[id/64] |= 1 << (id % 64)
		}
	}
	t.before = make([]uint32, len(t.set))
	t.ids, t.roots = make([]uint32, 0, len(among)), make([]float64, 0, len(among))
	for i, left := range t.set {
		t.before[i] = uint32(len(t.ids))
		for ; left != 0; left &= left - 1 {
			id := uint32(i*64 + bits.TrailingZeros64(left))
			t.ids, t.roots = append(t.ids, id), append(t.roots, math.Sqrt(idf(v.papers, v.df.at(id))))
		}
	}
	return t
}

func (t *wantedTerms) has(id uint32) bool { return t.set[id/64]&(1<<(id%64)) != 0 }

// place is where a term is in ids, which must have it.
func (t *wantedTerms) place(id uint32) uint32 {
	return t.before[id/64] + uint32(bits.OnesCount64(t.set[id/64]&(1<<(id%64)-1)))
}

// weighAll calls each with what weigh gives for the papers that are there.
func (v *View) weighAll(ctx context.Context, ordinals []uint32, each func(i int, terms []TermWeight), weigh func(*weigher, place) []TermWeight) error {
	places, err := v.places(ctx, ordinals)
	if err != nil {
		return err
	}
	s, _ := v.x.pool.Get().(*searcher)
	defer s.release(v.x)
	s.weigher.begin(v)
	for i, at := range places {
		if i%step == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if at.leaf != nowhere {
			each(i, weigh(&s.weigher, at))
		}
	}
	return ctx.Err()
}

// norms are what the vectors of papers of a view are multiplied by, as far as they were
// asked for; 0 where they were not. Whoever computes one gets the same.
type norms struct {
	once   sync.Once
	leaves [][]atomic.Uint32 // bits of float32, by place
}

func (n *norms) at(v *View, p place) *atomic.Uint32 {
	n.once.Do(func() {
		for i := range v.segments {
			n.leaves = append(n.leaves, make([]atomic.Uint32, v.segments[i].len()))
		}
		n.leaves = append(n.leaves, make([]atomic.Uint32, v.docs.len()))
	})
	return &n.leaves[p.leaf][p.local]
}

func (n *norms) get(v *View, p place) float32 { return math.Float32frombits(n.at(v, p).Load()) }

func (n *norms) put(v *View, p place, norm float32) { n.at(v, p).Store(math.Float32bits(norm)) }

// knownParts is how many counts and frequencies have their parts of a weight computed
// once.
const knownParts = 4096

// weigher makes term vectors, reusing its memory.
type weigher struct {
	recordTerms
	// counts is how often the paper at hand has each term. present has a bit for each
	// term that it has, and words one for each word of present that is not 0: going
	// through them gives the terms in order. All is 0 between papers.
	counts         []uint32
	present, words []uint64
	terms          []TermWeight
	// norm is what the vector of the last paper was multiplied by.
	norm float32
	// tfs and roots are 1 + ln tf and √idf, by count and by frequency; 0 where they
	// were not computed yet. roots are of a number of papers.
	tfs, roots [knownParts]float64
	papers     int
	// frequent are roots of frequencies that roots has no room for, by their last bits.
	frequent [knownFrequent]struct {
		df   uint32
		root float64
	}
}

// knownFrequent is how many of the other frequencies have their roots kept. Few terms are
// so frequent, but most words of a text are such terms.
const knownFrequent = 1024

func (w *weigher) begin(v *View) {
	if n := v.terms.len(); len(w.counts) < n {
		n += n / 4
		w.counts, w.present, w.words = make([]uint32, n), make([]uint64, (n+63)/64), make([]uint64, (n+4095)/4096)
	}
	if w.papers != v.papers {
		w.papers = v.papers
		clear(w.roots[:])
		clear(w.frequent[:])
	}
}

// add counts a number: of a term, or its place among some.
func (w *weigher) add(id uint32) {
	w.counts[id]++
	w.present[id/64] |= 1 << (id % 64)
	w.words[id/4096] |= 1 << (id / 64 % 64)
}

// each calls f for each number that was counted, in their order, and forgets them.
func (w *weigher) each(f func(id, count uint32)) {
	for i, words := range w.words {
		for ; words != 0; words &= words - 1 {
			at := i*64 + bits.TrailingZeros64(words)
			for left := w.present[at]; left != 0; left &= left - 1 {
				id := uint32(at*64 + bits.TrailingZeros64(left))
				f(id, w.counts[id])
				w.counts[id] = 0
			}
			w.present[at] = 0
		}
		w.words[i] = 0
	}
}

func (w *weigher) weigh(v *View, record []byte) []TermWeight {
	w.read(record, fieldAbstract)
	for _, id := range w.ids {
		w.add(id)
	}
	w.terms = w.terms[:0]
	square := 0.0
	w.each(func(id, count uint32) {
		weight := w.tf(count) * w.root(v, v.df.at(id))
		square += float64(weight * weight)
		w.terms = append(w.terms, TermWeight{ID: id, Weight: float32(weight)})
	})
	w.norm = float32(1 / math.Sqrt(square))
	for i := range w.terms {
		w.terms[i].Weight *= w.norm
	}
	return slices.Clip(w.terms)
}

// weighSome gives the weights that weigh gives to some terms, with the norm that it had.
func (w *weigher) weighSome(record []byte, wanted *wantedTerms, norm float32) []TermWeight {
	w.read(record, fieldAbstract)
	for _, id := range w.ids {
		if wanted.has(id) {
			w.add(wanted.place(id))
		}
	}
	w.terms = w.terms[:0]
	w.each(func(at, count uint32) {
		w.terms = append(w.terms, TermWeight{ID: wanted.ids[at], Weight: float32(w.tf(count)*wanted.roots[at]) * norm})
	})
	return slices.Clip(w.terms)
}

// tf is 1 + ln tf.
func (w *weigher) tf(count uint32) float64 {
	if count >= knownParts {
		return 1 + math.Log(float64(count))
	}
	if w.tfs[count] == 0 {
		w.tfs[count] = 1 + math.Log(float64(count))
	}
	return w.tfs[count]
}

// root is √idf.
func (w *weigher) root(v *View, df uint32) float64 {
	if df >= knownParts {
		known := &w.frequent[df%knownFrequent]
		if known.df != df {
			known.df, known.root = df, math.Sqrt(idf(v.papers, df))
		}
		return known.root
	}
	if w.roots[df] == 0 {
		w.roots[df] = math.Sqrt(idf(v.papers, df))
	}
	return w.roots[df]
}
