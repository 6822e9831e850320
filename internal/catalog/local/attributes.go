package local

import (
	"context"

	"akin/internal/paper"
)

// Dates implements catalog.Attributes.
func (v *view) Dates(ctx context.Context, refs []paper.Ref) ([]paper.Date, error) {
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	return v.attributes.Dates(ctx, ordinals)
}

// Venues implements catalog.Attributes.
func (v *view) Venues(ctx context.Context, refs []paper.Ref) ([]string, error) {
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	return v.attributes.Venues(ctx, ordinals)
}
