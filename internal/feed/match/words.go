package match

import (
	"slices"

	"akin/internal/feed"
	"akin/internal/vec"
)

// words numbers the terms that rules have and papers had.
type words struct {
	at  map[uint32]int32 // by their numbers in the catalog
	ids terms            // the numbers in the catalog by names
	// unknown are the names that have none yet, and waiting the rules that have these.
	unknown []string
	waiting map[string][]int32
	// average is the greatest of the rules' average lengths.
	average float64
}

// numbered is a term of a rule by its number here.
type numbered struct {
	at     int32
	weight float64
}

func hasWords(r *Rule) bool {
	return r.Calibration.Waits == feed.WaitsForNothing && r.Calibration.Lexical != 0 && len(r.Feed.Query.Authors) == 0
}

func newWords(rules []*Rule) words {
	w := words{at: make(map[uint32]int32), ids: make(terms), waiting: make(map[string][]int32)}
	for i, r := range rules {
		if !hasWords(r) {
			continue
		}
		w.average = max(w.average, r.Calibration.AverageLength)
		for _, t := range r.Calibration.Terms {
			if len(w.waiting[t.Name]) == 0 {
				w.unknown = append(w.unknown, t.Name)
			}
			w.waiting[t.Name] = append(w.waiting[t.Name], int32(i))
		}
	}
	return w
}

// resolve gives numbers to terms that had none, and says which rules have these.
func (w *words) resolve(resolve func(names []string) (ids []uint32, found []bool, err error)) (concerned []int32, err error) {
	if len(w.unknown) == 0 {
		return nil, nil
	}
	ids, found, err := resolve(w.unknown)
	if err != nil {
		return nil, err
	}
	left := w.unknown[:0]
	for i, name := range w.unknown {
		if !found[i] {
			left = append(left, name)
			continue
		}
		if _, known := w.at[ids[i]]; !known {
			w.at[ids[i]] = int32(len(w.at))
		}
		w.ids[name] = ids[i]
		concerned = append(concerned, w.waiting[name]...)
		delete(w.waiting, name)
	}
	w.unknown = left
	slices.Sort(concerned)
	return slices.Compact(concerned), nil
}

// number gives rules their terms that have numbers, and makes the matrices that they are in
// anew: of what these terms count.
func (s *Set) number(rules []int32) {
	concerned := make(map[int]bool)
	for _, i := range rules {
		s.terms[i] = s.words.of(s.rules[i])
		if row, ok := s.scored.rows[i]; ok {
			concerned[row/chunkRules] = true
		}
	}
	n := &s.scored
	for chunk := range n.words {
		if !concerned[chunk] {
			continue
		}
		var m vec.Sparse
		from := chunk * chunkRules
		for row := from; row < min(from+chunkRules, len(n.rules)); row++ {
			var columns []uint32
			var values []float32
			for _, t := range s.terms[n.rules[row]] {
				columns = append(columns, uint32(t.at))
				values = append(values, n.slopes[row]*float32(max(0, t.weight)))
			}
			m = m.Append(len(s.words.at), columns, values)
		}
		n.words[chunk] = m
	}
}

// of gives the rule's terms that have numbers, in their order.
func (w *words) of(r *Rule) (out []numbered) {
	for _, t := range r.Calibration.Terms {
		if id, ok := w.ids[t.Name]; ok {
			out = append(out, numbered{w.at[id], t.Weight})
		}
	}
	return out
}
