package librarian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"akin/internal/engine"
	"akin/internal/ingest"
	"akin/internal/library"
	"akin/internal/paper"
)

// MaxImportBytes is how large a file of references may be.
const MaxImportBytes = 4 << 20

// ReasonTooManyReferences is the reason where a file has more references than a library can have papers.
const ReasonTooManyReferences = "TOO_MANY_REFERENCES"

// FormatIDs is the format of a name a line: ids, arXiv ids, DOIs, or addresses of
// either. The other formats are those of package ingest.
const FormatIDs = "ids"

// Import asks for the papers of a file of references in a library.
type Import struct {
	library.Place
	Content []byte
	// Format is FormatIDs or one of package ingest; "" recognises it.
	Format string
	// Mark is for papers that have none yet; Tags are added.
	Mark library.Mark
	Tags []string
	// DryRun only tells what would be imported.
	DryRun bool
}

// Imported says what became of an import.
type Imported struct {
	Matched   []Matched
	Unmatched []Unmatched
	// Added is how many papers the library did not have.
	Added int
	// Format is what the content was read as.
	Format string
}

// By is how a reference's paper was found.
type By int

// The ways.
const (
	ByID By = iota + 1
	ByDOI
	ByArxivID
	ByTitle
)

// Matched is a reference whose paper the collection has.
type Matched struct {
	Line    int
	Title   string
	PaperID string
	By      By
	// Added says that the library did not have it.
	Added bool
}

// Unmatched is a reference that was not imported.
type Unmatched struct {
	Line  int
	Title string
	DOI   string
	Arxiv string
	// Unreadable says that it could not be read, and Why in words.
	Unreadable bool
	Why        string
}

// reference is one of a file.
type reference struct {
	line        int
	title       string // as it is
	name        string // of a line that is a name
	doi, arxiv  string
	id          string // what ingest would give it
	note        string
	unreadable  string // why; "" if it could be read
	paper       string // id of the paper that was found
	by          By
	notByTitles bool
}

// Import finds the papers of references and adds them to a library.
func (b *Librarian) Import(ctx context.Context, owner string, q Import) (out Imported, err error) {
	if err := q.check(); err != nil {
		return out, err
	}
	l, err := b.at(ctx, owner, q.Place)
	if err != nil {
		return out, err
	}
	refs, format, err := q.references(ctx)
	if err != nil {
		return out, err
	}
	out.Format = format
	if err := b.match(ctx, l.Collection, refs); err != nil {
		return out, err
	}
	added, err := b.take(ctx, &l, &q, refs)
	if err != nil {
		return out, err
	}
	out.tell(refs, added)
	return out, nil
}

func (q *Import) check() error {
	switch n := len(q.Content); {
	case n == 0:
		return paper.InvalidField("content", "is empty; send a file of references")
	case n > MaxImportBytes:
		return paper.InvalidField("content", "has %d bytes; the limit is %d: divide it", n, MaxImportBytes)
	case q.Mark < library.None || q.Mark > library.Disliked:
		return paper.InvalidField("mark", "is %d, which is no mark", q.Mark)
	case packed(q.Content):
		return paper.InvalidField("content", "is compressed, or an archive; send the file in it")
	case len(q.Tags) > library.MaxTags:
		return paper.InvalidField("tags", "has %d tags; the limit is %d", len(q.Tags), library.MaxTags)
	}
	for i, tag := range q.Tags {
		if err := library.CheckTag(fmt.Sprintf("tags[%d]", i), strings.TrimSpace(tag)); err != nil {
			return err
		}
	}
	return nil
}

// packed says that content is of a form that can become much larger than it is.
func packed(content []byte) bool {
	for _, magic := range []string{
		"\x1f\x8b", "\x28\xb5\x2f\xfd", "BZh", "\xfd7zXZ", "PK\x03\x04", "PAR1", "ARROW1", "\x04\x22\x4d\x18", "\x1f\x9d", "7z\xbc\xaf",
	} {
		if bytes.HasPrefix(content, []byte(magic)) {
			return true
		}
	}
	const tarAt = 257
	return len(content) > tarAt+5 && string(content[tarAt:tarAt+5]) == "ustar"
}

