package lexical

// Names gives a word to show for each of some terms: the shortest of those that
// share its stem, and "" for a number that is none.
func (x *Index) Names(ids []uint32) []string {
	out := make([]string, len(ids))
	x.mu.RLock()
	defer x.mu.RUnlock()
	for i, id := range ids {
		if int(id) < len(x.lexicon.shown) {
			out[i] = x.lexicon.shown[id]
		}
	}
	return out
}
