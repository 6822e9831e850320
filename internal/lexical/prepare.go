package lexical

// Prepared is a paper that was taken apart into words, which is most of the work of
// putting it into an index, and needs nothing of the index. It never changes.
type Prepared struct {
	title, abstract string
	ids             []string

	text  []byte // the words, one after another
	words []preparedWord
	keys  []string // of the identifiers, once each
}

// preparedWord is a word of a Prepared.
type preparedWord struct {
	from, to uint32
	// stop is the number of a stop word, 0 for other words.
	stop     uint32
	field    field
	position int
	fresh    bool
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

// Prepare takes a paper apart. Nobody waits for it, and it waits for nobody.
func (x *Index) Prepare(title, abstract string, ids []string) *Prepared {
	a := x.analysers.Get().(*analyser)
	defer x.analysers.Put(a)
	p := &Prepared{title: title, abstract: abstract, ids: ids}
	const usual = 7 // bytes, of English
	p.text = make([]byte, 0, len(title)+len(abstract)+64)
	p.words = make([]preparedWord, 0, cap(p.text)/usual+8)
	for f, text := range []string{title, abstract} {
		at := -1
		a.words(text, func(w word) {
			stop := stopWord(w.text)
			from := uint32(len(p.text))
			if stop == 0 {
				p.text = append(p.text, w.text...)
			}
			p.words = append(p.words, preparedWord{
				from: from, to: uint32(len(p.text)), stop: stop, field: field(f), position: w.position, fresh: w.position != at,
			})
			if stop == 0 {
				at = w.position
			}
		})
	}
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
