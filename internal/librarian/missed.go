package librarian

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"akin/internal/engine"
	"akin/internal/library"
	"akin/internal/paper"
)

// ReasonNoLikes is the reason where a library has no liked paper that the collection
// has, and so there is nothing to go by.
const ReasonNoLikes = "LIBRARY_WITHOUT_LIKES"

// maxDays is how far back "the last N days" may reach.
const maxDays = 36_500

// Missed asks what a library lacks.
type Missed struct {
	Name string
	// NewerThanDays keeps papers dated within so many days before today; 0 keeps all.
	NewerThanDays int
	Strategy      engine.RecommendStrategy
	// HalfLifeDays halves the weight of a mark for every so many days that it is older
	// than the newest; 0 is off.
	HalfLifeDays float64
	// Known hears, before any result is seen, the ids of the likes and dislikes that
	// count, in the order that engine.Result.DrivenBy goes by; nil hears nothing.
	Known func(likes, dislikes []string)
	engine.ResultOptions
}

// MissedPapers are what a library lacks.
type MissedPapers struct {
	*engine.Answer
	// Missing is how many marked papers the collection does not have.
	Missing int
}

// Missed tells what the collection has near a library and the library lacks, in any
// version, by its likes and dislikes.
func (b *Librarian) Missed(ctx context.Context, owner string, q Missed) (out MissedPapers, err error) {
	if q.NewerThanDays < 0 || q.NewerThanDays > maxDays {
		return out, paper.InvalidField("newer_than_days", "is %d; it must be between 0, which is off, and %d", q.NewerThanDays, maxDays)
	}
	l, all, err := b.Entries(ctx, owner, q.Name)
	if err != nil {
		return out, err
	}
	there, err := b.engine.Identify(ctx, l.Collection, idsOf(all))
	if err != nil {
		return out, err
	}
	req := engine.RecommendRequest{
		Collection: l.Collection, Strategy: q.Strategy, HalfLifeDays: q.HalfLifeDays, ResultOptions: q.ResultOptions,
	}
	for i := range all {
		if there[i] != all[i].PaperID && all[i].Mark != library.None {
			all[i].Mark = library.None
			out.Missing++
		}
	}
	req.Positive, req.Exclude = examples(all, library.Liked, nil)
	req.Negative, req.Exclude = examples(all, library.Disliked, req.Exclude)
	for i := range all {
		if all[i].Mark == library.None {
			req.Exclude = append(req.Exclude, all[i].PaperID)
		}
	}
	if len(req.Positive) == 0 {
		return out, withoutLikes(&l, out.Missing)
	}
	req.Filter = b.newer(q.Filter, q.NewerThanDays)
	if q.Known != nil {
		q.Known(idsOfExamples(req.Positive), idsOfExamples(req.Negative))
	}
	out.Answer, err = b.engine.Recommend(ctx, req)
	return out, err
}

// examples gives the newest entries with a mark, and adds the others that have it to
// those that are only left out.
func examples(all []library.Entry, mark library.Mark, others []string) (out []engine.Example, rest []string) {
	var marked []library.Entry
	for _, e := range all {
		if e.Mark == mark {
			marked = append(marked, e)
		}
	}
	slices.SortFunc(marked, func(x, y library.Entry) int {
		return cmp.Or(y.MarkTime.Compare(x.MarkTime), cmp.Compare(x.PaperID, y.PaperID))
	})
	for i, e := range marked {
		if i < engine.MaxExamples {
			out = append(out, engine.Example{PaperID: e.PaperID, Weight: e.Weight, Time: e.MarkTime})
		} else {
			others = append(others, e.PaperID)
		}
	}
	return out, others
}

func idsOfExamples(examples []engine.Example) (ids []string) {
	for _, x := range examples {
		ids = append(ids, x.PaperID)
	}
	return ids
}

// newer adds to a filter that papers are dated within some days.
func (b *Librarian) newer(filter string, days int) string {
	if days == 0 {
		return filter
	}
	recent := fmt.Sprintf("date >= %q", b.now().UTC().AddDate(0, 0, -days).Format(time.DateOnly))
	if filter == "" {
		return recent
	}
	return "(" + filter + ") AND " + recent
}

func withoutLikes(l *library.Library, missing int) error {
	message := fmt.Sprintf("library %q has no liked paper to go by; like some", l.Name)
	if missing > 0 {
		message = fmt.Sprintf("the collection %q has none of the liked papers of library %q any more; like others, or import those", l.Collection, l.Name)
	}
	return &paper.Error{Kind: paper.FailedPrecondition, Reason: ReasonNoLikes, Message: message}
}
