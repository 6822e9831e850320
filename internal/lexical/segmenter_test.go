package lexical

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// slowly is words with all text left to the segmenter.
func (a *analyser) slowly(text string, emit func(w word)) {
	a.source, a.folded = text, fold(text, a.folded)
	a.emit, a.position, a.chain, a.run, a.behind = emit, 0, a.chain[:0], a.run[:0], 0
	a.segmentForeign(a.folded.text, 0, len(a.folded.text))
	a.endRun()
	a.endChain()
	a.emit, a.source = nil, ""
}

// seenWord is a word that keeps its text.
type seenWord struct {
	text                   string
	start, end, position   int
	joined, formula, alone bool
}

func allWords(words func(string, func(word)), text string, into []seenWord) []seenWord {
	words(text, func(w word) {
		into = append(into, seenWord{string(w.text), w.start, w.end, w.position, w.joined, w.formula, w.alone})
	})
	return into
}

// sameWords compares the two ways to take a text apart.
type sameWords struct {
	fast, slow analyser
	got, want  []seenWord
}

func (s *sameWords) check(t *testing.T, text string) {
	s.got, s.want = allWords(s.fast.words, text, s.got[:0]), allWords(s.slow.slowly, text, s.want[:0])
	if len(s.got)+len(s.want) > 0 && !reflect.DeepEqual(s.got, s.want) {
		t.Fatalf("%q: %v, want %v", text, s.got, s.want)
	}
}

// segmented are characters of all classes, and signs that belong to words.
var segmented = []string{"a", "N", "7", "_", ":", ",", ";", ".", "'", "-", " ", "+", "#", "*", "^", "(", "=", "\n", "\r", "\t", "é", "\u0301", "’", "–", "中", "か", "ก", "α", "א", "\u200d", "$", `\`, "net", "alpha", "\xff"}

// What is ASCII is taken apart as the segmenter of Unicode Annex 29 does it.
func TestSegmentsAsAnnex29(t *testing.T) {
	var s sameWords
	var try func(text string, left int)
	try = func(text string, left int) {
		s.check(t, text)
		if left > 0 {
			for _, c := range segmented {
				try(text+c, left-1)
			}
		}
	}
	try("", 3)
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b strings.Builder
		for range 1 + random.IntN(24) {
			b.WriteString(segmented[random.IntN(len(segmented))])
		}
		s.check(t, b.String())
	}
}

func TestSegmentsRealAbstractsAsAnnex29(t *testing.T) {
	limit := 2000
	if testing.Short() || raceDetector {
		limit = 200
	}
	var s sameWords
	for _, p := range abstracts(t, limit) {
		s.check(t, p.Title)
		s.check(t, p.Abstract)
	}
}

func FuzzSegment(f *testing.F) {
	for _, text := range []string{"a_b.c 1,5 3.d don't x:y C++ and A*-search", "naïve ’s Łódź–x y", "中文 mixed ABC1.2 か", ".NET _ __ a_ 1_2 ..a"} {
		f.Add(text)
	}
	var s sameWords
	f.Fuzz(func(t *testing.T, text string) { s.check(t, text) })
}

func BenchmarkPrepare(b *testing.B) {
	papers := abstracts(b, 4000)
	x, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	for i, p := range papers {
		if err := x.Upsert(uint32(i), p.Title, p.Abstract, []string{p.ID}); err != nil {
			b.Fatal(err)
		}
	}
	at := 0
	for b.Loop() {
		p := &papers[at%len(papers)]
		x.Prepare(p.Title, p.Abstract, []string{p.ID, "", ""})
		at++
	}
}
