package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/cite"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

const (
	// maxUpload bounds a file of references, as the API does, and maxForm other forms.
	maxUpload, maxForm = 4<<20 + 64<<10, 256 << 10
	// maxUploads is how many files are taken in at once: each is held in memory.
	maxUploads = 4
	// libraryPage is how many entries a page has.
	libraryPage = 25
)

// shelf is the body of the page of a library, and of the list of all.
type shelf struct {
	Name, Label string
	Libraries   []libraryRow
	Counts      []choice
	Sorts       []choice
	Text        string
	Tags        []choice
	Entries     []entryRow
	Total       int
	Next        string
	Here        string
	// Back is the view as it is shown.
	Back      string
	MissedURL string
	// FollowURL is where a feed is made of the library; "" while there is nothing in it.
	FollowURL   string
	Imported    *imported
	Missing     bool // there is no such library yet
	Description string
	// Others are the reader's other libraries, Deleted those that can come back.
	Others  []libraryRow
	Deleted []libraryRow
	// Typed is the name that could not be given to a library, Wrong why.
	Typed, Wrong string
}

type libraryRow struct {
	Name, Label, URL string
	Entries, Liked   int
	// Gone is when a deleted one is gone for good.
	Gone string
}

// entryRow is a paper of a library. Hit is nil where the collection lacks the paper.
type entryRow struct {
	Hit  *hit
	ID   string
	Note string
	Tags string
	// Was tells this note and these tags from others.
	Was string
	URL string
}

// imported is what became of a file.
type imported struct {
	Format                    string
	Matched, Unmatched, Added int
	Found                     []link
	Lost                      []fact
}

func (b *shelf) papers() (out []*hit) {
	for _, e := range b.Entries {
		if e.Hit != nil {
			out = append(out, e.Hit)
		}
	}
	return out
}

func (b *shelf) library() string { return b.Name }

// libraries lists the reader's libraries.
func (s *Site) libraries(r *http.Request) (*answer, error) {
	b := new(shelf)
	if err := s.listLibraries(r, b); err != nil {
		return nil, err
	}
	return &answer{page: "libraries", frame: frame{Title: "Libraries", Canonical: "/library", Nav: "library", NoIndex: true, Body: b}}, nil
}

func (s *Site) listLibraries(r *http.Request, b *shelf) error {
	req := &akinv1.ListLibrariesRequest{PageSize: 1_000, ShowDeleted: true}
	for {
		resp, err := s.client.Libraries.ListLibraries(r.Context(), req)
		if err != nil {
			return err
		}
		for _, l := range resp.GetLibraries() {
			row := libraryRow{Name: l.GetName(), Label: libraryLabel(l), URL: libraryURL(l.GetName()), Entries: int(l.GetEntryCount()), Liked: int(l.GetLikedCount())}
			if l.GetDeleteTime() == nil {
				b.Libraries = append(b.Libraries, row)
				continue
			}
			row.Gone = dayText(l.GetExpireTime().AsTime())
			b.Deleted = append(b.Deleted, row)
		}
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			return nil
		}
	}
}

// shelves are the libraries to choose from, if there are several. Who has none, for want
// of a key, sees none.
func (s *Site) shelves(ctx context.Context) []libraryRow {
	resp, err := s.client.Libraries.ListLibraries(ctx, &akinv1.ListLibrariesRequest{})
	if err != nil || len(resp.GetLibraries()) < 2 {
		return nil
	}
	var out []libraryRow
	for _, l := range resp.GetLibraries() {
		out = append(out, libraryRow{Name: l.GetName(), Label: libraryLabel(l)})
	}
	return out
}

func libraryURL(name string) string { return "/library/" + url.PathEscape(name) }

// forYouOf is what is recommended by a library.
func forYouOf(name string) string { return "/for-you?" + url.Values{"library": {name}}.Encode() }

func libraryLabel(l *akinv1.Library) string {
	if label := visible(l.GetDisplayName()); label != "" {
		return label
	}
	return l.GetName()
}

// library shows what a library has, or sends it as a file.
func (s *Site) library(r *http.Request) (*answer, error) {
	name, export := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/library/"), "/export")
	if export {
		return s.export(r, name)
	}
	b := &shelf{Name: name, Label: name, Here: libraryURL(name), MissedURL: forYouOf(name), Back: withoutValues(r.URL, markers...)}
	l, err := s.client.Libraries.GetLibrary(r.Context(), &akinv1.GetLibraryRequest{Name: name})
	switch {
	case status.Code(err) == codes.NotFound && name == mainLibrary:
		b.Missing = true // it is made with the first mark
	case err != nil:
		return nil, err
	default:
		b.Label, b.Description = libraryLabel(l), visibleLines(l.GetDescription())
		if l.GetLikedCount() > 0 {
			b.FollowURL = followURL("library", name)
		}
		if err := s.fillShelf(r, b, l); err != nil {
			return nil, err
		}
	}
	if err := s.listLibraries(r, b); err != nil {
		return nil, err
	}
	for _, other := range b.Libraries {
		if other.Name != name && other.Entries > 0 {
			b.Others = append(b.Others, other)
		}
	}
	return &answer{page: "library", frame: frame{Title: b.Label, Canonical: libraryURL(name), Nav: "library", NoIndex: true, Body: b}}, nil
}