// references reads the file.
func (q *Import) references(ctx context.Context) (refs []reference, format string, err error) {
	if q.Format == FormatIDs || q.Format == "" && areNames(q.Content) {
		refs, err = namesIn(q.Content)
		return refs, FormatIDs, err
	}
	r, err := ingest.NewReader("content", bytes.NewReader(q.Content), ingest.Options{Format: q.Format})
	if err != nil {
		return nil, "", invalid(err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		row, err := r.Next(ctx)
		var bad *ingest.RejectedError
		switch {
		case errors.Is(err, io.EOF):
			return refs, r.Format(), nil
		case errors.As(err, &bad):
			refs = append(refs, rejected(bad))
		case err != nil:
			return nil, "", invalid(err)
		case !row.Deleted:
			refs = append(refs, referenceOf(&row))
		}
		if len(refs) > library.MaxEntries {
			return nil, "", tooMany()
		}
	}
}

func tooMany() error {
	return &paper.Error{
		Kind: paper.Invalid, Reason: ReasonTooManyReferences,
		Message: fmt.Sprintf("the file has more than %d references, the most that a library can have; divide it", library.MaxEntries),
	}
}

// invalid makes what is wrong with a file as a whole the caller's fault.
func invalid(err error) error {
	if paper.Canceled(err) {
		return err
	}
	return paper.InvalidField("content", "cannot be read: %v", strings.TrimPrefix(err.Error(), "content: "))
}

func referenceOf(row *ingest.Row) reference {
	p := &row.Paper
	return reference{
		line: row.Source.Line, title: p.Title, doi: p.DOI, arxiv: p.ArxivID, id: p.ID, note: noteOf(p),
	}
}

// noteOf gives what somebody wrote about a reference, if an entry has room for it.
func noteOf(p *paper.Paper) string {
	note := p.Metadata["annote"]
	if len(note) > library.MaxNoteBytes || strings.ContainsRune(note, 0) {
		return ""
	}
	return note
}

// rejected is a reference that makes no paper, such as one without a title; an
// identifier in it may still lead to one.
func rejected(bad *ingest.RejectedError) reference {
	raw := string(bad.Raw)
	ref := reference{line: bad.Line, title: oneLine(raw), unreadable: bad.Reason, notByTitles: true}
	ref.doi = findDOI(raw)
	ref.arxiv, _ = paper.FindArxivID(raw)
	return ref
}

// findDOI finds the first DOI in a text.
func findDOI(text string) string {
	at := strings.Index(text, "10.")
	if at < 0 {
		return ""
	}
	found := text[at:]
	if end := strings.IndexAny(found, " \t\r\n\"{},"); end >= 0 {
		found = found[:end]
	}
	doi, _ := paper.ParseDOI(found)
	return doi
}

// areNames says whether every line of content is one word that begins no reference.
func areNames(content []byte) bool {
	some := false
	for line := range bytes.Lines(content) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if !utf8.Valid(line) || bytes.ContainsAny(line, " \t,{}\"") || line[0] == '@' || line[0] == '[' || line[0] == '<' || len(line) > 2*paper.MaxIDBytes {
			return false
		}
		some = true
	}
	return some
}

// namesIn reads a name a line; lines that begin with # are none.
func namesIn(content []byte) (refs []reference, err error) {
	at := 0
	for line := range strings.Lines(strings.TrimPrefix(string(content), "\ufeff")) {
		at++
		name := strings.TrimSpace(line)
		if name == "" || name[0] == '#' {
			continue
		}
		ref := reference{line: at, title: oneLine(name), name: name, notByTitles: true}
		if err := paper.ValidateID(name); err != nil {
			ref.unreadable = err.Error()
		} else {
			ref.doi, _ = paper.ParseDOI(name)
			ref.arxiv, _, _ = paper.ParseArxivID(name)
		}
		if refs = append(refs, ref); len(refs) > library.MaxEntries {
			return nil, tooMany()
		}
	}
	return refs, nil
}

// match finds the papers of references: by name, DOI, arXiv id, the id that they would
// have, and by title.
func (b *Librarian) match(ctx context.Context, collection string, refs []reference) error {
	for _, way := range []struct {
		by   By
		name func(*reference) string
	}{
		{ByID, func(r *reference) string { return r.name }},
		{ByDOI, func(r *reference) string { return r.doi }},
		{ByArxivID, func(r *reference) string { return r.arxiv }},
		{ByArxivID, arxivOfDOI},
		{ByID, func(r *reference) string { return r.id }},
	} {
		if err := ask(refs, way.by, way.name, engine.MaxNames, func(names []string) ([]string, error) {
			return b.engine.Identify(ctx, collection, names)
		}); err != nil {
			return err
		}
	}
	return ask(refs, ByTitle, titleOf, engine.MaxTitles, func(titles []string) ([]string, error) {
		return b.engine.Entitled(ctx, collection, titles)
	})
}

