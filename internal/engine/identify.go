package engine

import (
	"context"

	"akin/internal/paper"
)

// MaxNames is how many names one call of Identify takes.
const MaxNames = 20_000

// Identify gives the ids of the papers that names mean (ids, or arXiv ids and DOIs as
// people paste them), parallel to them; "" is none. It reads no paper that has a name as
// its id.
func (e *Engine) Identify(ctx context.Context, collection string, names []string) ([]string, error) {
	if len(names) > MaxNames {
		return nil, paper.InvalidField("names", "has %d items; the limit is %d", len(names), MaxNames)
	}
	a, err := e.ask(ctx, collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	return a.namer().Identify(ctx, names)
}
