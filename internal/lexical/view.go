package lexical

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
)

// View is an Index at one moment: what changes since does not change its answers,
// and what they cost is nobody's wait. Its methods may be called from any
// goroutine. It holds the memory of its moment: let go of it.
type View struct {
	x        *Index
	segments []sealed
	// memory still grows; docs are the papers that it had, memoryDead the dead
	// among them.
	memory     *memory
	docs       docs
	memoryDead bitset
	papers     int
	length     uint64
	// terms, df, words, of and order are those of the lexicon: a term with a number
	// that is not in terms is of later.
	terms texts
	df    counts
	words texts
	of    []uint32
	order wordOrder
	norms norms
}

// step is how many things are looked up at a time in what still changes, so that
// a change waits for a few microseconds and never for a query.
const step = 256

// View gives the index as it is now.
func (x *Index) View() *View {
	x.mu.RLock()
	v := x.current
	x.mu.RUnlock()
	if v != nil {
		return v
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.view()
}

// view is View. The caller holds the lock.
func (x *Index) view() *View {
	if x.current == nil {
		l := x.lexicon
		x.current = &View{
			x: x, segments: x.segments, memory: x.memory, docs: x.memory.docs, memoryDead: x.memoryDead,
			papers: x.papers, length: x.length, terms: l.stems.texts, df: l.df.freeze(),
			words: l.words.texts, of: l.of, order: l.sorted,
		}
	}
	return x.current
}

// Publish makes the index as it is now what Published gives: for changes that
// belong together.
func (x *Index) Publish() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.published = x.view()
}

// Published gives the index as it was when Publish was called last, before which
// it gives it as it is. Merges in between change nothing that it answers.
func (x *Index) Published() *View {
	x.mu.RLock()
	v := x.published
	x.mu.RUnlock()
	if v != nil {
		return v
	}
	return x.View()
}

// rearranged says that the same papers lie in other segments now. What was
// published follows if it is up to date, so that it does not hold what was merged
// away; otherwise the next Publish sees to that. The caller holds the lock.
func (x *Index) rearranged() {
	follows := x.published != nil && x.published == x.current
	x.current = nil
	if follows {
		x.published = x.view()
	}
}

// Len returns the number of papers.
func (v *View) Len() int { return v.papers }

// chunks calls f for each few of n things, with the index's read lock.
func (v *View) chunks(n int, f func(from, to int)) {
	for from := 0; from < n; from += step {
		v.x.mu.RLock()
		f(from, min(from+step, n))
		v.x.mu.RUnlock()
	}
}

// resolve gives words the numbers of their terms.
func (v *View) resolve(s *searcher) {
	words := s.words
	v.chunks(len(words), func(from, to int) {
		for i := range words[from:to] {
			w := &words[from+i]
			w.id, w.known = v.x.lexicon.seen(s.arena[w.from:w.to])
		}
	})
	// A word never seen may have a stem that was.
	var unseen []int
	var stems []string
	for i := range words {
		if !words[i].known {
			unseen, stems = append(unseen, i), append(stems, stem(string(s.arena[words[i].from:words[i].to])))
		}
	}
	v.chunks(len(unseen), func(from, to int) {
		for i := from; i < to; i++ {
			w := &words[unseen[i]]
			w.id, w.known = v.x.lexicon.stems.named(stems[i])
		}
	})
	for i := range words {
		words[i].known = words[i].known && v.df.at(words[i].id) > 0
	}
}

// sorted gives the words that are in order.
func (v *View) sorted() wordList { return wordList{&v.words, &v.order, 0, v.order.n} }

// prefixed gives the live terms that have a word with the prefix, the most
// frequent first and at most limit of them.
func (v *View) prefixed(prefix string, limit int) []uint32 {
	words := v.sorted().beginning(prefix)
	ids := make([]uint32, 0, words.len())
	for i := range words.len() {
		ids = append(ids, v.of[words.number(i)])
	}
	for n := v.order.n; n < v.words.len(); n++ {
		if strings.HasPrefix(v.words.at(uint32(n)), prefix) {
			ids = append(ids, v.of[n])
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	ids = slices.DeleteFunc(ids, func(id uint32) bool { return v.df.at(id) == 0 })
	slices.SortFunc(ids, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(v.df.at(b), v.df.at(a)), cmp.Compare(v.terms.at(a), v.terms.at(b)))
	})
	return ids[:min(len(ids), limit)]
}

// shown gives a word to show for each of some terms.
func (v *View) shown(ids []uint32) []string {
	out := make([]string, len(ids))
	v.chunks(len(ids), func(from, to int) {
		for i, id := range ids[from:to] {
			if int(id) < v.x.lexicon.len() {
				out[from+i] = v.x.lexicon.name(id)
			}
		}
	})
	return out
}

// Names gives a word to show for each of some terms: the shortest of those that
// share its stem, and "" for a number that is none.
func (v *View) Names(ids []uint32) []string { return v.shown(ids) }

// found is a live paper's record.
type found struct {
	record []byte
	length uint16
}

// look finds papers: parallel to ordinals, without a record where there is none.
func (v *View) look(ctx context.Context, ordinals []uint32) ([]found, error) {
	places, err := v.places(ctx, ordinals)
	if err != nil {
		return nil, err
	}
	out := make([]found, len(places))
	for i, p := range places {
		out[i] = v.at(p)
	}
	return out, nil
}

// leaf is a segment, or memory, as it was at the moment of a view.
type leaf struct {
	docs
	dead bitset
	seg  *segment // nil for memory
	// lists are memory's postings of the plan's terms, found and excluded.
	lists map[uint32]list
	// opened are the postings of the plan's terms, for whoever needs all of them.
	opened *openedLists
}

// openedLists are the postings of a plan's terms, in their order, once somebody needs them.
// Copies of a leaf share them.
type openedLists struct {
	once  sync.Once
	lists []list
}

// listIn gives the postings of one term, in a room that those of many share.
func (v *leaf) listIn(id uint32, room *listRoom) list {
	if v.seg != nil {
		return v.seg.list(id, room)
	}
	return v.lists[id]
}

// open gives the postings of the plan's terms, in their order.
func (v *leaf) open(p *plan) []list {
	v.opened.once.Do(func() {
		var room listRoom
		v.opened.lists = make([]list, len(p.terms))
		for i := range p.terms {
			v.opened.lists[i] = v.listIn(p.terms[i].id, &room)
		}
	})
	return v.opened.lists
}

// count gives the number of a term's postings.
func (v *leaf) count(id uint32) int {
	if v.seg != nil {
		return v.seg.count(id)
	}
	return v.lists[id].count
}

// leaves gives what a plan needs of all segments.
func (v *View) leaves(p *plan) []leaf {
	leaves := make([]leaf, 0, len(v.segments)+1)
	for _, s := range v.segments {
		leaves = append(leaves, leaf{docs: s.docs, dead: s.dead, seg: s.segment, opened: new(openedLists)})
	}
	if v.docs.len() == 0 {
		return leaves
	}
	m := leaf{docs: v.docs, dead: v.memoryDead, lists: make(map[uint32]list, len(p.terms)), opened: new(openedLists)}
	ids := make([]uint32, 0, len(p.terms)+len(p.quoted))
	for _, t := range p.terms {
		ids = append(ids, t.id)
	}
	ids = append(ids, p.quoted...)
	v.chunks(len(ids), func(from, to int) {
		for _, id := range ids[from:to] {
			m.lists[id] = v.memory.list(id, v.docs.len())
		}
	})
	return append(leaves, m)
}