// arxivOfDOI is the arXiv id that a DOI of arXiv holds.
func arxivOfDOI(r *reference) string {
	id, _ := paper.FindArxivID(r.doi)
	return id
}

func titleOf(r *reference) string {
	if r.notByTitles {
		return ""
	}
	return r.title
}

// ask looks for the papers of references that have none yet, by what name gives, where
// it is not empty, at most so many at once.
func ask(refs []reference, by By, name func(*reference) string, most int, find func([]string) ([]string, error)) error {
	var names []string
	var at []int
	for i := range refs {
		if n := name(&refs[i]); n != "" && refs[i].paper == "" && utf8.ValidString(n) {
			names, at = append(names, n), append(at, i)
		}
	}
	for from := 0; from < len(names); from += most {
		some := names[from:min(from+most, len(names))]
		ids, err := find(some)
		if err != nil {
			return err
		}
		for i, id := range ids {
			if id != "" {
				ref := &refs[at[from+i]]
				ref.paper, ref.by = id, by.of(ref, id)
			}
		}
	}
	return nil
}

// of says by which of several things that a name may be it led to a paper.
func (b By) of(ref *reference, id string) By {
	switch {
	case b != ByID || ref.name == id || ref.id == id && ref.name == "" && ref.doi == "" && ref.arxiv == "":
		if b == ByID && ref.name == "" && strings.HasPrefix(id, "title:") {
			return ByTitle
		}
		return b
	case ref.arxiv != "":
		return ByArxivID
	case ref.doi != "":
		return ByDOI
	}
	return b
}

// take adds the papers that were found to the library; on a dry run it only says which
// the library does not have.
func (b *Librarian) take(ctx context.Context, l *library.Library, q *Import, refs []reference) (added map[string]bool, err error) {
	var additions []library.Addition
	seen := map[string]bool{}
	for i := range refs {
		if id := refs[i].paper; id != "" && !seen[id] {
			seen[id] = true
			additions = append(additions, library.Addition{PaperID: id, Mark: q.Mark, Note: refs[i].note, Tags: slices.Clone(q.Tags)})
		}
	}
	added = map[string]bool{}
	if q.DryRun {
		return added, b.lacking(ctx, l, additions, added)
	}
	if len(additions) == 0 {
		return added, nil
	}
	place := q.Place
	place.Collection = l.Collection
	isNew, _, err := b.Add(ctx, l.Owner, place, additions)
	for i, is := range isNew {
		added[additions[i].PaperID] = is
	}
	return added, err
}

// lacking notes the papers that a library does not have.
func (b *Librarian) lacking(ctx context.Context, l *library.Library, additions []library.Addition, added map[string]bool) error {
	for some := range slices.Chunk(additions, library.MaxBatch) {
		ids := make([]string, len(some))
		for i := range some {
			ids[i], added[some[i].PaperID] = some[i].PaperID, true
		}
		if l.ID == 0 {
			continue
		}
		shelved, err := b.Lookup(ctx, l.Owner, l.Name, ids)
		if err != nil {
			return err
		}
		for i := range shelved {
			added[shelved[i].PaperID] = false
		}
	}
	return nil
}

// tell says what became of the references.
func (out *Imported) tell(refs []reference, added map[string]bool) {
	for i := range refs {
		r := &refs[i]
		if r.paper == "" {
			out.Unmatched = append(out.Unmatched, Unmatched{
				Line: r.line, Title: brief(r.title), DOI: r.doi, Arxiv: r.arxiv, Unreadable: r.unreadable != "", Why: r.why(),
			})
			continue
		}
		out.Matched = append(out.Matched, Matched{Line: r.line, Title: brief(r.title), PaperID: r.paper, By: r.by, Added: added[r.paper]})
	}
	for _, is := range added {
		if is {
			out.Added++
		}
	}
}

// why says why a reference has no paper.
func (r *reference) why() string {
	switch {
	case r.unreadable != "":
		return brief("it cannot be read: " + r.unreadable)
	case r.name != "":
		return "no paper of the collection goes by that name; import it first"
	case r.doi != "" || r.arxiv != "":
		return "no paper of the collection has its identifier, or its title; import it first"
	}
	return "it has no identifier, and no paper of the collection has its title; import it first"
}

// mostBrief is how much of a title is told, in bytes.
const mostBrief = 300

func brief(text string) string {
	text = oneLine(text)
	if len(text) <= mostBrief {
		return text
	}
	cut := mostBrief
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
}
