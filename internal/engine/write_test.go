package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/paper"
)

// incoming are papers of a stream, each with a title of its own.
func incoming(ids ...string) (out []engine.Incoming) {
	for i, id := range ids {
		out = append(out, engine.Incoming{Index: uint64(i), Paper: paper.Paper{ID: id, Title: "title of " + id}})
	}
	return out
}

// imported imports a stream, and gives what was acknowledged.
func (r *rig) imported(ctx context.Context, stream ...engine.Incoming) (acks []engine.Acknowledged, err error) {
	err = r.Import(ctx, "", func(ctx context.Context) (engine.Incoming, error) {
		if len(stream) == 0 {
			return engine.Incoming{}, io.EOF
		}
		in := stream[0]
		stream = stream[1:]
		return in, ctx.Err()
	}, func(a engine.Acknowledged) error {
		acks = append(acks, a)
		return nil
	})
	return acks, err
}

func changesOf(results []engine.Upserted) (out []catalog.Change) {
	for _, u := range results {
		out = append(out, u.Change)
	}
	return out
}

func TestUpsert(t *testing.T) {
	r := newRig(t)
	upsert := func(papers ...paper.Paper) ([]engine.Upserted, uint64) {
		t.Helper()
		results, sequence, err := r.Upsert(r.Context(), "", papers, embed.Interactive)
		if err != nil || len(results) != len(papers) {
			t.Fatalf("%v, %v", results, err)
		}
		return results, sequence
	}
	first := paper.Paper{ID: "a", Title: "alpha beta", Venue: "North"}
	results, one := upsert(first, paper.Paper{Title: "A Title, made up"}, paper.Paper{ID: "b"}, paper.Paper{ID: " c", Title: "x"}, paper.Paper{Title: "?!"})
	r.same("changes", changesOf(results), []catalog.Change{catalog.Created, catalog.Created, 0, 0, 0})
	if made := results[1].ID; !strings.HasPrefix(made, "title:") || len(made) != len("title:")+16 || results[1].Record.ID != made {
		t.Errorf("the id that was made up is %q", made)
	}
	for i, words := range map[int]string{2: "title", 3: "white space", 4: "id is empty and cannot be derived"} {
		r.refused(fmt.Sprint("paper ", i), results[i].Err, paper.Invalid, words)
	}
	if record := results[0].Record; record.Revision != 1 || record.TokenCount != 4 || results[0].Truncated() {
		t.Errorf("%+v", record)
	}
	r.same("embedded", r.model.embeddedTexts(), []string{"alpha beta", "A Title, made up"})
	// The same again changes nothing, and embeds nothing.
	results, two := upsert(first)
	r.same("again", []any{results[0].Change, two, r.model.embeddedTexts()}, []any{catalog.Unchanged, one, []string{}})
	// Another attribute keeps the vector.
	first.Venue = "South"
	results, three := upsert(first)
	r.same("another venue", []any{results[0].Change, results[0].Record.Revision, three > two, r.model.embeddedTexts()},
		[]any{catalog.Updated, 2, true, []string{}})
	// Another text is embedded.
	first.Title = "alpha gamma"
	upsert(first)
	r.same("another text", r.model.embeddedTexts(), []string{"alpha gamma"})
	a := r.search("gamma", engine.Semantic, engine.ResultOptions{})
	if a.Results[0].Record.ID != "a" || !near(a.Results[0].Score, cosineOf(2)) {
		t.Errorf("the new text is found as %+v", a.Results)
	}
	// A text that is too long is cut, and says so.
	results, _ = upsert(paper.Paper{ID: "long", Title: strings.Repeat("word ", longest+5)})
	if !results[0].Truncated() || results[0].Record.TokenCount != longest+2 {
		t.Errorf("a long text: %+v", results[0].Record)
	}
}

func TestUpsertIsBounded(t *testing.T) {
	r := newRig(t)
	for _, n := range []int{0, engine.MaxBatch + 1} {
		_, _, err := r.Upsert(r.Context(), "", make([]paper.Paper, n), embed.Interactive)
		r.refused(fmt.Sprint(n), err, paper.Invalid, fmt.Sprintf("papers has %d items", n))
	}
	// Papers that are refused alone leave the sequence as it is.
	results, sequence, err := r.Upsert(r.Context(), "", make([]paper.Paper, 2), embed.Interactive)
	if err != nil || sequence != 0 || results[0].Err == nil || results[1].Err == nil {
		t.Errorf("%+v at %d, %v", results, sequence, err)
	}
}

