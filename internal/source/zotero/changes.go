package zotero

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"akin/internal/paper"
)

const (
	// pageSize is the most that the server gives at once.
	pageSize = 100
	// MaxItems is how many items of a library are read at most.
	MaxItems = 100_000
	// restarts is how often a library is read again that changes meanwhile.
	restarts = 5
)

// Library names a library: of a user, or of a group. User 0 is whose the key is.
type Library struct {
	Group bool
	ID    uint64
}

func (l Library) path() string {
	if l.Group {
		return "/groups/" + strconv.FormatUint(l.ID, 10)
	}
	return "/users/" + strconv.FormatUint(l.ID, 10)
}

// String is the library as people read it.
func (l Library) String() string {
	switch {
	case l.Group:
		return "group " + strconv.FormatUint(l.ID, 10)
	case l.ID == 0:
		return "the user whose key it is"
	}
	return "user " + strconv.FormatUint(l.ID, 10)
}

// Question asks for the changes of a library.
type Question struct {
	Library
	// Key is the API key; "" asks for what is public.
	Key string
	// Since is the version that is known; 0 asks for everything.
	Since uint64
	// Include are collections, by key or name, with all below them, of which an item is
	// in one; empty is all items. Exclude are those of which it is in none.
	Include, Exclude []string
	// Scope is Changes.Scope of the time before; where it would be another, everything
	// is asked for.
	Scope string
}

// Changes are what became of a library.
type Changes struct {
	// Library is the one that was read, by its number.
	Library Library
	// Version is that of the library.
	Version uint64
	// Full says that Items are all that there are.
	Full bool
	// Items are those that are new or changed, Gone the keys of those that are not there
	// any more.
	Items []Item
	Gone  []string
	// Scope is a digest of the collections that are followed, with all below them.
	Scope string
	// LeftOut is how many of the items that came are in none of them.
	LeftOut int
	// Missing are collections to leave out that are not there.
	Missing []string
}

// Item is an entry of a library.
type Item struct {
	Key     string
	Version uint64
	Title   string
	DOI     string
	ArxivID string
	// Date is free text.
	Date string
	// Unreadable says why the item is no more than its key; "" if it could be read.
	Unreadable string
}

// errMoved says that the library changed while it was read.
var errMoved = errors.New("the library changed meanwhile")

// Changes gives what changed, as one state of the library.
func (c *Client) Changes(ctx context.Context, q Question) (*Changes, error) {
	if !q.Group && q.ID == 0 {
		r, err := c.Rights(ctx, q.Key)
		if err != nil {
			return nil, err
		}
		q.ID = r.UserID
	}
	for range restarts {
		out, err := c.read1(ctx, &q)
		if !errors.Is(err, errMoved) {
			return out, c.explained(ctx, &q, err)
		}
	}
	return nil, &paper.Error{
		Kind: paper.Unavailable, Reason: ReasonTrouble,
		Message: fmt.Sprintf("%s changed each of the %d times that it was read; it is read again later", q.Library, restarts),
	}
}

// read1 reads the changes once; a state that is older than what is known, or another
// choice of collections, makes that all there is.
func (c *Client) read1(ctx context.Context, q *Question) (*Changes, error) {
	out := &Changes{Library: q.Library, Full: q.Since == 0, Scope: q.Scope}
	reading := &reading{client: c, question: q, out: out}
	same, err := reading.items(ctx)
	if err != nil {
		return nil, err
	}
	if out.Version < q.Since && (out.Version > 0 || !same) {
		q.Since = 0 // the server has another past
		return nil, errMoved
	}
	if same {
		out.Version = q.Since
		return out, nil
	}
	scope, err := reading.scope(ctx)
	if err != nil {
		return nil, err
	}
	if out.Scope = scope.digest; scope.digest != q.Scope && q.Since > 0 {
		q.Since = 0
		return nil, errMoved
	}
	reading.choose(scope)
	if out.Full {
		return out, nil
	}
	return out, reading.deleted(ctx)
}

// reading is one reading of a library.
type reading struct {
	client   *Client
	question *Question
	out      *Changes
	raw      []rawItem
}

