package lexical

import (
	"runtime"
	"strings"

	"akin/internal/paper"
)

// Named gives the ordinals of the papers that a name can mean: one of their ids
// without regard to case, or an arXiv id or DOI as people paste them, whatever the
// version. They are in no order.
func (v *View) Named(name string) []uint32 {
	defer runtime.KeepAlive(v)
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
	v.chunks(len(keys), func(from, to int) {
		for _, key := range keys[from:to] {
			if id, ok := v.x.lexicon.id(key); ok && v.df.at(id) > 0 {
				p.terms = append(p.terms, weighted{id: id})
			}
		}
	})
	if len(p.terms) == 0 {
		return nil
	}
	var out []uint32
	for _, leaf := range v.leaves(p) {
		bits := leaf.having(p)
		for doc, ordinal := range leaf.ordinals {
			if bits[doc>>6]&(1<<(doc&63)) != 0 && !leaf.dead.has(uint32(doc)) {
				out = append(out, ordinal)
			}
		}
	}
	return out
}
