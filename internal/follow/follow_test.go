package follow_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"akin/internal/follow"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/source/zotero"
	"akin/internal/source/zotero/zoterotest"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFollowsZotero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.knows("A", "B", "C")
		r.put("A", "B", "LATER")
		b := r.bind(t, nil)
		r.want(t, "+a, +b")
		if b.Items != 3 || b.Found != 2 || b.Version != 1 || b.Failures != 0 {
			t.Errorf("%+v", b)
		}
		if words := r.Words(&b); !strings.Contains(words, "Of 3 entries, the collection has 2. One is not found") {
			t.Error(words)
		}
		items, more, err := r.NotFound(t.Context(), ann, "x", "", 10)
		if err != nil || more || len(items) != 1 || items[0].Key != "LATER" || items[0].Title != "Title of LATER" || items[0].Why == "" {
			t.Errorf("%+v, %v", items, err)
		}
		r.put("C")
		r.remove("A")
		r.sync(t)
		r.want(t, "+b, +c")
		// Into the trash and out of it.
		r.server.Edit(me, func(e *zoterotest.Edit) { e.Trash("B", true) })
		r.sync(t)
		r.want(t, "+c")
		r.server.Edit(me, func(e *zoterotest.Edit) { e.Trash("B", false) })
		r.sync(t)
		r.want(t, "+b, +c")
		r.consistent(t)
	})
}

// What the person changed is theirs.
func TestThePersonGoesBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		keys := []string{"BARE", "DISLIKED", "GONE", "NOTED", "OWN", "READ", "TAGGED", "UNLIKED"}
		r.knows(keys...)
		r.put(keys...)
		if _, err := r.libraries.Create(t.Context(), ann, library.Library{Name: "x"}); err != nil {
			t.Fatal(err)
		}
		r.set(t, library.FieldMark, library.Entry{PaperID: "own", Mark: library.Liked})
		r.set(t, 0, library.Entry{PaperID: "bare"})
		tagged := func(b *follow.Binding) { b.Tags = []string{"zotero"} }
		r.bind(t, tagged)
		r.want(t, "+bare [zotero], +disliked [zotero], +gone [zotero], +noted [zotero], +own [zotero], +read [zotero], +tagged [zotero], +unliked [zotero]")
		time.Sleep(time.Minute)
		r.set(t, library.FieldMark, library.Entry{PaperID: "disliked", Mark: library.Disliked})
		r.set(t, library.FieldMark, library.Entry{PaperID: "unliked"})
		r.set(t, library.FieldNote, library.Entry{PaperID: "noted", Note: "mine"})
		r.set(t, library.FieldRead, library.Entry{PaperID: "read"})
		r.set(t, library.FieldTags, library.Entry{PaperID: "tagged", Tags: []string{"mine"}})
		if _, _, _, err := r.libraries.Remove(t.Context(), ann, "x", []string{"gone"}); err != nil {
			t.Fatal(err)
		}
		// All of it changes in Zotero, and nothing of the person's does.
		r.put(keys...)
		r.sync(t)
		changed := "+bare [zotero], -disliked [zotero], +noted \"mine\" [zotero], +own [zotero], +read [zotero] read, +tagged [mine], unliked [zotero]"
		r.want(t, changed)
		if _, err := r.Sync(t.Context(), ann, "x", true); err != nil {
			t.Fatal(err)
		}
		r.want(t, changed)
		r.consistent(t)
		r.remove(keys...)
		r.sync(t)
		r.want(t, "bare, -disliked, noted \"mine\", +own, read read, tagged [mine]")
		// What comes again comes as new, also what was removed.
		r.put("GONE", "TAGGED")
		r.sync(t)
		r.want(t, "bare, -disliked, +gone [zotero], noted \"mine\", +own, read read, +tagged [mine zotero]")
		r.consistent(t)
	})
}

