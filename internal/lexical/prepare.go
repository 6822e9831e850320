package lexical

// Prepared is a paper that was taken apart into words, which is most of the work of
// putting it into an index. It never changes.
type Prepared struct {
	title, abstract string
	ids             []string
	// by is the index that knows the numbers of words that are known.
	by *Index

	text  []byte // the words, one after another
	words []preparedWord
	keys  []string // of the identifiers, once each
}

// preparedWord is a word of a Prepared. There are many of them while an import is under
// way.
type preparedWord struct {
	from, to uint32
	position uint32
	// id is the number of a stop word, or of the term that the word had when it was
	// prepared, if it is known.
	id          uint32
	field       uint8
	stop, known bool
	fresh       bool
}

// Of says whether this was prepared of just this paper.
func (p *Prepared) Of(title, abstract string, ids []string) bool {
	if p == nil || p.title != title || p.abstract != abstract || len(p.ids) != len(ids) {
		return false
	}
	for i := range ids {
		if p.ids[i] != ids[i] {
			return false
		}
	}
	return true
}

// Prepare takes a paper apart, and looks up the words that the index has already. A
// change waits for a few microseconds of it.
func (x *Index) Prepare(title, abstract string, ids []string) *Prepared {
	a := x.analysers.Get().(*analyser)
	defer x.analysers.Put(a)
	p := &Prepared{title: title, abstract: abstract, ids: ids, by: x}
	const usual = 6 // bytes at least, of English
	p.text = make([]byte, 0, len(title)+len(abstract)+64)
	p.words = make([]preparedWord, 0, cap(p.text)/usual+8)
	if a.terms == nil {
		a.terms = new(termCache)
	}
	a.asked = a.asked[:0]
	for f, text := range []string{title, abstract} {
		at := -1
		a.words(text, func(w word) {
			from, known := uint32(len(p.text)), a.terms.place(w.text)
			if known.word != string(w.text) {
				if stop := stopWord(w.text); stop != 0 {
					*known = cachedTerm{word: string(w.text), id: stop, stop: true}
				} else {
					known = nil
				}
			}
			p.words = append(p.words, preparedWord{from: from, to: from, field: uint8(f), position: uint32(w.position), fresh: w.position != at})
			made := &p.words[len(p.words)-1]
			if known != nil {
				made.id, made.stop, made.known = known.id, known.stop, !known.stop
			} else {
				a.asked = append(a.asked, int32(len(p.words)-1))
			}
			if !made.stop {
				p.text = append(p.text, w.text...)
				made.to, at = uint32(len(p.text)), w.position
			}
		})
	}
	x.resolve(p, a)
	seen := map[string]bool{}
	for _, text := range ids {
		for _, key := range x.ids.keys(text) {
			if !seen[key] {
				seen[key] = true
				p.keys = append(p.keys, key)
			}
		}
	}
	return p
}

// termCache remembers numbers of terms and of stop words by their words, some of them:
// most words of a text are of a few thousand. A word's number never changes.
type termCache [1 << 13]cachedTerm

type cachedTerm struct {
	word string // not empty, where there is one
	id   uint32
	stop bool
}

// place is where a word is remembered: by its FNV-1a hash (Fowler, Noll and Vo).
func (c *termCache) place(w []byte) *cachedTerm {
	h := uint32(2166136261)
	for _, b := range w {
		h = (h ^ uint32(b)) * 16777619
	}
	return &c[(h^h>>16)%uint32(len(c))]
}

// resolve looks up the numbers of the words that the analyser did not know. What is new
// gets its number in the order of the papers, when it is their turn.
func (x *Index) resolve(p *Prepared, a *analyser) {
	for asked := a.asked; len(asked) > 0; {
		some := asked[:min(step, len(asked))]
		asked = asked[len(some):]
		x.mu.RLock()
		for _, i := range some {
			w := &p.words[i]
			w.id, w.known = x.lexicon.seen(p.text[w.from:w.to])
		}
		x.mu.RUnlock()
		for _, i := range some {
			if w := &p.words[i]; w.known {
				text := p.text[w.from:w.to]
				*a.terms.place(text) = cachedTerm{word: string(text), id: w.id}
			}
		}
	}
}
