package web

import (
	"context"
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
	// Saved says that the library has the paper at all.
	Saved         bool
	Library, Back string
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
// library, for want of a key, is offered to sign in; known is false of who had one that
// is not taken any more.
func (s *Site) mark(r *http.Request, a *answer) (known bool) {
	body, ok := a.frame.Body.(lister)
	if !ok {
		return true
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
		return true
	}
	entries, err := s.entries(r.Context(), library, ids)
	if err != nil {
		a.frame.SignIn = a.frame.SignIn || status.Code(err) == codes.Unauthenticated
		return status.Code(err) != codes.Unauthenticated
	}
	back := withoutValues(r.URL, markers...)
	if at, ok := a.frame.Body.(interface{ back() string }); ok {
		back = at.back()
	}
	for _, h := range hits {
		if d := a.frame.Done; d != nil && d.of != "" && d.of == h.key && h.listed {
			h.Done, a.frame.Done = d, nil // it is said beside the paper
		}
		e := entries[h.key]
		h.Marks = &markState{
			Liked: e.GetMark() == akinv1.Mark_MARK_LIKED, Disliked: e.GetMark() == akinv1.Mark_MARK_DISLIKED, Read: e.GetRead(),
			Saved: e != nil, Library: library, Back: back,
		}
	}
	return true
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
	out   bool // of the library
}{
	"like":    {mark: akinv1.Mark_MARK_LIKED, field: "mark", said: "Liked"},
	"dislike": {mark: akinv1.Mark_MARK_DISLIKED, field: "mark", said: "Not for you: it will not come back"},
	"clear":   {field: "mark", said: "Mark taken off"},
	"read":    {read: true, field: "read", said: "Marked as read"},
	"unread":  {field: "read", said: "Not read any more"},
	"save":    {said: "Saved in the library"},
	"unsave":  {said: "Taken out of the library", out: true},
	// What undoes the first mark of a paper: it is not in the library then, unless it has
	// something else there by now.
	"forget-mark": {field: "mark", said: "Mark taken off"},
	"forget-read": {field: "read", said: "Not read any more"},
}

// outcome is what the script is told.
type outcome struct {
	Done string `json:"done,omitempty"`
	Said string `json:"said"`
	// Undo is the deed that takes the mark back; Token names a change that is undone as a
	// whole.
	Undo  string `json:"undo,omitempty"`
	Token string `json:"token,omitempty"`
	Liked bool   `json:"liked"`
	Not   bool   `json:"disliked"`
	Read  bool   `json:"read"`
	Saved bool   `json:"saved"`
	// Was is what the form of a note has to say the next time.
	Was string `json:"was,omitempty"`
}

// setMark changes what a library says of papers, and makes the library if need be.
func (s *Site) setMark(r *http.Request) (*answer, error) {
	deed, ok := deeds[r.PostFormValue("do")]
	ids := r.PostForm["id"]
	if !ok || len(ids) == 0 || len(ids) > maxMarked {
		return nil, refused(http.StatusBadRequest, "That says nothing", "A mark is like, dislike, clear, read, unread, save or unsave, of at least one paper.")
	}
	library := r.PostFormValue("library")
	if library == "" {
		library = mainLibrary
	}
	back := ownPath(r.PostFormValue("back"))
	if deed.out {
		return s.takeOut(r, library, ids, back)
	}
	req := &akinv1.SetEntriesRequest{Library: library, CreateLibrary: true}
	if deed.field != "" {
		req.UpdateMask = mask(deed.field)
	}
	for _, id := range ids {
		req.Entries = append(req.Entries, &akinv1.Entry{PaperId: id, Mark: deed.mark, Read: deed.read})
	}
	resp, err := s.client.Libraries.SetEntries(r.Context(), req)
	if err != nil {
		return nil, err
	}
	gone := false
	if strings.HasPrefix(r.PostFormValue("do"), "forget-") {
		if gone, err = s.forget(r.Context(), library, resp.GetEntries()); err != nil {
			return nil, err
		}
	}
	now, was := resp.GetEntries()[0], resp.GetPrevious()[0]
	o := outcome{
		Done: r.PostFormValue("do"), Said: deed.said, Undo: undoOf(deed.field, was), Read: now.GetRead(),
		Liked: now.GetMark() == akinv1.Mark_MARK_LIKED, Not: now.GetMark() == akinv1.Mark_MARK_DISLIKED, Saved: !gone,
	}
	switch {
	case r.PostFormValue("undone") != "":
		back = withValue(back, "said", "undone")
	case len(ids) > 1 || deed.field == "":
		change := undoable{library: library, said: saidOf(deed.said, len(ids)), entries: resp.GetPrevious()}
		if deed.field != "" {
			change.fields = []string{deed.field}
		}
		o.Token = s.undos.keep(r.Context(), change)
		back = withValue(back, "undo", o.Token)
		if len(ids) > 1 {
			return s.told(r, o, back)
		}
	default:
		back = withValue(withValue(withValue(back, "done", o.Done), "of", ids[0]), "was", o.Undo)
	}
	return s.told(r, o, atPaper(back, ids[0]))
}

// forget takes out of a library what it says nothing of; gone is whether the first is.
func (s *Site) forget(ctx context.Context, library string, entries []*akinv1.Entry) (gone bool, err error) {
	var bare []string
	for _, e := range entries {
		if !saysMore(e, nil) {
			bare = append(bare, e.GetPaperId())
		}
	}
	if len(bare) == 0 {
		return false, nil
	}
	_, err = s.client.Libraries.RemoveEntries(ctx, &akinv1.RemoveEntriesRequest{Library: library, PaperIds: bare})
	return bare[0] == entries[0].GetPaperId(), err
}

// saidOf says of how many papers something is said.
func saidOf(said string, n int) string {
	if n == 1 {
		return said
	}
	return said + ": " + papersText(n)
}

// undoOf is what takes a change back.
func undoOf(field string, was *akinv1.Entry) string {
	switch {
	case was.GetCreateTime() == nil && field != "":
		return "forget-" + field
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
