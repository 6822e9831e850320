package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	akinv1 "akin/proto/akin/v1"
)

// unusual papers, beside those of the sample: no abstract, other scripts, marks
// of every kind.
const unusual = `{"id": "title-only", "title": "Sentence evidence without an abstract"}
{"id": "accents", "title": "Évidence", "abstract": "Élan vital: “sentence evidence” naïvely costs €5. Ça va très bien!\nÜber alles Mögliche, d. h. sentence evidence — überall."}
{"id": "cjk", "title": "句子证据", "abstract": "我们提出一种方法。句子证据 sentence evidence 很好！真的吗？"}
{"id": "marks", "title": "Marks", "abstract": "Sentence evidence, e.g. of Smith et al. (2019), gains $x = 0.5$ points [1, 2]. 😀 It is new."}
`

func evidenceServer(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	extra := filepath.Join(dir, "unusual.jsonl")
	if err := os.WriteFile(extra, []byte(unusual), 0o600); err != nil {
		t.Fatal(err)
	}
	data := sampleData(t)
	mustRun(t, "import", "--data", data, extra)
	return host(t, data)
}

func (s *server) search(t *testing.T, args ...string) *akinv1.SearchResponse {
	t.Helper()
	return unmarshal(t, mustRun(t, append([]string{"search", "--json", "--server", s.grpc}, args...)...), new(akinv1.SearchResponse))
}

func (s *server) similar(t *testing.T, args ...string) *akinv1.SimilarResponse {
	t.Helper()
	return unmarshal(t, mustRun(t, append([]string{"similar", "--json", "--server", s.grpc}, args...)...), new(akinv1.SimilarResponse))
}

func (s *server) recommend(t *testing.T, args ...string) *akinv1.RecommendResponse {
	t.Helper()
	return unmarshal(t, mustRun(t, append([]string{"recommend", "--json", "--server", s.grpc}, args...)...), new(akinv1.RecommendResponse))
}

func (s *server) paper(t *testing.T, id string) *akinv1.Paper {
	t.Helper()
	return unmarshal(t, mustRun(t, "get", "--json", "--server", s.grpc, id), new(akinv1.Paper))
}

// fieldOf is the text that evidence points into.
func fieldOf(p *akinv1.Paper, field akinv1.EvidenceField) string {
	if field == akinv1.EvidenceField_EVIDENCE_FIELD_TITLE {
		return p.GetTitle()
	}
	return p.GetAbstract()
}

// checkPlaces holds every sentence to its place.
func checkPlaces(t *testing.T, s *server, results []*akinv1.Result, examples []string) {
	t.Helper()
	if len(results) == 0 {
		t.Fatal("no results")
	}
	for _, r := range results {
		if len(r.GetEvidence()) == 0 {
			t.Errorf("%s has no evidence", r.GetPaper().GetId())
		}
		for _, e := range r.GetEvidence() {
			text := fieldOf(r.GetPaper(), e.GetField())
			if got := text[e.GetStart():e.GetEnd()]; got != e.GetText() || got == "" {
				t.Errorf("%s: %q at its place, %q said", r.GetPaper().GetId(), got, e.GetText())
			}
			if (e.GetField() == akinv1.EvidenceField_EVIDENCE_FIELD_TITLE) != (r.GetPaper().GetAbstract() == "") {
				t.Errorf("%s: evidence from %s", r.GetPaper().GetId(), e.GetField())
			}
			if e.GetSimilarity() < -1 || e.GetSimilarity() > 1.0001 {
				t.Errorf("similarity %v", e.GetSimilarity())
			}
			for _, term := range e.GetMatchedTerms() {
				if !strings.Contains(e.GetText(), term) {
					t.Errorf("%q is not in %q", term, e.GetText())
				}
			}
			of := e.GetOf()
			if (of == nil) != (examples == nil) {
				t.Fatalf("%s: of %v", r.GetPaper().GetId(), of)
			}
			if of == nil || of.GetPaperId() == "" {
				continue
			}
			if examples[of.GetExample()] != of.GetPaperId() {
				t.Errorf("example %d is %s, not %s", of.GetExample(), examples[of.GetExample()], of.GetPaperId())
			}
			if got := fieldOf(s.paper(t, of.GetPaperId()), of.GetField())[of.GetStart():of.GetEnd()]; got != of.GetText() {
				t.Errorf("%s: %q at its place, %q said", of.GetPaperId(), got, of.GetText())
			}
		}
	}
}

// TestSentences asks one server, whose papers are embedded once.
func TestSentences(t *testing.T) {
	s := evidenceServer(t)
	t.Run("evidence", func(t *testing.T) { testEvidence(t, s) })
	t.Run("rerank", func(t *testing.T) { testRerank(t, s) })
	t.Run("limits", func(t *testing.T) { testSentenceLimits(t, s) })
	t.Run("deleted", func(t *testing.T) { testEvidenceOfDeletedPapers(t, s) })
}

