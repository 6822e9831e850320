package dedup

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"akin/internal/splitmix"
)

const (
	// leastTitle is how many words of a title must be left when a mark is taken off.
	leastTitle = 3
	// leastFrame is how many words stand before the "for" of titles that may differ in
	// what they are for.
	leastFrame = 2
	// stemBytes is how many bytes of a word tell what it is for: linear, linearized.
	stemBytes = 5
)

// ofTitle sets what comes from the title. What says of what form a paper is, such as
// "(Extended Abstract)" at its end or "Erratum:" before it, does not count.
func (k *Key) ofTitle(title string) {
	var words []string
	eachWord(title, func(word []byte) { words = append(words, string(word)) })
	words, k.marked = withoutMarks(words)
	if len(words) == 0 {
		return
	}
	hashes := make([]uint64, len(words))
	small := make([]uint16, len(words))
	for i, w := range words {
		hashes[i] = splitmix.Mix(fnv64(w))
		small[i] = max(1, uint16(hashes[i]))
	}
	signs := signsIn(title)
	k.title = max(1, splitmix.Mix(joined(append(hashes[:len(hashes):len(hashes)], signs...))))
	k.titleWords = uint16(min(len(words), math.MaxUint16))
	slices.Sort(small)
	copy(k.words[:], slices.Compact(small))
	k.ofNumbers(words, hashes, signs)
	k.ofFrame(words, hashes)
}

// signsIn gives the names of a title with signs that are part of them and of no word:
// PointNet++ is not PointNet, nor RRT* RRT. A star that ends a title is a mark of a
// footnote.
func signsIn(title string) (names []uint64) {
	fields := strings.Fields(title)
	for i, w := range fields {
		w = strings.Trim(w, ".,;:!?()[]\"'“”‘’")
		bare := strings.TrimRight(w, "+*")
		signs := w[len(bare):]
		starred := signs == "*" && i < len(fields)-1 && bare != "" && strings.ToUpper(bare) == bare
		if bare != "" && (signs == "++" || starred) {
			names = append(names, fnv64(strings.ToLower(bare))^fnv64(signs))
		}
	}
	return names
}

func fnv64(s string) uint64 { return fnvBytes(fnvOffset, []byte(s)) }

func joined(hashes []uint64) uint64 {
	h, bytes := uint64(fnvOffset), [8]byte{}
	for _, x := range hashes {
		binary.LittleEndian.PutUint64(bytes[:], x)
		h = fnvBytes(h, bytes[:])
	}
	return h
}

// withoutMarks takes off the words around a title that say of what form a paper is, and
// says whether there were any.
func withoutMarks(words []string) (left []string, marked bool) {
	strip := func(n int, from int) {
		words, marked = words[from:from+n], true
	}
	for again := true; again; {
		again = false
		for _, mark := range marksBefore {
			if n := len(words) - len(mark); n >= leastTitle && slices.Equal(words[:len(mark)], mark) {
				strip(n, len(mark))
				again = true
				break
			}
		}
		for _, mark := range marksBehind {
			if n := len(words) - len(mark); n >= leastTitle && slices.Equal(words[n:], mark) {
				strip(n, 0)
				again = true
				break
			}
		}
		if n := len(words); n > leastTitle && version(words[n-1]) {
			strip(n-1, 0)
			again = true
		} else if n > leastTitle+1 && words[n-2] == "version" && digits(words[n-1]) {
			strip(n-2, 0)
			again = true
		}
	}
	return words, marked
}

// version says whether a word is one such as v2.
func version(word string) bool { return len(word) > 1 && word[0] == 'v' && digits(word[1:]) }

func digits(word string) bool { return word != "" && strings.Trim(word, "0123456789") == "" }

// marksBefore are marks before a title; of those that begin alike the longer first.
var marksBefore = [][]string{ //nolint:gochecknoglobals // a constant table
	{"erratum", "to"},
	{"erratum", "for"},
	{"erratum"},
	{"corrigendum", "to"},
	{"corrigendum", "for"},
	{"corrigendum"},
	{"correction", "to"},
	{"corrections", "to"},
	{"publisher", "correction"},
	{"author", "correction"},
	{"addendum", "to"},
	{"retraction", "note", "to"},
	{"retracted", "article"},
	{"retracted"},
	{"withdrawn", "article"},
	{"withdrawn"},
}

// marksBehind are marks behind a title.
var marksBehind = [][]string{ //nolint:gochecknoglobals // a constant table
	{"extended", "abstract"},
	{"student", "abstract"},
	{"extended", "version"},
	{"full", "version"},
	{"long", "version"},
	{"short", "version"},
	{"abridged", "version"},
	{"journal", "version"},
	{"conference", "version"},
	{"short", "paper"},
	{"technical", "report"},
	{"video", "contribution"},
	{"video"},
	{"preprint"},
	{"abstract", "reprint"},
	{"erratum"},
	{"corrigendum"},
	{"retracted"},
	{"withdrawn"},
}

// ofNumbers sets the numbers of a title, in their order, with the signs of names behind
// them, and the title without them.
func (k *Key) ofNumbers(words []string, hashes, signs []uint64) {
	var numbers, others []uint64
	for i, w := range words {
		n, ok := numberOf(w, i > 0 && series(words[i-1]))
		switch {
		case ok:
			numbers = append(numbers, splitmix.Mix(fnv64(n)))
		case !series(w):
			others = append(others, hashes[i])
		}
	}
	if numbers = append(numbers, signs...); len(numbers) > 0 {
		k.numbers = max(1, uint32(joined(numbers)))
	}
	if len(others) >= leastFrame {
		k.bare = max(1, uint32(joined(others)))
	}
}

// series says whether a word numbers what follows a title's beginning: part, volume.
func series(word string) bool {
	switch word {
	case "part", "parts", "volume", "vol", "chapter", "section", "edition", "ed", "no", "episode":
		return true
	}
	return false
}

// numberOf gives the number that a word is or has, as digits: two, second, 2nd, cifar10,
// iii. Roman numerals that are letters too, and letters, count after a word such as part.
func numberOf(word string, numbered bool) (string, bool) {
	switch word {
	case "i":
		return "1", numbered
	case "v":
		return "5", numbered
	case "x":
		return "10", numbered
	case "two", "second", "ii":
		return "2", true
	case "three", "third", "iii":
		return "3", true
	case "four", "fourth", "iv":
		return "4", true
	case "five", "fifth":
		return "5", true
	case "six", "sixth", "vi":
		return "6", true
	case "seven", "seventh", "vii":
		return "7", true
	case "eight", "eighth", "viii":
		return "8", true
	case "nine", "ninth", "ix":
		return "9", true
	case "ten", "tenth":
		return "10", true
	}
	if numbered && len(word) == 1 && 'a' <= word[0] && word[0] <= 'h' { // part A
		return word, true
	}
	number := strings.FieldsFunc(word, func(r rune) bool { return r < '0' || r > '9' })
	return strings.Join(number, "."), len(number) > 0
}

// ofFrame sets the beginning of a title up to its last "for", and what follows.
func (k *Key) ofFrame(words []string, hashes []uint64) {
	for i := len(words) - 2; i >= leastFrame; i-- {
		if words[i] != "for" {
			continue
		}
		k.frame = max(1, uint32(joined(hashes[:i])))
		for _, w := range words[i+1:] {
			if len(w) > stemBytes {
				w = w[:stemBytes]
			}
			if w != "a" && w != "an" && w != "the" && w != "of" && w != "in" && w != "and" && w != "with" {
				k.tail |= 1 << (splitmix.Mix(fnv64(w)) % 32)
			}
		}
		return
	}
}
