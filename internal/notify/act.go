package notify

import (
	"context"

	"akin/internal/library"
	"akin/internal/paper"
)

// Acted is what a link of a mail that marks a paper does, or did.
type Acted struct {
	PaperID, Title string
	// Mark is the mark that the paper has after it, Before the one it had.
	Mark, Before library.Mark
	Library      string
	// Undo is the token that puts back what was; "" before it was done.
	Undo string
	// Digest is what the digest is called.
	Digest string
}

// Act does what a token of a mail says: it gives a paper a mark in the library of the
// digest's owner, or puts the one before back. With preview, it only says what it would
// do. The same token again changes nothing.
func (s *Digests) Act(ctx context.Context, token string, preview bool) (out Acted, err error) {
	a, err := s.readAction(token)
	if err != nil {
		return out, err
	}
	var d Digest
	if err := s.Store.Read(ctx, func(r Reader) error {
		var found bool
		if d, found, err = r.Digest(a.digest); err == nil && (!found || d.Visitor()) {
			err = gone()
		}
		return err
	}); err != nil {
		return out, err
	}
	out = Acted{PaperID: a.paperID, Mark: a.mark, Library: d.Library, Digest: d.title()}
	found, _, err := s.Papers.Get(ctx, d.Collection, []string{a.paperID})
	if err != nil {
		return out, err
	}
	if len(found) > 0 {
		out.Title = found[0].Title
	}
	if preview {
		return out, nil
	}
	changed, _, err := s.Marks.Set(ctx, d.Owner, library.Place{Name: d.Library, Create: true, Collection: d.Collection}, []library.Change{{
		Entry: library.Entry{PaperID: a.paperID, Mark: a.mark}, Fields: library.FieldMark,
	}}, true)
	if err != nil {
		return out, err
	}
	if len(changed) == 0 {
		return out, &paper.Error{Kind: paper.Internal, Message: "nothing was changed"}
	}
	if before := changed[0].Before; before != nil {
		out.Before = before.Mark
	}
	out.Undo = s.actToken(action{digest: d.ID, mark: out.Before, undo: true, paperID: a.paperID}, s.clock())
	return out, nil
}
