package lexical

import (
	"strings"

	"akin/internal/paper"
)

// Named gives the ordinals of the papers that a name can mean: one of their ids
// without regard to case, or an arXiv id or DOI as people paste them, whatever the
// version. They are in no order.
func (x *Index) Named(name string) []uint32 {
	if len(name) > maxIDBytes {
		return nil
	}
	keys := []string{exactKey(name)}
	if key := paper.ArxivKey(name); key != "" {
		keys = append(keys, "arxiv:"+strings.ToLower(key))
	}
	if key := paper.DOIKey(name); key != "" {
		keys = append(keys, "doi:"+key, exactKey(key))
	}
	p := &plan{}
	x.mu.RLock()
	for _, key := range keys {
		if id, ok := x.lexicon.stems[idMark+key]; ok && x.lexicon.df[id] > 0 {
			p.terms = append(p.terms, weighted{id: id})
		}
	}
	views := x.snapshot(p)
	x.mu.RUnlock()
	if len(p.terms) == 0 {
		return nil
	}
	var out []uint32
	for i := range views {
		v := &views[i]
		bits := v.having(p)
		for doc, ordinal := range v.ordinals {
			if bits[doc>>6]&(1<<(doc&63)) != 0 && !v.dead.has(uint32(doc)) {
				out = append(out, ordinal)
			}
		}
	}
	return out
}
