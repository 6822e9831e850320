package token

import (
	"sync"
	"unicode/utf8"
)

// bert is the BERT family's encoder: BertNormalizer, BertPreTokenizer and
// WordPiece in one pass.
type bert struct {
	table   *charTable
	pieces  *wordPiece
	scratch sync.Pool // of *bertScratch
}

// bertScratch is the buffers of one Encode call.
type bertScratch struct {
	words   preTokenizer
	ids     []int64
	ends    []int
	offsets [][2]int
	// known are the pieces of words that were split lately.
	known knownWords
}

// knownWords remembers how words are split, each at a place of its hash: most of a text
// are of a few thousand.
type knownWords [1 << 13]knownWord

type knownWord struct {
	word string
	ids  []int64
}

// longestKnown bounds the words that are remembered.
const longestKnown = 24

// of gives the place of a word: by its FNV-1a hash (Fowler, Noll and Vo).
func (k *knownWords) of(word []byte) *knownWord {
	h := uint32(2166136261)
	for _, b := range word {
		h = (h ^ uint32(b)) * 16777619
	}
	return &k[(h^h>>16)%uint32(len(k))]
}

// maxScratch is the capacity above which buffers are not kept for the next
// text, so that one huge text does not hold memory for ever.
const maxScratch = 1 << 16

// newBERT makes the encoder of a definition with the model's vocabulary.
func newBERT(def *definition, vocab map[string]int) *bert {
	b := &bert{
		table:  newCharTable(*def.bert),
		pieces: newWordPiece(vocab, def.model, def.specials()),
	}
	b.scratch.New = func() any {
		return &bertScratch{words: preTokenizer{table: b.table, limit: b.pieces.maxChars}}
	}
	return b
}

// encode implements encoder.
func (b *bert) encode(text string, ask request) (Encoding, error) {
	s := b.scratch.Get().(*bertScratch)
	s.words.reset(text, ask.offsets)
	s.ids, s.offsets = s.ids[:0], s.offsets[:0]
	total, cut := 0, false
	for s.words.next() {
		old := len(s.ids)
		if ask.offsets {
			b.appendWord(s)
			s.appendOffsets(old)
		} else {
			b.appendKnown(s)
		}
		total += len(s.ids) - old
		if ask.cut >= 0 && len(s.ids) > ask.cut {
			cut = true
			s.ids = s.ids[:ask.cut]
			s.offsets = s.offsets[:min(ask.cut, len(s.offsets))]
			if !ask.countAll {
				break
			}
		}
	}
	e := ask.encoding(s.ids, s.offsets, total, cut)
	if max(cap(s.ids), cap(s.words.word)) <= maxScratch {
		s.words.reset("", false) // do not hold on to the text
		b.scratch.Put(s)
	}
	return e, nil
}

// appendKnown is appendWord but for the ends of pieces, which nobody asks for.
func (b *bert) appendKnown(s *bertScratch) {
	word := s.words.word
	if len(word) > longestKnown || s.words.chars > b.pieces.maxChars {
		b.appendWord(s)
		return
	}
	at := s.known.of(word)
	if at.word != string(word) || at.word == "" {
		old := len(s.ids)
		b.appendWord(s)
		at.word, at.ids = string(word), append(at.ids[:0], s.ids[old:]...)
		return
	}
	s.ids = append(s.ids, at.ids...)
}

// appendWord adds the pieces of the word that was just read.
func (b *bert) appendWord(s *bertScratch) {
	if s.words.chars > b.pieces.maxChars {
		s.ids = append(s.ids, b.pieces.unknown)
		s.ends = append(s.ends[:0], 0)
		return
	}
	s.ids, s.ends = b.pieces.split(s.words.word, s.ids, s.ends[:0])
}

// appendOffsets adds the offsets of the pieces that ends tells.
func (s *bertScratch) appendOffsets(old int) {
	if len(s.ids)-old == 1 {
		s.offsets = append(s.offsets, [2]int{s.words.whole.start, s.words.whole.end})
		return
	}
	from, char := 0, 0
	for _, to := range s.ends {
		n := utf8.RuneCount(s.words.word[from:to])
		s.offsets = append(s.offsets, [2]int{s.words.at[char].start, s.words.at[char+n-1].end})
		from, char = to, char+n
	}
}
