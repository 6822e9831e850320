package dedup

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"akin/internal/paper"
	"akin/internal/splitmix"
	"akin/internal/text/unify"
)

const (
	// keptAuthors is how many authors a key has: the first ones and the last.
	keptAuthors = 4
	// keptWords is how many words of a title a key has: those with the least
	// hashes.
	keptWords = 12
)

// Key is what a paper is compared by, 152 bytes. The zero value matches nothing.
type Key struct {
	arxiv, doi, title uint64              // hashes; 0 is none
	text              signature           // of title and abstract
	words             [keptWords]uint16   // of the title, ascending, then 0
	authors           [keptAuthors]uint16 // last names, ascending, then 0
	titleWords        uint16
	textWords         uint16
	numbers, bare     uint32 // the numbers of the title, and the title without them; 0 is none
	frame, tail       uint32 // the title up to its last "for", and marks of the words behind it; 0 is none
	year              uint16 // 0 is none
	abstract          bool
	marked            bool // the title says of what form the paper is
	published         bool // by a venue that is no archive of preprints
}

// KeyBytes is how many bytes AppendBinary appends.
const KeyBytes = 3*8 + slots + 2*(keptWords+keptAuthors+3) + 4*4 + 1

// KeyVersion is raised with every change of what keys a paper has, or of their bytes.
const KeyVersion = 4

// AppendBinary appends the key, in KeyBytes bytes, little endian.
func (k *Key) AppendBinary(b []byte) []byte {
	le := binary.LittleEndian
	for _, n := range []uint64{k.arxiv, k.doi, k.title} {
		b = le.AppendUint64(b, n)
	}
	for _, n := range k.text {
		b = le.AppendUint64(b, n)
	}
	for _, n := range k.words {
		b = le.AppendUint16(b, n)
	}
	for _, n := range k.authors {
		b = le.AppendUint16(b, n)
	}
	for _, n := range []uint32{k.numbers, k.bare, k.frame, k.tail} {
		b = le.AppendUint32(b, n)
	}
	b = le.AppendUint16(le.AppendUint16(le.AppendUint16(b, k.titleWords), k.textWords), k.year)
	var flags byte
	for i, set := range []bool{k.abstract, k.marked, k.published} {
		if set {
			flags |= 1 << i
		}
	}
	return append(b, flags)
}

// ReadKey reads KeyBytes bytes that AppendBinary wrote.
func ReadKey(b []byte) (k Key) {
	_ = b[KeyBytes-1]
	le := binary.LittleEndian
	long := func(n *uint64) { *n, b = le.Uint64(b), b[8:] }
	short := func(n *uint16) { *n, b = le.Uint16(b), b[2:] }
	long(&k.arxiv)
	long(&k.doi)
	long(&k.title)
	for i := range k.text {
		long(&k.text[i])
	}
	for i := range k.words {
		short(&k.words[i])
	}
	for i := range k.authors {
		short(&k.authors[i])
	}
	for _, n := range []*uint32{&k.numbers, &k.bare, &k.frame, &k.tail} {
		*n, b = le.Uint32(b), b[4:]
	}
	short(&k.titleWords)
	short(&k.textWords)
	short(&k.year)
	k.abstract, k.marked, k.published = b[0]&1 != 0, b[0]&2 != 0, b[0]&4 != 0
	return k
}

// KeyOf makes the key of a paper.
func KeyOf(p *paper.Paper) Key {
	k := Key{
		arxiv: hashOf(arxivOf(p)), doi: hashOf(doiOf(p)),
		authors: authorsOf(p.Authors), abstract: strings.TrimSpace(p.Abstract) != "",
	}
	if y := p.PublishDate.Year; y > 0 && y <= math.MaxUint16 {
		k.year = uint16(y)
	}
	k.published = published(p.Venue)
	k.ofTitle(p.Title)
	k.ofText(p.Title, p.Abstract)
	return k
}

