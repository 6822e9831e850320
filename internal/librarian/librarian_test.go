package librarian_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/engine"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/library/librarytest"
	"akin/internal/paper"
	"akin/internal/paper/titleid"
)

// papers is a collection: it knows papers by id, and by other names.
type papers struct {
	byID  map[string]*paper.Record
	names map[string]string
	asked engine.RecommendRequest
	// questions is the last request for papers to rate.
	questions engine.QuestionsRequest
}

func newPapers(all ...paper.Paper) *papers {
	p := &papers{byID: map[string]*paper.Record{}, names: map[string]string{}}
	for _, one := range all {
		p.byID[one.ID] = &paper.Record{Paper: one}
		for _, name := range []string{one.DOI, one.ArxivID} {
			p.names[name] = one.ID
		}
	}
	delete(p.names, "")
	return p
}

func (p *papers) Questions(_ context.Context, req engine.QuestionsRequest) (*engine.Questions, error) {
	p.questions = req
	return &engine.Questions{Unknown: 1}, nil
}

func (p *papers) Identify(_ context.Context, _ string, names []string) ([]string, error) {
	out := make([]string, len(names))
	for i, name := range names {
		if out[i] = p.names[name]; p.byID[name] != nil {
			out[i] = name
		}
	}
	return out, nil
}

func (p *papers) Entitled(_ context.Context, _ string, titles []string) ([]string, error) {
	out := make([]string, len(titles))
	for i, title := range titles {
		for id, r := range p.byID {
			if titleid.Normalize(r.Title) == titleid.Normalize(title) {
				out[i] = id
			}
		}
	}
	return out, nil
}

func (p *papers) GetEach(ctx context.Context, collection string, names []string, visit func(int, *paper.Record) bool, missing func(int)) error {
	ids, err := p.Identify(ctx, collection, names)
	for i, id := range ids {
		if id == "" {
			missing(i)
		} else if !visit(i, p.byID[id]) {
			break
		}
	}
	return err
}

func (p *papers) Recommend(_ context.Context, req engine.RecommendRequest) (*engine.Answer, error) {
	p.asked = req
	return new(engine.Answer), nil
}

func newLibrarian(p *papers) *librarian.Librarian {
	now := func() time.Time { return time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) }
	return librarian.New(library.New(librarytest.NewMemory(), now), p, now)
}

// place is a library that is made if need be.
var place = library.Place{Name: "x", Create: true}

func like(id string, day int) library.Change {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day)
	return library.Change{Entry: library.Entry{PaperID: id, Mark: library.Liked, MarkTime: at, Weight: 2}, Fields: library.FieldMark | library.FieldWeight}
}

func TestAPaperThatWasErased(t *testing.T) {
	p := newPapers(paper.Paper{ID: "arXiv:1", Title: "One"}, paper.Paper{ID: "b", Title: "Two"})
	b := newLibrarian(p)
	if _, _, err := b.Set(t.Context(), "o", place, []library.Change{like("arXiv:1", 1), like("b", 2)}, false); err != nil {
		t.Fatal(err)
	}
	// It is erased, and another one is found by its id.
	delete(p.byID, "arXiv:1")
	p.byID["other"], p.names["arXiv:1"] = &paper.Record{Paper: paper.Paper{ID: "other", Title: "Another"}}, "other"
	page, err := b.Browse(t.Context(), "o", librarian.List{Name: "x", Papers: true, Order: "title"})
	if err != nil || len(page.Items) != 2 || page.Items[0].PaperID != "b" || page.Items[1].Paper != nil {
		t.Errorf("%+v, %v", page.Items, err)
	}
	missed, err := b.Missed(t.Context(), "o", librarian.Missed{Name: "x"})
	if err != nil || missed.Missing != 1 || len(p.asked.Positive) != 1 || p.asked.Positive[0].PaperID != "b" || p.asked.Positive[0].Weight != 2 {
		t.Errorf("%+v, %v", p.asked, err)
	}
	if removed, gone, err := b.Remove(t.Context(), "o", "x", []string{"arXiv:1"}); err != nil || len(removed) != 1 || gone != nil {
		t.Errorf("%v, %v, %v", removed, gone, err)
	}
	delete(p.byID, "b")
	if _, err := b.Missed(t.Context(), "o", librarian.Missed{Name: "x"}); paper.KindOf(err) != paper.FailedPrecondition || !strings.Contains(err.Error(), "any more") {
		t.Errorf("no like is left: %v", err)
	}
}

