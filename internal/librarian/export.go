package librarian

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"akin/internal/cite"
	"akin/internal/paper"
	"akin/internal/paper/titleid"
)

// Export asks for a library as a file of references.
type Export struct {
	Name string
	Choice
	Format cite.Format
	// IDs asks for the ids of the papers, one a line, whatever Format says.
	IDs bool
	// OmitAbstracts leaves abstracts out.
	OmitAbstracts bool
	// MaxBytes is how large the file may be; 0 is no limit.
	MaxBytes int
}

// Exported is a file of references.
type Exported struct {
	Content     []byte
	ContentType string
	// Count is how many references it has.
	Count int
	// Missing are the first of the papers of the library that the collection does not
	// have, and MissingCount how many there are.
	Missing      []string
	MissingCount int
}

// mostMissing is how many papers that are missing are named.
const mostMissing = 100

// Export writes a library as references, by title.
func (b *Librarian) Export(ctx context.Context, owner string, q Export) (out Exported, err error) {
	if err := q.check(); err != nil {
		return out, err
	}
	l, all, err := b.Entries(ctx, owner, q.Name)
	if err != nil {
		return out, err
	}
	entries := q.chosen(all)
	ids := idsOf(entries)
	if q.IDs {
		for _, id := range ids {
			out.Content = append(append(out.Content, id...), '\n')
		}
		out.Count, out.ContentType = len(ids), "text/plain; charset=utf-8"
		return out, q.fits(len(out.Content))
	}
	items := make([]cite.Item, 0, len(ids))
	there := make([]bool, len(ids))
	total := 0
	err = b.read(ctx, l.Collection, ids, func(i int, r *paper.Record) {
		there[i] = true
		one := r.Paper
		if q.OmitAbstracts {
			one.Abstract = ""
		}
		if total += size(&one); q.fits(total) == nil { // of what is not sent, nothing is held
			items = append(items, cite.Item{Paper: &one, Note: entries[i].Note, Tags: entries[i].Tags})
		}
	})
	if err == nil {
		err = q.fits(total)
	}
	if err != nil {
		return out, err
	}
	for i, id := range ids {
		if there[i] {
			continue
		}
		if out.MissingCount++; out.MissingCount <= mostMissing {
			out.Missing = append(out.Missing, id)
		}
	}
	return out, q.write(&out, items)
}

// write puts references in order and writes them.
func (q *Export) write(out *Exported, items []cite.Item) error {
	slices.SortFunc(items, func(x, y cite.Item) int {
		return cmp.Or(cmp.Compare(titleid.Normalize(x.Title), titleid.Normalize(y.Title)), cmp.Compare(x.ID, y.ID))
	})
	var text bytes.Buffer
	if err := cite.Write(&text, q.Format, items); err != nil {
		return err
	}
	out.Content, out.ContentType, out.Count = text.Bytes(), q.Format.ContentType(), len(items)
	return q.fits(text.Len())
}

// size is about how many bytes a reference has.
func size(r *paper.Paper) int {
	n := 100 + len(r.Title) + len(r.Abstract) + len(r.Venue) + len(r.DOI)
	for _, a := range r.Authors {
		n += len(a.Name) + 5
	}
	for _, list := range [][]string{r.Categories, r.URLs} {
		for _, s := range list {
			n += len(s)
		}
	}
	return n
}

// fits says whether the file may have so many bytes.
func (q *Export) fits(n int) error {
	if q.MaxBytes == 0 || n <= q.MaxBytes {
		return nil
	}
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonResponseTooLarge,
		Message: fmt.Sprintf("the references have more than %d bytes, the most that this call takes: leave abstracts out, "+
			"choose fewer by mark or tag, or take larger answers", q.MaxBytes),
		Metadata: map[string]string{"limit": strconv.Itoa(q.MaxBytes)},
	}
}
