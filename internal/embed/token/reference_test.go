package token

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The tests in this file run the reference itself, through
// testdata/reference/token_reference.py. AKIN_PYTHON names the Python to use.

// reference starts the script and returns a function that yields one answer
// for each text, in order.
func reference(tb testing.TB, args ...string) func(texts iter.Seq[string]) iter.Seq2[string, referenceAnswer] {
	tb.Helper()
	python := os.Getenv("AKIN_PYTHON")
	if python == "" {
		tb.Skip("AKIN_PYTHON does not name a Python with the tokenizers package; pip install tokenizers, then set it.")
	}
	return func(texts iter.Seq[string]) iter.Seq2[string, referenceAnswer] {
		return func(yield func(string, referenceAnswer) bool) {
			askReference(tb, python, args, texts, yield)
		}
	}
}

type referenceAnswer struct {
	IDs     []int64
	Offsets [][2]int
	Words   []string
}

func askReference(tb testing.TB, python string, args []string, texts iter.Seq[string], yield func(string, referenceAnswer) bool) {
	script := filepath.Join(repoRoot, "testdata", "reference", "token_reference.py")
	cmd := exec.CommandContext(tb.Context(), python, append([]string{script}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	// The script reads ahead and answers late; what it was asked waits here.
	asked := make(chan string, 4096)
	go feed(in, texts, asked)
	answers := bufio.NewReaderSize(out, 1<<20)
	for text := range asked {
		var a referenceAnswer
		line, err := answers.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &a)
		}
		if err != nil {
			tb.Fatalf("read the reference's answer: %v", err)
		}
		if !yield(text, a) {
			break
		}
	}
	for range asked { // let feed end
	}
	in.Close()
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		tb.Fatal(err)
	}
}

func feed(in io.WriteCloser, texts iter.Seq[string], asked chan<- string) {
	defer in.Close()
	defer close(asked)
	w := bufio.NewWriterSize(in, 1<<20)
	defer w.Flush()
	enc := json.NewEncoder(w)
	n := 0
	for text := range texts {
		if enc.Encode(text) != nil {
			return
		}
		// Whatever is buffered when asked is full would be waited for in vain.
		if n++; n%256 == 0 && w.Flush() != nil {
			return
		}
		asked <- text
	}
}

// compare counts the texts whose ids are not the reference's, and reports the
// first few.
func compare(t *testing.T, tok *Tokenizer, answers iter.Seq2[string, referenceAnswer]) (texts, tokens int) {
	t.Helper()
	bad := 0
	report := func(text, what string, got, want any) {
		if bad++; bad <= 5 {
			t.Errorf("%s of %.300q:\n got %v\nwant %v", what, text, got, want)
		}
	}
	for text, want := range answers {
		texts++
		tokens += len(want.IDs)
		whole := mustEncode(t, tok, text, Options{WithOffsets: true})
		if !slices.Equal(whole.IDs, want.IDs) {
			report(text, "ids", whole.IDs, want.IDs)
			continue
		}
		if want.Offsets != nil && !reorders(tok, text) && !slices.Equal(whole.Offsets, want.Offsets) {
			report(text, "offsets", whole.Offsets, want.Offsets)
		}
		cut := mustEncode(t, tok, text, Options{MaxTokens: 256})
		wantCut := want.IDs
		if len(wantCut) > 256 {
			wantCut = append(slices.Clone(want.IDs[:255]), want.IDs[len(want.IDs)-1])
		}
		if !slices.Equal(cut.IDs, wantCut) || cut.Truncated != (len(want.IDs) > 256) {
			report(text, "cut ids", cut.IDs, wantCut)
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d texts differ from the reference", bad, texts)
	}
	return texts, tokens
}

// reorders says whether a text has marks that strip_accents leaves and that may
// have to be put in order. Which of several such marks an offset is about is
// then a matter of taste: the reference counts those that it deletes later.
func reorders(tok *Tokenizer, text string) bool {
	table := tok.encoder.(*bert).table
	for _, r := range text {
		a := table.action(r)
		if a.kind() == mark {
			return true
		}
		if a.kind() == several && slices.ContainsFunc(table.sequence(a), func(a action) bool { return a.kind() == mark }) {
			return true
		}
	}
	return false
}

// TestReferenceCorpora compares ids and offsets for every text of the shared data.
func TestReferenceCorpora(t *testing.T) {
	tok := model(t)
	ask := reference(t, "--offsets")
	data := filepath.Join(repoRoot, "..", "shared", "data")
	if _, err := os.Stat(data); err != nil {
		t.Skipf("There are no shared corpora in %s.", data)
	}
	if testing.Short() {
		t.Skip("Comparing every text of the corpora takes minutes.")
	}
	texts, tokens := compare(t, tok, ask(corpusTexts(t, data)))
	t.Logf("%d texts, %d tokens compared", texts, tokens)
	if texts < 80_000 {
		t.Errorf("only %d texts", texts)
	}
}

// corpusTexts yields every text below the data folder: the paragraphs of the
// listings, and title, abstract or text of each record of the JSON lines.
func corpusTexts(tb testing.TB, root string) iter.Seq[string] {
	var paths []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".jsonl.gz") || strings.HasSuffix(path, ".txt") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return func(yield func(string) bool) {
		for _, path := range paths {
			if !yieldFile(tb, path, yield) {
				return
			}
		}
	}
}