// A paper that the person removed and then added is their own.
func TestAddedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.knows("A")
		r.put("A")
		r.bind(t, nil)
		removed, _, _, err := r.libraries.Remove(t.Context(), ann, "x", []string{"a"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		r.set(t, library.FieldMark, library.Entry{PaperID: "a", Mark: library.Liked})
		r.remove("A")
		r.sync(t)
		r.want(t, "+a")
		// One whose removal was undone is as it was.
		r.put("A")
		r.sync(t)
		_, _, _, err = r.libraries.Remove(t.Context(), ann, "x", []string{"a"})
		if err != nil {
			t.Fatal(err)
		}
		_ = removed
	})
}

func TestBoundOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.knows("A", "B")
		r.server.Edit(me, func(e *zoterotest.Edit) {
			e.PutCollection(zoterotest.Collection{Key: "C1", Name: "Thesis"})
			e.Put(zoterotest.Item{Key: "A", Fields: map[string]any{"DOI": "10.1/a"}, Collections: []string{"C1"}})
			e.Put(zoterotest.Item{Key: "B", Fields: map[string]any{"DOI": "10.1/b"}})
		})
		r.bind(t, nil)
		r.want(t, "+a, +b")
		b := r.bind(t, func(b *follow.Binding) {
			b.Zotero.Include, b.Mark, b.Tags = []string{"Thesis"}, library.None, []string{"z"}
		})
		r.want(t, "a [z]")
		if b.LeftOut != 1 || b.Items != 1 {
			t.Errorf("%+v", b)
		}
		r.bind(t, func(b *follow.Binding) { b.Zotero.Exclude = []string{"C1"} })
		r.want(t, "+b")
		other := follow.Binding{Source: follow.Source{Zotero: &follow.Zotero{Library: zotero.Library{Group: true, ID: 5}}}}
		if _, err := r.Bind(t.Context(), ann, "x", other); paper.KindOf(err) != paper.FailedPrecondition {
			t.Errorf("bound to something else: %v", err)
		}
		if _, err := r.Unbind(t.Context(), ann, "x", true); err != nil {
			t.Error(err)
		}
		r.want(t, "")
		if _, err := r.Get(t.Context(), ann, "x"); paper.KindOf(err) != paper.NotFound {
			t.Errorf("%v", err)
		}
		r.bind(t, nil)
		if _, err := r.Unbind(t.Context(), ann, "x", false); err != nil {
			t.Error(err)
		}
		r.want(t, "+a, +b")
		for _, err := range []error{errorOf(r.Unbind(t.Context(), ann, "x", false)), errorOf(r.Sync(t.Context(), ann, "x", false)), errorOf(r.Get(t.Context(), "bo", "x"))} {
			if paper.KindOf(err) != paper.NotFound {
				t.Error(err)
			}
		}
	})
}

func errorOf(_ follow.Bound, err error) error { return err }

// What is not found comes when the collection has it, without Zotero changing; and what
// the collection loses stays.
func TestTheCollectionChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.put("A", "B")
		r.knows("A")
		r.bind(t, nil)
		r.run(t)
		r.want(t, "+a")
		time.Sleep(10 * time.Minute)
		r.papers.mu.Lock()
		asked := r.papers.asked
		r.papers.mu.Unlock()
		if asked > 6 {
			t.Errorf("looked for %d papers while nothing changed", asked)
		}
		r.knows("B")
		time.Sleep(3 * time.Minute)
		r.want(t, "+a, +b")
		r.papers.remove("10.1/a")
		if _, err := r.Sync(t.Context(), ann, "x", true); err != nil {
			t.Fatal(err)
		}
		r.want(t, "+a, +b")
		r.consistent(t)
	})
}

func TestScheduleAndBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.knows("A", "B")
		r.put("A")
		r.bind(t, nil)
		r.run(t)
		r.server.Asked()
		time.Sleep(3*time.Hour + time.Minute)
		if n := len(r.server.Asked()); n != 3 {
			t.Errorf("asked %d times in three hours", n)
		}
		r.put("B")
		time.Sleep(time.Hour)
		r.want(t, "+a, +b")
		// The server fails for long: it is asked less and less, across restarts.
		for range 200 {
			r.server.Refuse(zoterotest.Refusal{Status: http.StatusBadGateway})
		}
		r.server.Asked()
		for range 12 {
			time.Sleep(2 * time.Hour)
			r.open(t)
			r.run(t)
		}
		if n := len(r.server.Asked()); n < 8 || n > 16 {
			t.Errorf("asked %d times in a day of failures", n)
		}
		b, err := r.Get(t.Context(), ann, "x")
		if err != nil || b.Failures == 0 || !strings.Contains(b.Failure, "502") {
			t.Errorf("%+v, %v", b, err)
		}
		if words := r.Words(&b); !strings.Contains(words, "could not be read since") || !strings.Contains(words, "stays as it is") {
			t.Error(words)
		}
		r.want(t, "+a, +b")
		for len(r.server.Items(me)) > 0 && b.Failures > 0 { // until it answers again
			time.Sleep(6 * time.Hour)
			b, _ = r.Get(t.Context(), ann, "x")
			if n := len(r.server.Asked()); n > 20 {
				t.Fatalf("asked %d times in six hours", n)
			}
			r.server.Refuse() // none more
			if time.Now().Year() > 2003 {
				t.Fatal("it never recovers")
			}
		}
	})
}

// What the server asks for holds after a restart.
func TestRestAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.put("A")
		r.server.Refuse(zoterotest.Refusal{Status: 429, Header: map[string]string{"Retry-After": "7200"}})
		b := r.bind(t, nil)
		if b.Failures != 1 || time.Until(b.NextTime) < 119*time.Minute {
			t.Errorf("%+v", b)
		}
		r.server.Asked()
		r.open(t)
		r.run(t)
		synctest.Wait()
		if b = r.sync(t); b.Failures != 2 || len(r.server.Asked()) != 0 {
			t.Errorf("asked again at once: %+v", b)
		}
		time.Sleep(3 * time.Hour)
		if b, _ = r.Get(t.Context(), ann, "x"); b.Failures != 0 {
			t.Errorf("%+v", b)
		}
	})
}

func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.put("A")
		r.knows("A")
		path := r.keys[ann]
		r.bind(t, func(b *follow.Binding) { b.Zotero.ID = 0 })
		r.want(t, "+a")
		for text, says := range map[string]string{
			"": "nothing else", "two words": "nothing else", "wrong": "does not take the key (403)",
		} {
			write(t, path, text)
			b := r.sync(t)
			if b.Failures == 0 || !strings.Contains(b.Failure, says) {
				t.Errorf("%q: %+v", text, b.State)
			}
		}
		os.Remove(path)
		if b := r.sync(t); !strings.Contains(b.Failure, "no such file") || strings.Contains(b.Failure, filepath.Dir(path)) {
			t.Errorf("%+v", b.State)
		}
		r.want(t, "+a")
		// The next key is another person's: the library becomes theirs.
		r.server.AddKey("other", zoterotest.Key{UserID: 8, Username: "bo", Libraries: []string{"users/8"}})
		r.server.Edit("users/8", func(e *zoterotest.Edit) {
			e.Put(zoterotest.Item{Key: "B", Fields: map[string]any{"DOI": "10.1/b"}})
		})
		r.knows("B")
		write(t, path, "other")
		if b := r.sync(t); b.Failures != 0 || b.Account != 8 {
			t.Errorf("%+v", b.State)
		}
		r.want(t, "+b")
		if text := r.log.String(); strings.Contains(text, "secret") || strings.Contains(text, "wrong\"") {
			t.Errorf("a key is in the log: %s", text)
		}
	})
}

// A backup that is restored goes on from the version that it has.
func TestRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.knows("A", "B", "C")
		r.put("A", "B")
		r.bind(t, nil)
		backup := r.shelves.Copy()
		r.remove("A")
		r.put("C")
		r.sync(t)
		r.want(t, "+b, +c")
		r.shelves = backup
		r.open(t)
		r.want(t, "+a, +b")
		r.server.Asked()
		r.sync(t)
		r.want(t, "+b, +c")
		if asked := r.server.Asked(); !strings.Contains(asked[0], "since=1") {
			t.Error(asked)
		}
	})
}

