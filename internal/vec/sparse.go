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

// SparsePanel is PanelWidth sparse vectors, which lie interleaved: a row of PanelWidth
// numbers for each column that any of them has. The zero value is vectors of no columns; it
// belongs to one goroutine.
type SparsePanel struct {
	// places says, for each column, which row of numbers it has; those that no vector has
	// share row 0, of zeros. held are the others.
	places, held []uint32
	numbers      []float32
}

// Reset makes all vectors zero, of columns below width.
func (p *SparsePanel) Reset(width int) {
	for _, c := range p.held {
		p.places[c] = 0
	}
	p.held = p.held[:0]
	if len(p.places) < width {
		p.places = append(p.places, make([]uint32, width-len(p.places))...)
	}
	var zeros [PanelWidth]float32
	p.numbers = append(p.numbers[:0], zeros[:]...)
}

// Set sets the number of a vector in a column, and gives the column's row. It panics if
// there is no such column or vector.
func (p *SparsePanel) Set(column uint32, vector int, x float32) (row int) {
	row = int(p.places[column])
	if row == 0 {
		p.held = append(p.held, column)
		row = len(p.held)
		p.places[column] = uint32(row)
		var zeros [PanelWidth]float32
		p.numbers = append(p.numbers, zeros[:]...)
	}
	p.numbers[row*PanelWidth : (row+1)*PanelWidth][vector] = x
	return row
}

// Row is which of the rows a column has: 0, of zeros, if no vector has a number there.
func (p *SparsePanel) Row(column uint32) int { return int(p.places[column]) }

// AddPanel adds the products of the rows with the vectors of a panel to dst, as [DotPanel]
// sets them. It panics if the panel has fewer columns.
func (s *Sparse) AddPanel(dst []float32, p *SparsePanel) { chosen.addSparse(s, dst, p) }

func (k kernel) addSparse(s *Sparse, dst []float32, p *SparsePanel) {
	if len(s.columns) == 0 {
		return
	}
	if len(p.places) < s.width || len(p.numbers) < PanelWidth || len(dst) < len(s.ends)*PanelWidth {
		//nolint:forbidigo // like an index out of range
		panic(fmt.Sprintf("vec: %d sparse rows of %d with a panel of %d into %d", len(s.ends), s.width, len(p.places), len(dst)))
	}
	k.sparse(s, dst, p.places, p.numbers)
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
