package lexical

import "context"

// Allows says which papers that something else has found a query allows: those
// that have its phrases and nothing that it excludes, whether or not any of its
// words is there. A paper that is not in the index is not allowed.
func (x *Index) Allows(ctx context.Context, q Query, ordinals []uint32) ([]bool, error) {
	s, _ := x.pool.Get().(*searcher)
	defer s.release(x)
	p, places := x.places(q, s, ordinals)
	allowed := make([]bool, len(ordinals))
	for i, f := range places {
		if i%window == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		allowed[i] = f.record != nil && !p.never && p.allows(f.record)
	}
	return allowed, ctx.Err()
}
