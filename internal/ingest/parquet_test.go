package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"akin/internal/paper"
)

// parquetRow has columns of all the types that files of papers have.
type parquetRow struct {
	ID         int64             `parquet:"id"`
	Title      string            `parquet:"Title"`
	Summary    *string           `parquet:"summary,optional"`
	Authors    []parquetAuthor   `parquet:"authors,list"`
	Categories []string          `parquet:"categories,list"`
	URLs       []string          `parquet:"urls"`
	Date       *int32            `parquet:"date,optional,date"`
	Year       *float64          `parquet:"year,optional"`
	Updated    time.Time         `parquet:"updated,timestamp(microsecond)"`
	Venue      []byte            `parquet:"venue"`
	Stars      float32           `parquet:"stars"`
	Open       bool              `parquet:"open"`
	Extra      map[string]string `parquet:"extra"`
}

type parquetAuthor struct {
	Name  string  `parquet:"name"`
	ORCID *string `parquet:"orcid,optional"`
}

// parquetFile writes rows.
func parquetFile[T any](t testing.TB, all ...T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, parquet.MaxRowsPerRowGroup(1000))
	if _, err := w.Write(all); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParquet(t *testing.T) {
	summary, orcid, day, year, broken := "We fit  wavelets.", "0000-0002-1825-0097", int32(19727), 2024.0, "caf\xe9"
	content := parquetFile(t,
		parquetRow{
			ID: 7, Title: "Sparse\nWavelets", Summary: &summary, Authors: []parquetAuthor{{"Mira Holt", &orcid}, {"Jon Aske", nil}},
			Categories: []string{"stat.ME", "physics.ao-ph"}, URLs: []string{"https://papers.example/7"}, Date: &day, Year: &year,
			Updated: time.Date(2024, 1, 8, 23, 59, 59, 0, time.UTC), Venue: []byte("Ocean Data Letters"), Stars: 1.5, Open: true, Extra: map[string]string{"a": "b"},
		},
		parquetRow{ID: 8, Title: "Not UTF-8", Summary: &broken},
		parquetRow{ID: 9, Updated: time.Unix(0, 0)},
		parquetRow{ID: 10, Title: "Quiet Sensors", Updated: time.Unix(-1, 0)},
	)
	opt := Options{Map: map[string]string{"abstract": "summary"}}
	want := paper.Paper{
		ID: "7", Title: "Sparse Wavelets", Abstract: "We fit wavelets.", Authors: []paper.Author{{Name: "Mira Holt", ORCID: orcid}, {Name: "Jon Aske"}},
		Categories: []string{"stat.ME", "physics.ao-ph"}, URLs: []string{"https://papers.example/7"}, PublishDate: paper.Date{Year: 2024, Month: 1, Day: 5},
		Venue: "Ocean Data Letters", Metadata: map[string]string{"updated": "2024-01-08T23:59:59", "stars": "1.5", "open": "true", "extra": `{"a":"b"}`},
	}
	t.Setenv("TMPDIR", t.TempDir())
	for _, c := range []codec{codecNone, codecGzip, codecZstd} {
		r, err := Open(write(t, "papers.csv", compressed(t, c, content)), opt)
		if err != nil {
			t.Fatal(err)
		}
		got := readAll(t, r)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if r.Format() != "parquet" || len(got) != 4 || got[0].Paper == nil || !reflect.DeepEqual(*got[0].Paper, want) {
			t.Fatalf("%s: format %s, got %+v\nwant %+v", c, r.Format(), got[0].Paper, want)
		}
		const outline = "P1 Sparse Wavelets | We fit wavelets.\nP2 Not UTF-8 | caf�\n" +
			"R3 paper is not valid: title is empty, and so is the abstract; a paper needs at least one of them\nP4 Quiet Sensors | \n"
		if s := summarize(got); s != outline {
			t.Errorf("%s: got\n%s", c, s)
		}
		if !strings.HasPrefix(got[2].Raw, `{"id":9,"Title":null,"summary":null,"authors":[]`) {
			t.Errorf("%s: raw row %s", c, got[2].Raw)
		}
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	_, err := readFile(t, content, Options{Map: map[string]string{"title": "name"}})
	if paper.KindOf(err) != paper.Invalid || !strings.Contains(err.Error(), `there is no column "name", which is to be the title; its columns are id, Title, summary, authors`) {
		t.Errorf("a column that is not there: got %v", err)
	}
}

func readFile(t *testing.T, content []byte, opt Options) ([]result, error) {
	t.Helper()
	r, err := Open(write(t, "file", content), opt)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readToEnd(r)
}

func TestParquetDamaged(t *testing.T) {
	var all []parquetRow
	for i := range 3000 {
		all = append(all, parquetRow{ID: int64(i), Title: fmt.Sprintf("Paper %d", i)})
	}
	content := parquetFile(t, all...)
	got, err := readFile(t, content, Options{})
	if err != nil || len(got) != 3000 || got[2999].Line != 3000 || got[2999].Paper.Title != "Paper 2999" {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	if _, err := readFile(t, content[:len(content)/2], Options{}); paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), "the Parquet file is damaged or cut off") {
		t.Errorf("cut off: got %v", err)
	}
	for i := 4; i < len(content); i += len(content) / 50 {
		damaged := bytes.Clone(content)
		damaged[i] ^= 0xFF
		if _, err := readFile(t, damaged, Options{}); err != nil && !isClassified(err) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	t.Setenv("TMPDIR", "/nowhere")
	if _, err := readFile(t, compressed(t, codecGzip, content), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no place for a copy: got %v", err)
	}
}

// longParquet writes a file of n rows in groups of 20,000.
func longParquet(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Title    string `parquet:"title"`
		Abstract string `parquet:"abstract"`
	}
	w := parquet.NewGenericWriter[row](f, parquet.MaxRowsPerRowGroup(20_000))
	for i := range n {
		if _, err := w.Write([]row{{fmt.Sprintf("Paper %d", i), fmt.Sprintf("%d %s", i, long)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestParquetMemory reads a file that is far longer than what may be held.
func TestParquetMemory(t *testing.T) {
	if raceDetector {
		t.Skip("memory is measured without the race detector")
	}
	path := write(t, "papers", nil)
	const n = 50_000
	longParquet(t, path, n)
	start, most, rows := liveHeap(), uint64(0), 0
	for _, err := range Papers(t.Context(), []string{path}, Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		if rows++; rows%5000 == 0 {
			most = max(most, max(start, liveHeap())-start)
		}
	}
	if rows != n || most > 8<<20 {
		t.Errorf("%d rows in %d bytes; want %d in at most 8 MiB", rows, most, n)
	}
}
