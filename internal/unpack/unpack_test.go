package unpack_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"akin/internal/unpack"
)

// What was written comes back, in order, and leaves nothing.
func TestReader(t *testing.T) {
	t.Parallel()
	b := binary.AppendUvarint(nil, math.MaxUint64)
	b = binary.AppendVarint(b, math.MinInt64)
	b = unpack.AppendText(unpack.AppendText(b, "ordinal"), "")
	b = append(binary.AppendUvarint(b, 6), 1, 2)
	r := unpack.Reader{Rest: b}
	if n, s := r.Number(), r.Signed(); n != math.MaxUint64 || s != math.MinInt64 {
		t.Errorf("numbers %d, %d", n, s)
	}
	if a, e := string(r.Counted()), string(r.Counted()); a != "ordinal" || e != "" {
		t.Errorf("texts %q, %q", a, e)
	}
	if n, two := r.Below(7), r.Bytes(2); n != 6 || !bytes.Equal(two, []byte{1, 2}) {
		t.Errorf("%d, %v", n, two)
	}
	if r.Failed || len(r.Rest) != 0 {
		t.Errorf("failed %v, rest %v", r.Failed, r.Rest)
	}
}

// What is not there, or cannot be, fails, and so does all after it.
func TestReaderFails(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(*unpack.Reader){
		"number":  func(r *unpack.Reader) { r.Bytes(len(r.Rest)); r.Number() },
		"signed":  func(r *unpack.Reader) { r.Bytes(len(r.Rest)); r.Signed() },
		"count":   func(r *unpack.Reader) { r.Count(2) },
		"below":   func(r *unpack.Reader) { r.Below(4) },
		"bytes":   func(r *unpack.Reader) { r.Bytes(9) },
		"counted": func(r *unpack.Reader) { r.Bytes(6); r.Counted() },
	} {
		r := unpack.Reader{Rest: []byte{4, 1, 1, 1, 1, 1, 200, 1}}
		if read(&r); !r.Failed {
			t.Errorf("%s did not fail", name)
		}
		if r.Number() != 0 || r.Signed() != 0 || r.Count(1) != 0 || r.Below(9) != 0 || r.Bytes(1) != nil || len(r.Counted()) != 0 {
			t.Errorf("%s: something came after the failure", name)
		}
	}
}

// Texts that are kept are not those that the bytes become later, in pieces of any size.
func TestTexts(t *testing.T) {
	t.Parallel()
	var texts unpack.Texts
	var kept []string
	sizes := []int{0, 1, 65_530, 10, 200_000, 3}
	for i, n := range sizes {
		b := bytes.Repeat([]byte{byte('a' + i)}, n)
		kept = append(kept, texts.Keep(b))
		clear(b)
	}
	for i, n := range sizes {
		if kept[i] != strings.Repeat(string(rune('a'+i)), n) {
			t.Errorf("text %d of %d bytes is another", i, n)
		}
	}
}
