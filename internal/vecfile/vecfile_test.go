package vecfile_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"akin/internal/ingest"
	"akin/internal/paper"
	"akin/internal/vecfile"
)

func rows() []vecfile.Row {
	return []vecfile.Row{
		{
			Paper: &paper.Paper{
				ID: "a/1", Title: "On <things> of x & \"others\"", Abstract: "Text.", Authors: []paper.Author{{Name: "Å. Person", ORCID: "0000-0001-2345-6789"}, {Name: "B"}},
				Categories: []string{"cs.CL", "cs.LG"}, Venue: "Venue", PublishDate: paper.Date{Year: 2021, Month: 12},
				ListedDates: []paper.Date{{Month: 3, Day: 17}}, DOI: "10.1/x", ArxivID: "2112.09118", URLs: []string{"https://example.org"},
				Language: "en", Signals: map[string]float64{"upvotes": 3.5, "a": 1}, Metadata: map[string]string{"z": "1", "k": "v", "b": "é"},
			},
			Vector: []float32{1, -0.5, 1e-7, 0.33333334}, Tokens: 12, Truncated: true,
		},
		{Paper: &paper.Paper{ID: "b", Title: "Bare"}, Vector: []float32{0, 0, 0, 1}, Tokens: 3},
	}
}

func write(t *testing.T, opt vecfile.Options, rows []vecfile.Row) []vecfile.Committed {
	t.Helper()
	s, err := vecfile.Create(opt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Abandon()
	for i := range rows {
		if err := s.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	done, err := s.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestFormats(t *testing.T) {
	dir := t.TempDir()
	opt := vecfile.Options{
		Dir: dir, Name: "e", Formats: vecfile.Formats(), Dimension: 4, Metadata: map[string]string{vecfile.SpaceKey: "f00", "other": "x"},
	}
	if done := write(t, opt, rows()); len(done) != 5 || done[0].Unchanged {
		t.Errorf("committed %v", done)
	}
	npy := read(t, filepath.Join(dir, "e.npy"))
	if len(npy) != 128+2*4*4 || !strings.Contains(string(npy[:128]), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }") ||
		math.Float32frombits(binary.LittleEndian.Uint32(npy[128+4:])) != -0.5 {
		t.Errorf("npy %q", npy)
	}
	if ids := read(t, filepath.Join(dir, "ids.txt")); string(ids) != "a/1\nb\n" {
		t.Errorf("ids %q", ids)
	}
	if f := read(t, filepath.Join(dir, "e.fvecs")); len(f) != 2*5*4 || f[0] != 4 || f[20] != 4 {
		t.Errorf("fvecs %v", f)
	}
	lines := strings.Split(string(read(t, filepath.Join(dir, "e.jsonl"))), "\n")
	want := `{"id":"a/1","title":"On <things> of x & \"others\"","abstract":"Text.","authors":[{"name":"Å. Person","orcid":"0000-0001-2345-6789"},{"name":"B"}],` +
		`"categories":["cs.CL","cs.LG"],"venue":"Venue","date":"2021-12","listed_dates":["--03-17"],"doi":"10.1/x","arxiv_id":"2112.09118","urls":["https://example.org"],` +
		`"language":"en","signals":{"a":1,"upvotes":3.5},"metadata":{"b":"é","k":"v","z":"1"},"token_count":12,"truncated":true,"embedding":[1,-0.5,1e-07,0.33333334]}`
	if lines[0] != want {
		t.Errorf("jsonl\n got %s\nwant %s", lines[0], want)
	}
	if want := `{"id":"b","title":"Bare","abstract":"","token_count":3,"truncated":false,"embedding":[0,0,0,1]}`; lines[1] != want {
		t.Errorf("jsonl %s", lines[1])
	}
	f, err := os.Open(filepath.Join(dir, "e.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	p, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := p.Lookup(vecfile.SpaceKey); v != "f00" || p.NumRows() != 2 {
		t.Errorf("parquet: %q, %d rows", v, p.NumRows())
	}
}

// The same rows give the same bytes, whatever the order of maps, and a file
// that is the same already is left alone.
func TestDeterministic(t *testing.T) {
	dir := t.TempDir()
	opt := vecfile.Options{
		Dir: dir, Name: "e", Formats: vecfile.Formats(), Dimension: 4, Half: true, Metadata: map[string]string{"b": "1", "a": "2", "c": "3"},
	}
	write(t, opt, rows())
	for range 20 {
		for _, c := range write(t, opt, rows()) {
			if !c.Unchanged {
				t.Fatalf("%s changed", c.Name)
			}
		}
	}
}

// A paper that was written is read again as it was.
func TestReadsBack(t *testing.T) {
	dir := t.TempDir()
	write(t, vecfile.Options{Dir: dir, Name: "p", Formats: []string{vecfile.JSONL, vecfile.Parquet}, Dimension: 4}, rows())
	for _, name := range []string{"p.jsonl", "p.parquet"} {
		i := 0
		for row, err := range ingest.Papers(t.Context(), []string{filepath.Join(dir, name)}, ingest.Options{}) {
			if err != nil {
				t.Fatal(err)
			}
			a, _ := vecfile.MarshalPaper(&row.Paper)
			b, _ := vecfile.MarshalPaper(rows()[i].Paper)
			if string(a) != string(b) {
				t.Errorf("%s, row %d\n got %s\nwant %s", name, i, a, b)
			}
			i++
		}
		if i != 2 {
			t.Errorf("%s: %d rows", name, i)
		}
	}
}

func TestBadOptions(t *testing.T) {
	dir := t.TempDir()
	for want, opt := range map[string]vecfile.Options{
		"is empty":           {Dir: dir},
		"must be one of":     {Dir: dir, Formats: []string{"csv"}, Dimension: 4},
		"has jsonl twice":    {Dir: dir, Formats: []string{"jsonl", "jsonl"}},
		"holds only vectors": {Dir: dir, Formats: []string{"npy"}},
	} {
		if _, err := vecfile.Create(opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	s, err := vecfile.Create(vecfile.Options{Dir: dir, Name: "e", Formats: []string{vecfile.NPY}, Dimension: 4})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(&vecfile.Row{Paper: &paper.Paper{ID: "x"}, Vector: make([]float32, 3)}); err == nil || !strings.Contains(err.Error(), "has 3 numbers") {
		t.Errorf("a vector of another dimension: %v", err)
	}
	if err := s.Abandon(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOpenNPY(t *testing.T) {
	dir := t.TempDir()
	write(t, vecfile.Options{Dir: dir, Name: "e", Formats: []string{vecfile.NPY}, Dimension: 4, Half: true}, rows())
	path := filepath.Join(dir, "e.npy")
	v, err := vecfile.OpenNPY(path)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if v.Manifest.Rows != 2 || v.Manifest.Dimension != 4 {
		t.Errorf("shape %d, %d", v.Manifest.Rows, v.Manifest.Dimension)
	}
	var ids []string
	for range 2 {
		id, vector, err := v.Next()
		if err != nil || len(vector) != 4 {
			t.Fatal(id, vector, err)
		}
		ids = append(ids, id)
	}
	if _, _, err := v.Next(); !errors.Is(err, io.EOF) || ids[0] != "a/1" || ids[1] != "b" {
		t.Errorf("ids %q, then %v", ids, err)
	}
	whole := read(t, path)
	for name, bytes := range map[string][]byte{
		"no whole header": whole[:50], "no shape": make([]byte, 200), "has 135 bytes": whole[:135],
	} {
		if err := os.WriteFile(path, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := vecfile.OpenNPY(path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q: %v", name, err)
		}
	}
	if _, err := vecfile.OpenNPY(filepath.Join(dir, "none.npy")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
