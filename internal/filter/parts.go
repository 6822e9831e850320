package filter

// Parts gives the parts of a filter that is a conjunction, each as a filter of its
// own with its text as it was written: a paper is kept if all of them keep it. A
// filter that is no conjunction has none.
func (f *Filter) Parts() []*Filter {
	if f.All() {
		return nil
	}
	s, err := read(f.text)
	if err != nil || s == nil || s.kind != syntaxAnd {
		return nil
	}
	return f.parts(s)
}

func (f *Filter) parts(s *syntax) (out []*Filter) {
	for _, kid := range s.kids {
		if kid.kind == syntaxAnd {
			out = append(out, f.parts(kid)...)
			continue
		}
		if part, err := Parse(f.text[kid.start:kid.end]); err == nil {
			out = append(out, part)
		}
	}
	return out
}
