package catalog

import (
	"context"

	"akin/internal/paper"
)

// Dates gives the publication dates of papers, parallel to ordinals and without
// touching the disk; the zero date where a paper has none, or is not there.
func (c *Embedded) Dates(_ context.Context, collection string, ordinals []uint32) ([]paper.Date, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	return l.attributes.Dates(ordinals), nil
}
