package local

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/catalog"
	"akin/internal/filter"
	"akin/internal/lexical"
)

const (
	// mostParts is how many parts of a filter are counted.
	mostParts = 32
	// mostCounted is how many records are read to count what one of them keeps.
	mostCounted = 5_000
)

// Funnel implements catalog.Funnel. It takes about as long as finding the papers did.
func (v *view) Funnel(ctx context.Context, q catalog.Conditions) (catalog.Remaining, error) {
	out := catalog.Remaining{Papers: int(v.papers)}
	left, err := v.keep(ctx, q.Filter)
	if err != nil {
		return catalog.Remaining{}, err
	}
	out.Filtered = v.count(left)
	if out.Parts, err = v.filterParts(ctx, q.Filter); err != nil {
		return catalog.Remaining{}, err
	}
	if q.AsOf != "" {
		if left, out.Undated, err = v.appeared(ctx, left, q.AsOf); err != nil {
			return catalog.Remaining{}, err
		}
	}
	out.AsOf = v.count(left)
	if q.Words.Text != "" {
		if out.Words, err = v.wordSteps(ctx, q, left); err != nil {
			return catalog.Remaining{}, err
		}
	}
	return out, nil
}

// count is how many papers are left; nil is all.
func (v *view) count(left *roaring.Bitmap) int {
	if left == nil {
		return int(v.papers)
	}
	return int(left.GetCardinality())
}

// appeared leaves of some papers, nil for all, those that had appeared by a day, and
// says how many have no date.
func (v *view) appeared(ctx context.Context, left *roaring.Bitmap, asOf string) (_ *roaring.Bitmap, undated int, err error) {
	if left == nil {
		if left, err = v.attributes.All(ctx); err != nil {
			return nil, 0, err
		}
	}
	dated, err := v.keep(ctx, "date:*")
	if err != nil {
		return nil, 0, err
	}
	undated = int(roaring.AndNot(left, dated).GetCardinality())
	until, err := v.keep(ctx, untilDay(asOf))
	if err != nil {
		return nil, 0, err
	}
	left.And(until)
	return left, undated, nil
}

// filterParts counts what each part of a conjunction keeps alone.
func (v *view) filterParts(ctx context.Context, text string) ([]catalog.FilterPart, error) {
	f, err := filter.Parse(text)
	if err != nil {
		return nil, err
	}
	parts := f.Conjuncts()
	out := make([]catalog.FilterPart, 0, len(parts))
	for _, p := range parts[:min(len(parts), mostParts)] {
		part := catalog.FilterPart{Text: p.String(), Kept: -1}
		kept, exact, err := v.attributes.Bitmap(ctx, p)
		if err != nil {
			return nil, err
		}
		if !exact && kept.GetCardinality() <= mostCounted {
			if kept, err = v.keep(ctx, p.String()); err != nil {
				return nil, err
			}
			exact = true
		}
		if exact {
			part.Kept = int(kept.GetCardinality())
		}
		out = append(out, part)
	}
	return out, nil
}

// wordSteps says what the words of a query leave of some papers, nil for all.
func (v *view) wordSteps(ctx context.Context, q catalog.Conditions, left *roaring.Bitmap) ([]catalog.WordStep, error) {
	asked, err := v.read(q.Words)
	if err != nil {
		return nil, err
	}
	steps, err := asked.Explain(ctx, setOf(left), q.AnyWord)
	if err != nil {
		return nil, err
	}
	out := make([]catalog.WordStep, len(steps))
	for i, s := range steps {
		out[i] = catalog.WordStep{Kind: stepOf(s.Kind), Text: s.Text, Unknown: s.Unknown, Left: s.Left}
	}
	return out, nil
}

func stepOf(kind lexical.StepKind) catalog.WordStepKind {
	switch kind {
	case lexical.StepPhrase:
		return catalog.StepPhrase
	case lexical.StepExclusion:
		return catalog.StepExclusion
	case lexical.StepWords:
	}
	return catalog.StepWords
}
