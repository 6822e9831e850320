package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"akin/internal/paper"
)

// compressed compresses content.
func compressed(t testing.TB, c codec, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch c {
	case codecGzip:
		w = gzip.NewWriter(&b)
	case codecZstd:
		w, err = zstd.NewWriter(&b)
	default:
		return content
	}
	if err == nil {
		_, err = w.Write(content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write makes a file below a fresh folder and gives its path.
func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const twoRows = "{\"title\":\"A\"}\n{\"title\":\"B\"}\n"

// TestFormatByContent gives files names that say something else than they hold.
func TestFormatByContent(t *testing.T) {
	listing, err := os.ReadFile(filepath.Join(fixtures, "listing.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, format string
		content      []byte
		rows         int
	}{
		{"jsonl.txt", "jsonl", []byte(twoRows), 2},
		{"listing.jsonl", "listing", listing, 5},
		{"bad-first-row.csv", "jsonl", []byte("{\"title\":\n" + twoRows), 3},
		{"blank-lines", "jsonl", []byte("\uFEFF\r\n\n" + twoRows), 2},
		{"empty.jsonl", "", nil, 0},
		{"white-space.jsonl", "", []byte(" \n\r\n\t"), 0},
	} {
		for _, c := range []codec{codecNone, codecGzip, codecZstd} {
			t.Run(tc.name+string(c), func(t *testing.T) {
				r, err := Open(write(t, tc.name, compressed(t, c, tc.content)), Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if got := len(readAll(t, r)); r.Format() != tc.format || got != tc.rows {
					t.Errorf("format %q, %d rows; want %q, %d", r.Format(), got, tc.format, tc.rows)
				}
			})
		}
	}
}

// TestConcatenated reads several gzip members and zstd frames as one file, as
// `cat a.gz b.gz` makes them.
func TestConcatenated(t *testing.T) {
	skippable := []byte{0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 'x', 'y'}
	for _, c := range []codec{codecGzip, codecZstd} {
		one := compressed(t, c, []byte(twoRows))
		content := append(slices.Clone(one), one...)
		if c == codecZstd {
			content = append(skippable, content...)
		}
		if got := readText(t, string(content), Options{}); len(got) != 4 {
			t.Errorf("%s: %d rows, want 4", c, len(got))
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	for name, tc := range map[string]struct{ content, want string }{
		"binary":               {"\x00\x01\x02", "binary data"},
		"text":                 {"hello\nworld\n", "text without a date line, column names, references or JSON"},
		"JSON array":           {"[\n[1]]", "a JSON array"},
		"JSON object":          {"{\n  title", "JSON"},
		"UTF-16":               {"\xFF\xFEx\x00", "text without"},
		"Latin-1":              {"caf\xe9", "not UTF-8"},
		"7-Zip":                {"7z\xBC\xAF\x27\x1C...", "a 7-Zip archive"},
		"old Excel":            {"\xD0\xCF\x11\xE0...", ".xlsx or CSV"},
		"PDF":                  {"%PDF-1.7", "a PDF"},
		"HTML":                 {"<html>", "a web page"},
		"a page with its type": {"<!DOCTYPE html>\n<p>x</p>", "a web page"},
		"a feed":               {"<rss><channel></channel></rss>", "a feed of somebody else"},
		"other XML":            {"<?xml version='1.0'?><a:b/>", "XML of another kind: its root is \"b\""},
		"gzip of gzip":         {string(compressed(t, codecGzip, compressed(t, codecGzip, []byte(twoRows)))), "compressed twice"},
		"dates in data":        {"\x00\nMar 17\n", "binary data"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "some.file", []byte(tc.content))
			_, err := Open(path, Options{})
			if !errors.Is(err, ErrUnknownFormat) || paper.KindOf(err) != paper.Invalid {
				t.Fatalf("got %v, want an unknown format of kind Invalid", err)
			}
			for _, part := range []string{path, tc.want, "jsonl", "listing", "gzip", "zstd", "--format"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestDamaged(t *testing.T) {
	var content []byte
	for i := range 20_000 { // beyond what is looked at to guess the format
		content = fmt.Appendf(content, "{\"title\":\"Paper %d\",\"x\":\"%x\"}\n", i, i*7919)
	}
	for _, c := range []codec{codecGzip, codecZstd} {
		whole := compressed(t, c, content)
		flipped := slices.Clone(whole)
		flipped[len(flipped)-3] ^= 0xFF
		for name, damaged := range map[string][]byte{
			"cut off": whole[:len(whole)/2], "cut off early": whole[:12], "a flipped byte": flipped,
			"magic alone": whole[:4],
		} {
			t.Run(string(c)+" "+name, func(t *testing.T) {
				path := write(t, "papers.jsonl", damaged)
				err := readToError(t, path)
				if paper.KindOf(err) != paper.DataLoss {
					t.Fatalf("got %v, want kind DataLoss", err)
				}
				for _, part := range []string{path, string(c), "damaged or cut off"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%q does not say %q", err, part)
					}
				}
			})
		}
	}
}

// readToError reads until an error that is not about one row, and checks that
// it is final.
func readToError(t *testing.T, path string) error {
	t.Helper()
	r, err := Open(path, Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		if _, err = r.Next(context.Background()); err != nil {
			if _, again := r.Next(context.Background()); !errors.Is(again, err) {
				t.Errorf("after %v came %v", err, again)
			}
			return err
		}
	}
}

// failing is a source that fails after some text.
type failing struct{ text io.Reader }

var errDisk = errors.New("the disk is gone")

func (f failing) Read(p []byte) (int, error) {
	n, err := f.text.Read(p)
	if errors.Is(err, io.EOF) {
		err = errDisk
	}
	return n, err
}

func TestFailingSource(t *testing.T) {
	r, err := NewReader("papers", failing{strings.NewReader(twoRows)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Next(context.Background()); !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "papers after line 2") {
		t.Errorf("got %v", err)
	}
	if _, err := NewReader("papers", failing{strings.NewReader("")}, Options{}); !errors.Is(err, errDisk) {
		t.Errorf("failing at once: got %v", err)
	}
}

func TestOptions(t *testing.T) {
	_, err := NewReader("x", strings.NewReader(twoRows), Options{Year: -1, Format: "docx"})
	if paper.KindOf(err) != paper.Invalid || !strings.Contains(err.Error(), "year is -1") || !strings.Contains(err.Error(), `format is "docx"; supported are `) {
		t.Errorf("got %v, want both faults", err)
	}
	got := readText(t, "On X\n\n"+long, Options{Format: "listing"})
	if len(got) != 1 || got[0].Paper == nil || got[0].Paper.ListedDates != nil {
		t.Errorf("a listing without a date line, by name: got %+v", got)
	}
}

func TestPapers(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.jsonl": twoRows + "oops\n", "b.bin": "\x00", "c.jsonl": twoRows,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for row, err := range Papers(t.Context(), []string{dir}, Options{}) {
		var rejected *RejectedError
		switch {
		case errors.As(err, &rejected):
			got = append(got, fmt.Sprintf("rejected %s:%d", filepath.Base(rejected.File), rejected.Line))
		case errors.Is(err, ErrUnknownFormat):
			got = append(got, "unknown format")
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, fmt.Sprintf("%s:%d %s", filepath.Base(row.Source.File), row.Source.Line, row.Paper.Title))
		}
	}
	want := []string{"a.jsonl:1 A", "a.jsonl:2 B", "rejected a.jsonl:3", "unknown format", "c.jsonl:1 A", "c.jsonl:2 B"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for range Papers(t.Context(), []string{dir}, Options{}) {
		break // must close the file and yield no more
	}
	for _, err := range Papers(t.Context(), []string{filepath.Join(dir, "a.jsonl"), "missing"}, Options{}) {
		if paper.KindOf(err) != paper.NotFound {
			t.Errorf("a missing path: got %v before anything was read", err)
		}
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	path := write(t, "a.jsonl", []byte(twoRows))
	var last error
	n := 0
	for _, last = range Papers(ctx, []string{path, write(t, "b.jsonl", []byte(twoRows))}, Options{}) {
		n++
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d yields, the last with %v; want one row, then the cancellation", n, last)
	}
	// A file of blank lines never gives a row: the wait must end all the same.
	r, err := NewReader("blank", io.MultiReader(strings.NewReader("{\"title\":\"A\"}"), &endless{text: "\n"}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// endless repeats a text until limit bytes were read, or for ever.
type endless struct {
	text  string
	at    int
	limit int64
	read  int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.limit > 0 && e.read >= e.limit && e.at == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) {
		k := copy(p[n:], e.text[e.at:])
		n += k
		if e.at += k; e.at == len(e.text) {
			e.at = 0
			if e.limit > 0 && e.read+int64(n) >= e.limit {
				break
			}
		}
	}
	e.read += int64(n)
	return n, nil
}

// wrapped repeats a row between a beginning and an end, for 24 MiB.
func wrapped(begin, row, end string) io.Reader {
	return io.MultiReader(strings.NewReader(begin), &endless{text: row, limit: 24 << 20}, strings.NewReader(end))
}

// TestMemory reads streams that are far longer than what may be held.
func TestMemory(t *testing.T) {
	if raceDetector {
		t.Skip("memory is measured without the race detector")
	}
	for _, tc := range []struct {
		name string
		src  io.Reader
		most uint64 // bytes of live heap above the start
	}{
		{"JSON Lines", &endless{text: `{"title":"T","abstract":"` + long + `"}` + "\n", limit: 24 << 20}, 2 << 20},
		{"bad rows", &endless{text: `{"title":7,"abstract":"` + long + `"}` + "\n", limit: 12 << 20}, 2 << 20},
		{"listing", io.MultiReader(strings.NewReader("Mar 17\n\n"), &endless{text: "On X\n\n" + long + "\n\n", limit: 24 << 20}), 2 << 20},
		{"OAI-PMH", wrapped("<OAI-PMH>", "<record><header/><metadata><dc><title>T</title><description>"+long+"</description></dc></metadata></record>", "</OAI-PMH>"), 2 << 20},
		{"JSON array", wrapped("[", `{"paper":{"id":"2401.00001","title":"T","summary":"`+long+`"}},`, "7]"), 2 << 20},
		{"CSV", wrapped("title,abstract\n", "T,\""+long+"\n\"\n", ""), 2 << 20},
		{"one element", io.MultiReader(strings.NewReader(`[{"paper":"`), &endless{text: strings.Repeat("t", 1000), limit: 64 << 20}), 3 * MaxLineBytes},
		{"one line", io.MultiReader(strings.NewReader(`{"title":"`), &endless{text: strings.Repeat("t", 1000), limit: 64 << 20}), 3 * MaxLineBytes},
		{"one paragraph", io.MultiReader(strings.NewReader("Mar 17\n\nOn X\n\n"), &endless{text: long[:100] + "\n", limit: 24 << 20}), 8 * MaxLineBytes},
		{"paragraphs without titles", io.MultiReader(strings.NewReader("Mar 17\n\nOn X\n\n"), &endless{text: "www.x\n\n", limit: 3 << 20}), 24 << 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := liveHeap()
			r, err := NewReader("stream", tc.src, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var most uint64
			for n := 0; ; n++ {
				_, err := r.Next(t.Context())
				if n%20_000 == 0 || errors.Is(err, io.EOF) {
					most = max(most, max(start, liveHeap())-start)
				}
				if errors.Is(err, io.EOF) {
					break
				}
			}
			if most > tc.most {
				t.Errorf("held %d bytes, want at most %d", most, tc.most)
			}
		})
	}
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestLongLine(t *testing.T) {
	for name, tc := range map[string]struct{ before, after, want string }{
		"JSON Lines": {"{\"title\":\"A\"}\n{\"title\":\"", "\"}\n{\"title\":\"B\"}\n", "P1 A | \nR2\nP3 B | \n"},
		"listing":    {"Mar 17\n\nOn X\n\n" + long + "\n\nOn Y\n\n", "\n\nOn Z\n\n" + long + "\n", "P3 On X | LONG | --03-17\nR7\nR9\nP11 On Z | LONG | --03-17\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			r, err := NewReader("test", io.MultiReader(strings.NewReader(tc.before), &endless{text: strings.Repeat("t", 1000), limit: MaxLineBytes}, strings.NewReader(tc.after)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range readAll(t, r) {
				if row.Paper != nil {
					b.WriteString(outline([]result{row}))
					continue
				}
				fmt.Fprintf(&b, "R%d\n", row.Line)
				if len(row.Raw) > keptOfLong {
					t.Errorf("%d bytes were kept of line %d", len(row.Raw), row.Line)
				}
				if len(row.Raw) > 100 && !strings.Contains(row.Rejected, "the limit is 16777216") {
					t.Errorf("line %d: reason %q", row.Line, row.Rejected)
				}
			}
			if b.String() != tc.want {
				t.Errorf("got:\n%swant:\n%s", b.String(), tc.want)
			}
		})
	}
	exact := `{"title":"A","x":"` + strings.Repeat("x", MaxLineBytes-len(`{"title":"A","x":""}`)) + `"}`
	for _, end := range []string{"\n", "\r\n", ""} {
		got := readText(t, exact+end, Options{})
		if len(got) != 1 || got[0].Paper == nil || len(got[0].Paper.Metadata) != 0 {
			t.Errorf("a line of exactly the limit must be read, without the value that is too long: %.200s", got[0].Rejected)
		}
	}
	if got := readText(t, exact+" \n", Options{}); !strings.Contains(got[0].Rejected, "the line is 16777217 bytes long") {
		t.Errorf("a line one byte too long: %.200s", got[0].Rejected)
	}
}

// BenchmarkJSONL reads rows of a usual size.
func BenchmarkJSONL(b *testing.B) {
	text := strings.Repeat(`{"id":"x","title":"A title","abstract":"`+strings.Repeat(long, 4)+`","authors":"A;B","year":"2025"}`+"\n", 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		readText(b, text, Options{})
	}
}

func TestCollapse(t *testing.T) {
	for in, want := range map[string]string{
		"": "", " ": "", "a": "a", "a b": "a b", " a": "a", "a ": "a", "a  b": "a b", "a\tb": "a b", "a\nb ": "a b",
		"é  b": "é b", "a\u00a0b": "a b", "a\u2003": "a", "\v": "", "a\x85b": "a\x85b",
	} {
		if got := collapse(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
