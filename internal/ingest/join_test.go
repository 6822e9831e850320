package ingest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"akin/internal/paper"
)

// collect reads all papers of paths with a join of its own memory.
func collect(t *testing.T, memory int, paths ...string) []result {
	t.Helper()
	var all []result
	j := &join{memory: memory}
	yield := func(row Row, err error) bool {
		var rejected *RejectedError
		switch {
		case errors.As(err, &rejected):
			all = append(all, result{Line: rejected.Line, Rejected: rejected.Reason, Raw: string(rejected.Raw)})
		case err != nil:
			all = append(all, result{Rejected: err.Error()})
		default:
			all = append(all, result{Line: row.Source.Line, Deleted: row.Deleted, Paper: &row.Paper})
		}
		return true
	}
	files, err := Walk(paths)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		eachPaper(t.Context(), file, Options{}, j, yield)
	}
	j.each(t.Context(), yield)
	return all
}

func TestJoin(t *testing.T) {
	papers, abstracts := filepath.Join(fixtures, "s2ag-papers.jsonl"), filepath.Join(fixtures, "s2ag-abstracts.jsonl")
	const want = `R4 corpusid must be a whole number, but is "x"
R5 corpusid is missing
P2 Quiet Sensors | Sensors that say little last long.
R3 paper is not valid: title is empty, and so is the abstract; a paper needs at least one of them
P1 Sparse Wavelets for Tidal Gauges | We fit sparse wavelets to tide records.
R4 there is no paper with the corpusid 4 among the files
R5 there is no paper with the corpusid 5 among the files
D6 s2:9
`
	t.Setenv("TMPDIR", t.TempDir())
	for _, memory := range []int{spillBytes, 1} {
		for _, paths := range [][]string{{papers, abstracts}, {abstracts, papers}} {
			if got := summarize(collect(t, memory, paths...)); got != want {
				t.Errorf("%d bytes: got:\n%swant:\n%s", memory, got, want)
			}
		}
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	alone := summarize(collect(t, 1, papers))
	if !strings.HasPrefix(alone, "P1 Sparse Wavelets for Tidal Gauges | \nP2 Quiet Sensors | \nR3") || !strings.HasSuffix(alone, "D6 s2:9\n") {
		t.Errorf("papers alone: got %s", alone)
	}
	if got := summarize(collect(t, 1, abstracts)); !strings.Contains(got, "these are abstracts without titles; name the files of their papers") {
		t.Errorf("abstracts alone: got %s", got)
	}
}

// TestJoinUpdates reads a full file and the files of a later release: the last
// row of each paper and abstract counts.
func TestJoinUpdates(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for i, content := range []string{
		`{"corpusid":1,"title":"Old"}` + "\n" + `{"corpusid":2,"title":"Stays"}` + "\n" + `{"corpusid":3,"title":"Goes"}`,
		`{"corpusid":1,"openaccessinfo":{},"abstract":"old"}` + "\n" + `{"corpusid":2,"openaccessinfo":{},"abstract":"stays"}`,
		`{"corpusid":1,"title":"New"}`,
		`{"corpusid":1,"openaccessinfo":{},"abstract":"new"}`,
		`{"corpusid":3}`,
	} {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	const want = "P1 Old | new\nP1 New | new\nP2 Stays | stays\nP3 Goes | \nD1 s2:3\n"
	if got := summarize(collect(t, 1, paths...)); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestJoinBroken(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "gone"))
	got := summarize(collect(t, 1, filepath.Join(fixtures, "s2ag-papers.jsonl"), filepath.Join(fixtures, "s2ag-abstracts.jsonl")))
	if !strings.Contains(got, "make a temporary file for rows to sort") {
		t.Errorf("got %s", got)
	}
	for range Papers(t.Context(), []string{filepath.Join(fixtures, "s2ag-papers.jsonl"), filepath.Join(fixtures, "s2ag-abstracts.jsonl")}, Options{}) {
		break
	}
}

func TestSpill(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := &spill{max: 1000}
	const n = 20_000 // of about ten a run: merged over three levels
	rng := rand.New(rand.NewPCG(1, 2))
	var want []int64
	for range n {
		key := rng.Int64N(n) - n/2
		want = append(want, key)
		if err := s.add(spilled{key: key, line: uint64(len(want)), raw: fmt.Append(nil, key)}); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	m, err := s.sorted()
	if err != nil {
		t.Fatal(err)
	}
	var before spilled
	for i, key := range want {
		row, err := m.next()
		if err != nil || row.key != key || string(row.raw) != fmt.Sprint(key) || i > 0 && row.compare(before) <= 0 {
			t.Fatalf("row %d: %+v after %+v, %v", i, row, before, err)
		}
		before = row
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

// TestJoinMemory joins more than may be held.
func TestJoinMemory(t *testing.T) {
	if raceDetector {
		t.Skip("memory is measured without the race detector")
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	const n = 200_000
	papers, abstracts := filepath.Join(dir, "papers"), filepath.Join(dir, "abstracts")
	generate(t, papers, n, func(i int) string {
		return fmt.Sprintf(`{"corpusid":%d,"title":"Paper %d","authors":[{"name":"A"}]}`, i*7919%n, i)
	})
	generate(t, abstracts, n, func(i int) string {
		return fmt.Sprintf(`{"corpusid":%d,"openaccessinfo":null,"abstract":"%s"}`, i*104729%n, long)
	})
	start, most, rows := liveHeap(), uint64(0), 0
	j := &join{memory: 2 << 20}
	yield := func(row Row, err error) bool {
		if err != nil || row.Paper.Abstract == "" {
			t.Fatalf("row %d: %+v, %v", rows, row, err)
		}
		if rows++; rows%20_000 == 0 {
			most = max(most, max(start, liveHeap())-start)
		}
		return true
	}
	for _, file := range []string{papers, abstracts} {
		eachPaper(t.Context(), file, Options{}, j, yield)
	}
	if j.each(t.Context(), yield); rows != n || most > 12<<20 {
		t.Errorf("%d rows in %d bytes; want %d in at most 12 MiB", rows, most, n)
	}
}

// generate writes a file of n lines.
func generate(t *testing.T, path string, n int, each func(int) string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range n {
		b.WriteString(each(i))
		b.WriteByte('\n')
		if b.Len() > 1<<20 || i == n-1 {
			if _, err := f.WriteString(b.String()); err != nil {
				t.Fatal(err)
			}
			b.Reset()
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestParseArxivID(t *testing.T) {
	for text, want := range map[string]string{
		"2112.09118": "2112.09118", "2112.09118v3": "2112.09118", "arXiv:2112.09118": "2112.09118",
		"http://arxiv.org/abs/hep-th/9901001v1": "hep-th/9901001", "https://arxiv.org/pdf/2112.09118v2.pdf": "2112.09118",
		"oai:arXiv.org:math.GT/0309136": "math.GT/0309136", " 0704.0001 ": "0704.0001",
		"": "", "12": "", "10.1234/2112.09118": "", "2112.091181": "", "https://papers.example/2112.09118": "",
	} {
		if got, _, ok := parseArxivID(text); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", text, got, ok)
		}
	}
}

func TestIdentify(t *testing.T) {
	for _, tc := range []struct {
		p    paper.Paper
		want string
	}{
		{paper.Paper{ArxivID: "2112.09118", DOI: "10.1/X"}, "arXiv:2112.09118"},
		{paper.Paper{DOI: "10.1/X"}, "doi:10.1/x"},
		{paper.Paper{DOI: "10.48550/arXiv.2112.09118"}, "arXiv:2112.09118"},
		{paper.Paper{}, ""},
	} {
		if identify(&tc.p); tc.p.ID != tc.want {
			t.Errorf("%+v, want %q", tc.p, tc.want)
		}
	}
}