func TestDeletedLibraries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.knows("A", "B")
		r.put("A")
		r.bind(t, nil)
		r.run(t)
		if _, err := r.libraries.Delete(t.Context(), ann, "x", false); err != nil {
			t.Fatal(err)
		}
		r.put("B")
		time.Sleep(5 * time.Hour)
		if all, err := r.List(t.Context(), ann); err != nil || len(all) != 0 {
			t.Errorf("%+v, %v", all, err)
		}
		if _, err := r.libraries.Undelete(t.Context(), ann, "x"); err != nil {
			t.Fatal(err)
		}
		r.want(t, "+a")
		time.Sleep(5 * time.Minute)
		r.want(t, "+a, +b")
		// It changes hands: the key is the new owner's, who has none.
		if _, err := r.libraries.Adopt(t.Context(), ann, "bo"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if b, err := r.Get(t.Context(), "bo", "x"); err != nil || b.Failures == 0 || !strings.Contains(b.Failure, "no key") {
			t.Errorf("%+v, %v", b, err)
		}
		if _, err := r.libraries.Delete(t.Context(), "bo", "x", true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if err := r.shelves.Follow(t.Context(), func(rd follow.Reader) error {
			all, err := rd.Bindings()
			if len(all) != 0 {
				t.Errorf("a library that is erased follows %+v", all)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}

const bib = `@article{a, title = {First things}, doi = {10.1/a}, annote = {read the appendix}}
@article{b, title = {Second things}, doi = {10.1/b}}
`

func TestFollowsAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := newRig(t)
		defer r.close()
		r.files = follow.Files{ann: {dir}}
		r.open(t)
		r.knows("A", "B", "C")
		path := write(t, filepath.Join(dir, "refs.bib"), bib)
		file := func(b *follow.Binding) { b.Source = follow.Source{File: &follow.File{Path: path}} }
		r.bind(t, file)
		r.want(t, `+a "read the appendix", +b`)
		r.run(t)
		for text, says := range map[string]string{
			bib + "@article{c, title = {Third": "ends in the middle",
			"":                                 "is empty",
			" \n ":                             "is empty",
			"% nothing but a comment\n":        "is no file of references",
			"\x1f\x8b\x08 packed":              "compressed",
		} {
			write(t, path, text)
			if b := r.sync(t); b.Failures == 0 || !strings.Contains(b.Failure, says) {
				t.Errorf("%q: %+v", text, b.State)
			}
			r.want(t, `+a "read the appendix", +b`)
		}
		os.Remove(path)
		if b := r.sync(t); b.Failures == 0 || !strings.Contains(b.Failure, "no such file") {
			t.Errorf("%+v", b.State)
		}
		write(t, path, "@article{b, title = {Second things}, doi = {10.1/b}}\n@misc{c, title={C}, doi={10.1/c}}\n@misc{d, title={Not here}}\n@misc{e}\n")
		time.Sleep(5 * time.Minute)
		r.want(t, "+b, +c")
		items, _, err := r.NotFound(t.Context(), ann, "x", "", 10)
		if err != nil || len(items) != 2 || items[0].Line == 0 {
			t.Errorf("%+v, %v", items, err)
		}
		r.consistent(t)
	})
}

// Only files that the configuration allows are followed, whatever a path says.
func TestFilesThatAreAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, outside := t.TempDir(), t.TempDir()
		r := newRig(t)
		defer r.close()
		r.files = follow.Files{ann: {dir}}
		r.open(t)
		if _, err := r.libraries.Create(t.Context(), ann, library.Library{Name: "x"}); err != nil {
			t.Fatal(err)
		}
		secret := write(t, filepath.Join(outside, "secret.bib"), bib)
		bindTo := func(owner, path string) error {
			_, err := r.Bind(t.Context(), owner, "x", follow.Binding{Source: follow.Source{File: &follow.File{Path: path}}})
			return err
		}
		for _, path := range []string{secret, "/etc/passwd", dir, dir + "-other/x.bib", "refs.bib", "", dir + "/../" + filepath.Base(outside) + "/secret.bib", dir + "/a\x00b", "/"} {
			if err := bindTo(ann, path); paper.KindOf(err) != paper.Denied && paper.KindOf(err) != paper.Invalid {
				t.Errorf("%q: %v", path, err)
			}
		}
		if err := bindTo("bo", filepath.Join(dir, "x.bib")); paper.KindOf(err) != paper.Denied {
			t.Errorf("another's: %v", err)
		}
		os.Symlink(secret, filepath.Join(dir, "link.bib"))
		os.Symlink(outside, filepath.Join(dir, "folder"))
		os.Mkdir(filepath.Join(dir, "real.bib"), 0o700)
		for _, name := range []string{"link.bib", "folder/secret.bib", "real.bib", "none.bib"} {
			if err := bindTo(ann, filepath.Join(dir, name)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if b := r.sync(t); b.Failures == 0 || b.Items != 0 {
				t.Errorf("%s was read: %+v", name, b.State)
			}
			if _, err := r.Unbind(t.Context(), ann, "x", false); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestWhatCannotBeBound(t *testing.T) {
	r := newRig(t)
	defer r.close()
	if _, err := r.libraries.Create(t.Context(), ann, library.Library{Name: "x"}); err != nil {
		t.Fatal(err)
	}
	z := func(change func(*follow.Binding)) follow.Binding {
		b := follow.Binding{Source: follow.Source{Zotero: &follow.Zotero{Library: zotero.Library{ID: 7}}}}
		change(&b)
		return b
	}
	for name, b := range map[string]follow.Binding{
		"nothing":          {},
		"both":             z(func(b *follow.Binding) { b.File = &follow.File{Path: "/x"} }),
		"group 0":          z(func(b *follow.Binding) { b.Zotero.Library = zotero.Library{Group: true} }),
		"too often":        z(func(b *follow.Binding) { b.Every = time.Second }),
		"never":            z(func(b *follow.Binding) { b.Every = -time.Hour }),
		"mark":             z(func(b *follow.Binding) { b.Mark = 9 }),
		"tag":              z(func(b *follow.Binding) { b.Tags = []string{"a\nb"} }),
		"many tags":        z(func(b *follow.Binding) { b.Tags = slices.Repeat([]string{"a"}, 99) }),
		"empty collection": z(func(b *follow.Binding) { b.Zotero.Include = []string{" "} }),
		"many collections": z(func(b *follow.Binding) { b.Zotero.Exclude = slices.Repeat([]string{"a"}, 101) }),
		"number":           z(func(b *follow.Binding) { b.Zotero.ID = 1 << 63 }),
	} {
		if _, err := r.Bind(t.Context(), ann, "x", b); paper.KindOf(err) != paper.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.Bind(t.Context(), ann, "none", z(func(*follow.Binding) {})); paper.KindOf(err) != paper.NotFound {
		t.Errorf("%v", err)
	}
}

// A round that changes nothing durable changes nothing, and the next one does it all.
func TestInterruptedRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.knows("A", "B")
		r.put("A")
		r.bind(t, nil)
		r.put("B")
		r.remove("A")
		r.shelves.Fail = func() error { return errors.New("the disk is full") }
		r.sync(t)
		r.want(t, "+a")
		r.shelves.Fail = nil
		r.papers.fail = &paper.Error{Kind: paper.Unavailable, Message: "the catalog is closing"}
		if b := r.sync(t); b.Failures != 1 || !strings.Contains(b.Failure, "closing") {
			t.Errorf("%+v", b.State)
		}
		r.want(t, "+a")
		r.papers.fail = nil
		r.sync(t)
		r.want(t, "+b")
		r.consistent(t)
	})
}

// Where nothing can be noted, the server is not asked all the time either.
func TestNothingCanBeNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.put("A")
		r.bind(t, nil)
		r.put("B")
		r.shelves.Fail = func() error { return errors.New("the disk is full") }
		r.server.Asked()
		r.run(t)
		time.Sleep(3 * time.Hour)
		if n := len(r.server.Asked()); n == 0 || n > 600 {
			t.Errorf("asked %d times in three hours", n)
		}
	})
}

