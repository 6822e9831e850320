package local

import (
	"slices"
	"sync/atomic"
)

// marks say at which sequence number the vector of each ordinal changed last; 0
// where it did not since the collection was opened. They are set before the index
// changes and looked at after it was searched, so that nothing that a search saw is
// missed. One goroutine at a time sets them.
type marks struct{ pages atomic.Pointer[[]*markPage] }

type markPage [4096]atomic.Uint64

func (m *marks) set(ordinal uint32, sequence uint64) {
	var pages []*markPage
	if p := m.pages.Load(); p != nil {
		pages = *p
	}
	i := int(ordinal / uint32(len(markPage{})))
	if i >= len(pages) {
		pages = slices.Clone(pages)
		for len(pages) <= i {
			pages = append(pages, new(markPage))
		}
		m.pages.Store(&pages)
	}
	pages[i][ordinal%uint32(len(markPage{}))].Store(sequence)
}

// after says whether a vector changed after a sequence number.
func (m *marks) after(ordinal uint32, sequence uint64) bool {
	p := m.pages.Load()
	if p == nil {
		return false
	}
	i := int(ordinal / uint32(len(markPage{})))
	return i < len(*p) && (*p)[i][ordinal%uint32(len(markPage{}))].Load() > sequence
}
