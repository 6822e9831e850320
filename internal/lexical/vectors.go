package lexical

import (
	"context"
	"math"
	"math/bits"
	"slices"
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
	found, err := v.look(ctx, ordinals)
	if err != nil {
		return err
	}
	s, _ := v.x.pool.Get().(*searcher)
	defer s.release(v.x)
	w := &s.weigher
	w.begin(v)
	for i := range found {
		if i%step == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if found[i].record != nil {
			each(i, w.weigh(v, found[i].record))
		}
	}
	return ctx.Err()
}

// knownParts is how many counts and frequencies have their parts of a weight computed
// once.
const knownParts = 4096

// weigher makes term vectors, reusing its memory.
type weigher struct {
	// counts is how often the paper at hand has each term. present has a bit for each
	// term that it has, and words one for each word of present that is not 0: going
	// through them gives the terms in order. All is 0 between papers.
	counts         []uint32
	present, words []uint64
	terms          []TermWeight
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
	if n := len(v.terms); len(w.counts) < n {
		n += n / 4
		w.counts, w.present, w.words = make([]uint32, n), make([]uint64, (n+63)/64), make([]uint64, (n+4095)/4096)
	}
	if w.papers != v.papers {
		w.papers = v.papers
		clear(w.roots[:])
		clear(w.frequent[:])
	}
}

func (w *weigher) weigh(v *View, record []byte) []TermWeight {
	for t := readTokens(record); t.next(); {
		if t.field != fieldID {
			w.counts[t.id]++
			w.present[t.id/64] |= 1 << (t.id % 64)
			w.words[t.id/4096] |= 1 << (t.id / 64 % 64)
		}
	}
	w.terms = w.terms[:0]
	square := 0.0
	for i, words := range w.words {
		for ; words != 0; words &= words - 1 {
			at := i*64 + bits.TrailingZeros64(words)
			for left := w.present[at]; left != 0; left &= left - 1 {
				id := uint32(at*64 + bits.TrailingZeros64(left))
				weight := w.tf(w.counts[id]) * w.root(v, v.df.at(id))
				square += float64(weight * weight)
				w.terms = append(w.terms, TermWeight{ID: id, Weight: float32(weight)})
				w.counts[id] = 0
			}
			w.present[at] = 0
		}
		w.words[i] = 0
	}
	norm := float32(1 / math.Sqrt(square))
	for i := range w.terms {
		w.terms[i].Weight *= norm
	}
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