// Of more likes than a recommendation takes, the newest count, and the others are no
// results all the same.
func TestManyLikes(t *testing.T) {
	var all []paper.Paper
	for i := range engine.MaxExamples + 2 {
		all = append(all, paper.Paper{ID: fmt.Sprintf("p%05d", i), Title: fmt.Sprint(i)})
	}
	p := newPapers(all...)
	b := newLibrarian(p)
	for from := 0; from < len(all); from += library.MaxBatch {
		var changes []library.Change
		for i := from; i < min(from+library.MaxBatch, len(all)); i++ {
			changes = append(changes, like(all[i].ID, i))
		}
		if _, _, err := b.Set(t.Context(), "o", place, changes, false); err != nil {
			t.Fatal(err)
		}
	}
	var likes []string
	_, err := b.Missed(t.Context(), "o", librarian.Missed{
		Name: "x", NewerThanDays: 10, Known: func(l, _ []string) { likes = l }, ResultOptions: engine.ResultOptions{Filter: `venue = "V"`},
	})
	if err != nil || len(likes) != engine.MaxExamples || likes[0] != all[len(all)-1].ID || !slices.Equal(p.asked.Exclude, []string{"p00001", "p00000"}) {
		t.Errorf("%d likes, %v excluded, %v", len(likes), p.asked.Exclude, err)
	}
	if want := `(venue = "V") AND date >= "2026-02-28"`; p.asked.Filter != want {
		t.Errorf("filter %s, want %s", p.asked.Filter, want)
	}
}

// A reference that makes no paper may still have an identifier of one.
func TestUnreadableReferences(t *testing.T) {
	b := newLibrarian(newPapers(paper.Paper{ID: "a", Title: "A", DOI: "10.1000/a"}, paper.Paper{ID: "b", Title: "B", ArxivID: "2001.00001"}))
	done, err := b.Import(t.Context(), "o", librarian.Import{
		Place: place, Format: "bibtex", Mark: library.Liked,
		Content: []byte("@misc{x, doi = {10.1000/a}}\n@misc{y, eprint = {arXiv:2001.00001}}\n@misc{z, year = 2001}\n@misc{w, title = {b}, doi = {10.9999/wrong}}\n"),
	})
	if err != nil || len(done.Matched) != 3 || done.Matched[0].PaperID != "a" || done.Matched[1].PaperID != "b" || done.Matched[2].By != librarian.ByTitle ||
		len(done.Unmatched) != 1 || !done.Unmatched[0].Unreadable || done.Added != 2 {
		t.Errorf("%+v, %v", done, err)
	}
}

// Pages of any size cut the same list, whatever is removed meanwhile.
func TestPagesGoOn(t *testing.T) {
	var all []paper.Paper
	var changes []library.Change
	for i := range 20 {
		all = append(all, paper.Paper{ID: fmt.Sprintf("p%02d", i), Title: fmt.Sprint("T", i%3)})
		changes = append(changes, like(all[i].ID, i%4))
	}
	for _, order := range []string{"", "create_time", "mark_time", "mark_time desc", "title", "title desc", "read_time"} {
		b := newLibrarian(newPapers(all...))
		if _, _, err := b.Set(t.Context(), "o", place, changes, false); err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		after := ""
		for n := 0; n == 0 || after != ""; n++ {
			page, err := b.Browse(t.Context(), "o", librarian.List{Name: "x", Order: order, Size: 3, After: after})
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range page.Items {
				seen[it.PaperID]++
			}
			after = page.Next
			if n == 1 { // the place that the next page goes on from is gone
				if _, _, err := b.Remove(t.Context(), "o", "x", []string{page.Items[2].PaperID}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%q: %s was seen %d times", order, id, n)
			}
		}
		if len(seen) != 20 {
			t.Errorf("%q: %d were seen", order, len(seen))
		}
	}
}

// Questions go by the newest marks, and are not about anything that the library has.
func TestQuestions(t *testing.T) {
	c := newPapers()
	b := librarian.New(library.New(librarytest.NewMemory(), nil), c, nil)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var changes []library.Change
	for i := range engine.MaxOpinions + 2 {
		mark := library.Liked
		if i%2 == 1 {
			mark = library.Disliked
		}
		changes = append(changes, library.Change{
			Entry: library.Entry{PaperID: fmt.Sprintf("p%03d", i), Mark: mark, MarkTime: begin.AddDate(0, 0, i)}, Fields: library.FieldMark,
		})
	}
	changes = append(changes, library.Change{Entry: library.Entry{PaperID: "r"}, Read: true, Fields: library.FieldRead})
	if _, _, err := b.Set(t.Context(), "ann", library.Place{Name: "main", Create: true}, changes, true); err != nil {
		t.Fatal(err)
	}
	got, err := b.Questions(t.Context(), "ann", "main", 7)
	if err != nil || got.Rated != engine.MaxOpinions || c.questions.Count != 7 {
		t.Fatalf("%+v, %v", got, err)
	}
	exclude := slices.Sorted(slices.Values(c.questions.Exclude))
	if want := []string{"p000", "p001", "r"}; !slices.Equal(exclude, want) {
		t.Errorf("left out are %q, want %q", exclude, want)
	}
	if got, err := b.Questions(t.Context(), "bob", "main", 7); err != nil || got.Rated != 0 {
		t.Errorf("another owner: %+v, %v", got, err)
	}
	if _, err := b.Questions(t.Context(), "ann", "NO", 7); paper.KindOf(err) != paper.Invalid {
		t.Errorf("a name that is none: %v", err)
	}
}
