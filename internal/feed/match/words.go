package match

import (
	"akin/internal/feed"
	"akin/internal/vec"
)

// words numbers the terms that rules have and papers had.
type words struct {
	at  map[uint32]int32 // by their numbers in the catalog
	ids terms            // the numbers in the catalog by names
	// unknown are the names that have none yet.
	unknown []string
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
	w := words{at: make(map[uint32]int32), ids: make(terms)}
	names := make(map[string]bool)
	for _, r := range rules {
		if !hasWords(r) {
			continue
		}
		w.average = max(w.average, r.Calibration.AverageLength)
		for _, t := range r.Calibration.Terms {
			if !names[t.Name] {
				names[t.Name] = true
				w.unknown = append(w.unknown, t.Name)
			}
		}
	}
	return w
}

// resolve gives numbers to terms that had none, and says whether there were any.
func (w *words) resolve(resolve func(names []string) (ids []uint32, found []bool, err error)) (fresh bool, err error) {
	if len(w.unknown) == 0 {
		return false, nil
	}
	ids, found, err := resolve(w.unknown)
	if err != nil {
		return false, err
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
		w.ids[name], fresh = ids[i], true
	}
	w.unknown = left
	return fresh, nil
}

// number gives the rules their terms that have numbers, and makes the matrices of what
// these count.
func (s *Set) number() {
	for i, r := range s.rules {
		if hasWords(r) {
			s.terms[i] = s.words.of(r)
		}
	}
	n := &s.scored
	n.words = n.words[:0]
	for from := 0; from < len(n.rules); from += chunkRules {
		var m vec.Sparse
		for row := from; row < min(from+chunkRules, len(n.rules)); row++ {
			var columns []uint32
			var values []float32
			for _, t := range s.terms[n.rules[row]] {
				columns = append(columns, uint32(t.at))
				values = append(values, n.slopes[row]*float32(max(0, t.weight)))
			}
			m = m.Append(len(s.words.at), columns, values)
		}
		n.words = append(n.words, m)
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
