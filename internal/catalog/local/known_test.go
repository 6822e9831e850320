package local_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
)

var updateAttributes = flag.Bool("update-attributes", false, "write the fixture of the newest version of attributes anew")

// Attributes that were saved serve the next start, with what was written since; what is
// of other rules, or was made to say something else under a good checksum, is refused
// and made anew.
func TestSavedAttributes(t *testing.T) {
	dir := filled(t, 0, 200)
	file := filepath.Join(dir, "indexes", "papers.attributes")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(raw []byte) []byte {
		end := len(raw) - 4
		return binary.LittleEndian.AppendUint32(raw[:end:end], crc32.Checksum(raw[:end], crc32.MakeTable(crc32.Castagnoli)))
	}
	changed := func(old, with string) []byte { return sealed(bytes.Replace(good, []byte(old), []byte(with), 1)) }
	for _, tc := range []struct {
		name string
		raw  []byte
		why  string
	}{
		{"as it was saved", good, ""},
		{"of other rules", changed("attributes 1,", "attributes 0,"), "it was made by"},
		{"with another id", changed("p0007", "q0007"), "is not in it"},
		{"of a newer version", sealed(append(append(bytes.Clone(good[:8]), 2), good[9:]...)), "version 2"},
		{"cut under a good checksum", sealed(bytes.Clone(good[:len(good)/2])), "says"},
	} {
		if err := os.WriteFile(file, tc.raw, 0o600); err != nil {
			t.Fatal(err)
		}
		c, log, closeAll := openSaved(t, dir)
		wantFound(t, c, 0, 20)
		lines := refusals(log)
		if tc.why == "" && len(lines) > 0 || tc.why != "" && (len(lines) != 1 || !strings.Contains(lines[0], tc.why)) {
			t.Errorf("%s: refused were %q, want %q", tc.name, lines, tc.why)
		}
		closeAll()
		if now, err := os.ReadFile(file); err != nil || len(now) != len(good) {
			t.Errorf("%s: afterwards it has %d bytes, not %d (%v)", tc.name, len(now), len(good), err)
		}
	}
}

// A file of version 1 is read, or refused for its rules and not for its bytes.
func TestAttributesFixture(t *testing.T) {
	path := filepath.Join("testdata", "attributes", "v1", "papers.attributes")
	if *updateAttributes {
		dir := t.TempDir()
		c, _, closeAll := openSaved(t, dir)
		for n, venue := range []string{"ICML", "", "icml", "NeurIPS"} {
			m := put(n, 1)
			m.Paper.Venue, m.Paper.Authors = venue, []paper.Author{{Name: "Ada Lovelace"}, {Name: "Erik Sandström"}}
			m.Paper.Signals, m.Paper.Metadata = map[string]float64{"votes": 3.5}, map[string]string{"pages": "12"}
			apply(t, c, m)
		}
		apply(t, c, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: "p0001"}})
		closeAll()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "indexes", "papers.attributes"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := local.ReadAttributes(raw)
	if err != nil && strings.Contains(err.Error(), "it was made by") {
		return // Unicode has moved on
	}
	want := map[string]string{"p0000": "ICML", "p0002": "ICML", "p0003": "NeurIPS"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}
