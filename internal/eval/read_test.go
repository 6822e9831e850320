package eval

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"akin/internal/paper"
)

const mini = "../../testdata/eval/mini"

func compressed(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOpenDataset(t *testing.T) {
	d, err := OpenDataset(mini, Source{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "mini" || len(d.Papers) != 6 || d.Papers[1].Title != "Owl calls and how to tell them apart" {
		t.Errorf("read %q with %v", d.Name, d.Papers)
	}
	want := []Query{
		{ID: "owls", Text: "recognise owls from sound"},
		{ID: "p1_method", PaperID: "p1", Facet: "method", Candidates: []string{"p2", "p4", "p5"}},
		{ID: "nothing", Text: "volcanoes"},
	}
	if !reflect.DeepEqual(d.Queries, want) {
		t.Errorf("queries are %+v", d.Queries)
	}
	if _, ok := d.Qrels["p1_method"]["p1"]; ok || len(d.Qrels["p1_method"]) != 3 {
		t.Errorf("a paper is judged against itself: %v", d.Qrels["p1_method"])
	}
}

func TestOpenDatasetRefuses(t *testing.T) {
	good := map[string]string{
		"corpus.jsonl":  `{"id":"p"}`,
		"queries.jsonl": `{"id":"q","text":"x"}`,
		"qrels.tsv":     "q\tp\t1\n",
	}
	for _, c := range []struct{ file, text, want string }{
		{"corpus.jsonl", `{"id":"other"}`, `"p", which the corpus lacks`},
		{"queries.jsonl", `{"id":"other","text":"x"}`, `"q", which the queries lack`},
		{"queries.jsonl", `{"id":"q","paper_id":"y"}`, `asks for paper "y", which the corpus lacks`},
		{"qrels.tsv", "", "qrels.tsv, plain or gzip: open "},
		{"qrels.tsv", "q\tp\n", "qrels.tsv.gz:1: has 2 fields"},
	} {
		files := maps.Clone(good)
		files[c.file] = c.text
		dir := t.TempDir()
		for name, text := range files {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name+".gz"), []byte(compressed(t, text)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := OpenDataset(dir, Source{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %v", c.file, c.text, err)
		}
	}
}

func TestReadersNameFileAndLine(t *testing.T) {
	corpus := func(r io.Reader) error { _, err := ReadCorpus(r, "f"); return err }
	queries := func(r io.Reader) error { _, err := ReadQueries(r, "f"); return err }
	qrels := func(r io.Reader) error { _, err := ReadQrels(r, "f"); return err }
	run := func(r io.Reader) error { _, err := ReadRun(r, "f"); return err }
	for _, c := range []struct {
		read       func(io.Reader) error
		text, want string
	}{
		{corpus, "\n{", "f:2: read a paper"},
		{corpus, `{"title":"t"}`, "f:1: the id is missing"},
		{corpus, "{\"id\":\"a\"}\n\n{\"id\":\"a\"}", `f:3: id "a" is there already, in line 1`},
		{corpus, `{"id":1}`, "f:1: read a paper"},
		{corpus, `{"id":"` + strings.Repeat("x", maxLineBytes), "f:1: read a line"},
		{corpus, "\x1f\x8bnot gzip", "f: decompress"},
		{corpus, compressed(t, `{"id":"a"}`)[:20], "f:1: read a line"},
		{queries, `{"id":"a"}`, "f:1: query"},
		{queries, `{"id":"a","text":"x","paper_id":"b"}`, "f:1: query"},
		{queries, `[]`, "f:1: read a query"},
		{qrels, "q\tp\t1\nq p 1", "f:2: has 1 fields"},
		{qrels, "q\tp\tone", `f:1: grade "one"`},
		{qrels, "q\tp\t99999999999", "f:1: grade"},
		{qrels, "q\tp\t1\nquery\tid\tscore", `f:2: grade "score"`},
		{qrels, "\tp\t1", "f:1: the query or the paper is empty"},
		{qrels, "q\tp\t1\nq\tp\t1", `f:2: query "q" judges paper "p" a second time`},
		{run, "q Q0 p 1 0.5", "f:1: has 5 fields"},
		{run, "q Q0 p 1 NaN tag", `f:1: score "NaN"`},
		{run, "q Q0 p 1 1e999 tag", `f:1: score "1e999"`},
		{run, "q Q0 p 1 2 tag\nq Q0 p 2 1 tag", `f:2: query "q" has paper "p" already, in line 1`},
	} {
		if err := c.read(strings.NewReader(c.text)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.40q: %v; want %q", c.text, err, c.want)
		}
	}
	if err := qrels(strings.NewReader("q\tp\tx")); paper.KindOf(err) != paper.Invalid {
		t.Errorf("a bad grade is of kind %v", paper.KindOf(err))
	}
}

func TestReadQrels(t *testing.T) {
	want := Qrels{"q": {"p": 1, "r": -2}, "s": {"two words": 0}}
	text := "query-id\tcorpus-id\tscore\nq\tp\t1\r\n\nq\tr\t-2\ns\ttwo words\t0"
	for _, in := range []string{text, compressed(t, text)} {
		if got, err := ReadQrels(strings.NewReader(in), "f"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read %v, %v", got, err)
		}
	}
}

func TestSortBreaksTiesAsTrecEval(t *testing.T) {
	list := []Scored{{"a", 1}, {"c", 1 + 1e-12}, {"b", 1 + 2e-12}, {"B", 1}, {"d", 0.5}, {"é", 1}, {"a10", 2}, {"a9", 2}}
	Sort(list)
	var ids []string
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	if want := []string{"a9", "a10", "é", "c", "b", "a", "B", "d"}; !slices.Equal(ids, want) {
		t.Errorf("order is %v, want %v", ids, want)
	}
}

func TestRunFile(t *testing.T) {
	f, err := os.Open(mini + "/run.trec")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	run, err := ReadRun(f, "run.trec")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := WriteRun(&b, run, "mini"); err != nil {
		t.Fatal(err)
	}
	want := "owls Q0 p2 1 0.75 mini\nowls Q0 p3 2 0.5 mini\nowls Q0 p1 3 0.5 mini\n" +
		"p1_method Q0 p5 1 3 mini\np1_method Q0 p4 2 2.5 mini\np1_method Q0 p2 3 -0.001 mini\n"
	if b.String() != want {
		t.Errorf("wrote\n%s", b.String())
	}
}

func TestWriteRunRefuses(t *testing.T) {
	for _, run := range []Run{
		{"two words": ranked("a")},
		{"": ranked("a")},
		{"q": ranked("a b")},
		{"q": ranked("")},
		{"q": ranked("a", "a")},
	} {
		if err := WriteRun(io.Discard, run, "tag"); err == nil {
			t.Errorf("%v was written", run)
		}
	}
	if err := WriteRun(io.Discard, nil, ""); err == nil {
		t.Error("a run without a tag was written")
	}
	if err := WriteRun(broken{}, Run{"q": ranked("a")}, "tag"); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a write error is %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRunRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := Run{}
		for _, query := range rapid.SliceOfDistinct(rapid.StringMatching(`[^\s\pC\pZ]{1,4}`), rapid.ID).Draw(t, "queries") {
			for _, id := range rapid.SliceOfNDistinct(rapid.StringMatching(`[^\s\pC\pZ]{1,3}`), 1, 9, rapid.ID).Draw(t, "ids") {
				run[query] = append(run[query], Scored{id, rapid.Float64().Draw(t, "score")})
			}
			Sort(run[query])
		}
		var b bytes.Buffer
		if err := WriteRun(&b, run, "tag"); err != nil {
			t.Fatal(err)
		}
		if back, err := ReadRun(&b, "f"); err != nil || !reflect.DeepEqual(back, run) {
			t.Errorf("%v came back as %v, %v", run, back, err)
		}
	})
}

// What the run reader takes, the writer writes, and it reads the same again.
func FuzzReadRun(f *testing.F) {
	f.Add("q Q0 p 1 0.5 tag\n")
	f.Add("q Q0 p 1 0.5 tag\r\nq Q0 r x -1e-300 tag\n\n")
	f.Add("q Q0 p 1 0x1p-2 tag")
	f.Add("\x1f\x8b")
	f.Fuzz(func(t *testing.T, text string) {
		run, err := ReadRun(strings.NewReader(text), "f")
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := WriteRun(&b, run, "tag"); err != nil {
			t.Fatal(err)
		}
		back, err := ReadRun(&b, "f")
		if err != nil || !reflect.DeepEqual(back, run) {
			t.Errorf("%v came back as %v, %v", run, back, err)
		}
	})
}

// What the judgement reader takes is well formed and can be scored.
func FuzzReadQrels(f *testing.F) {
	f.Add("q\tp\t1\n")
	f.Add("query-id\tcorpus-id\tscore\nq\tp\t-1\r\n")
	f.Add("q\tp\t2147483647\nq\tr\t2147483647\n")
	f.Add("\x1f\x8b\x08")
	f.Fuzz(func(t *testing.T, text string) {
		qrels, err := ReadQrels(strings.NewReader(text), "f")
		if err != nil {
			return
		}
		for query, judged := range qrels {
			if query == "" || len(judged) == 0 {
				t.Fatalf("query %q has judgements %v", query, judged)
			}
			topic := newTopic(ranked(slices.Sorted(maps.Keys(judged))...), judged, 1)
			for _, m := range allMetrics {
				if v := topic.value(m); !(v >= 0 && v <= 1+1e-9) {
					t.Fatalf("%v is %v of %v", m, v, judged)
				}
			}
		}
	})
}
