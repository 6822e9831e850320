package syndicate_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"akin/internal/syndicate"
)

var at = time.Date(2026, 5, 17, 10, 0, 0, 5, time.FixedZone("", 3600))

// odd is text with what XML does not have, and what it would read as markup.
const odd = "A\x00B\x0b \ufffe\uffff\u202e <b>&amp; \"x\" ]]> \xff $\\alpha<\\beta$ 漢字 🙂 \u0085\ufdd0"

func feed(n int) *syndicate.Feed {
	f := &syndicate.Feed{
		ID: "tag:papers.example.org,2026:list/newest", Title: "New " + odd, Subtitle: odd, Publisher: "akin",
		Self: "https://papers.example.org/atom.xml?q=a&b=c", Other: "https://papers.example.org/feed.json", Home: "https://papers.example.org/",
	}
	for i := range n {
		f.Entries = append(f.Entries, syndicate.Entry{
			ID: fmt.Sprintf("tag:papers.example.org,2026:paper/%d", i), URL: fmt.Sprintf("https://papers.example.org/paper/%d", i),
			Title: odd, Text: odd + "\n\n" + strings.Repeat("word ", 40), Authors: []string{"Ann " + odd, "", "Bo, Li"}, Updated: at.Add(time.Duration(i) * time.Minute), Published: at,
			Venue: odd, Tags: []string{"cs.CL", odd, "\x01"}, Why: []string{odd}, Language: "en",
			Links: []syndicate.Link{{"arXiv", "https://arxiv.org/abs/1"}, {"x", "javascript:alert(1)"}, {"y", "/relative"}, {"", "https://e.org/\x00"}},
		})
	}
	return f
}