func testEvidence(t *testing.T, s *server) {
	t.Run("search", func(t *testing.T) {
		for _, mode := range []string{"hybrid", "semantic", "lexical"} {
			results := s.search(t, "--evidence", "-n", "20", "--mode", mode, "sentence evidence").GetResults()
			checkPlaces(t, s, results, nil)
			for _, id := range []string{"title-only", "accents", "cjk", "marks"} {
				if !slices.ContainsFunc(results, func(r *akinv1.Result) bool { return r.GetPaper().GetId() == id }) {
					t.Errorf("%s: %s is not among the results", mode, id)
				}
			}
		}
	})
	t.Run("similar", func(t *testing.T) {
		for _, ids := range [][]string{{"arXiv:1706.03762"}, {"title-only"}, {"cjk"}, {"arXiv:1706.03762", "arXiv:1512.03385", "accents"}} {
			checkPlaces(t, s, s.similar(t, append([]string{"--evidence"}, ids...)...).GetResults(), ids)
		}
		results := s.similar(t, "--evidence", "--title", "A title", "--abstract", "Nothing to see. Residual networks are deep, like sentence evidence.").GetResults()
		checkPlaces(t, s, results, []string{""})
		if of := results[0].GetEvidence()[0].GetOf(); of.GetText() != "Residual networks are deep, like sentence evidence." || of.GetStart() != 16 {
			t.Errorf("of %v", of)
		}
	})
	t.Run("recommend", func(t *testing.T) {
		likes := []string{"arXiv:1706.03762", "arXiv:1512.03385", "marks"}
		for _, strategy := range []string{"hybrid", "top-mean", "best-score", "mean-vector"} {
			results := s.recommend(t, "--evidence", "--strategy", strategy, "--like", likes[0], "--like", likes[1], "--like", likes[2], "--unlike", "cjk", "--like-text", "image segmentation").GetResults()
			checkPlaces(t, s, results, append(likes, ""))
			for _, r := range results {
				if d := r.GetDrivenBy(); len(d) > 0 && d[0].GetExample() != r.GetEvidence()[0].GetOf().GetExample() {
					t.Errorf("%s is driven by example %d, and its evidence is of %d", r.GetPaper().GetId(), d[0].GetExample(), r.GetEvidence()[0].GetOf().GetExample())
				}
			}
		}
	})
	t.Run("not asked for", func(t *testing.T) {
		if e := s.search(t, "sentence evidence").GetResults()[0].GetEvidence(); len(e) > 0 {
			t.Errorf("evidence %v", e)
		}
	})
	t.Run("for people", func(t *testing.T) {
		out := mustRun(t, "similar", "--server", s.grpc, "--evidence", "-n", "1", "marks")
		if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 4 || !strings.HasPrefix(lines[3], strings.Repeat(" ", 13)+"  ~ ") {
			t.Errorf("printed\n%s", out)
		}
	})
}

// A list that is pinned outlives its papers; evidence is left out where a side of
// it is gone.
func testEvidenceOfDeletedPapers(t *testing.T, s *server) {
	args := []string{"--evidence", "-n", "3", "marks"}
	first := s.similar(t, args...)
	token := []string{"--page-token", first.GetNextPageToken()}
	second := s.similar(t, append(token, args...)...)
	mustRun(t, "delete", "--server", s.grpc, "marks", second.GetResults()[0].GetPaper().GetId())
	again := s.similar(t, append(token, args...)...)
	if len(again.GetResults()) != 2 || again.GetResults()[0].GetPaper().GetId() != second.GetResults()[1].GetPaper().GetId() {
		t.Fatalf("got %v", again.GetResults())
	}
	for _, r := range again.GetResults() {
		if len(r.GetEvidence()) > 0 {
			t.Errorf("evidence of a deleted paper: %v", r.GetEvidence())
		}
	}
}

func testRerank(t *testing.T, s *server) {
	for name, ask := range map[string]func(args ...string) ([]*akinv1.Result, string){
		"search": func(args ...string) ([]*akinv1.Result, string) {
			r := s.search(t, append(args, "how do transformers attend")...)
			return r.GetResults(), r.GetNextPageToken()
		},
		"similar": func(args ...string) ([]*akinv1.Result, string) {
			r := s.similar(t, append(args, "arXiv:1706.03762", "accents")...)
			return r.GetResults(), r.GetNextPageToken()
		},
	} {
		t.Run(name, func(t *testing.T) {
			plain, _ := ask("-n", "60")
			whole, _ := ask("-n", "60", "--rerank", "30")
			before, after := idsOf(plain), idsOf(whole)
			if slices.Equal(before, after) {
				t.Error("nothing moved")
			}
			if !slices.Equal(before[30:], after[30:]) {
				t.Error("results beyond those asked for moved")
			}
			slices.Sort(before[:30])
			top := slices.Clone(after[:30])
			if slices.Sort(top); !slices.Equal(before[:30], top) {
				t.Error("papers came or went")
			}
			for i := 1; i < len(whole); i++ {
				if whole[i].GetScore() > whole[i-1].GetScore() {
					t.Errorf("score %d is above the one before", i)
				}
			}
			for _, size := range []int{7, 20} {
				var pages []string
				args := []string{"-n", strconv.Itoa(size), "--rerank", "30"}
				for token := ""; len(pages) < 60; {
					results, next := ask(append(args, "--page-token", token)...)
					pages, token = append(pages, idsOf(results)...), next
				}
				if !slices.Equal(pages[:60], after) {
					t.Errorf("pages of %d cut another list", size)
				}
			}
		})
	}
}

func testSentenceLimits(t *testing.T, s *server) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--rerank", "101"}, "rerank is 101; it must be between 0"},
		{[]string{"--rerank=-1"}, "rerank is -1; it must be between 0"},
		{[]string{"--evidence", "-n", "21"}, "--page-size is 21; with evidence the limit is 20"},
	} {
		code, _, errOut := run(t, "", append([]string{"search", "--server", s.grpc, "text"}, c.args...)...)
		if code != 2 || !strings.Contains(errOut, c.want) {
			t.Errorf("%v: exit code %d, %s", c.args, code, errOut)
		}
	}
}