// view is how a library is shown, as the address has it.
type view struct{ here, show, sort, tag, text string }

func viewOf(r *http.Request, here string) view {
	v := r.URL.Query()
	w := view{here: here, show: v.Get("show"), sort: v.Get("sort"), tag: clip(v.Get("tag"), maxValue), text: clip(visible(v.Get("text")), 1_000)}
	if w.show != "liked" && w.show != "disliked" && w.show != "read" && w.show != "unread" {
		w.show = ""
	}
	return w
}

// URL is the address of the view, with one value more if it is not empty.
func (w view) URL(name, value string) string {
	u := url.Values{}
	for key, held := range map[string]string{"show": w.show, "sort": w.sort, "tag": w.tag, "text": w.text, name: value} {
		if held != "" {
			u.Set(key, held)
		}
	}
	if len(u) == 0 {
		return w.here
	}
	return w.here + "?" + u.Encode()
}

// request asks for the entries of the view.
func (w view) request(library, page string) *akinv1.ListEntriesRequest {
	req := &akinv1.ListEntriesRequest{
		Library: library, PageSize: libraryPage, PageToken: clip(page, 4*maxValue), Text: w.text, Tag: w.tag, IncludePapers: true, ReadMask: listMask(),
		OrderBy: map[string]string{"title": "title", "changed": "update_time desc", "marked": "mark_time desc"}[w.sort],
	}
	read := w.show == "read"
	switch w.show {
	case "liked":
		req.Marks = []akinv1.Mark{akinv1.Mark_MARK_LIKED}
	case "disliked":
		req.Marks = []akinv1.Mark{akinv1.Mark_MARK_DISLIKED}
	case "read", "unread":
		req.Read = &read
	}
	return req
}

// fillShelf lists the entries that the address asks for.
func (s *Site) fillShelf(r *http.Request, b *shelf, l *akinv1.Library) error {
	w := viewOf(r, b.Here)
	resp, err := s.client.Libraries.ListEntries(r.Context(), w.request(b.Name, r.URL.Query().Get("page")))
	if err != nil {
		return err
	}
	b.choices(w, l)
	for _, t := range resp.GetTags() {
		other := w
		if other.tag = t.GetValue(); t.GetValue() == w.tag {
			other.tag = ""
		}
		b.Tags = append(b.Tags, choice{visible(t.GetValue()) + " " + count(int(t.GetCount())), other.URL("", ""), t.GetValue() == w.tag})
	}
	b.Text, b.Total = w.text, int(resp.GetTotalSize())
	if next := resp.GetNextPageToken(); next != "" {
		b.Next = w.URL("page", next)
	}
	for _, e := range resp.GetEntries() {
		row := entryRow{ID: e.GetPaperId(), Note: e.GetNote(), Tags: strings.Join(e.GetTags(), ", "), Was: noteTag(e), URL: paperURL(e.GetPaperId())}
		if e.GetPaper() != nil {
			h := s.hitOf(e.GetPaper(), nil)
			row.Hit = &h
		}
		b.Entries = append(b.Entries, row)
	}
	return nil
}

// choices are the ways that the library can be shown.
func (b *shelf) choices(w view, l *akinv1.Library) {
	for _, c := range []struct {
		label, show string
		n           int32
	}{
		{"All", "", l.GetEntryCount()},
		{"Liked", "liked", l.GetLikedCount()},
		{"Not for me", "disliked", l.GetDislikedCount()},
		{"Read", "read", l.GetReadCount()},
		{"Unread", "unread", l.GetEntryCount() - l.GetReadCount()},
	} {
		other := w
		other.show = c.show
		b.Counts = append(b.Counts, choice{c.label + " " + count(int(c.n)), other.URL("", ""), w.show == c.show})
	}
	for _, c := range [][2]string{{"Added", ""}, {"Marked", "marked"}, {"Changed", "changed"}, {"Title", "title"}} {
		other := w
		other.sort = c[1]
		b.Sorts = append(b.Sorts, choice{c[0], other.URL("", ""), w.sort == c[1]})
	}
}

// export sends a library as a file of references.
func (s *Site) export(r *http.Request, name string) (*answer, error) {
	f, ok := map[string]akinv1.ReferenceFormat{
		"bibtex": akinv1.ReferenceFormat_REFERENCE_FORMAT_BIBTEX,
		"ris":    akinv1.ReferenceFormat_REFERENCE_FORMAT_RIS,
		"csl":    akinv1.ReferenceFormat_REFERENCE_FORMAT_CSL_JSON,
	}[r.URL.Query().Get("format")]
	if !ok {
		return nil, noFormat()
	}
	resp, err := s.client.Libraries.ExportLibrary(r.Context(), &akinv1.ExportLibraryRequest{Library: name, Format: f})
	if err != nil {
		return nil, err
	}
	return download(resp.GetContent(), resp.GetContentType(), name+extensionOf(r)), nil
}