// pages calls page with each page of a list, which must all be of one version.
func (r *reading) pages(ctx context.Context, path string, query url.Values, since uint64, page func(*answer) (int, error)) (same bool, err error) {
	path = r.question.path() + path
	query.Set("limit", strconv.Itoa(pageSize))
	query.Set("format", "json")
	for start := 0; ; {
		if start > 0 {
			query.Set("start", strconv.Itoa(start))
			since = 0
		}
		a, err := r.client.get(ctx, r.question.Key, path, query, since)
		if err != nil {
			return false, err
		}
		if err := r.version(a, path); err != nil {
			return false, err
		}
		if a.same {
			return true, nil
		}
		n, err := page(a)
		if err != nil {
			return false, err
		}
		switch {
		case a.next == 0 || n == 0:
			return false, nil
		case a.next <= start || start > MaxItems:
			return false, garbled(path, fmt.Errorf("page after page, it has no end: the next begins at %d", a.next))
		}
		start = a.next
	}
}

// version holds an answer to the version of the first one.
func (r *reading) version(a *answer, path string) error {
	switch {
	case a.version == 0 && a.same:
		return nil // it need not say that
	case a.version == 0:
		return r.unversioned(path)
	case r.out.Version == 0:
		r.out.Version = a.version
	case r.out.Version != a.version:
		return errMoved
	}
	return nil
}

// unversioned is for an answer without a version: an empty library has version 0.
func (r *reading) unversioned(path string) error {
	if r.out.Version == 0 && len(r.raw) == 0 {
		return nil
	}
	return garbled(path, errors.New("it has no version"))
}

// rawItem is an item as the server tells it.
type rawItem struct {
	fault   string  // why the rest could not be read
	kept    Item    // what is needed of it
	gone    bool    // it is in the bin
	Key     string  `json:"key"`
	Version uint64  `json:"version"`
	Data    rawData `json:"data"`
}

// rawData are the fields of an item.
type rawData struct {
	ItemType    string          `json:"itemType"`
	Title       string          `json:"title"`
	DOI         string          `json:"DOI"`
	URL         string          `json:"url"`
	Extra       string          `json:"extra"`
	ArchiveID   string          `json:"archiveID"`
	Number      string          `json:"number"`
	Date        string          `json:"date"`
	CaseName    string          `json:"caseName"`
	Subject     string          `json:"subject"`
	NameOfAct   string          `json:"nameOfAct"`
	Collections []string        `json:"collections"`
	Deleted     json.RawMessage `json:"deleted"`
}

// items reads the items that are new or changed.
func (r *reading) items(ctx context.Context) (same bool, err error) {
	query := url.Values{"includeTrashed": {"1"}, "since": {strconv.FormatUint(r.question.Since, 10)}}
	return r.pages(ctx, "/items/top", query, r.question.Since, func(a *answer) (int, error) {
		var page []json.RawMessage
		if err := a.decode("items", &page); err != nil {
			return 0, err
		}
		for _, text := range page {
			item, err := readItem(text)
			if err != nil {
				return 0, err
			}
			r.raw = append(r.raw, item)
		}
		if len(r.raw) > MaxItems {
			return 0, &paper.Error{
				Kind: paper.FailedPrecondition, Reason: ReasonAnswer,
				Message: fmt.Sprintf("%s has more than %d items, the most that are read; follow some of its collections from a smaller library", r.question.Library, MaxItems),
			}
		}
		return len(page), nil
	})
}

// readItem reads an item. One of which only the key can be read is one all the same.
func readItem(text json.RawMessage) (item rawItem, err error) {
	if err = json.Unmarshal(text, &item); err == nil && item.Key != "" && len(item.Key) <= maxText {
		item.settle()
		return item, nil
	}
	var bare struct {
		Key string `json:"key"`
	}
	if json.Unmarshal(text, &bare) != nil || bare.Key == "" || len(bare.Key) > maxText {
		return item, garbled("items", errors.New("an item has no key, or one that is too long"))
	}
	item.Key, item.fault = bare.Key, fmt.Sprint(err)
	item.settle()
	return item, nil
}

// maxText is how much of a text of an item is kept, in bytes, maxCollections of how many
// collections it may be, and maxKey how long their keys: all items are in memory at once.
const (
	maxText        = 4 << 10
	maxCollections = 256
	maxKey         = 64
)

