// Package zoterotest has a server for tests that speaks Zotero's Web API as far as
// reading libraries goes: versions, since, pages, the trash, deletions, 304, keys, and
// the ways in which the real one refuses (403, 404, 412, 428, 429, Backoff).
//
// A Server is safe for concurrent use.
package zoterotest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Item is an entry of a library.
type Item struct {
	Key      string
	ItemType string // "" is a journal article
	// Fields are its data beside what is said here, such as title and DOI.
	Fields      map[string]any
	Collections []string
	Trashed     bool
	version     uint64
}

// Collection is one of a library.
type Collection struct {
	Key, Name, Parent string
	version           uint64
}

// Library is what a server has of a user or a group. Its fields are the server's.
type Library struct {
	version     uint64
	items       map[string]Item
	collections map[string]Collection
	deleted     map[string]uint64
	public      bool
}

// Key is an API key.
type Key struct {
	UserID   uint64
	Username string
	// Libraries are those that it may read, such as "users/1".
	Libraries []string
}

// Refusal is an answer that comes in place of one.
type Refusal struct {
	Status int
	Header map[string]string
	Body   string
	// Cut breaks the connection in the middle of the answer.
	Cut bool
}

// Server implements http.Handler.
type Server struct {
	// Before is called before each request is answered, with how many came before; it
	// may change the server.
	Before func(n int, r *http.Request)

	mu        sync.Mutex // guards what follows
	libraries map[string]*Library
	keys      map[string]Key
	refusals  []Refusal
	backoff   string
	asked     []string
}

// New makes a server without libraries.
func New() *Server {
	return &Server{libraries: map[string]*Library{}, keys: map[string]Key{}}
}

// AddKey lets a key in.
func (s *Server) AddKey(secret string, k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[secret] = k
}

// RemoveKey revokes a key.
func (s *Server) RemoveKey(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, secret)
}

// Refuse answers the next requests with refusals, one each.
func (s *Server) Refuse(r ...Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = append(s.refusals, r...)
}

// Backoff sends the header Backoff with the next answer that is none of the refusals.
func (s *Server) Backoff(seconds string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backoff = seconds
}

// Asked gives, and forgets, the addresses that were asked for.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// Edit changes a library, such as "users/1", which it makes if need be; all that edit
// does gets one version.
func (s *Server) Edit(library string, edit func(*Edit)) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.libraries[library]
	if l == nil {
		l = &Library{items: map[string]Item{}, collections: map[string]Collection{}, deleted: map[string]uint64{}}
		s.libraries[library] = l
	}
	e := &Edit{l: l, version: l.version + 1}
	edit(e)
	if e.changed {
		l.version = e.version
	}
	return l.version
}

// Reset forgets a library, as if the server had another past.
func (s *Server) Reset(library string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.libraries, library)
}

// Items gives the items of a library, those in the trash among them.
func (s *Server) Items(library string) (items []Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.libraries[library]; l != nil {
		for _, key := range slices.Sorted(maps.Keys(l.items)) {
			items = append(items, l.items[key])
		}
	}
	return items
}

// Edit is a change of a library.
type Edit struct {
	l       *Library
	version uint64
	changed bool
}

// Publish lets everybody read the library.
func (e *Edit) Publish() { e.l.public = true }

// Put adds or replaces an item.
func (e *Edit) Put(i Item) {
	i.version, e.changed = e.version, true
	e.l.items[i.Key] = i
	delete(e.l.deleted, i.Key)
}

// Trash moves an item to the trash, or back.
func (e *Edit) Trash(key string, in bool) {
	if i, ok := e.l.items[key]; ok {
		i.Trashed = in
		e.Put(i)
	}
}

// Delete deletes an item for good.
func (e *Edit) Delete(key string) {
	if _, ok := e.l.items[key]; ok {
		delete(e.l.items, key)
		e.l.deleted[key], e.changed = e.version, true
	}
}

// PutCollection adds or replaces a collection. Items that are in it are not changed.
func (e *Edit) PutCollection(c Collection) {
	c.version, e.changed = e.version, true
	e.l.collections[c.Key] = c
}