// Where an id stands twice in a group, the later wins, and texts that come back are
// embedded anew.
func TestUpsertOfOneIDTwice(t *testing.T) {
	r := newRig(t)
	p := func(title string) paper.Paper { return paper.Paper{ID: "a", Title: title} }
	r.put(p("one"))
	results, _, err := r.Upsert(r.Context(), "", []paper.Paper{p("two"), p("one"), p("three")}, embed.Interactive)
	if err != nil {
		t.Fatal(err)
	}
	r.same("changes", changesOf(results), []catalog.Change{catalog.Updated, catalog.Updated, catalog.Updated})
	for query, want := range map[string]float64{"three": 1, "one": 0, "two": 0} {
		if got := r.search(query, engine.Semantic, engine.ResultOptions{}).Results[0].Score; !near(got, want) {
			t.Errorf("%s scores %v, not %v", query, got, want)
		}
	}
}

// Days on which a paper was listed add up, over all imports.
func TestListedDatesAddUp(t *testing.T) {
	r := newRig(t)
	day := func(d int) paper.Date { return paper.Date{Year: 2024, Month: 3, Day: d} }
	p := func(days ...paper.Date) paper.Paper {
		return paper.Paper{ID: "a", Title: "alpha", ListedDates: days}
	}
	r.put(p(day(7)), p(day(5), day(5)))
	r.put(p(day(6)))
	found, _, err := r.Get(r.Context(), "", []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	r.same("listed", found[0].ListedDates, []paper.Date{day(5), day(6), day(7)})
	results, _, err := r.Upsert(r.Context(), "", []paper.Paper{p(day(6))}, embed.Interactive)
	r.same("a day that is known", []any{changesOf(results), err}, []any{[]catalog.Change{catalog.Unchanged}, nil})
}

func TestUpdate(t *testing.T) {
	r := newRig(t, ladder(3)...)
	r.model.embeddedTexts()
	u, sequence, err := r.Update(r.Context(), "", "p02", func(p *paper.Paper) error {
		p.Venue = "Elsewhere"
		p.Categories[0] = "q-bio"
		return nil
	})
	if err != nil || u.Change != catalog.Updated || u.Record.Venue != "Elsewhere" || u.Record.Revision != 2 || sequence != 4 {
		t.Errorf("%+v at %d, %v", u, sequence, err)
	}
	r.same("embedded", r.model.embeddedTexts(), []string{})
	u, same, err := r.Update(r.Context(), "", "p02", func(*paper.Paper) error { return nil })
	if err != nil || u.Change != catalog.Unchanged || same != sequence {
		t.Errorf("nothing changed: %+v at %d, %v", u, same, err)
	}
	u, _, err = r.Update(r.Context(), "", "p02", func(p *paper.Paper) error { p.Title = "omega"; return nil })
	if err != nil || u.Record.Title != "omega" {
		t.Errorf("%+v, %v", u, err)
	}
	if a := r.search("omega", engine.Semantic, engine.ResultOptions{}); a.Results[0].Record.ID != "p02" || !near(a.Results[0].Score, 1) {
		t.Errorf("the new text is found as %+v", a.Results[0])
	}
	stop := errors.New("no")
	if _, _, err := r.Update(r.Context(), "", "p02", func(*paper.Paper) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the change: %v", err)
	}
	_, _, err = r.Update(r.Context(), "", "p02", func(p *paper.Paper) error { p.Title = ""; return nil })
	r.refused("a paper that is none", err, paper.Invalid, "title")
	_, _, err = r.Update(r.Context(), "", "nobody", func(*paper.Paper) error { t.Error("there is nothing to change"); return nil })
	r.refused("a paper that is not there", err, paper.NotFound, "nobody")
	r.put(paper.Paper{ID: "x", Title: "x", ArxivID: "2101.00001"})
	_, _, err = r.Update(r.Context(), "", "2101.00001", func(*paper.Paper) error { return nil })
	r.refused("another name of a paper", err, paper.NotFound, "2101.00001")
}

// Updates at the same time each see what the others left.
func TestUpdatesAddUp(t *testing.T) {
	r := newRig(t, ladder(1)...)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 10 {
				_, _, err := r.Update(r.Context(), "", "p01", func(p *paper.Paper) error {
					if p.Metadata == nil {
						p.Metadata = make(map[string]string)
					}
					p.Metadata[fmt.Sprint(w, "-", i)] = "done"
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	found, _, err := r.Get(r.Context(), "", []string{"p01"})
	if err != nil || len(found[0].Metadata) != 40 || found[0].Revision != 41 {
		t.Errorf("%d changes are left, revision %d, %v", len(found[0].Metadata), found[0].Revision, err)
	}
}

// A text that another writer changed between the embedding and the commit does not get
// the vector of the text before.
func TestWriterInBetween(t *testing.T) {
	r := newRig(t)
	r.put(paper.Paper{ID: "a", Title: "one"})
	other := engine.New(engine.OneModel{Model: newLexicon()}, r.memory, nil)
	done := false
	r.model.before = func(context.Context, []string, embed.Options) error {
		if done {
			return nil
		}
		done = true
		_, _, err := other.Upsert(t.Context(), "", []paper.Paper{{ID: "a", Title: "two"}}, embed.Interactive)
		return err
	}
	// "a" is as it is stored, and needs no vector; by the time of the commit it does.
	results, _, err := r.Upsert(r.Context(), "", []paper.Paper{{ID: "a", Title: "one"}, {ID: "b", Title: "three"}}, embed.Interactive)
	if err != nil || results[0].Err != nil || results[0].Change != catalog.Updated {
		t.Fatalf("%+v, %v", results, err)
	}
	r.model.before = nil
	a := r.search("one", engine.Semantic, engine.ResultOptions{})
	if a.Results[0].Record.Title != "one" || !near(a.Results[0].Score, 1) {
		t.Errorf("found %+v", a.Results[0])
	}
}

func TestDelete(t *testing.T) {
	r := newRig(t, ladder(4)...)
	n, missing, sequence, err := r.Delete(r.Context(), "", []string{"p03", "nobody", "p01", "p03"})
	r.same("deleted", []any{n, missing, sequence, err}, []any{2, []string{"nobody"}, 6, nil})
	r.same("left", found(r.answer(asks()[0], engine.ResultOptions{}).Results), "p02 p04")
	n, missing, sequence, err = r.Delete(r.Context(), "", []string{"p03"})
	r.same("again", []any{n, missing, sequence, err}, []any{0, []string{"p03"}, 6, nil})
	for _, size := range []int{0, engine.MaxBatch + 1} {
		_, _, _, err := r.Delete(r.Context(), "", make([]string, size))
		r.refused(fmt.Sprint(size), err, paper.Invalid, fmt.Sprintf("ids has %d items", size))
	}
}

func TestImport(t *testing.T) {
	r := newRig(t)
	var ids []string
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("i%03d", i))
	}
	stream := incoming(ids...)
	stream[40].Paper.Title = "" // refused
	stream[50] = engine.Incoming{Index: 50, Delete: true, Paper: paper.Paper{ID: "i007"}}
	stream[51] = engine.Incoming{Index: 51, Delete: true, Paper: paper.Paper{ID: "nobody"}}
	stream[52] = engine.Incoming{Index: 52, Delete: true}
	stream[60].Paper = stream[10].Paper // the same again
	acks, err := r.imported(r.Context(), stream...)
	if err != nil {
		t.Fatal(err)
	}
	count, last := 0, uint64(0)
	for _, a := range acks {
		if len(a.Papers) != len(a.Results) || a.Sequence < last {
			t.Errorf("%d papers, %d results, sequence %d after %d", len(a.Papers), len(a.Results), a.Sequence, last)
		}
		last = a.Sequence
		for i, u := range a.Results {
			in := a.Papers[i]
			want := catalog.Created
			switch in.Index {
			case 40, 52:
				want = 0
			case 50:
				want = catalog.Deleted
			case 51:
				want = catalog.Missing
			case 60:
				want = catalog.Unchanged
			}
			if int(in.Index) != count || u.Change != want || (u.Err != nil) != (want == 0) {
				t.Errorf("paper %d at %d: change %d, not %d, %v", in.Index, count, u.Change, want, u.Err)
			}
			count++
		}
		if a.Count != uint64(count) {
			t.Errorf("%d are acknowledged, %d were seen", a.Count, count)
		}
	}
	info, err := r.Info(r.Context(), "")
	r.same("in the end", []any{count, info.Papers, info.Sequence, err}, []any{100, 94, last, nil})
	for _, c := range r.model.calls {
		if c.opt.Class != embed.Bulk || c.opt.Role != embed.Document {
			t.Errorf("an import embeds with %+v", c.opt)
		}
	}
}

// Vectors that come with papers are stored as they are, if they are of the space.
func TestImportWithVectors(t *testing.T) {
	r := newRig(t)
	ready, _, err := r.model.Embed(r.Context(), []string{"omega"}, embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	vector, space := ready[0].Vector, r.model.space.Fingerprint()
	r.model.embeddedTexts()
	in := incoming("a", "b", "c", "d", "e")
	for i := range in {
		in[i].Vector, in[i].Space = slices.Clone(vector), space
	}
	in[1].Vector = in[1].Vector[1:]
	in[2].Vector[5] = 1
	in[4].Vector[7] = float32(math.NaN())
	in[3].Paper.Title = strings.Repeat("word ", longest+1)
	acks, err := r.imported(r.Context(), in...)
	if err != nil {
		t.Fatal(err)
	}
	var results []engine.Upserted
	for _, a := range acks {
		results = append(results, a.Results...)
	}
	r.same("changes", changesOf(results), []catalog.Change{catalog.Created, 0, 0, catalog.Created, 0})
	r.refused("a vector that is not finite", results[4].Err, paper.Invalid, "vector is NaN at position 7")
	r.refused("a vector of another length", results[1].Err, paper.Invalid, "vector has 511 numbers")
	r.refused("a vector that is no unit", results[2].Err, paper.Invalid, "divide it by its length")
	r.same("tokens", []any{results[0].Record.TokenCount, results[0].Truncated(), results[3].Record.TokenCount, results[3].Truncated()},
		[]any{5, false, longest + 2, true})
	r.same("embedded", r.model.embeddedTexts(), []string{})
	if a := r.search("omega", engine.Semantic, engine.ResultOptions{}); !near(a.Results[0].Score, 1) {
		t.Errorf("the vector was not kept: %+v", a.Results)
	}
	for name, test := range map[string]struct {
		space string
		kind  paper.Kind
		words string
	}{
		"no space": {"", paper.Invalid, "space is empty"}, "another space": {"0123", paper.FailedPrecondition, "vectors of two spaces cannot be compared"},
	} {
		in := incoming("x", "y")
		in[1].Vector, in[1].Space = vector, test.space
		_, err := r.imported(r.Context(), in...)
		r.refused(name, err, test.kind, test.words)
	}
}

// The first error of the stream, of an acknowledgement or of the catalog ends an
// import; what was acknowledged stays.
func TestImportEnds(t *testing.T) {
	stop := errors.New("stop")
	var ids []string
	for i := range 200 {
		ids = append(ids, fmt.Sprintf("i%03d", i))
	}
	for name, test := range map[string]struct {
		sent, acked int // how many before an error; 0 is none
		fail        func(r *rig)
	}{
		"the sender":          {sent: 70},
		"the acknowledgement": {acked: 2},
		"the catalog": {fail: func(r *rig) {
			n := 0
			r.fault = func(_ context.Context, call string) error {
				if call == "Apply" {
					if n++; n == 3 {
						return stop
					}
				}
				return nil
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if test.fail != nil {
				test.fail(r)
			}
			stream := incoming(ids...)
			at, acked, durable := 0, 0, uint64(0)
			err := r.Import(r.Context(), "", func(context.Context) (engine.Incoming, error) {
				if at++; at == test.sent+1 && test.sent > 0 {
					return engine.Incoming{}, stop
				}
				if at > len(stream) {
					return engine.Incoming{}, io.EOF
				}
				return stream[at-1], nil
			}, func(a engine.Acknowledged) error {
				durable = a.Count
				if acked++; acked == test.acked {
					return stop
				}
				return nil
			})
			if !errors.Is(err, stop) {
				t.Errorf("it ends with %v", err)
			}
			r.fault = nil
			info, err := r.Info(r.Context(), "")
			if err != nil || uint64(info.Papers) < durable || info.Papers >= 200 {
				t.Errorf("%d papers are there, %d were acknowledged, %v", info.Papers, durable, err)
			}
		})
	}
}

// turns count what is taken and given back.
type turns struct {
	mu          sync.Mutex // guards what follows
	units, open int
	classes     []string
	err         error
}

func (t *turns) Turn(_ context.Context, class string, units int) (func(), error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return nil, t.err
	}
	t.units += units
	t.open++
	t.classes = append(t.classes, class)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.open--
	}, nil
}

// Groups of streams take turns, one each, and give them back.
func TestStreamsTakeTurns(t *testing.T) {
	r := newRig(t)
	taken := &turns{}
	r.Engine = engine.New(engine.OneModel{Model: r.model}, r.memory, taken)
	var ids []string
	for i := range 70 {
		ids = append(ids, fmt.Sprintf("i%03d", i))
	}
	if _, err := r.imported(r.Context(), incoming(ids...)...); err != nil {
		t.Fatal(err)
	}
	r.same("import", []any{taken.units, taken.open, slices.Compact(slices.Clone(taken.classes))}, []any{70, 0, []string{"import"}})
	if n := len(taken.classes); n < 3 { // a group has 32 papers at most
		t.Errorf("70 papers took %d turns", n)
	}
	taken.err = &paper.Error{Kind: paper.Exhausted, Reason: paper.ReasonQueueFull}
	_, err := r.imported(r.Context(), incoming("x")...)
	r.refused("no turn", err, paper.Exhausted, "")
}

func TestEmbedTexts(t *testing.T) {
	r := newRig(t)
	got, _, err := r.EmbedTexts(r.Context(), []engine.Input{{Plain: "alpha"}, {Paper: &engine.Text{Title: "alpha", Abstract: "beta"}}}, embed.Options{Role: embed.Query})
	if err != nil || len(got) != 2 || got[0].Tokens != 3 || got[1].Tokens != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	r.same("calls", r.model.calls, []embedded{{[]string{"alpha", "alpha beta"}, embed.Options{Role: embed.Query}}})
	for words, inputs := range map[string][]engine.Input{
		"inputs has 0 items":             nil,
		"inputs has 257 items":           make([]engine.Input, engine.MaxEmbedInputs+1),
		"inputs[1] is empty":             {{Plain: "x"}, {Plain: " "}},
		"inputs[0] has neither title":    {{Paper: &engine.Text{}}},
		"inputs[0].title is 4097 bytes":  {{Paper: &engine.Text{Title: strings.Repeat("x", 4097)}}},
		"inputs[0].abstract is 262145":   {{Paper: &engine.Text{Abstract: strings.Repeat("x", 256<<10+1)}}},
		"inputs[0] is 262145 bytes long": {{Plain: strings.Repeat("x", 256<<10+1)}},
	} {
		_, _, err := r.EmbedTexts(r.Context(), inputs, embed.Options{})
		r.refused(words, err, paper.Invalid, words)
	}
}

func TestTokenize(t *testing.T) {
	r := newRig(t)
	got, err := r.Tokenize(r.Context(), []string{"alpha beta", ""}, 3, false)
	if err != nil || len(got) != 2 || len(got[0].IDs) != 3 || !got[0].Truncated || len(got[1].IDs) != 2 || got[1].Truncated {
		t.Errorf("%+v, %v", got, err)
	}
	for words, test := range map[string]struct{ n, most int }{
		"texts has 0 items": {0, 0}, "texts has 257 items": {257, 0}, "max_tokens is -1": {1, -1}, "max_tokens is 1;": {1, 1},
	} {
		_, err := r.Tokenize(r.Context(), make([]string, test.n), test.most, false)
		r.refused(words, err, paper.Invalid, words)
	}
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	if _, err := r.Tokenize(ctx, []string{"x"}, 0, false); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A stream of texts is answered in order, each input for itself.
func TestEmbedStream(t *testing.T) {
	r := newRig(t)
	stream := make([]engine.StreamInput, 80)
	for i := range stream {
		stream[i] = engine.StreamInput{Index: uint64(i) + 100, Input: engine.Input{Plain: fmt.Sprintf("text%d", i)}}
	}
	stream[3].Plain = ""
	stream[5].Plain = strings.Repeat("word ", longest+1)
	stream[7].Paper = &engine.Text{Title: "paper"}
	for _, refuse := range []bool{false, true} {
		at, n := 0, 0
		err := r.EmbedStream(r.Context(), embed.Options{RefuseLong: refuse}, func(context.Context) (engine.StreamInput, error) {
			if at == len(stream) {
				return engine.StreamInput{}, io.EOF
			}
			at++
			return stream[at-1], nil
		}, func(e engine.StreamEmbedding) error {
			if e.Index != uint64(n)+100 {
				t.Errorf("%d comes at %d", e.Index, n)
			}
			bad := n == 3 || n == 5 && refuse
			if (e.Err != nil) != bad || (e.Embedding.Vector == nil) != bad || e.Embedding.Truncated != (n == 5 && !refuse) {
				t.Errorf("input %d, refusing long ones %v: %v, %v", n, refuse, e.Err, e.Embedding.Truncated)
			}
			n++
			return nil
		})
		if err != nil || n != len(stream) {
			t.Errorf("%d answers, %v", n, err)
		}
	}
	for _, c := range r.model.calls {
		if c.opt.Class != embed.Bulk {
			t.Errorf("a stream embeds with %+v", c.opt)
		}
	}
	stop := errors.New("stop")
	err := r.EmbedStream(r.Context(), embed.Options{}, func(context.Context) (engine.StreamInput, error) { return stream[0], nil },
		func(engine.StreamEmbedding) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("an error of send: %v", err)
	}
}
