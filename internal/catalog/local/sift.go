package local

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/filter"
	"akin/internal/lexical"
)

// Sift asks how many papers a query's conditions leave.
type Sift struct {
	Filter, AsOf string
	Words        Words
	// AnyWord says that papers need a word of Words, not its phrases alone.
	AnyWord bool
}

// Sifted is how many papers are left after each condition, in their order.
type Sifted struct {
	// Papers is how many there are, Filtered how many of them the filter keeps.
	Papers, Filtered int
	// Parts are those of a filter that is a conjunction.
	Parts []FilterPart
	// AsOf is how many of Filtered had appeared; Undated how many have no date.
	AsOf, Undated int
	// Words are the steps of the words, among AsOf.
	Words []WordStep
}

// FilterPart is a part of a conjunction.
type FilterPart struct {
	Text string
	// Kept is how many papers the part alone keeps; -1 where counting them would
	// read too many.
	Kept int
}

// WordStep is one thing that the words of a query ask for.
type WordStep = lexical.Step

// The kinds of steps.
const (
	StepWords     = lexical.StepWords
	StepPhrase    = lexical.StepPhrase
	StepExclusion = lexical.StepExclusion
)

const (
	// mostParts is how many parts of a filter are counted.
	mostParts = 32
	// mostRead is how many records are read to count what one of them keeps.
	mostRead = 5_000
)

// Sift implements View. It takes about as long as finding the papers did.
func (v *view) Sift(ctx context.Context, collection string, q Sift) (Sifted, error) {
	m, err := v.of(collection)
	if err != nil {
		return Sifted{}, err
	}
	out := Sifted{Papers: int(m.papers)}
	left, err := m.keep(ctx, q.Filter)
	if err != nil {
		return Sifted{}, err
	}
	count := func() int {
		if left == nil {
			return out.Papers
		}
		return int(left.GetCardinality())
	}
	out.Filtered = count()
	if out.Parts, err = m.parts(ctx, q.Filter); err != nil {
		return Sifted{}, err
	}
	if q.AsOf != "" {
		if left == nil {
			if left, err = m.attributes.All(ctx); err != nil {
				return Sifted{}, err
			}
		}
		dated, err := m.keep(ctx, "date:*")
		if err != nil {
			return Sifted{}, err
		}
		out.Undated = int(roaring.AndNot(left, dated).GetCardinality())
		until, err := m.keep(ctx, untilDay(q.AsOf))
		if err != nil {
			return Sifted{}, err
		}
		left.And(until)
	}
	out.AsOf = count()
	if q.Words.Text != "" {
		r, err := m.words.Read(q.Words.query())
		if err != nil {
			return Sifted{}, err
		}
		if out.Words, err = r.Explain(ctx, setOf(left), q.AnyWord); err != nil {
			return Sifted{}, err
		}
	}
	return out, nil
}

// parts counts what each part of a conjunction keeps alone.
func (m *moment) parts(ctx context.Context, text string) ([]FilterPart, error) {
	f, err := filter.Parse(text)
	if err != nil {
		return nil, err
	}
	parts := f.Conjuncts()
	out := make([]FilterPart, 0, len(parts))
	for _, p := range parts[:min(len(parts), mostParts)] {
		part := FilterPart{Text: p.String(), Kept: -1}
		kept, exact, err := m.attributes.Bitmap(ctx, p)
		if err != nil {
			return nil, err
		}
		if !exact && kept.GetCardinality() <= mostRead {
			if kept, err = m.keep(ctx, p.String()); err != nil {
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