// settle takes what is needed of an item, and lets go of the rest.
func (i *rawItem) settle() {
	i.kept = i.item()
	for _, s := range []*string{&i.kept.Title, &i.kept.DOI, &i.kept.ArxivID, &i.kept.Date} {
		*s = strings.Clone(strings.ToValidUTF8((*s)[:min(len(*s), maxText)], ""))
	}
	collections := slices.Clone(i.Data.Collections[:min(len(i.Data.Collections), maxCollections)])
	collections = slices.DeleteFunc(collections, func(key string) bool { return len(key) > maxKey })
	i.gone, i.Data = truthy(i.Data.Deleted), rawData{ItemType: i.Data.ItemType, Collections: collections}
}

// truthy says that a value is set: true, 1, or what is neither false, 0 nor null.
func truthy(raw json.RawMessage) bool {
	switch text := string(raw); text {
	case "", "0", "false", "null", `""`, `"0"`:
		return false
	}
	return true
}

// choose tells items that are there from those that are gone.
func (r *reading) choose(s *scope) {
	for i := range r.raw {
		item := &r.raw[i]
		switch {
		case item.Data.ItemType == "note", item.Data.ItemType == "attachment", item.Data.ItemType == "annotation":
			continue
		case item.gone:
		case !s.takes(item.Data.Collections):
			r.out.LeftOut++
		default:
			r.out.Items = append(r.out.Items, item.kept)
			continue
		}
		if !r.out.Full {
			r.out.Gone = append(r.out.Gone, item.Key)
		}
	}
	r.out.Missing = s.missing
	r.raw = nil
}

// item takes what is needed of an item.
func (i *rawItem) item() Item {
	out := Item{Key: i.Key, Version: i.Version, Date: strings.TrimSpace(i.Data.Date), Unreadable: i.fault}
	for _, title := range []string{i.Data.Title, i.Data.CaseName, i.Data.NameOfAct, i.Data.Subject} {
		if out.Title = strings.TrimSpace(title); out.Title != "" {
			break
		}
	}
	fields := fieldsIn(i.Data.Extra)
	for _, text := range []string{i.Data.DOI, fields["doi"]} {
		if doi, ok := paper.ParseDOI(strings.TrimSpace(text)); ok {
			out.DOI = doi
			break
		}
	}
	for _, text := range []string{i.Data.ArchiveID, fields["arxiv"], i.Data.Number, i.Data.URL} {
		if id, ok := arxivIn(text); ok {
			out.ArxivID = id
			break
		}
	}
	return out
}

// arxivIn finds an arXiv id in a field that may hold other things.
func arxivIn(text string) (string, bool) {
	lower := strings.ToLower(text)
	if !strings.Contains(lower, "arxiv") {
		return "", false
	}
	return paper.FindArxivID(text)
}

// fieldsIn reads the lines of the field extra that are a name and a value.
func fieldsIn(extra string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(extra) {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.ToLower(strings.TrimSpace(name)); !ok || out[name] != "" {
			continue
		}
		if name == "arxiv" || name == "arxiv id" || name == "eprint" {
			name, value = "arxiv", "arXiv:"+strings.TrimSpace(value)
		}
		out[name] = value
	}
	return out
}

// deleted reads the keys of what was deleted.
func (r *reading) deleted(ctx context.Context) error {
	path := r.question.path() + "/deleted"
	a, err := r.client.get(ctx, r.question.Key, path, url.Values{"since": {strconv.FormatUint(r.question.Since, 10)}}, 0)
	if err != nil {
		return err
	}
	if err := r.version(a, path); err != nil {
		return err
	}
	var gone struct {
		Items []string `json:"items"`
	}
	if err := a.decode(path, &gone); err != nil {
		return err
	}
	there := make(map[string]bool, len(r.out.Items))
	for i := range r.out.Items {
		there[r.out.Items[i].Key] = true
	}
	for _, key := range gone.Items {
		if !there[key] { // it came back, under the same key
			r.out.Gone = append(r.out.Gone, key)
		}
	}
	return nil
}

// scope says which collections are followed.
type scope struct {
	include, exclude map[string]bool
	all              bool
	missing          []string
	digest           string
}

// takes says whether an item of some collections is followed.
func (s *scope) takes(collections []string) bool {
	in := s.all
	for _, key := range collections {
		if s.exclude[key] {
			return false
		}
		in = in || s.include[key]
	}
	return in
}

// collection is one as the server tells it.
type collection struct {
	Key  string `json:"key"`
	Data struct {
		Name    string          `json:"name"`
		Parent  json.RawMessage `json:"parentCollection"`
		Deleted json.RawMessage `json:"deleted"`
	} `json:"data"`
}

