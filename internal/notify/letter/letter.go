// Package letter writes what mails say: the same in HTML and in plain text.
//
// Its functions are pure, and safe for concurrent use. Whatever papers say is text: it
// is escaped in HTML, and put on lines of its own in plain text. The HTML is made of
// tables with styles in place, for programs that know little else, and sets no colours
// but those of lines, so that it is dark where its reader's program is. No picture and
// no script is in it, and nothing is loaded.
package letter

import (
	"bytes"
	_ "embed" // the template
	"fmt"
	"html/template"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"akin/internal/text"
)

// MaxBytes is how large the HTML of a mail is at most: readers' programs cut larger ones.
const MaxBytes = 100_000

const (
	// maxAuthors is how many authors are named, the last among them.
	maxAuthors = 8
	maxTitle   = 400
	maxLine    = 500
	// width is where plain text is broken.
	width = 74
)

// Link is an address with what it is called.
type Link struct{ Label, URL string }

// Item is a paper.
type Item struct {
	Title string
	URL   string
	// Authors are in the order of the paper.
	Authors     []string
	Date, Venue string
	Links       []Link
	// Sentence speaks for the paper; Why says what brought it.
	Sentence, Why string
	// Pinned is the author that it comes first for.
	Pinned string
	// Like and Dismiss are addresses; "" for none.
	Like, Dismiss string
}

// Letter is what a mail says.
type Letter struct {
	// Title names it, Date is its local date.
	Title, Date string
	// Opening is a paragraph before the papers, or what a mail without any says.
	Opening string
	// Button is what its reader is asked to do, if anything.
	Button *Link
	Items  []Item
	// More says how many other papers there were, and where; "" for none.
	More *Link
	// Footer says why its reader gets it.
	Footer string
	// Unsubscribe is where it is ended; "" for none.
	Unsubscribe string
}

// Written is a letter in both forms.
type Written struct {
	HTML, Text string
	// Items is how many papers it has: as many as MaxBytes lets it.
	Items int
}

//go:embed letter.html
var source string

var page = template.Must(template.New("letter").Parse(source)) //nolint:gochecknoglobals // a constant of this package

// Write writes a letter. Papers that it has no room for are counted to the others.
func Write(l Letter) (Written, error) {
	for i := range l.Items {
		l.Items[i].clean()
	}
	l.Title, l.Opening, l.Footer = line(l.Title, maxTitle), line(l.Opening, 4*maxLine), line(l.Footer, 2*maxLine)
	for {
		var out bytes.Buffer
		if err := page.Execute(&out, &l); err != nil {
			return Written{}, fmt.Errorf("write a letter: %w", err)
		}
		if n := len(l.Items); out.Len() > MaxBytes && n > 0 {
			l.Items = l.Items[:n-1]
			continue
		}
		return Written{HTML: out.String(), Text: plain(&l), Items: len(l.Items)}, nil
	}
}

// clean makes what a paper says fit to be read.
func (it *Item) clean() {
	it.Title, it.Sentence, it.Why = Readable(it.Title), clip(Readable(it.Sentence), maxLine), line(it.Why, maxLine)
	it.Title = clip(it.Title, maxTitle)
	if it.Title == "" {
		it.Title = "(without a title)"
	}
	it.Venue, it.Date, it.Pinned = clip(Readable(it.Venue), maxTitle/2), line(it.Date, maxTitle), line(it.Pinned, maxTitle)
	it.Authors = slices.Clone(it.Authors)
	if n := len(it.Authors); n > maxAuthors {
		it.Authors = append(append(it.Authors[:maxAuthors-1:maxAuthors-1], fmt.Sprintf("… %d more …", n-maxAuthors)), it.Authors[n-1])
	}
	for i := range it.Authors {
		it.Authors[i] = line(it.Authors[i], 100)
	}
}

// By are the authors as one line.
func (it *Item) By() string { return strings.Join(it.Authors, ", ") }

// Where are date and venue as one line.
func (it *Item) Where() string {
	parts := slices.DeleteFunc([]string{it.Date, it.Venue}, func(s string) bool { return s == "" })
	return strings.Join(parts, " · ")
}

// line makes text one line, without what does not show.
func line(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || unicode.Is(unicode.Cf, r) && r != '\u200d' && r != '\u200c':
			return -1
		case unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return clip(text.Collapse(s), most)
}

// clip cuts text between words.
func clip(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	cut := string([]rune(s)[:most])
	if at := strings.LastIndexByte(cut, ' '); at > len(cut)/2 {
		cut = cut[:at]
	}
	return strings.TrimRight(cut, " ,;:.") + "…"
}

// Readable gives the title or a sentence of a paper without markup: formulas as text
// shows them.
func Readable(s string) string { return line(formulas(text.Clean(line(s, 20*maxLine))), 20*maxLine) }