// DeleteCollection deletes a collection; the items in it leave it, and change.
func (e *Edit) DeleteCollection(key string) {
	delete(e.l.collections, key)
	e.changed = true
	for _, i := range e.l.items {
		if at := slices.Index(i.Collections, key); at >= 0 {
			i.Collections = slices.Delete(slices.Clone(i.Collections), at, at+1)
			e.Put(i)
		}
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(s.asked)
	s.asked = append(s.asked, r.URL.RequestURI())
	s.mu.Unlock()
	if s.Before != nil {
		s.Before(n, r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse(w) {
		return
	}
	if s.backoff != "" {
		w.Header().Set("Backoff", s.backoff)
		s.backoff = ""
	}
	if r.Header.Get("Zotero-API-Version") != "3" {
		http.Error(w, "an old version of the API", http.StatusBadRequest)
		return
	}
	secret := r.Header.Get("Zotero-API-Key")
	key, known := s.keys[secret]
	if r.URL.Path == "/keys/current" {
		if !known {
			http.Error(w, "Invalid key", http.StatusForbidden)
			return
		}
		send(w, map[string]any{"key": secret, "userID": key.UserID, "username": key.Username})
		return
	}
	s.library(w, r, key, known, secret)
}

// refuse answers with the next refusal, if there is one.
func (s *Server) refuse(w http.ResponseWriter) bool {
	if len(s.refusals) == 0 {
		return false
	}
	f := s.refusals[0]
	s.refusals = s.refusals[1:]
	if f.Status == 0 && !f.Cut {
		return false // this one is let through
	}
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	if f.Cut {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `[{"key":"A`)
		panic(http.ErrAbortHandler) //nolint:forbidigo // how a handler breaks a connection
	}
	w.WriteHeader(f.Status)
	fmt.Fprint(w, f.Body)
	return true
}

// library answers what is about a library.
func (s *Server) library(w http.ResponseWriter, r *http.Request, key Key, known bool, secret string) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
	if len(parts) < 3 {
		http.Error(w, "Not found", http.StatusNotFound)
		return
	}
	name := parts[0] + "/" + parts[1]
	l := s.libraries[name]
	switch {
	case secret != "" && !known, l != nil && !l.public && !slices.Contains(key.Libraries, name):
		http.Error(w, "Forbidden", http.StatusForbidden)
		return
	case l == nil:
		http.Error(w, "Not found", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet {
		l.write(w, r, parts[2])
		return
	}
	since, _ := strconv.ParseUint(r.URL.Query().Get("since"), 10, 64)
	w.Header().Set("Last-Modified-Version", strconv.FormatUint(l.version, 10))
	if text := r.Header.Get("If-Modified-Since-Version"); text != "" && parts[2] != "deleted" {
		if have, err := strconv.ParseUint(text, 10, 64); err == nil && l.version <= have {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	switch parts[2] {
	case "items/top":
		page(w, r, l.list(since, r.URL.Query().Get("includeTrashed") == "1"))
	case "collections":
		page(w, r, l.listCollections(since))
	case "deleted":
		if r.URL.Query().Get("since") == "" {
			http.Error(w, "since is missing", http.StatusBadRequest)
			return
		}
		gone := []string{}
		for key, version := range l.deleted {
			if version > since {
				gone = append(gone, key)
			}
		}
		slices.Sort(gone)
		send(w, map[string]any{"collections": []string{}, "items": gone, "searches": []string{}, "tags": []string{}, "settings": []string{}})
	default:
		http.Error(w, "Not found", http.StatusNotFound)
	}
}

// write answers what would change a library: only what it would be refused for.
func (l *Library) write(w http.ResponseWriter, r *http.Request, _ string) {
	text := r.Header.Get("If-Unmodified-Since-Version")
	have, err := strconv.ParseUint(text, 10, 64)
	switch {
	case text == "":
		http.Error(w, "If-Unmodified-Since-Version not provided", http.StatusPreconditionRequired)
	case err != nil || have != l.version:
		http.Error(w, "the library has changed", http.StatusPreconditionFailed)
	default:
		http.Error(w, "this server is only read", http.StatusMethodNotAllowed)
	}
}

// list gives items as the server tells them, the last changed first.
func (l *Library) list(since uint64, trashed bool) (out []any) {
	var some []Item
	for _, i := range l.items {
		if i.version > since && (trashed || !i.Trashed) {
			some = append(some, i)
		}
	}
	slices.SortFunc(some, func(a, b Item) int { return cmp.Or(cmp.Compare(b.version, a.version), cmp.Compare(a.Key, b.Key)) })
	for _, i := range some {
		data := map[string]any{"key": i.Key, "version": i.version, "itemType": cmp.Or(i.ItemType, "journalArticle")}
		maps.Copy(data, i.Fields)
		if i.Collections != nil {
			data["collections"] = i.Collections
		}
		if i.Trashed {
			data["deleted"] = 1
		}
		out = append(out, map[string]any{"key": i.Key, "version": i.version, "library": map[string]any{}, "meta": map[string]any{"numChildren": 0}, "data": data})
	}
	return out
}

func (l *Library) listCollections(since uint64) (out []any) {
	for _, key := range slices.Sorted(maps.Keys(l.collections)) {
		c := l.collections[key]
		if c.version <= since {
			continue
		}
		data := map[string]any{"key": c.Key, "version": c.version, "name": c.Name, "parentCollection": false}
		if c.Parent != "" {
			data["parentCollection"] = c.Parent
		}
		out = append(out, map[string]any{"key": c.Key, "version": c.version, "data": data})
	}
	return out
}

// page sends a part of a list: 25 things, or up to 100.
func page(w http.ResponseWriter, r *http.Request, all []any) {
	v := r.URL.Query()
	limit, err := strconv.Atoi(v.Get("limit"))
	if err != nil || limit < 1 {
		limit = 25
	}
	limit = min(limit, 100)
	start, _ := strconv.Atoi(v.Get("start"))
	start = min(max(start, 0), len(all))
	end := min(start+limit, len(all))
	w.Header().Set("Total-Results", strconv.Itoa(len(all)))
	if end < len(all) {
		// As the real server's, the link has the parameters of the request.
		v.Set("start", strconv.Itoa(end))
		w.Header().Set("Link", fmt.Sprintf(`<https://zotero.example%s?%s>; rel="next", <https://zotero.example/last>; rel="last"`, r.URL.Path, v.Encode()))
	}
	send(w, append([]any{}, all[start:end]...))
}

func send(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck,errchkjson // the client is gone
}
