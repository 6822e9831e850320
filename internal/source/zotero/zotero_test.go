package zotero_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"akin/internal/paper"
	"akin/internal/source/zotero"
	"akin/internal/source/zotero/zoterotest"
)

// wire hands requests to a handler, without a network, so that time can be made up.
type wire struct{ handler http.Handler }

func (w wire) Do(r *http.Request) (resp *http.Response, err error) {
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

const me = "users/7"

func newClient(t *testing.T, s *zoterotest.Server) *zotero.Client {
	t.Helper()
	s.AddKey("secret", zoterotest.Key{UserID: 7, Username: "ann", Libraries: []string{me}})
	c, err := zotero.New("https://zotero.example/", wire{s}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func question(since uint64) zotero.Question {
	return zotero.Question{Library: zotero.Library{ID: 7}, Key: "secret", Since: since}
}

func article(n int) zoterotest.Item {
	return zoterotest.Item{Key: fmt.Sprintf("K%06d", n), Fields: map[string]any{"title": fmt.Sprintf("Title %d", n), "DOI": fmt.Sprintf("10.1/%d", n)}}
}

func keysOf(c *zotero.Changes) (keys []string) {
	for _, i := range c.Items {
		keys = append(keys, i.Key)
	}
	slices.Sort(keys)
	return keys
}

func TestPagesOfOneState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := zoterotest.New()
		s.Edit(me, func(e *zoterotest.Edit) {
			for n := range 250 {
				e.Put(article(n))
			}
			e.Put(zoterotest.Item{Key: "NOTE", ItemType: "note"})
			e.Put(zoterotest.Item{Key: "FILE", ItemType: "attachment", Fields: map[string]any{"title": "scan.pdf"}})
			trashed := article(900)
			trashed.Trashed = true
			e.Put(trashed)
		})
		c := newClient(t, s)
		// Between the first pages, somebody deletes an item: all that follows moves up.
		s.Before = func(n int, _ *http.Request) {
			if n == 2 {
				s.Edit(me, func(e *zoterotest.Edit) { e.Delete("K000003"); e.Put(article(400)) })
			}
		}
		began := time.Now()
		got, err := c.Changes(t.Context(), question(0))
		if err != nil || !got.Full || got.Version != 2 || len(got.Items) != 250 {
			t.Fatalf("%+v, %v", got, err)
		}
		if keys := keysOf(got); slices.Contains(keys, "K000003") || !slices.Contains(keys, "K000400") || slices.Contains(keys, "NOTE") || slices.Contains(keys, "K000900") {
			t.Error(keys)
		}
		asked := s.Asked()
		if wait := time.Since(began); wait < time.Duration(len(asked)-1)*250*time.Millisecond {
			t.Errorf("%d requests in %v are more than four a second", len(asked), wait)
		}
		for _, address := range asked {
			if !strings.Contains(address, "since=0") || strings.Contains(address, "secret") {
				t.Errorf("asked for %s", address)
			}
		}
	})
}

func TestChangesSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := zoterotest.New()
		s.Edit(me, func(e *zoterotest.Edit) {
			for n := range 5 {
				e.Put(article(n))
			}
		})
		c := newClient(t, s)
		got, err := c.Changes(t.Context(), question(1))
		if err != nil || got.Full || len(got.Items)+len(got.Gone) != 0 || got.Version != 1 {
			t.Fatalf("nothing changed: %+v, %v", got, err)
		}
		if asked := s.Asked(); len(asked) != 1 {
			t.Errorf("asked %v", asked)
		}
		s.Edit(me, func(e *zoterotest.Edit) { e.Trash("K000000", true) })
		s.Edit(me, func(e *zoterotest.Edit) { e.Delete("K000001") })
		s.Edit(me, func(e *zoterotest.Edit) { e.Put(article(9)) })
		if got, err = c.Changes(t.Context(), question(1)); err != nil || got.Version != 4 || !slices.Equal(keysOf(got), []string{"K000009"}) || !slices.Equal(got.Gone, []string{"K000000", "K000001"}) {
			t.Errorf("%+v, %v", got, err)
		}
		s.Edit(me, func(e *zoterotest.Edit) { e.Trash("K000000", false) })
		if got, err = c.Changes(t.Context(), question(4)); err != nil || !slices.Equal(keysOf(got), []string{"K000000"}) {
			t.Errorf("out of the trash: %+v, %v", got, err)
		}
		// The server lost its past: all is read.
		s.Reset(me)
		s.Edit(me, func(e *zoterotest.Edit) { e.Put(article(1)) })
		if got, err = c.Changes(t.Context(), question(5)); err != nil || !got.Full || got.Version != 1 || len(got.Items) != 1 {
			t.Errorf("another past: %+v, %v", got, err)
		}
	})
}

func TestIdentifiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := zoterotest.New()
		s.Edit(me, func(e *zoterotest.Edit) {
			for n, fields := range []map[string]any{
				{"title": " A ", "DOI": "https://doi.org/10.1000/ABC", "date": "Spring 2019?"},
				{"title": "B", "itemType": "preprint", "archiveID": "arXiv:1706.03762", "repository": "arXiv"},
				{"title": "C", "extra": "arXiv: 2101.00001 [cs.CL]\nDOI: 10.2/x"},
				{"title": "D", "url": "http://arxiv.org/abs/math/0309136v1"},
				{"caseName": "E", "itemType": "case", "date": ""},
				{"title": 5},
			} {
				e.Put(zoterotest.Item{Key: string(rune('A' + n)), Fields: fields})
			}
		})
		got, err := newClient(t, s).Changes(t.Context(), question(0))
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, i := range got.Items {
			lines = append(lines, strings.Join([]string{i.Key, i.Title, i.DOI, i.ArxivID, i.Date}, "|"))
			if (i.Unreadable != "") != (i.Key == "F") {
				t.Errorf("%+v", i)
			}
		}
		slices.Sort(lines)
		want := []string{"A|A|10.1000/abc||Spring 2019?", "B|B||1706.03762|", "C|C|10.2/x|2101.00001|", "D|D||math/0309136|", "E|E|||", "F||||"}
		for i := range want {
			if !strings.EqualFold(lines[i], want[i]) {
				t.Errorf("got %q, want %q", lines[i], want[i])
			}
		}
	})
}

func TestCollections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := zoterotest.New()
		in := func(n int, collections ...string) zoterotest.Item {
			i := article(n)
			i.Collections = collections
			return i
		}
		s.Edit(me, func(e *zoterotest.Edit) {
			e.PutCollection(zoterotest.Collection{Key: "THESIS", Name: "Thesis"})
			e.PutCollection(zoterotest.Collection{Key: "PART", Name: "part", Parent: "THESIS"})
			e.PutCollection(zoterotest.Collection{Key: "OLD", Name: "old", Parent: "PART"})
			e.PutCollection(zoterotest.Collection{Key: "OTHER", Name: "other"})
			e.Put(in(1, "THESIS"))
			e.Put(in(2, "PART"))
			e.Put(in(3, "PART", "OLD"))
			e.Put(in(4, "OTHER"))
			e.Put(in(5))
		})
		c := newClient(t, s)
		q := question(0)
		q.Include, q.Exclude = []string{"Thesis"}, []string{"OLD", "no such"}
		got, err := c.Changes(t.Context(), q)
		if err != nil || !slices.Equal(keysOf(got), []string{"K000001", "K000002"}) || got.LeftOut != 3 || !slices.Equal(got.Missing, []string{"no such"}) {
			t.Fatalf("%+v, %v", got, err)
		}
		q.Scope, q.Since = got.Scope, got.Version
		// An item that moves away is gone, without being deleted.
		s.Edit(me, func(e *zoterotest.Edit) { e.Put(in(1, "OTHER")) })
		if got, err = c.Changes(t.Context(), q); err != nil || got.Full || !slices.Equal(got.Gone, []string{"K000001"}) {
			t.Errorf("%+v, %v", got, err)
		}
		q.Since = got.Version
		// A collection moves, and no item says so: all is read.
		s.Edit(me, func(e *zoterotest.Edit) {
			e.PutCollection(zoterotest.Collection{Key: "OTHER", Name: "other", Parent: "PART"})
		})
		if got, err = c.Changes(t.Context(), q); err != nil || !got.Full || !slices.Equal(keysOf(got), []string{"K000001", "K000002", "K000004"}) {
			t.Errorf("%+v, %v", got, err)
		}
		// A ring of collections ends.
		s.Edit(me, func(e *zoterotest.Edit) {
			e.PutCollection(zoterotest.Collection{Key: "THESIS", Name: "Thesis", Parent: "OLD"})
		})
		if _, err = c.Changes(t.Context(), q); err != nil {
			t.Error(err)
		}
		// What is followed is not there: that is no reason to empty anything.
		s.Edit(me, func(e *zoterotest.Edit) { e.DeleteCollection("THESIS") })
		if got, err = c.Changes(t.Context(), q); paper.KindOf(err) != paper.FailedPrecondition || !strings.Contains(err.Error(), `"Thesis"`) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := zoterotest.New()
		s.Edit(me, func(e *zoterotest.Edit) { e.Put(article(1)) })
		s.Edit("groups/5", func(e *zoterotest.Edit) { e.Put(article(1)) })
		c := newClient(t, s)
		ask := func(q zotero.Question) error {
			_, err := c.Changes(t.Context(), q)
			if err != nil && strings.Contains(err.Error(), q.Key) && q.Key != "" {
				t.Errorf("the key is in %v", err)
			}
			return err
		}
		bad := question(0)
		bad.Key = "guessed"
		group := question(0)
		group.Library = zotero.Library{Group: true, ID: 5}
		none := question(0)
		none.ID = 8
		bare := question(0)
		bare.Key = ""
		for name, one := range map[string]struct {
			err  error
			kind paper.Kind
			says string
		}{
			"key":     {ask(bad), paper.Denied, "does not take the key (403)"},
			"group":   {ask(group), paper.Denied, "may not read the library of group 5"},
			"no user": {ask(none), paper.NotFound, "/users/8"},
			"no key":  {ask(bare), paper.Denied, "not public"},
		} {
			if paper.KindOf(one.err) != one.kind || !strings.Contains(one.err.Error(), one.says) {
				t.Errorf("%s: %v", name, one.err)
			}
		}
		me := question(0)
		me.ID = 0
		if got, err := c.Changes(t.Context(), me); err != nil || got.Library.ID != 7 {
			t.Errorf("the key's own: %+v, %v", got, err)
		}
	})
}

