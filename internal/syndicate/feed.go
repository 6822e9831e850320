package syndicate

import (
	"fmt"
	"html"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"akin/internal/paper"
)

const (
	// MaxBytes is how large a feed may be: readers refuse larger ones.
	MaxBytes = 500_000
	// MaxEntries is how many entries a feed has at most.
	MaxEntries = 100
	// maxText bounds the text of an entry, maxTitle its title, and maxAuthors how many
	// authors are named, so that one entry is never all of a feed.
	maxText    = 20_000
	maxTitle   = 1_000
	maxAuthors = 100
	maxTags    = 30
	// room is what is kept of MaxBytes for the feed around its entries.
	room = 8_000
)

// Feed is a list of papers.
type Feed struct {
	// ID is a URI that stays the same for as long as the feed is the same.
	ID       string
	Title    string
	Subtitle string
	// Self is the address of the feed itself, in the form that is written, Other that in
	// the other form, and Home the page with the same list. All are absolute.
	Self, Other, Home string
	// Icon is the address of a picture; "" is none.
	Icon string
	// Publisher is the author of a feed whose entries have none.
	Publisher string
	Entries   []Entry
}

// Entry is a paper of a feed.
type Entry struct {
	// ID is a URI that stays the same for as long as the paper is the same.
	ID    string
	Title string
	// URL is the page of the paper, absolute.
	URL     string
	Authors []string
	// Published is when the paper appeared, zero if that is not known; Updated is when it
	// came to this list.
	Published, Updated time.Time
	Venue              string
	Tags               []string
	// Text is the abstract, Why what speaks for the paper: a line each.
	Text string
	Why  []string
	// Links lead elsewhere, such as to the publisher.
	Links []Link
	// Language is a tag such as en; "" is not known.
	Language string
}

// Link is an address with what it is called.
type Link struct{ Label, URL string }

// TagURI makes an id that stays the same wherever a feed is served: a tag URI (RFC 4151)
// of the host of an address. kind and name say what it is of.
func TagURI(base *url.URL, kind, name string) string {
	host := base.Hostname()
	if host == "" || strings.ContainsAny(host, ":%_") { // tags have names of hosts alone
		host = "localhost"
	}
	return fmt.Sprintf("tag:%s,2026:%s/%s", strings.ToLower(host), kind, escaped(name))
}

// escaped writes a name as a URI may have it.
func escaped(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/:", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// check holds a feed to what the formats ask for that papers cannot break.
func (f *Feed) check() error {
	for field, address := range map[string]string{"self": f.Self, "home": f.Home, "id": f.ID} {
		u, err := url.Parse(address)
		if err != nil || !u.IsAbs() {
			return paper.Invalidf("the feed's %s is %q, which is no whole address", field, address)
		}
	}
	seen := make(map[string]bool, len(f.Entries))
	for i := range f.Entries {
		e := &f.Entries[i]
		if u, err := url.Parse(e.URL); err != nil || !u.IsAbs() || e.ID == "" || seen[e.ID] {
			return paper.Invalidf("entry %d of the feed has the id %q and the address %q; ids are there once, and addresses whole", i, e.ID, e.URL)
		}
		seen[e.ID] = true
	}
	return nil
}

// updated is when the feed last changed: when its newest entry did.
func (f *Feed) updated() time.Time {
	at := time.Unix(0, 0)
	for i := range f.Entries {
		if f.Entries[i].Updated.After(at) {
			at = f.Entries[i].Updated
		}
	}
	return at.UTC()
}

// Clean makes text of one line that XML and JSON can have: characters that XML does not
// have, or that are none, are left out.
func Clean(text string) string {
	return strings.Join(strings.Fields(legal(text)), " ")
}

// legal leaves out what is no character of XML 1.0.
func legal(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20, r >= 0x7f && r <= 0x9f, r >= 0xd800 && r <= 0xdfff, r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef, r == utf8.RuneError:
			return -1
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // turn the direction of what follows
			return -1
		}
		return r
	}, text)
}

// clip cuts a text to a number of bytes, between characters, and says so.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// clean is an entry as it is written.
func (e Entry) clean() Entry {
	if e.Title = clip(Clean(e.Title), maxTitle); e.Title == "" {
		e.Title = "Without a title"
	}
	var authors []string
	for _, name := range e.Authors[:min(len(e.Authors), maxAuthors)] {
		if name = clip(Clean(name), maxTitle); name != "" {
			authors = append(authors, name)
		}
	}
	more := len(e.Authors) - maxAuthors
	e.Authors = authors
	if more > 0 {
		e.Authors = append(e.Authors, fmt.Sprintf("and %d more", more))
	}
	var tags []string
	for _, tag := range e.Tags[:min(len(e.Tags), maxTags)] {
		if tag = clip(Clean(tag), maxTitle); tag != "" {
			tags = append(tags, tag)
		}
	}
	e.Tags, e.Venue, e.Text = tags, clip(Clean(e.Venue), maxTitle), clip(strings.TrimSpace(legal(e.Text)), maxText)
	why := make([]string, 0, len(e.Why))
	for _, line := range e.Why {
		if line = clip(Clean(line), maxTitle); line != "" {
			why = append(why, line)
		}
	}
	e.Why = why
	e.Links = links(e.Links)
	e.Updated, e.Published = e.Updated.UTC().Truncate(time.Second), e.Published.UTC().Truncate(time.Second)
	return e
}

// links keeps those that lead somewhere on the web.
func links(all []Link) (out []Link) {
	for _, l := range all {
		u, err := url.Parse(l.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || legal(l.URL) != l.URL {
			continue
		}
		l.URL, l.Label = u.String(), clip(Clean(l.Label), maxTitle)
		if l.Label == "" {
			l.Label = u.Host
		}
		out = append(out, l)
	}
	return out
}

// html is the entry's content.
func (e *Entry) html() string {
	var b strings.Builder
	paragraph := func(text string) {
		if text != "" {
			b.WriteString("<p>" + html.EscapeString(text) + "</p>\n")
		}
	}
	paragraph(strings.Join(e.Authors, ", "))
	at := e.Venue
	if !e.Published.IsZero() {
		at = strings.TrimPrefix(at+", "+e.Published.Format("2 January 2006"), ", ")
	}
	paragraph(at)
	for _, line := range e.Why {
		b.WriteString("<p><em>" + html.EscapeString(line) + "</em></p>\n")
	}
	for part := range strings.SplitSeq(e.Text, "\n\n") {
		paragraph(strings.Join(strings.Fields(part), " "))
	}
	var list []string
	for _, l := range append([]Link{{"This paper, and what is like it", e.URL}}, e.Links...) {
		list = append(list, fmt.Sprintf(`<a href="%s">%s</a>`, html.EscapeString(l.URL), html.EscapeString(l.Label)))
	}
	b.WriteString("<p>" + strings.Join(list, " · ") + "</p>")
	return b.String()
}
