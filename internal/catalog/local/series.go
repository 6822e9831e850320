package local

import "slices"

// seriesPage is how many values of a series change places together.
const seriesPage = 128

// series is values by ordinal that change in place until they are frozen: what
// freeze gives never changes, and shares the pages that did not change since. The
// zero value is empty.
type series[T comparable] struct {
	pages []*page[T]
	n     int
	// epoch counts the freezes: pages of an earlier one are shared. lent says that
	// pages itself is.
	epoch uint64
	lent  bool
}

type page[T comparable] struct {
	epoch uint64
	of    [seriesPage]T
}

func seriesOf[T comparable](values []T) series[T] {
	var s series[T]
	for some := range slices.Chunk(values, seriesPage) {
		p := &page[T]{}
		copy(p.of[:], some)
		s.pages = append(s.pages, p)
	}
	s.n = len(values)
	return s
}

func (s *series[T]) len() int { return s.n }

// at gives the value of an ordinal; the zero value where there is none.
func (s *series[T]) at(ordinal uint32) (value T) {
	if int(ordinal) >= s.n {
		return value
	}
	return s.pages[ordinal/seriesPage].of[ordinal%seriesPage]
}

func (s *series[T]) set(ordinal uint32, value T) {
	if s.at(ordinal) == value && int(ordinal) < s.n {
		return
	}
	i := int(ordinal / seriesPage)
	for len(s.pages) <= i {
		s.pages = append(s.pages, &page[T]{epoch: s.epoch}) // behind what was lent
	}
	s.n = max(s.n, int(ordinal)+1)
	if s.pages[i].epoch != s.epoch {
		if s.lent {
			s.pages, s.lent = slices.Clone(s.pages), false
		}
		p := *s.pages[i]
		p.epoch = s.epoch
		s.pages[i] = &p
	}
	s.pages[i].of[ordinal%seriesPage] = value
}

// freeze gives the values as they are now.
func (s *series[T]) freeze() series[T] {
	s.epoch++
	s.lent = true
	return series[T]{pages: slices.Clip(s.pages), n: s.n}
}
