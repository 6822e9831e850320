package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Bytes of a binary format stay as they are, however much text is in them.
func TestBinaryWithLongText(t *testing.T) {
	long := "title,abstract\n" + strings.Repeat("Beads,\"We tell of stones in water, and of what they are made.\"\n", 3000)
	plain := tarOf(t, packed{"a.csv", long}, packed{"b.csv", "title,abstract\nLast,of all\n"})
	type stored struct {
		Title    string `parquet:"title"`
		Abstract string `parquet:"abstract"`
	}
	var all []stored
	for i := range 3000 {
		all = append(all, stored{fmt.Sprintf("Beads %d", i), strings.Repeat(fmt.Sprintf("stones %d ", i), 40)})
	}
	for _, tc := range []struct {
		name, format string
		content      []byte
		want         int
		last         string // the title
		opt          Options
	}{
		{"tar", "tar", plain, 3001, "Last", Options{}},
		{"tar with an encoding named", "tar", tarOf(t, packed{"a.csv", "title,abstract\nCaf\xe9,A\n"}), 1, "Café", Options{Encoding: "latin1"}},
		{"tar.gz", "tar", gzipOf(t, plain), 3001, "Last", Options{}},
		{"tar in a zip", "zip", zipOf(t, packed{"a.tar", string(plain)}), 3001, "Last", Options{}},
		{"parquet", "parquet", parquetFile(t, all...), 3000, "Beads 2999", Options{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := NewReader("test", bytes.NewReader(tc.content), tc.opt)
			if err != nil {
				t.Fatalf("%.300v", err)
			}
			rows := readAll(t, r)
			if r.Format() != tc.format || len(rows) != tc.want || rows[len(rows)-1].Paper == nil || rows[len(rows)-1].Paper.Title != tc.last {
				t.Errorf("read as %s, with %d rows, the last %+v; want %s, %d, %s", r.Format(), len(rows), rows[len(rows)-1], tc.format, tc.want, tc.last)
			}
		})
	}
}
