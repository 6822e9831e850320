package token

import "unicode/utf8"

// wordPiece splits words greedily into the longest pieces that a vocabulary
// has (Wu et al. 2016, arXiv:1609.08144, as used by BERT).
type wordPiece struct {
	first    map[string]int32 // pieces that can begin a word
	next     map[string]int32 // pieces that can continue one, without the prefix
	maxFirst int              // bytes of the longest key
	maxNext  int
	unknown  int64
	maxChars int // longer words are unknown as a whole
}

// newWordPiece indexes a vocabulary. Special tokens are left out: no text may
// produce them.
func newWordPiece(vocab map[string]int, m modelHead, special map[string]bool) *wordPiece {
	w := &wordPiece{
		first:    make(map[string]int32, len(vocab)),
		next:     make(map[string]int32, len(vocab)/4),
		unknown:  *m.UnkID,
		maxChars: *m.MaxChars,
	}
	prefix := *m.Prefix
	for piece, id := range vocab {
		if piece == "" || special[piece] {
			continue
		}
		w.first[piece] = int32(id)
		w.maxFirst = max(w.maxFirst, len(piece))
		if tail := piece[min(len(prefix), len(piece)):]; tail != "" && piece[:len(piece)-len(tail)] == prefix {
			w.next[tail] = int32(id)
			w.maxNext = max(w.maxNext, len(tail))
		}
	}
	return w
}

// split appends the ids of a word's pieces to ids and where in the word each
// one ends to ends.
func (w *wordPiece) split(word []byte, ids []int64, ends []int) ([]int64, []int) {
	oldIDs, oldEnds := len(ids), len(ends)
	table, longest := w.first, w.maxFirst
	for start := 0; start < len(word); {
		end := min(len(word), start+longest)
		id, ok := table[string(word[start:end])]
		for !ok {
			// No piece ends inside a character, so stepping by bytes would
			// only look up more.
			_, size := utf8.DecodeLastRune(word[start:end])
			if end -= size; end <= start {
				ids = append(ids[:oldIDs], w.unknown)
				return ids, append(ends[:oldEnds], len(word))
			}
			id, ok = table[string(word[start:end])]
		}
		ids, ends = append(ids, int64(id)), append(ends, end)
		start = end
		table, longest = w.next, w.maxNext
	}
	return ids, ends
}