func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := zoterotest.New()
		s.Edit(me, func(e *zoterotest.Edit) { e.Put(article(1)) })
		c := newClient(t, s)
		slow := func(headers map[string]string) zoterotest.Refusal {
			return zoterotest.Refusal{Status: http.StatusTooManyRequests, Header: headers, Body: `[{"key":"NO"}]`}
		}
		for _, one := range []struct {
			headers map[string]string
			least   time.Duration
		}{
			{map[string]string{"Retry-After": "30"}, 30 * time.Second},
			{map[string]string{"Retry-After": time.Now().Add(100 * time.Second).UTC().Format(http.TimeFormat)}, 20 * time.Second},
			{map[string]string{"Retry-After": "0"}, 10 * time.Second},
			{map[string]string{"Retry-After": "-5"}, 10 * time.Second},
			{map[string]string{"Retry-After": "soon"}, 10 * time.Second},
			{nil, 10 * time.Second},
		} {
			s.Refuse(slow(one.headers))
			began := time.Now()
			got, err := c.Changes(t.Context(), question(0))
			if took := time.Since(began); err != nil || len(got.Items) != 1 || took < one.least || took > mostRest {
				t.Errorf("%v: %+v, %v after %v", one.headers, got, err, took)
			}
		}
		// An answer that is one may ask for rest as well.
		s.Backoff("40")
		if _, err := c.Changes(t.Context(), question(0)); err != nil {
			t.Error(err)
		}
		began := time.Now()
		if _, err := c.Changes(t.Context(), question(0)); err != nil || time.Since(began) < 39*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		// Longer than a request should wait: the error says when to come back.
		s.Refuse(slow(map[string]string{"Retry-After": "3600"}))
		_, err := c.Changes(t.Context(), question(0))
		var e *paper.Error
		if !errors.As(err, &e) || e.Kind != paper.Exhausted || e.RetryAfter < 59*time.Minute || !c.Rest().After(time.Now().Add(59*time.Minute)) {
			t.Errorf("%v, until %v", err, c.Rest())
		}
		s.Asked()
		if _, err := c.Changes(t.Context(), question(0)); paper.KindOf(err) != paper.Exhausted || len(s.Asked()) != 0 {
			t.Errorf("asked while it rests: %v", err)
		}
	})
}

