package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	akinv1 "akin/proto/akin/v1"
)

const (
	// undoCount is how many changes can be undone, the oldest are forgotten first; undoBytes
	// bounds what one of them remembers.
	undoCount, undoBytes = 512, 64 << 10
)

// undoable is what takes a change of a library back: what its entries were. It is of
// whoever made the change.
type undoable struct {
	who, library, said string
	// fields are those that were changed; "*" is all, of entries that were taken out.
	fields []string
	// entries have an id alone where there was none.
	entries []*akinv1.Entry
}

// undos remembers changes under ids that nobody can guess. It is in memory alone: a
// restart forgets them, and says so.
type undos struct{ known *lru.Cache[string, undoable] }

func newUndos() (*undos, error) {
	known, err := lru.New[string, undoable](undoCount)
	return &undos{known}, err
}

// keep remembers a change; "" if it is too large to be remembered.
func (u *undos) keep(ctx context.Context, change undoable) (id string) {
	size := 0
	for _, e := range change.entries {
		size += proto.Size(e)
	}
	if size > undoBytes || len(change.entries) == 0 {
		return ""
	}
	change.who, id = callerOf(ctx), rand.Text()
	u.known.Add(id, change)
	return id
}

// of gives a change to whoever made it.
func (u *undos) of(ctx context.Context, id string) (undoable, bool) {
	change, ok := u.known.Get(id)
	return change, ok && change.who == callerOf(ctx)
}

// callerOf tells callers apart: by their credentials, "" without any.
func callerOf(ctx context.Context) string {
	md, _ := metadata.FromOutgoingContext(ctx)
	return strings.Join(md.Get("authorization"), "\x00")
}

// undo takes a change back.
func (s *Site) undo(r *http.Request) (*answer, error) {
	id, back := r.PostFormValue("undo"), ownPath(r.PostFormValue("back"))
	change, ok := s.undos.of(r.Context(), id)
	if !ok {
		return nil, refused(http.StatusGone, "That cannot be undone any more", "It was undone already, or the server has been started anew since.")
	}
	if err := s.restore(r.Context(), &change); err != nil {
		return nil, err
	}
	s.undos.known.Remove(id)
	return s.told(r, outcome{Said: "Undone"}, withValue(back, "said", "undone"))
}

// restore makes entries what they were. What was taken out and has come back since
// stays as it is now.
func (s *Site) restore(ctx context.Context, change *undoable) error {
	whole := slices.Contains(change.fields, "*")
	var put []*akinv1.Entry
	var out []string
	now, err := s.entries(ctx, change.library, idsOf(change.entries))
	if err != nil {
		return err
	}
	for _, e := range change.entries {
		switch {
		case whole && now[e.GetPaperId()] != nil:
		case e.GetCreateTime() == nil && saysMore(now[e.GetPaperId()], change.fields):
			put = append(put, e) // it was not there, but has been written to since
		case e.GetCreateTime() == nil:
			if now[e.GetPaperId()] != nil {
				out = append(out, e.GetPaperId())
			}
		default:
			put = append(put, e)
		}
	}
	if len(put) > 0 {
		req := &akinv1.SetEntriesRequest{Library: change.library, Entries: put, UpdateMask: mask(change.fields...), AllowMissing: true, CreateLibrary: true}
		if _, err := s.client.Libraries.SetEntries(ctx, req); err != nil {
			return err
		}
	}
	if len(out) > 0 {
		_, err = s.client.Libraries.RemoveEntries(ctx, &akinv1.RemoveEntriesRequest{Library: change.library, PaperIds: out})
	}
	if status.Code(err) == codes.NotFound { // the library is gone, and what was put there with it
		return nil
	}
	return err
}

// saysMore says that an entry has something beside some fields.
func saysMore(e *akinv1.Entry, fields []string) bool {
	return e.GetMark() != akinv1.Mark_MARK_UNSPECIFIED && !slices.Contains(fields, "mark") || e.GetRead() && !slices.Contains(fields, "read") ||
		e.GetNote() != "" && !slices.Contains(fields, "note") || len(e.GetTags()) > 0 && !slices.Contains(fields, "tags")
}

func idsOf(entries []*akinv1.Entry) []string {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.GetPaperId()
	}
	return ids
}

// told answers a form: the script with what happened, others with a page that says it.
func (s *Site) told(r *http.Request, o outcome, back string) (*answer, error) {
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		body, err := json.Marshal(o)
		return &answer{raw: body, contentType: "application/json"}, err
	}
	return &answer{location: back}, nil
}

// done is what a form just did, and the form that takes it back.
type done struct {
	Said string
	// Action is where that form is sent; "" is none.
	Action string
	Fields []field
	// of is the paper that it is about, "" if it is none or several.
	of string
}

// field is a hidden field of a form.
type field struct{ Name, Value string }

// sayings are what a page says that a form led back to.
//
//nolint:gochecknoglobals // a table that nothing writes to
var sayings = map[string]string{
	"undone": "Undone", "renamed": "Renamed", "made": "The library is made", "merged": "The entries are added", "back": "The library is back",
	"signed-out": "You are signed out", "followed": "The feed is made: what comes from now on is matched", "changed": "Changed",
	"unfollowed":  "The feed is deleted. What it looked for is in the form below, should you want it again",
	"readdressed": "The feed has another address; the one before leads to nothing", "asked": "The digest is made. If its address is new here, a mail is on its way that asks you to confirm it",
	"stopped": "The digest is stopped", "resumed": "The digest goes on", "forgotten": "The digest is deleted", "sent": "The digest of today is on its way",
}

// markers are the names of values that say what was done, and are no part of a view.
//
//nolint:gochecknoglobals // a table that nothing writes to
var markers = []string{"part", "done", "of", "was", "undo", "said", "gone"}

// doneOf reads what was done from the address that a form led back to.
func (s *Site) doneOf(r *http.Request) *done {
	v := r.URL.Query()
	back := field{"back", withoutValues(r.URL, markers...)}
	if change, ok := s.undos.of(r.Context(), v.Get("undo")); ok {
		d := &done{Said: change.said, Action: "/undo", Fields: []field{{"undo", v.Get("undo")}, back}}
		if len(change.entries) == 1 {
			d.of = change.entries[0].GetPaperId()
		}
		return d
	}
	if name := v.Get("gone"); name != "" && len(name) <= maxValue {
		return &done{Said: "The library is deleted", Action: libraryURL(name) + "/undelete"}
	}
	if said := sayings[v.Get("said")]; said != "" {
		return &done{Said: said}
	}
	deed, ok := deeds[v.Get("done")]
	_, undo := deeds[v.Get("was")]
	if !ok || !undo || v.Get("of") == "" {
		return nil
	}
	library := v.Get("library")
	if rest, ok := strings.CutPrefix(r.URL.Path, "/library/"); ok {
		library = rest
	}
	of := clip(v.Get("of"), maxValue)
	return &done{
		Said: deed.said, Action: "/mark", of: of,
		Fields: []field{{"id", of}, {"library", clip(library, maxValue)}, back, {"undone", "1"}, {"do", v.Get("was")}},
	}
}

// anchorOf names a paper's place in a page.
func anchorOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return "p-" + hex.EncodeToString(sum[:6])
}

// atPaper is the address of a page at a paper's place in it.
func atPaper(address, id string) string {
	address, _, _ = strings.Cut(address, "#")
	return address + "#" + anchorOf(id)
}
