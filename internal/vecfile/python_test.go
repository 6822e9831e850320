package vecfile_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"akin/internal/ingest"
	"akin/internal/paper"
	"akin/internal/vecfile"
)

// TestPythonReads lets numpy, pyarrow, pandas and faiss read what a Set wrote,
// and reads what pandas makes of it.
func TestPythonReads(t *testing.T) {
	python := os.Getenv("AKIN_PYTHON")
	if python == "" {
		t.Skip("AKIN_PYTHON does not name a Python with numpy, pyarrow, pandas and faiss: run make test-python")
	}
	const n, dim = 1000, 384
	r := rand.New(rand.NewPCG(1, 2))
	var all []vecfile.Row
	for i := range n {
		v := make([]float32, dim)
		var sum float64
		for j := range v {
			v[j] = float32(r.NormFloat64())
			sum += float64(v[j]) * float64(v[j])
		}
		for j := range v {
			v[j] /= float32(math.Sqrt(sum))
		}
		p := &paper.Paper{
			ID: fmt.Sprintf("arXiv:2601.%05d", i), Title: fmt.Sprintf("Paper “%d”, on naïve <“things”> of x\t& such", i), Abstract: "An abstract, with \"quotes\".",
			Authors: []paper.Author{{Name: "Zoë Person"}, {Name: "B"}}, Venue: "Venue", PublishDate: paper.Date{Year: 2026, Month: 1, Day: 1 + i%28},
			Metadata: map[string]string{"b": "1", "a": "2"}, Signals: map[string]float64{"upvotes": float64(i)},
		}
		if i%10 == 3 {
			p = &paper.Paper{ID: p.ID, Title: p.Title}
		}
		all = append(all, vecfile.Row{Paper: p, Vector: v, Tokens: 12})
	}
	dir := t.TempDir()
	opt := vecfile.Options{
		Dir: dir, Name: "embeddings", Formats: vecfile.Formats(), Dimension: dim, Metadata: map[string]string{vecfile.SpaceKey: "f00d"},
	}
	write(t, opt, all)
	opt.Dir, opt.Formats, opt.Half = filepath.Join(dir, "half"), []string{vecfile.NPY}, true
	if err := os.Mkdir(opt.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, opt, all)
	out, err := exec.Command(python, filepath.Join("..", "..", "testdata", "reference", "read_vectors.py"), dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"pandas.parquet", "pandas.csv"} {
		i := 0
		for row, err := range ingest.Papers(t.Context(), []string{filepath.Join(dir, name)}, ingest.Options{}) {
			if err != nil {
				t.Fatal(err)
			}
			want := all[i].Paper
			if row.Paper.ID != want.ID || row.Paper.Abstract != want.Abstract || row.Paper.PublishDate != want.PublishDate ||
				row.Paper.Metadata["citations"] != fmt.Sprint(i) || name == "pandas.parquet" && len(row.Paper.Authors) != len(want.Authors) {
				t.Fatalf("%s, row %d: %+v, want %+v", name, i, row.Paper, want)
			}
			i++
		}
		if i != n {
			t.Errorf("%s: %d rows, want %d", name, i, n)
		}
	}
}
