package librarian

import (
	"cmp"
	"context"
	"slices"

	"akin/internal/engine"
	"akin/internal/library"
	"akin/internal/paper"
)

// Questioned are papers to rate.
type Questioned struct {
	*engine.Questions
	// Rated is how many likes and dislikes were gone by.
	Rated int
}

// Questions chooses papers whose likes or dislikes would tell most of what the owner of
// a library thinks, none of which the library has. A library that is not there is as an
// empty one of the default collection.
func (b *Librarian) Questions(ctx context.Context, owner, name string, count int) (out Questioned, err error) {
	l, all, err := b.Entries(ctx, owner, name)
	if paper.KindOf(err) == paper.NotFound {
		l, err = library.Library{Collection: paper.DefaultCollection}, nil
	}
	if err != nil {
		return out, err
	}
	req := engine.QuestionsRequest{Collection: l.Collection, Count: count}
	slices.SortFunc(all, func(x, y library.Entry) int { // the newest marks first
		return cmp.Or(y.MarkTime.Compare(x.MarkTime), cmp.Compare(x.PaperID, y.PaperID))
	})
	for _, e := range all {
		room := out.Rated < engine.MaxOpinions
		switch {
		case e.Mark == library.Liked && room:
			req.Liked = append(req.Liked, e.PaperID)
		case e.Mark == library.Disliked && room:
			req.Disliked = append(req.Disliked, e.PaperID)
		default:
			req.Exclude = append(req.Exclude, e.PaperID)
			continue
		}
		out.Rated++
	}
	out.Questions, err = b.engine.Questions(ctx, req)
	return out, err
}
