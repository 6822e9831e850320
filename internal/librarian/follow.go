package librarian

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"akin/internal/ingest"
	"akin/internal/library"
)

// Reference is what is known of a paper elsewhere, such as in a reference manager.
type Reference struct {
	// Line is where it begins in its file, from 1; 0 if it is of none.
	Line                int
	Title, DOI, ArxivID string
	// ID is what an import would call it, Note what somebody wrote about it.
	ID, Note string
	// Name is an id, of a list of ids.
	Name string
	// Unreadable says why it could not be read whole; "" if it could.
	Unreadable string
}

// Found says which paper a reference is of.
type Found struct {
	// PaperID is "" if the collection has none, and Why says so in words.
	PaperID, Why string
	By           By
}

// References are those of a file.
type References struct {
	All []Reference
	// Format is what the file was read as.
	Format string
	// Cut says that the file ends in the middle of a reference.
	Cut bool
}

// ends is how package ingest says that a file ends too early, and unclosed the field
// that it names where only the end of an entry is missing.
const (
	ends     = "the file ends in the middle"
	unclosed = "the closing brace"
)

// ReadReferences reads a file of references, which has at most as many as a library
// may have papers; "" recognises its format.
func ReadReferences(ctx context.Context, content []byte, format string) (out References, err error) {
	if packed(content) {
		return out, invalid(errors.New("it is compressed, or an archive"))
	}
	q := Import{Content: content, Format: format}
	if format != FormatIDs && (format != "" || !areNames(content)) {
		return readFile(ctx, content, format)
	}
	refs, format, err := q.references(ctx)
	for i := range refs {
		out.All = append(out.All, refs[i].public())
	}
	out.Format = format
	return out, err
}

func readFile(ctx context.Context, content []byte, format string) (out References, err error) {
	r, err := ingest.NewReader("content", bytes.NewReader(content), ingest.Options{Format: format})
	if err != nil {
		return out, invalid(err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		row, err := r.Next(ctx)
		var bad *ingest.RejectedError
		switch {
		case errors.Is(err, io.EOF):
			out.Format = r.Format()
			return out, nil
		case errors.As(err, &bad):
			ref := rejected(bad)
			out.All, out.Cut = append(out.All, ref.public()), strings.Contains(bad.Reason, ends)
		case err != nil && strings.Contains(err.Error(), ends):
			out.Cut, out.Format = true, r.Format()
			return out, nil
		case err != nil:
			return out, invalid(err)
		case !row.Deleted:
			ref := referenceOf(&row)
			out.All, out.Cut = append(out.All, ref.public()), false
			for _, u := range row.Unread {
				out.Cut = out.Cut || u.Field == unclosed
			}
		}
		if len(out.All) > library.MaxEntries {
			return out, tooMany()
		}
	}
}

func (r *reference) public() Reference {
	return Reference{
		Line: r.line, Title: brief(r.title), DOI: r.doi, ArxivID: r.arxiv, ID: r.id, Note: r.note, Name: r.name, Unreadable: r.unreadable,
	}
}

// Find finds the papers of references in a collection, as an import does.
func (b *Librarian) Find(ctx context.Context, collection string, refs []Reference) ([]Found, error) {
	some := make([]reference, len(refs))
	for i, r := range refs {
		some[i] = reference{
			line: r.Line, title: r.Title, name: r.Name, doi: r.DOI, arxiv: r.ArxivID, id: r.ID, unreadable: r.Unreadable,
			notByTitles: r.Unreadable != "" || r.Name != "" || r.Title == "",
		}
	}
	if err := b.match(ctx, collection, some); err != nil {
		return nil, err
	}
	out := make([]Found, len(some))
	for i := range some {
		out[i] = Found{PaperID: some[i].paper, By: some[i].by}
		if some[i].paper == "" {
			out[i].Why = some[i].why()
		}
	}
	return out, nil
}
