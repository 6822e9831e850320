package filter

// Conjuncts gives the conditions that a filter joins by AND, each as a filter of its
// own with its text as it was written: a paper is kept if all of them keep it. A
// filter that is no conjunction has none.
func (f *Filter) Conjuncts() []*Filter {
	if f.All() {
		return nil
	}
	s, err := read(f.text)
	if err != nil || s == nil || s.kind != syntaxAnd {
		return nil
	}
	return f.conjuncts(s)
}

func (f *Filter) conjuncts(s *syntax) (out []*Filter) {
	for _, kid := range s.kids {
		if kid.kind == syntaxAnd {
			out = append(out, f.conjuncts(kid)...)
			continue
		}
		if conjunct, err := Parse(f.text[kid.start:kid.end]); err == nil {
			out = append(out, conjunct)
		}
	}
	return out
}