// Titles of Zotero have markup.
func TestMarkup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.papers.add("On Drosophila and H2O", "d")
		r.server.Edit(me, func(e *zoterotest.Edit) {
			e.Put(zoterotest.Item{Key: "A", Fields: map[string]any{"title": "On <i>Drosophila</i> and H<sub>2</sub>O"}})
		})
		r.bind(t, nil)
		r.want(t, "+d")
	})
}

// Who asks while a round runs gets one that began after they asked.
func TestSyncWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		r.knows("A", "B")
		r.put("A")
		r.bind(t, nil)
		var quick atomic.Bool
		r.server.Before = func(int, *http.Request) {
			if !quick.Load() {
				time.Sleep(30 * time.Second)
			}
		}
		go r.Sync(t.Context(), ann, "x", false)
		time.Sleep(40 * time.Second) // the first answer has come
		quick.Store(true)
		b, err := r.Get(t.Context(), ann, "x")
		if err != nil {
			t.Fatal(err)
		}
		_ = b
		r.put("B")
		r.sync(t)
		r.want(t, "+a, +b")
	})
}

// Whatever happens on both sides, and wherever it is interrupted, the library is what the
// rules say of it.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(25) {
		synctest.Test(t, func(t *testing.T) { randomHistory(t, rand.New(rand.NewPCG(seed, 2))) })
	}
}