func yieldFile(tb testing.TB, path string, yield func(string) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		tb.Error(err)
		return false
	}
	defer f.Close()
	if strings.HasSuffix(path, ".txt") {
		data, err := io.ReadAll(f)
		if err != nil {
			tb.Error(err)
		}
		for p := range strings.SplitSeq(string(data), "\n\n") {
			if !yield(strings.ToValidUTF8(p, "\uFFFD")) {
				return false
			}
		}
		return yield(strings.ToValidUTF8(string(data), "\uFFFD"))
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Error(err)
		return false
	}
	records := json.NewDecoder(z)
	for {
		var r struct{ Title, Abstract, Text string }
		if err := records.Decode(&r); err == io.EOF {
			return true
		} else if err != nil {
			tb.Errorf("%s: %v", path, err)
			return false
		}
		text := r.Text
		if text == "" {
			text = r.Title + ". " + r.Abstract
		}
		if !yield(text) {
			return false
		}
	}
}

// TestReferenceHardTexts compares ids and offsets of the hard texts, uncut.
func TestReferenceHardTexts(t *testing.T) {
	tok := model(t)
	ask := reference(t, "--offsets")
	compare(t, tok, ask(func(yield func(string) bool) {
		for _, c := range hardCases(t) {
			if !yield(c.Text) {
				return
			}
		}
	}))
}

// TestReferenceRandom compares ids and offsets of random strings.
func TestReferenceRandom(t *testing.T) {
	tok := model(t)
	ask := reference(t, "--offsets")
	texts, tokens := compare(t, tok, ask(randomTexts(50_000)))
	t.Logf("%d texts, %d tokens compared", texts, tokens)
}

// TestReferenceEveryCodePoint compares ids and offsets around each code point.
func TestReferenceEveryCodePoint(t *testing.T) {
	tok := model(t)
	ask := reference(t, "--offsets")
	compare(t, tok, ask(func(yield func(string) bool) {
		var b strings.Builder
		for c := rune(0); c <= utf8.MaxRune; c++ {
			if utf8.ValidRune(c) {
				fmt.Fprintf(&b, "a%cb %c ", c, c)
			}
			if c%64 == 63 {
				if !yield(b.String()) {
					return
				}
				b.Reset()
			}
		}
	}))
}

// TestReferenceWords compares words of random strings under every combination
// of options.
func TestReferenceWords(t *testing.T) {
	reference(t) // skip as a whole
	for flags := range 1 << 4 {
		opts := bertOptions{flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0}
		bit := func(b bool) int {
			if b {
				return 1
			}
			return 0
		}
		arg := fmt.Sprintf("%d,%d,%d,%d", bit(opts.cleanText), bit(opts.chineseChars), bit(opts.stripAccents), bit(opts.lowercase))
		t.Run(arg, func(t *testing.T) {
			ask := reference(t, "--bert", arg)
			table := newCharTable(opts)
			for text, want := range ask(randomTexts(5_000)) {
				if got := wordsOf(table, text); !slices.Equal(got, want.Words) {
					t.Fatalf("words of %+q:\n got %+q\nwant %+q", text, got, want.Words)
				}
			}
		})
	}
}

// randomTexts yields strings in which the code points that are treated in
// some special way meet each other far more often than in real text.
func randomTexts(n int) iter.Seq[string] {
	pools := specialPools()
	return func(yield func(string) bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		for range n {
			var b strings.Builder
			for range rng.IntN(40) {
				pool := pools[rng.IntN(len(pools))]
				b.WriteRune(pool[rng.IntN(len(pool))])
			}
			if !yield(b.String()) {
				return
			}
		}
	}
}

// specialPools is the code points that each table mentions, and others.
func specialPools() [][]rune {
	expand := func(ranges []runeRange) []rune {
		var out []rune
		for _, r := range ranges {
			for c := r.lo; c <= r.hi; c++ {
				out = append(out, c)
			}
		}
		return out
	}
	var any, classes, lower, decomposed, stay []rune
	for c := rune(0); c <= utf8.MaxRune; c++ {
		if utf8.ValidRune(c) {
			any = append(any, c)
		}
	}
	marks := expand(nonspacingMarks)
	each(combiningClasses, func(c, _ rune) {
		classes = append(classes, c)
		if _, found := slices.BinarySearch(marks, c); !found {
			stay = append(stay, c)
		}
	})
	each(lowerDeltas, func(c, _ rune) { lower = append(lower, c) })
	for _, d := range decompositions {
		decomposed = append(decomposed, d.r)
	}
	letters := []rune("abcdefghijklmnopqrstuvwxyzTHEAND")
	return [][]rune{
		letters, letters, letters, []rune(" .,-[]#'\t\n"), any, any[:0x3000], expand(whiteSpace), expand(punctuation),
		expand(chineseChars), expand(removedByClean[:8]), marks, classes, stay, stay, lower, decomposed,
		expand([]runeRange{{hangulBase, hangulBase + hangulCount - 1}, {leadBase, 0x11FF}}),
	}
}
