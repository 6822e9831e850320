package lexical

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Texts are found under the numbers that they got, in tables of any size, and those that
// are not there are not; a copy goes on to have what it had.
func TestNamer(t *testing.T) {
	t.Parallel()
	for _, expected := range []int{0, 100, 5000} {
		n, sizes := newNamer(), 0
		if expected > 0 {
			n.expect(expected, 8*expected)
		}
		var all []string
		for i := range 5000 {
			all = append(all, fmt.Sprint("w", i*7919)+strings.Repeat("x", i%40))
		}
		all = append(all, "", strings.Repeat("long", maxTermBytes/4))
		for i, text := range all {
			if _, ok := n.named(text); ok {
				t.Fatalf("%q is there before it was put", text)
			}
			if got := n.put([]byte(text)); int(got) != i {
				t.Fatalf("%q got number %d, not %d", text, got, i)
			}
			sizes += len(text)
		}
		before := n.texts
		for i := range 20_000 {
			n.put(fmt.Append(nil, "later", i))
		}
		for i, text := range all {
			if got, ok := n.named(text); !ok || int(got) != i || n.at(got) != text || before.at(got) != text {
				t.Fatalf("%q is number %d (%v), not %d", text, got, ok, i)
			}
		}
		if before.len() != len(all) || len(before.bytes) != sizes {
			t.Errorf("the copy has %d texts of %d bytes, not %d of %d", before.len(), len(before.bytes), len(all), sizes)
		}
	}
}

// Blocks of the longest texts there can be do not run over.
func TestTextsLongest(t *testing.T) {
	t.Parallel()
	var x texts
	for i := range 3 * textBlock {
		x.add(slices.Repeat([]byte{byte(i)}, 2*maxTermBytes+i))
	}
	for i := range uint32(3 * textBlock) {
		if got := x.at(i); len(got) != 2*maxTermBytes-1 || got[0] != byte(i) {
			t.Fatalf("text %d has %d bytes of %d", i, len(got), got[0])
		}
	}
}

// Words come in order, whenever they were added.
func TestWordOrder(t *testing.T) {
	t.Parallel()
	l := newLexicon()
	var all []string
	for i := range 6000 {
		w := fmt.Sprint("word", (i*7919)%6007)
		l.add([]byte(w))
		all = append(all, w)
		if i%500 == 0 {
			l.sort()
		}
	}
	slices.Sort(all)
	for _, order := range []wordOrder{l.ordered(), l.sorted} {
		list := wordList{&l.words.texts, &order, 0, order.n}
		var got []string
		for i := range list.len() {
			got = append(got, list.at(i))
		}
		if !slices.IsSorted(got) || order.n == len(all) && !slices.Equal(got, all) || len(got) < 4000 {
			t.Fatalf("%d words of %d, in order %v", len(got), len(all), slices.IsSorted(got))
		}
		begin := list.beginning("word12")
		want := slices.DeleteFunc(got, func(w string) bool { return !strings.HasPrefix(w, "word12") })
		if begin.len() != len(want) || begin.len() > 0 && begin.at(0) != want[0] {
			t.Errorf("%d words begin so, not %d", begin.len(), len(want))
		}
	}
}
