package follow_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"akin/internal/catalog"
	"akin/internal/follow"
	"akin/internal/follow/followtest"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/source/zotero"
	"akin/internal/source/zotero/zoterotest"
)

// collection finds papers by DOI, arXiv id or title.
type collection struct {
	mu       sync.Mutex
	papers   map[string]string // DOI, arXiv id or title -> id
	sequence uint64
	asked    int
	fail     error
}

func (c *collection) add(name, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.papers[name] = id
	c.sequence++
}

func (c *collection) remove(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.papers, name)
	c.sequence++
}

func (c *collection) Find(_ context.Context, _ string, refs []librarian.Reference) ([]librarian.Found, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return nil, c.fail
	}
	out := make([]librarian.Found, len(refs))
	for i, r := range refs {
		c.asked++
		for by, name := range map[librarian.By]string{librarian.ByDOI: r.DOI, librarian.ByArxivID: r.ArxivID, librarian.ByTitle: r.Title} {
			if id := c.papers[name]; name != "" && id != "" {
				out[i] = librarian.Found{PaperID: id, By: by}
			}
		}
		if out[i].PaperID == "" {
			out[i].Why = "no paper of the collection has it"
		}
	}
	return out, nil
}

func (c *collection) Info(_ context.Context, name string) (catalog.Info, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return catalog.Info{Collection: name, Sequence: c.sequence}, nil
}

// wire hands requests to a handler, without a network, so that time can be made up.
type wire struct{ handler http.Handler }

func (w wire) Do(r *http.Request) (resp *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil {
			resp, err = rec.Result(), nil
			resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(rec.Body.Bytes()), broken{}))
		}
	}()
	w.handler.ServeHTTP(rec, r)
	return rec.Result(), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// rig is a follower with all around it. It can be made again over what is kept.
type rig struct {
	*follow.Follower
	shelves   *followtest.Memory
	libraries *library.Libraries
	papers    *collection
	server    *zoterotest.Server
	keys      follow.Keys
	files     follow.Files
	log       *bytes.Buffer
	client    *zotero.Client
	ended     func()
}

const (
	ann = "ann"
	me  = "users/7"
)

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{shelves: followtest.NewMemory(), papers: &collection{papers: map[string]string{}}, server: zoterotest.New(), log: new(bytes.Buffer)}
	r.server.AddKey("secret", zoterotest.Key{UserID: 7, Username: "ann", Libraries: []string{me, "groups/5"}})
	r.keys = follow.Keys{ann: write(t, t.TempDir()+"/key", "secret\n")}
	r.open(t)
	return r
}

// open makes the follower, again, as after a restart.
func (r *rig) open(t *testing.T) {
	t.Helper()
	if r.Follower != nil {
		r.close()
	}
	var err error
	if r.client, err = zotero.New("https://zotero.example", wire{r.server}, "test"); err != nil {
		t.Fatal(err)
	}
	r.libraries = library.New(r.shelves, nil)
	r.Follower = follow.New(follow.Config{
		Shelves: r.shelves, Libraries: r.libraries, Papers: r.papers, Collections: r.papers, Zotero: r.client, Keys: r.keys, Files: r.files,
		Random: func() float64 { return 0.5 }, Log: slog.New(slog.NewTextHandler(r.log, nil)),
	})
}

func (r *rig) close() {
	if r.ended != nil {
		r.ended()
		r.ended = nil
	}
	r.Close()
}

// run lets the follower work by its schedule until the rig is closed.
func (r *rig) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	r.ended = func() { cancel(); <-done }
}

// bind binds the library x to Zotero, and brings it up to date.
func (r *rig) bind(t *testing.T, change func(*follow.Binding)) follow.Bound {
	t.Helper()
	if _, err := r.libraries.Get(t.Context(), ann, "x"); paper.KindOf(err) == paper.NotFound {
		if _, err := r.libraries.Create(t.Context(), ann, library.Library{Name: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	b := follow.Binding{Source: follow.Source{Zotero: &follow.Zotero{Library: zotero.Library{ID: 7}}}, Mark: library.Liked}
	if change != nil {
		change(&b)
	}
	if _, err := r.Bind(t.Context(), ann, "x", b); err != nil {
		t.Fatal(err)
	}
	return r.sync(t)
}

func (r *rig) sync(t *testing.T) follow.Bound {
	t.Helper()
	b, err := r.Sync(t.Context(), ann, "x", false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// has gives the entries of the library x: "+id" is liked, "-id" disliked, with what else
// they say.
func (r *rig) has(t *testing.T) string {
	t.Helper()
	_, all, err := r.libraries.Entries(t.Context(), ann, "x")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		text := map[library.Mark]string{library.Liked: "+", library.Disliked: "-"}[e.Mark] + e.PaperID
		if e.Note != "" {
			text += fmt.Sprintf(" %q", e.Note)
		}
		if len(e.Tags) > 0 {
			text += fmt.Sprint(" ", e.Tags)
		}
		if !e.ReadTime.IsZero() {
			text += " read"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func (r *rig) want(t *testing.T, want string) {
	t.Helper()
	if got := r.has(t); got != want {
		t.Errorf("the library has %s; want %s", got, want)
	}
}

// set changes entries as a person does.
func (r *rig) set(t *testing.T, fields library.Fields, e library.Entry) {
	t.Helper()
	if _, _, err := r.libraries.Set(t.Context(), ann, library.Place{Name: "x"}, []library.Change{{Entry: e, Fields: fields, Read: true}}); err != nil {
		t.Fatal(err)
	}
}

// put puts items into Zotero, whose DOIs are made of their keys.
func (r *rig) put(keys ...string) {
	r.server.Edit(me, func(e *zoterotest.Edit) {
		for _, key := range keys {
			e.Put(zoterotest.Item{Key: key, Fields: map[string]any{"title": "Title of " + key, "DOI": "10.1/" + strings.ToLower(key)}})
		}
	})
}

func (r *rig) remove(keys ...string) {
	r.server.Edit(me, func(e *zoterotest.Edit) {
		for _, key := range keys {
			e.Delete(key)
		}
	})
}

// knows lets the collection have the papers of items.
func (r *rig) knows(keys ...string) {
	for _, key := range keys {
		r.papers.add("10.1/"+strings.ToLower(key), strings.ToLower(key))
	}
}

// consistent holds what is known of the other side to the rules.
func (r *rig) consistent(t *testing.T) {
	t.Helper()
	if err := r.shelves.Follow(t.Context(), func(rd follow.Reader) error {
		bindings, err := rd.Bindings()
		for _, b := range bindings {
			papers, gifts, items, found := map[string]bool{}, map[string]bool{}, 0, 0
			for i := range rd.Items(b.LibraryID) {
				items++
				if i.PaperID != "" {
					papers[i.PaperID] = true
					found++
					if i.Title+i.DOI+i.ArxivID != "" {
						t.Errorf("the text of a paper is kept: %+v", i)
					}
				}
			}
			for g := range rd.Gifts(b.LibraryID) {
				gifts[g.PaperID] = true
			}
			if !maps.Equal(papers, gifts) || items != b.Items || found != b.Found {
				t.Errorf("papers %v, gifts %v, %d items of which %d have a paper, and %+v", slices.Sorted(maps.Keys(papers)), slices.Sorted(maps.Keys(gifts)), items, found, b.State)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
