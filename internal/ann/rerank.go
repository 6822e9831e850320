package ann

// rerank turns the slots that a walk found, best first by their codes, into the k
// best ordinals by cosine, in w.ranks. Of what was found it misses none: what
// cannot be among the k best by the bound of margin is not compared in full.
func (g *Graph) rerank(w *walk, query *probe, k int, keep Set) {
	rows := &g.rows
	w.found.reset()
	if !rows.coded {
		for _, r := range w.ranks {
			rows.offer(&w.found, k, r.number(), cosine(r.score()), keep)
		}
		w.ranks = w.found.sorted(w.ranks[:0])
		return
	}
	m := rows.margin(query)
	head := min(k, len(w.ranks))
	least := float32(2)
	for i, score := range w.offerExactly(rows, query, w.ranks[:head], k, keep) {
		least = min(least, score-rows.blur(w.fresh[i]))
	}
	w.fresh = w.fresh[:0]
	rest := w.ranks[head:]
	left := rest[:0]
	for _, r := range rest {
		if m.above(r.score(), rows.scales[r.number()])+rows.blur(r.number()) >= least {
			left = append(left, r)
		}
	}
	w.offerExactly(rows, query, left, k, keep)
	w.ranks = w.found.sorted(w.ranks[:0])
}

// offerExactly compares slots in full and offers their ordinals for k places.
func (w *walk) offerExactly(rows *rows, query *probe, ranks []rank, k int, keep Set) []float32 {
	w.fresh = w.fresh[:0]
	for _, r := range ranks {
		w.fresh = append(w.fresh, r.number())
	}
	scores := w.exactly(rows, query.vector, w.fresh)
	for i, slot := range w.fresh {
		rows.offer(&w.found, k, slot, cosine(scores[i]), keep)
		w.scanner.sights.add(rows, slot, scores[i], keep)
	}
	return scores
}
