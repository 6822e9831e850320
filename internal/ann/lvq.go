package ann

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"akin/internal/vec"
)

// residual returns what the codes of a slot's vector have left, of an LVQ table.
func (r *rows) residual(slot uint32) []uint8 {
	size := vec.ResidualBytes(r.dimension)
	return r.residuals[int(slot)*size : (int(slot)+1)*size]
}

// encode sets the codes of a slot, and of an LVQ table its residual.
func (r *rows) encode(slot uint32, vector []float32) {
	r.scales[slot] = vec.Quantize(r.code(slot), vector)
	if r.lvq {
		vec.Residual(r.residual(slot), vector, r.code(slot), r.scales[slot])
	}
}

// take appends a row of another table of the same form and returns its slot.
func (r *rows) take(from *rows, old uint32, state slotState) (uint32, error) {
	if !r.lvq {
		return r.add(from.ordinals[old], from.at(old), state)
	}
	slot := uint32(len(r.state))
	r.ordinals, r.state = append(r.ordinals, from.ordinals[old]), append(r.state, state)
	r.codes, r.scales = append(r.codes, from.code(old)...), append(r.scales, from.scales[old])
	r.residuals = append(r.residuals, from.residual(old)...)
	r.touch(slot)
	return slot, nil
}

// holds says whether a slot's vector is this one, as far as it is kept.
func (r *rows) holds(slot uint32, vector []float32) bool {
	if !r.lvq {
		return sameBits(vector, r.at(slot))
	}
	codes, residual := make([]int8, r.dimension), make([]uint8, vec.ResidualBytes(r.dimension))
	scale := vec.Quantize(codes, vector)
	vec.Residual(residual, vector, codes, scale)
	return scale == r.scales[slot] && slices.Equal(codes, r.code(slot)) && bytes.Equal(residual, r.residual(slot))
}

// equal says whether two slots hold the same vector, as far as they are kept.
func (r *rows) equal(a, b uint32) bool {
	if !r.lvq {
		return sameBits(r.at(a), r.at(b))
	}
	return r.scales[a] == r.scales[b] && slices.Equal(r.code(a), r.code(b)) && bytes.Equal(r.residual(a), r.residual(b))
}

// blur bounds how far what exactly gives for a slot is from its cosine with a unit vector:
// 0 of a table with vectors. An element of an LVQ row is within half a step of what it
// stands for, of which there are 32 in two steps of its codes; the slack is that of
// margin.
func (r *rows) blur(slot uint32) float32 {
	if !r.lvq {
		return 0
	}
	return blurOf(r.dimension, r.scales[slot])
}

func blurOf(dimension int, scale float32) float32 {
	d := float64(dimension)
	step := float64(scale) / (2 * vec.ResidualSteps)
	return float32((1+unitTolerance)*math.Sqrt(d)*step*1.0001 + d*0x1p-22 + 1e-6)
}

// Blur is what the scores of a graph with Options.LVQ are within of the cosines, without
// Query.Read: the bound of the vector that is worst off; 0 of other graphs. What is usual
// is a thirtieth of it.
func (g *Graph) Blur() float32 {
	g.mu.RLock()
	defer g.mu.RUnlock()
	most := float32(0)
	for slot, state := range g.rows.state {
		if state == slotLive {
			most = max(most, g.rows.blur(uint32(slot)))
		}
	}
	return most
}

// LVQ says whether the graph keeps no float32 vectors.
func (g *Graph) LVQ() bool { return g.options.LVQ }

// sight is an ordinal that a search without vectors came upon, and the least and the most
// that its cosine can be.
type sight struct {
	ordinal     uint32
	least, most float32
}

// sights are what may be among the nearest, of a search that reads their vectors from
// elsewhere in the end.
type sights struct {
	wanted bool
	of     []sight
}

func (s *sights) begin(wanted bool) { s.wanted, s.of = wanted, s.of[:0] }

// add takes all ordinals of a slot that are kept, if they are wanted.
func (s *sights) add(r *rows, slot uint32, score float32, keep Set) {
	if !s.wanted {
		return
	}
	blur := r.blur(slot)
	one := sight{r.ordinals[slot], score - blur, score + blur}
	if keep == nil || keep.Contains(one.ordinal) {
		s.of = append(s.of, one)
	}
	if r.shared == 0 {
		return
	}
	for _, one.ordinal = range r.sharers[slot] {
		if keep == nil || keep.Contains(one.ordinal) {
			s.of = append(s.of, one)
		}
	}
}

// read reads the vectors of what can be among the nearest by its bounds, and finds those
// that are. What cannot be read has the middle of its bounds.
func (s *sights) read(ctx context.Context, q Query) ([]Neighbor, error) {
	if len(s.of) == 0 {
		return nil, nil
	}
	k := min(q.K, len(s.of))
	slices.SortFunc(s.of, func(a, b sight) int { // the surest first
		return -cmp.Compare(rankOf(a.least, a.ordinal), rankOf(b.least, b.ordinal))
	})
	bar := s.of[k-1].least
	s.of = slices.DeleteFunc(s.of, func(one sight) bool { return one.most < bar })
	ordinals := make([]uint32, len(s.of))
	for i, one := range s.of {
		ordinals[i] = one.ordinal
	}
	vectors, err := q.Read(ctx, ordinals)
	if err != nil {
		return nil, err
	}
	var found best
	for i, one := range s.of {
		score := (one.least + one.most) / 2
		if i < len(vectors) && len(vectors[i]) == len(q.Vector) {
			score = vec.Dot(q.Vector, vectors[i])
		}
		found.offer(rankOf(cosine(score), one.ordinal), k)
	}
	return neighbors(found.sorted(nil), k, q.Room), nil
}