// model is the library as the rules say: what is in Zotero and in the collection is
// liked, unless the person removed it since it came; what the person noted stays.
type model struct {
	removed map[string]bool // by the person, while it was in Zotero
	notes   map[string]string
}

func randomHistory(t *testing.T, rnd *rand.Rand) {
	r := newRig(t)
	defer r.close()
	keys := make([]string, 30)
	for i := range keys {
		keys[i] = fmt.Sprintf("K%02d", i)
	}
	some := func() string { return keys[rnd.IntN(len(keys))] }
	r.knows(keys[:20]...)
	r.put(keys[:10]...)
	r.bind(t, nil)
	m := model{map[string]bool{}, map[string]string{}}
	r.server.Before = func(int, *http.Request) {
		switch rnd.IntN(12) {
		case 0:
			r.put(some())
		case 1:
			r.remove(some())
		case 2:
			r.server.Refuse(zoterotest.Refusal{Status: 503}, zoterotest.Refusal{Cut: true})
		case 3:
			r.server.Refuse(zoterotest.Refusal{Status: 502})
		}
	}
	for range 40 {
		key := some()
		id := strings.ToLower(key)
		switch rnd.IntN(8) {
		case 0:
			r.put(key)
		case 1:
			r.remove(key)
		case 2:
			r.server.Edit(me, func(e *zoterotest.Edit) { e.Trash(key, rnd.IntN(2) == 0) })
		case 3:
			r.knows(key)
		case 4:
			note := fmt.Sprint("note ", rnd.IntN(100))
			r.set(t, library.FieldNote, library.Entry{PaperID: id, Note: note})
			m.notes[id] = note
		case 5:
			r.open(t)
		case 6:
			fail := true
			r.shelves.Fail = func() error {
				if fail = !fail; fail {
					return errors.New("no")
				}
				return nil
			}
		}
		r.sync(t)
		r.shelves.Fail = nil
		time.Sleep(time.Duration(rnd.IntN(100)) * time.Second)
	}
	r.server.Before = nil
	for b := r.sync(t); b.Failures > 0; b = r.sync(t) {
		time.Sleep(10 * time.Minute)
	}
	if _, err := r.Sync(t.Context(), ann, "x", true); err != nil { // the collection may have more by now
		t.Fatal(err)
	}
	r.consistent(t)
	want := map[string]string{}
	r.papers.mu.Lock()
	for _, i := range r.server.Items(me) {
		if id := r.papers.papers["10.1/"+strings.ToLower(i.Key)]; id != "" && !i.Trashed {
			want[id] = "+" + id
		}
	}
	r.papers.mu.Unlock()
	for id, note := range m.notes {
		if want[id] == "" {
			want[id] = id
		}
		want[id] += fmt.Sprintf(" %q", note)
	}
	var all []string
	for _, id := range slices.Sorted(maps.Keys(want)) {
		all = append(all, want[id])
	}
	r.want(t, strings.Join(all, ", "))
}
