package vec

import "fmt"

// Sparse is a matrix of rows that have few numbers. It never changes.
type Sparse struct {
	width         int
	ends, columns []uint32 // ends says where a row ends, as places in columns and values
	values        []float32
}

// Append gives the matrix with one more row: values in some columns below width. Matrices
// that one was appended to must not be appended to again. It panics if a column is not
// below width, which must be the same for all rows.
func (s Sparse) Append(width int, columns []uint32, values []float32) Sparse {
	if len(columns) != len(values) || len(s.ends) > 0 && s.width != width {
		//nolint:forbidigo // like an index out of range
		panic(fmt.Sprintf("vec: a row of width %d with %d columns and %d values in a matrix of width %d", width, len(columns), len(values), s.width))
	}
	for _, c := range columns {
		if int64(c) >= int64(width) {
			panic(fmt.Sprintf("vec: column %d of %d", c, width)) //nolint:forbidigo // like an index out of range
		}
	}
	s.width, s.columns, s.values = width, append(s.columns, columns...), append(s.values, values...)
	s.ends = append(s.ends, uint32(len(s.columns)))
	return s
}

// Len is how many rows there are.
func (s *Sparse) Len() int { return len(s.ends) }

// AddPanel adds the products of the rows with PanelWidth vectors to dst, as [DotPanel] sets
// them. The vectors are sparse too: places says, for each column, which row of panel, of
// PanelWidth numbers, has theirs. It panics if a place is not in the panel.
func (s *Sparse) AddPanel(dst []float32, places []uint32, panel []float32) {
	chosen.addSparse(s, dst, places, panel)
}

func (k kernel) addSparse(s *Sparse, dst []float32, places []uint32, panel []float32) {
	if len(s.columns) == 0 {
		return
	}
	most := uint32(0)
	for _, p := range places {
		most = max(most, p)
	}
	if len(places) < s.width || len(dst) < len(s.ends)*PanelWidth || uint64(len(panel)) < (uint64(most)+1)*PanelWidth {
		//nolint:forbidigo // like an index out of range
		panic(fmt.Sprintf("vec: %d sparse rows of %d with %d places up to %d and a panel of %d into %d",
			len(s.ends), s.width, len(places), most, len(panel), len(dst)))
	}
	k.sparse(s, dst, places, panel)
}

// portableSparse is the kernel of AddPanel for CPUs without one of their own. The
// conversions keep products from being fused.
func portableSparse(s *Sparse, dst []float32, places []uint32, panel []float32) {
	from := uint32(0)
	for i, end := range s.ends {
		sums := dst[i*PanelWidth : (i+1)*PanelWidth]
		for k := from; k < end; k++ {
			x, at := s.values[k], int(places[s.columns[k]])*PanelWidth
			for j, y := range panel[at : at+PanelWidth] {
				sums[j] += float32(x * y)
			}
		}
		from = end
	}
}
