package engine

import (
	"context"
	"fmt"
	"math"

	"akin/internal/paper"
)

// target is a collection that is written to, and what embeds for it.
type target struct {
	engine      *Engine
	collection  string
	space       paper.Space
	fingerprint string // of the space
	model       Model
}

// target opens a collection to see what its space is.
func (e *Engine) target(ctx context.Context, collection string) (*target, error) {
	if err := e.writable(ctx); err != nil {
		return nil, err
	}
	a, err := e.ask(ctx, collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	model, err := a.model()
	if err != nil {
		return nil, err
	}
	space := a.info.Space
	return &target{engine: e, collection: a.info.Collection, space: space, fingerprint: space.Fingerprint(), model: model}, nil
}

// checkSpace refuses a vector of another space.
func (t *target) checkSpace(in *Incoming) error {
	have := t.fingerprint
	if in.Vector == nil || in.Space == have {
		return nil
	}
	if in.Space == "" {
		return paper.InvalidField("space", "is empty; with a vector, give the fingerprint of the space that it belongs to (this server's is %s)", have)
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: paper.ReasonSpaceMismatch,
		Message: fmt.Sprintf("the vectors belong to space %.12s, this server embeds into space %.12s (%s); "+
			"vectors of two spaces cannot be compared: leave the vectors out, or make them with the server's model",
			in.Space, have, t.space.Model),
		Metadata: map[string]string{"have": in.Space, "want": have},
	}
}

// checkVector refuses a vector that is none of the space.
func (t *target) checkVector(v []float32) error {
	dim := t.space.Dimension
	if len(v) != dim {
		return paper.InvalidField("vector", "has %d numbers; the space has %d", len(v), dim)
	}
	var sum float64
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return paper.InvalidField("vector", "is %v at position %d; give finite numbers", x, i)
		}
		sum += float64(x) * float64(x)
	}
	if length := math.Sqrt(sum); math.Abs(length-1) > 1e-4 {
		return paper.InvalidField("vector", "has length %.6g; divide it by its length, so that it is 1 within 0.0001", length)
	}
	return nil
}