// published says whether a venue is one that papers are published at, as far as its
// name tells: no archive of preprints and no workshop, from where a work goes on.
func published(venue string) bool {
	if strings.TrimSpace(venue) == "" {
		return false
	}
	out := true
	eachWord(venue, func(word []byte) {
		switch w := string(word); w {
		case "arxiv", "biorxiv", "medrxiv", "chemrxiv", "corr", "ssrn", "preprint", "preprints", "workshop", "workshops", "openreview", "submitted":
			out = false
		}
	})
	return out
}

func hashOf(s string) uint64 {
	if s == "" {
		return 0
	}
	return max(1, splitmix.Mix(fnv64(s)))
}

// authorsOf gives the hashes of the last names of the first authors and of the
// last one.
func authorsOf(authors []paper.Author) (out [keptAuthors]uint16) {
	if n := len(authors); n > keptAuthors {
		authors = append(slices.Clone(authors[:keptAuthors-1]), authors[n-1])
	}
	var names []uint16
	for _, a := range authors {
		if x := hashOf(lastName(a.Name)); x != 0 {
			names = append(names, max(1, uint16(x)))
		}
	}
	slices.Sort(names)
	copy(out[:], slices.Compact(names))
	return out
}

// lastName is the last word of a name, or of what stands before its comma. Of a name
// in a script without spaces, whose letters are words, it is the whole name: 김철수,
// 김 철수 and 김, 철수 are one, and share nothing with 박영수.
func lastName(name string) string {
	family, _, _ := strings.Cut(name, ",")
	last := ""
	eachWord(family, func(word []byte) { last = string(word) })
	if r, _ := utf8.DecodeRuneInString(last); !unify.Unspaced(r) {
		return last
	}
	whole := ""
	eachWord(name, func(word []byte) {
		if r, _ := utf8.DecodeRune(word); unify.Unspaced(r) {
			whole += string(word)
		} else {
			whole = ""
		}
	})
	if whole == "" { // 王, Xiaoming
		return last
	}
	return whole
}

// sharedAuthors is how many last names two papers share, and how many the one
// with fewer has.
func (k *Key) sharedAuthors(o *Key) (shared, of int) {
	s, a, b := overlap(k.authors[:], o.authors[:])
	return s, min(a, b)
}

// titleOverlap is the share of the words of two titles that both have, about: of
// long titles a sample is compared.
func (k *Key) titleOverlap(o *Key) float64 {
	if k.titleWords == 0 || o.titleWords == 0 {
		return 0
	}
	shared, a, b := k.titles(o)
	return float64(shared) / float64(max(1, a+b-shared))
}

// titleWithin says whether all words of one title are in the other, as far as samples
// of long ones tell.
func (k *Key) titleWithin(o *Key) bool {
	shared, a, b := k.titles(o)
	return shared > 0 && shared == min(a, b)
}

// titles counts the words that two titles share, and those of each, in a sample.
func (k *Key) titles(o *Key) (shared, inK, inO int) {
	// The least hashes of the union are a sample of it; those beyond the last
	// kept one of either are not known to be missing there.
	limit := uint16(math.MaxUint16)
	for _, words := range [][keptWords]uint16{k.words, o.words} {
		if last := words[keptWords-1]; last != 0 {
			limit = min(limit, last)
		}
	}
	return overlap(upTo(k.words[:], limit), upTo(o.words[:], limit))
}

// upTo gives the part of an ascending list that is no more than a limit.
func upTo(list []uint16, limit uint16) []uint16 {
	for i, x := range list {
		if x > limit || x == 0 {
			return list[:i]
		}
	}
	return list
}

// overlap counts what two ascending lists share, and their elements; zeros at
// the end are none.
func overlap(a, b []uint16) (shared, inA, inB int) {
	a, b = upTo(a, math.MaxUint16), upTo(b, math.MaxUint16)
	inA, inB = len(a), len(b)
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			shared++
			a, b = a[1:], b[1:]
		}
	}
	return shared, inA, inB
}

// Text tells texts apart that differ in more than case, punctuation, and where the
// title ends. The zero value is that of papers without words.
type Text struct {
	pairs signature
	words uint16
}

// Text gives what papers with the same title and abstract have in common.
func (k *Key) Text() Text { return Text{k.text, k.textWords} }