// atom is what a reader makes of Atom.
type atom struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Author  []string `xml:"author>name"`
	Links   []struct {
		Rel  string `xml:"rel,attr"`
		Href string `xml:"href,attr"`
	} `xml:"link"`
	Entries []struct {
		Lang    string   `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
		ID      string   `xml:"id"`
		Title   string   `xml:"title"`
		Updated string   `xml:"updated"`
		Authors []string `xml:"author>name"`
		Content struct {
			Type string `xml:"type,attr"`
			Text string `xml:",chardata"`
		} `xml:"content"`
		Links []struct {
			Rel  string `xml:"rel,attr"`
			Href string `xml:"href,attr"`
		} `xml:"link"`
	} `xml:"entry"`
}

func TestAtom(t *testing.T) {
	body, err := syndicate.Atom(feed(3))
	if err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(body) || bytes.ContainsAny(body, "\x00\x0b\ufffe\uffff\u202e\u0085") {
		t.Error("it has characters that XML does not")
	}
	var got atom
	if err := xml.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if got.ID != feed(0).ID || got.Updated != "2026-05-17T09:02:00Z" || len(got.Author) != 1 || len(got.Entries) != 3 {
		t.Errorf("%+v", got)
	}
	if got.Links[0].Rel != "self" || got.Links[0].Href != feed(0).Self {
		t.Errorf("%+v", got.Links)
	}
	e := got.Entries[1]
	if e.Title != `AB <b>&amp; "x" ]]> $\alpha<\beta$ 漢字 🙂` || len(e.Authors) != 2 || e.Updated != "2026-05-17T09:01:00Z" || e.Lang != "en" {
		t.Errorf("%+v", e)
	}
	if e.Content.Type != "html" || !strings.Contains(e.Content.Text, "&lt;b&gt;&amp;amp;") || strings.Contains(e.Content.Text, "javascript") {
		t.Errorf("%s", e.Content.Text)
	}
	if len(e.Links) != 2 || e.Links[1].Href != "https://arxiv.org/abs/1" {
		t.Errorf("%+v", e.Links)
	}
	again, err := syndicate.Atom(feed(3))
	if err != nil || !bytes.Equal(again, body) {
		t.Errorf("the same feed is written otherwise: %v", err)
	}
	if empty, err := syndicate.Atom(feed(0)); err != nil || xml.Unmarshal(empty, &got) != nil {
		t.Errorf("an empty feed: %v, %s", err, empty)
	}
}

func TestJSON(t *testing.T) {
	body, err := syndicate.JSON(feed(3))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version string `json:"version"`
		Items   []struct {
			ID, Title, URL string
			Modified       string `json:"date_modified"`
			Authors        []struct{ Name string }
			HTML           string `json:"content_html"`
		}
	}
	if err := json.Unmarshal(body, &got); err != nil || got.Version != "https://jsonfeed.org/version/1.1" || len(got.Items) != 3 {
		t.Fatalf("%v, %s", err, body)
	}
	if i := got.Items[0]; i.ID == "" || i.Modified != "2026-05-17T09:00:00Z" || len(i.Authors) != 2 || !strings.Contains(i.HTML, "<p>") {
		t.Errorf("%+v", i)
	}
	if empty, err := syndicate.JSON(feed(0)); err != nil || !bytes.Contains(empty, []byte(`"items":[]`)) {
		t.Errorf("an empty feed: %v, %s", err, empty)
	}
}

// A feed of much text is cut at an entry, and is whole.
func TestSize(t *testing.T) {
	f := feed(90)
	for i := range f.Entries {
		f.Entries[i].Text = strings.Repeat("a&b ", 100_000)
		f.Entries[i].Authors = make([]string, 5_000)
		for k := range f.Entries[i].Authors {
			f.Entries[i].Authors[k] = "Somebody"
		}
	}
	for name, write := range map[string]func(*syndicate.Feed) ([]byte, error){"atom": syndicate.Atom, "json": syndicate.JSON} {
		body, err := write(f)
		if err != nil || len(body) > syndicate.MaxBytes || len(body) < syndicate.MaxBytes/2 {
			t.Errorf("%s has %d bytes, %v", name, len(body), err)
		}
		var a atom
		if name == "atom" && xml.Unmarshal(body, &a) != nil || name == "json" && !json.Valid(body) {
			t.Errorf("%s is not whole", name)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, change := range map[string]func(*syndicate.Feed){
		"self":  func(f *syndicate.Feed) { f.Self = "/atom.xml" },
		"home":  func(f *syndicate.Feed) { f.Home = "" },
		"id":    func(f *syndicate.Feed) { f.ID = "newest" },
		"twice": func(f *syndicate.Feed) { f.Entries[1].ID = f.Entries[0].ID },
		"entry": func(f *syndicate.Feed) { f.Entries[1].URL = "/paper/1" },
	} {
		f := feed(2)
		change(f)
		if _, err := syndicate.Atom(f); err == nil {
			t.Errorf("%s: written as Atom", name)
		}
		if _, err := syndicate.JSON(f); err == nil {
			t.Errorf("%s: written as JSON", name)
		}
	}
}

func TestTagURI(t *testing.T) {
	for address, want := range map[string]string{
		"https://Papers.example.org:8443/akin": "tag:papers.example.org,2026:paper/arXiv:1706.03762",
		"http://127.0.0.1:7412":                "tag:127.0.0.1,2026:paper/arXiv:1706.03762",
		"http://[::1]:7412":                    "tag:localhost,2026:paper/arXiv:1706.03762",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := syndicate.TagURI(u, "paper", "arXiv:1706.03762"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := syndicate.TagURI(u, "paper", "a b<ü>%"); !strings.HasSuffix(got, "paper/a%20b%3C%C3%BC%3E%25") {
			t.Errorf("got %s", got)
		}
	}
}

func TestOPML(t *testing.T) {
	body, err := syndicate.OPML("Feeds "+odd, []syndicate.Outline{{"One " + odd, "https://e.org/a?x=1&y=2", "https://e.org/"}, {"Two", "https://e.org/b", ""}})
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	n := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "outline" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%s", body)
	}
	if _, err := syndicate.OPML("x", []syndicate.Outline{{"a", "/b", ""}}); err == nil {
		t.Error("a relative address was written")
	}
}

func FuzzAtom(f *testing.F) {
	f.Add(odd, odd)
	f.Fuzz(func(t *testing.T, title, text string) {
		one := feed(1)
		one.Title, one.Entries[0].Title, one.Entries[0].Text, one.Entries[0].Tags = title, title, text, []string{text}
		body, err := syndicate.Atom(one)
		if err != nil {
			t.Fatal(err)
		}
		var a atom
		if err := xml.Unmarshal(body, &a); err != nil || len(a.Entries) != 1 {
			t.Errorf("%v in %q", err, body)
		}
	})
}
