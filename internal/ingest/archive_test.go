package ingest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ulikunitz/xz"
	"github.com/xuri/excelize/v2"

	"akin/internal/paper"
)

// packed is a file for an archive.
type packed struct{ name, content string }

func zipOf(t testing.TB, files ...packed) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		if strings.HasSuffix(f.name, ".link") {
			h.SetMode(os.ModeSymlink | 0o777)
		}
		e, err := w.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(e, f.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, files ...packed) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.content)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(f.name, ".link") {
			h.Typeflag, h.Linkname, h.Size, f.content = tar.TypeSymlink, "/etc/passwd", 0, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func xzOf(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestArchives reads archives, compressed or not, from a file and from a pipe.
func TestArchives(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	inner := zipOf(t, packed{"deep.jsonl", "{\"title\":\"Deep\"}\n"})
	files := []packed{
		{"a.csv", "title;abstract\nA;a\n"},
		{"../../b.jsonl", twoRows},
		{".hidden", twoRows},
		{"__MACOSX/x", "x"},
		{"etc.link", "/etc/passwd"},
		{"notes.txt", "hello\nworld\n"},
		{"inner.zip", string(inner)},
		{"c.csv.gz", string(gzipOf(t, []byte("title,abstract\nC,c\n")))},
	}
	for name, content := range map[string][]byte{
		"zip": zipOf(t, files...), "tar": tarOf(t, files...), "tar.gz": gzipOf(t, tarOf(t, files...)), "tar.xz": xzOf(t, tarOf(t, files...)),
	} {
		for _, fromFile := range []bool{true, false} {
			var src *Reader
			var err error
			if fromFile {
				src, err = Open(write(t, "packed", content), Options{})
			} else {
				src, err = NewReader("packed", bytes.NewReader(content), Options{})
			}
			if err != nil {
				t.Fatal(name, err)
			}
			var titles, refused []string
			for {
				row, err := src.Next(t.Context())
				if errors.Is(err, io.EOF) {
					break
				}
				var bad *RejectedError
				if errors.As(err, &bad) {
					refused = append(refused, bad.File[strings.LastIndexByte(bad.File, ':')+1:])
					continue
				}
				if err != nil {
					t.Fatal(name, err)
				}
				titles = append(titles, row.Paper.Title)
			}
			if err := src.Close(); err != nil {
				t.Error(err)
			}
			if got := strings.Join(titles, " ") + "; " + strings.Join(refused, " "); got != "A A B Deep C; etc.link notes.txt" {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestArchivesHostile: what would never end or fill the disk is refused with its
// name, and the rest is read.
func TestArchivesHostile(t *testing.T) {
	deep := []byte(twoRows)
	for range 5 {
		deep = zipOf(t, packed{"in.zip", string(deep)})
	}
	got := readText(t, string(zipOf(t, packed{"deep.zip", string(deep)}, packed{"a.jsonl", twoRows})), Options{})
	if len(got) != 3 || !strings.Contains(got[0].Rejected, "archives within archives; the limit is 2") {
		t.Errorf("%+v", got)
	}
	for name, content := range map[string][]byte{"zip": zipOf(t, packed{"a.jsonl", twoRows}), "tar": tarOf(t, packed{"a.jsonl", strings.Repeat(twoRows, 100)})} {
		for cut := range len(content) / 97 {
			r, err := NewReader("cut", bytes.NewReader(content[:cut*97]), Options{Format: name})
			if err == nil {
				_, err = readToEnd(r)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "cut: ") {
				t.Fatalf("%s cut after %d: %v", name, cut*97, err)
			}
		}
	}
	packedSize := int64(1000)
	bomb := &expansion{src: &endless{text: strings.Repeat("x", 1<<16), limit: 1 << 30}, packed: func() int64 { return packedSize }}
	if n, err := io.Copy(io.Discard, bomb); paper.KindOf(err) != paper.Invalid || n > expansionFree+1<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := readFile(t, zipOf(t, packed{"word/document.xml", "<w/>"}), Options{}); err == nil || !strings.Contains(err.Error(), "a Word document") {
		t.Errorf("a Word document: %v", err)
	}
}

// workbookOf makes a workbook with two sheets, the second of papers.
func workbookOf(t testing.TB) []byte {
	t.Helper()
	f := excelize.NewFile()
	day := time.Date(2019, 5, 12, 0, 0, 0, 0, time.UTC)
	for cell, value := range map[string]any{
		"A1": "Notes", "A2": "nothing here",
	} {
		if err := f.SetCellValue("Sheet1", cell, value); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.NewSheet("Papers"); err != nil {
		t.Fatal(err)
	}
	for cell, value := range map[string]any{
		"A1": "Exported today", "A3": "Article Title", "B3": "Abstract", "C3": "Authors", "D3": "Publication Date", "E3": "Publication Year", "F3": "Cites",
		"A4": "Quiet Sensors", "B4": "Sensors that say little.", "C4": "Moe, Ida; Lin, Wei", "D4": day, "E4": 2019, "F4": 123456789012,
		"A6": "Ledger Maps", "D6": "May 2020",
	} {
		if err := f.SetCellValue("Papers", cell, value); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestXLSX(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	content := workbookOf(t)
	var notes Notes
	r, err := Open(write(t, "book", content), Options{Notes: &notes})
	if err != nil {
		t.Fatal(err)
	}
	got := readAll(t, r)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if r.Format() != "xlsx" || summarize(got) != "P4 Quiet Sensors | Sensors that say little.\nP6 Ledger Maps | \n" {
		t.Fatalf("%s: %s", r.Format(), summarize(got))
	}
	p := got[0].Paper
	if p.PublishDate.String() != "2019-05-12" || len(p.Authors) != 2 || p.Metadata["Cites"] != "123456789012" || got[1].Paper.PublishDate.String() != "2020-05" {
		t.Errorf("%+v", p)
	}
	if lines := notes.Lines(); len(lines) != 1 || !strings.Contains(lines[0], `the sheet "Sheet1" was passed over`) {
		t.Errorf("notes %q", lines)
	}
	pipe, err := NewReader("pipe", bytes.NewReader(content), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, pipe); len(got) != 2 || pipe.Close() != nil {
		t.Errorf("from a pipe: %d rows", len(got))
	}
	if _, err := readFile(t, content[:len(content)/2], Options{Format: "xlsx"}); paper.KindOf(err) != paper.DataLoss {
		t.Errorf("cut off: %v", err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func FuzzXLSX(f *testing.F) { fuzzFormat(f, "xlsx", string(workbookOf(f))) }

func FuzzZip(f *testing.F) {
	f.Add(zipOf(f, packed{"a.csv", "title,x\nA,a\n"}, packed{"b.link", "c"}))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := NewReader("fuzz", bytes.NewReader(content), Options{Format: "zip"})
		if err != nil {
			return
		}
		if _, err := readToEnd(r); err != nil && !strings.HasPrefix(err.Error(), "fuzz: ") && !strings.Contains(err.Error(), "fuzz") {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestNothingFound: a file with something in it of which nothing is taken is said;
// an empty one is not.
func TestNothingFound(t *testing.T) {
	for content, want := range map[string]string{
		"": "", "title,abstract\n": "", "[]": "", `{"message":{"items":[]}}`: "", " \n": "",
		"@comment{nothing}\n@string{a=\"b\"}\n": "R1 it was read as bibtex, and no paper was found in it; say with --format what it is\n",
	} {
		if got := summarize(readText(t, content, Options{})); got != want {
			t.Errorf("%q: %q, want %q", content, got, want)
		}
	}
}

// TestStandardInput reads "-", and a pipe, once.
func TestStandardInput(t *testing.T) {
	var streams Streams
	n := 0
	for _, err := range Papers(t.Context(), []string{"-"}, Options{Stdin: strings.NewReader(twoRows), Streams: &streams}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	sum, ok := streams.Sum("-")
	if n != 2 || !ok || len(sum) != 64 || Rereadable([]string{"-"}) {
		t.Errorf("%d rows, digest %q", n, sum)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "-"), []byte(twoRows), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	files, err := Walk([]string{"./-"})
	if err != nil || len(files) != 1 || !Rereadable(files) {
		t.Errorf("a file named -: %v, %v", files, err)
	}
}