const mostRest = 3 * time.Minute

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := zoterotest.New()
		s.Edit(me, func(e *zoterotest.Edit) {
			for n := range 150 {
				e.Put(article(n))
			}
		})
		c := newClient(t, s)
		through := zoterotest.Refusal{}
		versioned := map[string]string{"Last-Modified-Version": "1"}
		for name, faults := range map[string][]zoterotest.Refusal{
			"html":         {{Status: 200, Header: versioned, Body: "<html>"}},
			"no version":   {through, {Status: 200, Body: "[]"}},
			"bad version":  {{Status: 200, Header: map[string]string{"Last-Modified-Version": "new"}, Body: "[]"}},
			"an object":    {{Status: 200, Header: versioned, Body: `{"items":[]}`}},
			"no key":       {{Status: 200, Header: versioned, Body: `[{"data":{}}]`}},
			"500":          {{Status: 500}},
			"redirect":     {{Status: 302, Header: map[string]string{"Location": "http://127.0.0.1/"}}},
			"cut":          {through, {Cut: true}},
			"no next page": {{Status: 200, Header: map[string]string{"Last-Modified-Version": "1", "Link": `</x?start=-3>; rel="next"`}, Body: "{"}},
		} {
			s.Refuse(faults...)
			got, err := c.Changes(t.Context(), question(0))
			if err == nil || paper.KindOf(err) == paper.Internal {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			s.Asked()
		}
		if got, err := c.Changes(t.Context(), question(0)); err != nil || len(got.Items) != 150 {
			t.Errorf("after all that: %v", err)
		}
		s.Before = func(n int, _ *http.Request) {
			s.Edit(me, func(e *zoterotest.Edit) { e.Put(article(1000 + n)) })
		}
		if _, err := c.Changes(t.Context(), question(0)); paper.KindOf(err) != paper.Unavailable || !strings.Contains(err.Error(), "changed each") {
			t.Errorf("a library that never rests: %v", err)
		}
	})
}

// Of an item there is in memory what is looked for in it, however much a server sends.
func TestItemsAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := zoterotest.New()
		long := strings.Repeat("é", 1<<20)
		s.Edit(me, func(e *zoterotest.Edit) {
			e.Put(zoterotest.Item{Key: "LONG", Fields: map[string]any{"title": "x" + long, "date": long, "url": long, "extra": strings.Repeat("a note\n", 1<<17) + "DOI: 10.1/behind"}})
		})
		got, err := newClient(t, s).Changes(t.Context(), question(0))
		if err != nil || len(got.Items) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		if i := got.Items[0]; len(i.Title) > 4<<10 || len(i.Title) < 4<<10-2 || !utf8.ValidString(i.Title) || len(i.Date) > 4<<10 || i.DOI != "10.1/behind" {
			t.Errorf("a title of %d bytes, a date of %d, DOI %q", len(i.Title), len(i.Date), i.DOI)
		}
	})
}

// Whatever happens to a library, and wherever the reading of it breaks off, who takes
// the changes up to a version and asks for those since has what is there.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) { history(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func history(t *testing.T, rnd *rand.Rand) {
	s := zoterotest.New()
	edit := func() {
		s.Edit(me, func(e *zoterotest.Edit) {
			for range 1 + rnd.IntN(40) {
				n := rnd.IntN(160)
				switch key := article(n).Key; rnd.IntN(6) {
				case 0:
					e.Delete(key)
				case 1:
					e.Trash(key, true)
				case 2:
					e.Trash(key, false)
				default:
					i := article(n)
					i.Fields["title"] = fmt.Sprint("Title ", rnd.IntN(9))
					e.Put(i)
				}
			}
		})
	}
	edit()
	c := newClient(t, s)
	s.Before = func(int, *http.Request) {
		switch rnd.IntN(14) {
		case 0:
			edit()
		case 1:
			s.Refuse(zoterotest.Refusal{Status: 429, Header: map[string]string{"Retry-After": "1"}})
		case 2:
			s.Refuse(zoterotest.Refusal{Status: 502}, zoterotest.Refusal{Cut: true})
		case 3:
			s.Backoff("2")
		}
	}
	have, version := map[string]string{}, uint64(0)
	round := func() bool {
		got, err := c.Changes(t.Context(), question(version))
		if err != nil {
			return false
		}
		if got.Full {
			clear(have)
		}
		for _, i := range got.Items {
			have[i.Key] = i.Title
		}
		for _, key := range got.Gone {
			delete(have, key)
		}
		version = got.Version
		return true
	}
	for range 12 {
		round()
		if rnd.IntN(2) == 0 {
			edit()
		}
	}
	s.Before = nil
	for !round() {
		time.Sleep(time.Second)
	}
	want := map[string]string{}
	for _, i := range s.Items(me) {
		if !i.Trashed {
			want[i.Key] = i.Fields["title"].(string)
		}
	}
	if !maps.Equal(have, want) {
		t.Errorf("there are %d items, and %d were read", len(want), len(have))
	}
}