// scope finds the collections that are followed, with all below them.
func (r *reading) scope(ctx context.Context) (*scope, error) {
	q := r.question
	s := &scope{all: len(q.Include) == 0, include: map[string]bool{}, exclude: map[string]bool{}}
	if len(q.Include)+len(q.Exclude) == 0 {
		return s, nil
	}
	var all []collection
	if _, err := r.pages(ctx, "/collections", url.Values{}, 0, func(a *answer) (int, error) {
		var page []collection
		err := a.decode("collections", &page)
		all = append(all, page...)
		return len(page), err
	}); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(c collection) bool { return truthy(c.Data.Deleted) })
	for _, name := range q.Include {
		if !within(all, name, s.include) {
			return nil, &paper.Error{
				Kind: paper.FailedPrecondition, Reason: ReasonNoCollection,
				Message: fmt.Sprintf("%s has no collection %q, by key or name; nothing is changed until it has, or the library is bound otherwise", q.Library, name),
			}
		}
	}
	for _, name := range q.Exclude {
		if !within(all, name, s.exclude) {
			s.missing = append(s.missing, name)
		}
	}
	s.digest = digest(s.include, s.exclude)
	return s, nil
}

// within adds a collection, by key or name, and all below it.
func within(all []collection, name string, to map[string]bool) (found bool) {
	children := map[string][]string{}
	var next []string
	for _, c := range all {
		var parent string
		if json.Unmarshal(c.Data.Parent, &parent) == nil {
			children[parent] = append(children[parent], c.Key)
		}
		if c.Key == name {
			next, found = []string{c.Key}, true
		}
	}
	for _, c := range all {
		if !found && strings.TrimSpace(c.Data.Name) == strings.TrimSpace(name) {
			next = append(next, c.Key)
		}
	}
	found = len(next) > 0
	for ; len(next) > 0; next = next[1:] {
		if !to[next[0]] { // a ring ends here
			to[next[0]] = true
			next = append(next, children[next[0]]...)
		}
	}
	return found
}

func digest(include, exclude map[string]bool) string {
	h := sha256.New()
	for _, keys := range []map[string]bool{include, exclude} {
		for _, key := range slices.Sorted(mapKeys(keys)) {
			fmt.Fprintf(h, "%s\n", key)
		}
		fmt.Fprintln(h)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func mapKeys(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// Rights are what a key may do.
type Rights struct {
	UserID   uint64
	Username string
}

// Rights asks what a key may do.
func (c *Client) Rights(ctx context.Context, key string) (r Rights, err error) {
	if key == "" {
		return r, &paper.Error{
			Kind: paper.Denied, Reason: ReasonRefused,
			Message: "whose library it is follows from a key, and there is none; name a user or a group by its number, or give a key with --zotero-key-file",
		}
	}
	const path = "/keys/current"
	a, err := c.get(ctx, key, path, nil, 0)
	if err != nil {
		if kind := paper.KindOf(err); kind == paper.Denied || kind == paper.NotFound {
			return r, &paper.Error{
				Kind: paper.Denied, Reason: ReasonRefused,
				Message: "Zotero's server does not take the key (403): it was revoked, or is not a key; make another on zotero.org/settings/keys and write it into the file",
			}
		}
		return r, err
	}
	var said struct {
		UserID   uint64 `json:"userID"`
		Username string `json:"username"`
	}
	if err := a.decode(path, &said); err != nil {
		return r, err
	}
	return Rights{said.UserID, said.Username}, nil
}

// explained says of a refusal what is behind it: a key that is not taken, or one that
// may not read the library.
func (c *Client) explained(ctx context.Context, q *Question, err error) error {
	if paper.KindOf(err) != paper.Denied || ctx.Err() != nil {
		return err
	}
	e := &paper.Error{Kind: paper.Denied, Reason: ReasonRefused, Cause: err}
	if q.Key == "" {
		e.Message = fmt.Sprintf("the library of %s is not public (403), and there is no key for it; give one with --zotero-key-file", q.Library)
		return e
	}
	r, keyErr := c.Rights(ctx, q.Key)
	switch {
	case paper.KindOf(keyErr) == paper.Denied:
		return keyErr
	case keyErr != nil:
		return err
	}
	e.Message = fmt.Sprintf("the key, which is of user %d (%s), may not read the library of %s (403); allow it that on zotero.org/settings/keys", r.UserID, r.Username, q.Library)
	return e
}
