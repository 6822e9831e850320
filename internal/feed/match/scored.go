package match

import (
	"math"

	"akin/internal/vec"
)

// scored are the rules that score papers: those that go by vectors first, then those that
// go by words alone. Their scores are in a unit of each rule's own: in cosines, or in what
// words count.
type scored struct {
	rules []int32
	rows  map[int32]int // where a rule is in rules
	dense int           // how many go by vectors
	// matrix is [dense][width]: the first numbers in the basis, the length of the rest, and
	// less what is needed, so that the product with a paper's says how much is over without
	// words. more is [dense][further]: the numbers that come then. first and further are
	// how many that are.
	matrix, more  []float32
	first, width  int
	further       int
	rests, lasts  []float32 // the lengths of what is behind the first numbers, and behind more
	needs, slopes []float32 // what is needed without words, less slack; what words count for
	// words are what the words of the rules count, by chunk.
	words []vec.Sparse
}

// turned is a vector in a basis.
type turned struct {
	prefix []float32
	// rest and last are the lengths of what is behind the first numbers of the prefix, and
	// behind all of it.
	rest, last float32
}

func newScored(x *Basis) scored {
	first := min(firstNumbers, len(x.ids))
	return scored{rows: make(map[int32]int), first: first, width: first + besides, further: len(x.ids) - first}
}

// add takes a rule in; t is nil for one that goes by words alone, and those come last.
func (s *scored) add(at int32, r *Rule, t *turned) {
	c := r.Calibration
	unit := c.Lexical
	if t != nil {
		unit = c.Semantic
	}
	needs, slope := (c.Threshold-c.Offset)/unit, c.Lexical/unit*(1+slack)
	// Rounding grows with the numbers that are added up.
	needs -= slack * (1 + math.Abs(needs) + slope*r.most)
	s.rows[at] = len(s.rules)
	s.rules = append(s.rules, at)
	s.needs, s.slopes = append(s.needs, float32(needs)), append(s.slopes, float32(slope))
	if t == nil {
		return
	}
	s.dense++
	s.matrix = append(append(s.matrix, t.prefix[:s.first]...), t.rest, -float32(needs))
	s.more = append(s.more, t.prefix[s.first:]...)
	s.rests, s.lasts = append(s.rests, t.rest), append(s.lasts, t.last)
}

// over sets out to how much the scores of the rules of a chunk are over what is needed, at
// most, for the papers of a panel.
func (s *scored) over(out []float32, from, to int, p *panel) {
	if dense := min(to, s.dense); from < dense {
		vec.DotPanel(out, s.matrix[from*s.width:dense*s.width], p.numbers, s.width)
	}
	for i := max(from, s.dense); i < to; i++ {
		for j := range vec.PanelWidth {
			out[(i-from)*vec.PanelWidth+j] = -s.needs[i]
		}
	}
	s.words[from/chunkRules].AddPanel(out, &p.words)
}

// closer bounds what is over more closely, of a rule and a paper whose first numbers leave
// enough.
func (s *scored) closer(row int, over float32, t *turned) float32 {
	if row >= s.dense {
		return over
	}
	if t.prefix == nil {
		return -1
	}
	over += t.last*s.lasts[row] - t.rest*s.rests[row]
	if s.further > 0 {
		over += vec.Dot(t.prefix[s.first:], s.more[row*s.further:(row+1)*s.further])
	}
	return over
}

// panel is as many papers as are compared at a time.
type panel struct {
	numbers []float32
	words   vec.SparsePanel
	counts  []uint32 // how often papers have them, by the rows of words
}

// setNumbers interleaves the numbers of turned vectors, the lengths of their rests, and
// ones. One that is not there has zeros.
func (p *panel) setNumbers(all []turned, s *scored) {
	p.numbers = resized(p.numbers, s.width*vec.PanelWidth)
	clear(p.numbers)
	for i := range all {
		p.numbers[(s.width-1)*vec.PanelWidth+i] = 1
		if all[i].prefix == nil {
			continue
		}
		for k, v := range all[i].prefix[:s.first] {
			p.numbers[k*vec.PanelWidth+i] = v
		}
		p.numbers[s.first*vec.PanelWidth+i] = all[i].rest
	}
}

// setWords sets what the words of papers count at most: as if all rules took the papers for
// as short as any of them does.
func (p *panel) setWords(papers []Paper, w *words) {
	p.words.Reset(len(w.ids))
	p.counts = append(p.counts[:0], make([]uint32, vec.PanelWidth)...)
	for i := range papers {
		for _, t := range papers[i].Counts.Terms {
			at, ok := w.at[t.ID]
			if !ok {
				continue
			}
			row := p.words.Set(uint32(at), i, float32(saturated(t.Count, papers[i].Counts.Length, w.average)))
			if len(p.counts) == row*vec.PanelWidth {
				p.counts = append(p.counts, make([]uint32, vec.PanelWidth)...)
			}
			p.counts[row*vec.PanelWidth+i] = t.Count
		}
	}
}

func resized(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
