package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/text/unify"
	akinv1 "akin/proto/akin/v1"
)

// maxNames is how many names are tried for a new library.
const maxNames = 50

// dayText writes the day of a time.
func dayText(t time.Time) string {
	return fmt.Sprintf("%d %s %d", t.Day(), months[t.Month()], t.Year())
}

// nameOf makes a name of a library of what somebody calls it.
func nameOf(label string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(unify.Plain(label)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if name := strings.Trim(clip(b.String(), 48), "-"); name != "" {
		return name
	}
	return "library"
}

// makeLibrary makes an empty library of what it is to be called.
func (s *Site) makeLibrary(r *http.Request) (*answer, error) {
	label := strings.TrimSpace(visible(r.PostFormValue("label")))
	if label == "" {
		return s.libraryFault(r, label, "Give it a name.")
	}
	base := nameOf(label)
	for n := 1; n <= maxNames; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		_, err := s.client.Libraries.CreateLibrary(r.Context(), &akinv1.CreateLibraryRequest{Library: &akinv1.Library{Name: name, DisplayName: label}})
		switch {
		case err == nil:
			return &answer{location: withValue(libraryURL(name), "said", "made")}, nil
		case reasonOf(err) == "LIBRARY_EXISTS":
			continue
		case status.Code(err) == codes.InvalidArgument:
			return s.libraryFault(r, label, sentence(status.Convert(err).Message()))
		}
		return nil, err
	}
	return s.libraryFault(r, label, "There are many libraries of that name already; give it another.")
}

// reasonOf is why a call failed, in a word.
func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// libraryFault shows the libraries with what was typed, and what is wrong with it.
func (s *Site) libraryFault(r *http.Request, label, wrong string) (*answer, error) {
	a, err := s.libraries(r)
	if err != nil {
		return nil, err
	}
	b, ok := a.frame.Body.(*shelf)
	if !ok {
		return nil, errors.New("the page of libraries has no libraries")
	}
	b.Typed, b.Wrong, a.status = label, wrong, http.StatusBadRequest
	return a, nil
}

// rename changes what a library is called, and what it is for.
func (s *Site) rename(r *http.Request, name string) (*answer, error) {
	_, err := s.client.Libraries.UpdateLibrary(r.Context(), &akinv1.UpdateLibraryRequest{
		Library: &akinv1.Library{
			Name: name, DisplayName: strings.TrimSpace(visible(r.PostFormValue("label"))), Description: lines(r.PostFormValue("description")),
		},
		UpdateMask: mask("display_name", "description"),
	})
	return &answer{location: withValue(libraryURL(name), "said", "renamed")}, err
}

// lines gives a text of several lines as forms send it with the line ends of others.
func lines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// deleteLibrary takes a library away, and offers it back.
func (s *Site) deleteLibrary(r *http.Request, name string) (*answer, error) {
	_, err := s.client.Libraries.DeleteLibrary(r.Context(), &akinv1.DeleteLibraryRequest{Name: name})
	return &answer{location: withValue("/library", "gone", name)}, err
}

func (s *Site) undeleteLibrary(r *http.Request, name string) (*answer, error) {
	_, err := s.client.Libraries.UndeleteLibrary(r.Context(), &akinv1.UndeleteLibraryRequest{Name: name})
	return &answer{location: withValue(libraryURL(name), "said", "back")}, err
}

// merge adds what another library has.
func (s *Site) merge(r *http.Request, name string) (*answer, error) {
	_, err := s.client.Libraries.MergeLibraries(r.Context(), &akinv1.MergeLibrariesRequest{Library: name, Sources: []string{r.PostFormValue("from")}})
	return &answer{location: withValue(libraryURL(name), "said", "merged")}, err
}

// takeOut takes papers out of a library.
func (s *Site) takeOut(r *http.Request, name string, ids []string, back string) (*answer, error) {
	resp, err := s.client.Libraries.RemoveEntries(r.Context(), &akinv1.RemoveEntriesRequest{Library: name, PaperIds: ids})
	if err != nil {
		return nil, err
	}
	o := outcome{Said: saidOf("Taken out of the library", len(resp.GetEntries()))}
	o.Token = s.undos.keep(r.Context(), undoable{library: name, said: o.Said, fields: []string{"*"}, entries: resp.GetEntries()})
	back = withValue(back, "undo", o.Token)
	if len(ids) == 1 {
		back = atPaper(back, ids[0])
	}
	return s.told(r, o, back)
}

// tagsOf reads tags with commas between.
func tagsOf(text string) (tags []string) {
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

// noteTag tells the note and tags of an entry from others.
func noteTag(e *akinv1.Entry) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q%q", e.GetNote(), e.GetTags())
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// clash is the body of the page that says that a note was changed elsewhere.
type clash struct {
	Here, ID, Back string
	// Note and Tags are what was sent, Theirs what is there; Was is of the latter.
	Note, Tags, Was string
	Theirs          entryRow
}

// note writes a note and tags. If they are not what they were when the form was made,
// such as when another window has changed them, both are shown.
func (s *Site) note(r *http.Request, name, back string) (*answer, error) {
	id, was := r.PostFormValue("id"), r.PostFormValue("was")
	e := &akinv1.Entry{PaperId: id, Note: lines(r.PostFormValue("note")), Tags: tagsOf(r.PostFormValue("tags"))}
	now, err := s.entries(r.Context(), name, []string{id})
	if err != nil && status.Code(err) != codes.InvalidArgument { // of a name; what is written says so
		return nil, err
	}
	if held := now[id]; was != "" && held != nil && noteTag(held) != was && noteTag(held) != noteTag(e) {
		b := &clash{Here: libraryURL(name), ID: id, Back: back, Note: e.GetNote(), Tags: strings.Join(e.GetTags(), ", "), Was: noteTag(held)}
		b.Theirs = entryRow{Note: held.GetNote(), Tags: strings.Join(held.GetTags(), ", ")}
		return &answer{status: http.StatusConflict, page: "clash", frame: frame{Title: "Changed meanwhile", Nav: "library", NoIndex: true, Body: b}}, nil
	}
	resp, err := s.client.Libraries.SetEntries(r.Context(), &akinv1.SetEntriesRequest{
		Library: name, Entries: []*akinv1.Entry{e}, UpdateMask: mask("note", "tags"),
	})
	if err != nil {
		return nil, err
	}
	o := outcome{Said: "Note saved", Was: noteTag(resp.GetEntries()[0])}
	o.Token = s.undos.keep(r.Context(), undoable{library: name, said: o.Said, fields: []string{"note", "tags"}, entries: resp.GetPrevious()})
	return s.told(r, o, atPaper(withValue(back, "undo", o.Token), id))
}
