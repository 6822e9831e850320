package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	akinv1 "akin/proto/akin/v1"
)

// sentenceFlags ask for the sentences behind a result.
type sentenceFlags struct {
	Evidence bool `help:"Show the sentences that speak for each result (at most 20 results a page)."`
}

// rerankFlag orders results by their sentences.
type rerankFlag struct {
	Rerank int32 `help:"Order the first N results anew by their sentences (0: off, at most 100)." placeholder:"N"`
}

// resultIndent is where the title of a result begins.
const resultIndent = "     "

// evidence prints the sentences that speak for a result, and for more like this
// and recommendations what they are near to.
func (e *environment) evidence(found []*akinv1.Evidence) {
	for _, s := range found {
		e.quote(fmt.Sprintf("cosine %.2f", s.GetSimilarity()), s.GetText())
		if of := s.GetOf(); of != nil {
			e.quote("          ~", of.GetText())
		}
	}
}

// quote prints a sentence under a result, behind a label, wrapped to the width of
// a terminal and dimmed on one.
func (e *environment) quote(label, text string) {
	e.out.style(dim)
	e.wrapped(resultIndent+label+"  ", text)
	e.out.style(plain)
}

// wrapped prints a text behind a label, wrapped to the width of a terminal; the
// lines after the first begin where its text does.
func (e *environment) wrapped(label, text string) {
	hang := strings.Repeat(" ", utf8.RuneCountInString(label))
	lines := wrap(strings.Fields(visible(oneLine(text))), e.width()-len(hang))
	if len(lines) == 0 {
		lines = []string{""}
	}
	for i, line := range lines {
		if i > 0 {
			label = hang
		}
		fmt.Fprintln(e.out, strings.TrimRight(label+line, " "))
	}
}

// width is how many columns a line may have: a terminal's, within reason, and no
// limit elsewhere.
func (e *environment) width() int {
	const fewest, most, unlimited = 40, 110, 1 << 20
	if !e.outIsTerminal {
		return unlimited
	}
	return max(fewest, min(most, columns(e.out.w, most)))
}

// errWidth is how many columns the terminal of messages has.
func (e *environment) errWidth() int { return columns(e.errOut.w, 80) }

// columns is the width of a terminal, or otherwise if nobody knows.
func columns(w io.Writer, otherwise int) int {
	f, ok := w.(*os.File)
	if !ok {
		return otherwise
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 1 {
		return otherwise
	}
	return width
}

// wrap makes lines of at most width characters of words; a longer word has a line
// of its own.
func wrap(words []string, width int) []string {
	var lines []string
	room := 0
	for _, w := range words {
		n := utf8.RuneCountInString(w)
		if len(lines) > 0 && n+1 <= room {
			lines[len(lines)-1] += " " + w
			room -= n + 1
			continue
		}
		lines, room = append(lines, w), width-n
	}
	return lines
}

// fact prints what something is, behind a name for that; nothing for no text.
func (e *environment) fact(what, text string) {
	if text != "" {
		e.wrapped(fmt.Sprintf("%-12s ", what), text)
	}
}

// enumWord gives the value of an enum as people write it.
func enumWord(value fmt.Stringer, prefix string) string {
	return strings.ToLower(strings.TrimPrefix(value.String(), prefix))
}
