package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	akinv1 "akin/proto/akin/v1"
)

const (
	// mainLibrary is where marks go that are set beside a list.
	mainLibrary = "reading"
	// maxMarked bounds how many papers one form marks.
	maxMarked = 1_000
)

// markState is what a library says of a paper, and the form that changes it.
type markState struct {
	Liked, Disliked, Read bool
	Library, Back         string
}

// lister is a body of a page with papers that can be marked.
type lister interface{ papers() []*hit }

func (l *listing) papers() (out []*hit) {
	for i := range l.Days {
		out = append(out, pointers(l.Days[i].Hits)...)
	}
	return out
}

func (b *results) papers() []*hit { return pointers(b.Hits) }

func (b *about) papers() []*hit { return append(pointers(b.Similar), &b.hit) }

func pointers(hits []hit) []*hit {
	out := make([]*hit, len(hits))
	for i := range hits {
		out[i] = &hits[i]
	}
	return out
}

// mark says of the papers of a page what the reader's library has of them. Who has no
// library, for want of a key, is offered to sign in.
func (s *Site) mark(r *http.Request, a *answer) {
	body, ok := a.frame.Body.(lister)
	if !ok {
		return
	}
	library := mainLibrary
	if in, ok := a.frame.Body.(interface{ library() string }); ok {
		library = in.library()
	}
	hits := body.papers()
	ids := make([]string, 0, len(hits))
	for _, h := range hits {
		ids = append(ids, h.key)
	}
	if len(ids) == 0 {
		return
	}
	entries, err := s.entries(r.Context(), library, ids)
	if err != nil {
		a.frame.SignIn = a.frame.SignIn || status.Code(err) == codes.Unauthenticated
		return
	}
	back := withoutValues(r.URL, "part", "done", "of", "was")
	for _, h := range hits {
		e := entries[h.key]
		h.Marks = &markState{
			Liked: e.GetMark() == akinv1.Mark_MARK_LIKED, Disliked: e.GetMark() == akinv1.Mark_MARK_DISLIKED, Read: e.GetRead(), Library: library, Back: back,
		}
	}
}

// entries gives what a library has of papers. A library that is not there has nothing.
func (s *Site) entries(ctx context.Context, library string, ids []string) (map[string]*akinv1.Entry, error) {
	resp, err := s.client.Libraries.GetEntries(ctx, &akinv1.GetEntriesRequest{Library: library, PaperIds: ids})
	if err != nil && status.Code(err) != codes.NotFound {
		return nil, err
	}
	of := make(map[string]*akinv1.Entry)
	for _, e := range resp.GetEntries() {
		of[e.GetPaperId()] = e
	}
	return of, nil
}

// withoutValues is the address of a request without some of its values.
func withoutValues(u *url.URL, names ...string) string {
	v := u.Query()
	for _, name := range names {
		v.Del(name)
	}
	if len(v) == 0 {
		return u.EscapedPath()
	}
	return u.EscapedPath() + "?" + v.Encode()
}

// deeds are what the buttons of a mark do, and what is said of it then.
//
//nolint:gochecknoglobals // a table that nothing writes to
var deeds = map[string]struct {
	mark  akinv1.Mark
	read  bool
	field string
	said  string
}{
	"like":    {mark: akinv1.Mark_MARK_LIKED, field: "mark", said: "Liked"},
	"dislike": {mark: akinv1.Mark_MARK_DISLIKED, field: "mark", said: "Not for you: it will not come back"},
	"clear":   {field: "mark", said: "Mark taken off"},
	"read":    {read: true, field: "read", said: "Marked as read"},
	"unread":  {field: "read", said: "Not read any more"},
}

// outcome is what the script is told.
type outcome struct {
	Done  string   `json:"done"`
	Said  string   `json:"said"`
	Undo  string   `json:"undo"`
	Liked bool     `json:"liked"`
	Not   bool     `json:"disliked"`
	Read  bool     `json:"read"`
	IDs   []string `json:"-"`
}

// setMark changes what a library says of papers, and makes the library if need be.
func (s *Site) setMark(r *http.Request) (*answer, error) {
	deed, ok := deeds[r.PostFormValue("do")]
	ids := r.PostForm["id"]
	if !ok || len(ids) == 0 || len(ids) > maxMarked {
		return nil, refused(http.StatusBadRequest, "That says nothing", "A mark is like, dislike, clear, read or unread, of at least one paper.")
	}
	library := r.PostFormValue("library")
	if library == "" {
		library = mainLibrary
	}
	req := &akinv1.SetEntriesRequest{Library: library, UpdateMask: mask(deed.field), CreateLibrary: true}
	for _, id := range ids {
		req.Entries = append(req.Entries, &akinv1.Entry{PaperId: id, Mark: deed.mark, Read: deed.read})
	}
	resp, err := s.client.Libraries.SetEntries(r.Context(), req)
	if err != nil {
		return nil, err
	}
	now, was := resp.GetEntries()[0], resp.GetPrevious()[0]
	o := outcome{
		Done: r.PostFormValue("do"), Said: deed.said, Undo: undoOf(deed.field, was), Read: now.GetRead(),
		Liked: now.GetMark() == akinv1.Mark_MARK_LIKED, Not: now.GetMark() == akinv1.Mark_MARK_DISLIKED,
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		body, err := json.Marshal(o)
		return &answer{raw: body, contentType: "application/json"}, err
	}
	back := ownPath(r.PostFormValue("back"))
	if len(ids) == 1 && r.PostFormValue("undone") == "" {
		back = withValue(withValue(withValue(back, "done", o.Done), "of", ids[0]), "was", o.Undo)
	}
	return &answer{location: back}, nil
}

// undoOf is what takes a change back.
func undoOf(field string, was *akinv1.Entry) string {
	switch {
	case field == "read" && was.GetRead():
		return "read"
	case field == "read":
		return "unread"
	case was.GetMark() == akinv1.Mark_MARK_LIKED:
		return "like"
	case was.GetMark() == akinv1.Mark_MARK_DISLIKED:
		return "dislike"
	}
	return "clear"
}

// done is what was just done without a script, and how to undo it.
type done struct{ Said, Undo, ID, Library, Back string }

// doneOf reads it from the address that the form led back to.
func doneOf(r *http.Request) *done {
	v := r.URL.Query()
	deed, ok := deeds[v.Get("done")]
	_, undo := deeds[v.Get("was")]
	if !ok || !undo || v.Get("of") == "" {
		return nil
	}
	library := v.Get("library")
	if rest, ok := strings.CutPrefix(r.URL.Path, "/library/"); ok {
		library = rest
	}
	return &done{Said: deed.said, Undo: v.Get("was"), ID: clip(v.Get("of"), maxValue), Library: library, Back: withoutValues(r.URL, "part", "done", "of", "was")}
}