func noFormat() error {
	return refused(http.StatusBadRequest, "There is no such form", "References come as format=bibtex, ris or csl.")
}

func extensionOf(r *http.Request) string {
	return map[string]string{"bibtex": ".bib", "ris": ".ris", "csl": ".json"}[r.URL.Query().Get("format")]
}

func download(body []byte, contentType, file string) *answer {
	return &answer{raw: body, contentType: contentType, disposition: mime.FormatMediaType("attachment", map[string]string{"filename": file})}
}

// cite gives the reference to one paper, to see or as a file.
func (s *Site) cite(r *http.Request) (*answer, error) {
	f, ok := map[string]cite.Format{"bibtex": cite.BibTeX, "ris": cite.RIS, "csl": cite.CSLJSON}[r.URL.Query().Get("format")]
	if !ok {
		return nil, noFormat()
	}
	p, err := s.client.Papers.GetPaper(r.Context(), &akinv1.GetPaperRequest{Id: clip(r.URL.Query().Get("id"), maxText)})
	if err != nil {
		return nil, err
	}
	text, err := reference(p, f)
	if err != nil {
		return nil, err
	}
	return download(text, f.ContentType()+"; charset=utf-8", "paper"+f.Extension()), nil
}

func reference(p *akinv1.Paper, f cite.Format) ([]byte, error) {
	var b bytes.Buffer
	record := wire.FromPaper(p)
	err := cite.Write(&b, f, []cite.Item{{Paper: &record}})
	return b.Bytes(), err
}

// change changes a library: what it is called, a note and tags, what is in it, or a file
// that is imported.
func (s *Site) change(r *http.Request) (*answer, error) {
	name, deed, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/library/"), "/")
	back := ownPath(r.PostFormValue("back"))
	if back == "/" {
		back = libraryURL(name)
	}
	switch deed {
	case "note":
		return s.note(r, name, back)
	case "remove":
		return s.takeOut(r, name, []string{r.PostFormValue("id")}, back)
	case "import":
		return s.importFile(r, name)
	case "rename":
		return s.rename(r, name)
	case "delete":
		return s.deleteLibrary(r, name)
	case "undelete":
		return s.undeleteLibrary(r, name)
	case "merge":
		return s.merge(r, name)
	}
	return nil, refused(http.StatusNotFound, "There is no such page", "Nothing is done there.")
}

func noFile(heading string) error {
	return refused(http.StatusBadRequest, heading, "Choose a file of references: BibTeX, RIS, CSL-JSON, or a list of ids.")
}

// importFile takes in a file of references and says what was found.
func (s *Site) importFile(r *http.Request, name string) (*answer, error) {
	file, _, err := r.FormFile("file")
	if err != nil {
		return nil, noFile("There is no file")
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	if len(content) == 0 {
		return nil, noFile("The file is empty")
	}
	resp, err := s.client.Libraries.ImportLibrary(r.Context(), &akinv1.ImportLibraryRequest{Library: name, Content: content, CreateLibrary: true})
	if err != nil {
		return nil, err
	}
	in := &imported{
		Format: resp.GetFormat(), Matched: int(resp.GetMatchedCount()), Unmatched: int(resp.GetUnmatchedCount()), Added: int(resp.GetAddedCount()),
	}
	const most = 200
	for _, m := range resp.GetMatched()[:min(len(resp.GetMatched()), most)] {
		in.Found = append(in.Found, link{visible(m.GetTitle()), paperURL(m.GetPaperId())})
	}
	for _, u := range resp.GetUnmatched()[:min(len(resp.GetUnmatched()), most)] {
		in.Lost = append(in.Lost, fact{Name: "Line " + strconv.Itoa(int(u.GetLine())), Value: visible(u.GetTitle() + " – " + u.GetExplanation())})
	}
	b := &shelf{Name: name, Label: name, Here: libraryURL(name), MissedURL: forYouOf(name), Imported: in}
	return &answer{page: "imported", frame: frame{Title: "Imported", Nav: "library", NoIndex: true, Body: b}}, nil
}

// readForm reads a form that was sent, within its bounds.
func (s *Site) readForm(w http.ResponseWriter, r *http.Request) (release func(), err error) {
	release = func() {}
	limit := int64(maxForm)
	multipart := strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data")
	if multipart {
		select {
		case s.uploads <- struct{}{}:
			release = func() { <-s.uploads }
		default:
			return release, &fault{Status: http.StatusServiceUnavailable, Heading: "Too many files at once", Message: "Try again in a moment.", Retry: 2}
		}
		limit = maxUpload
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if multipart {
		err = r.ParseMultipartForm(maxUpload) //nolint:gosec // the body is bounded above: all of it is in memory, none on disk
	} else {
		err = r.ParseForm()
	}
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		err = refused(http.StatusRequestEntityTooLarge, "That is too much", "A file of references may have at most 4 MiB.")
	case err != nil:
		err = refused(http.StatusBadRequest, "The form cannot be read", "It was not sent as pages send forms.")
	}
	return release, err
}
