package syndicate

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"
)

// Media types of what is written.
const (
	AtomType = "application/atom+xml; charset=utf-8"
	JSONType = "application/feed+json; charset=utf-8"
	OPMLType = "text/x-opml; charset=utf-8"
)

type atomLink struct {
	Rel   string `xml:"rel,attr"`
	Type  string `xml:"type,attr,omitempty"`
	Href  string `xml:"href,attr"`
	Title string `xml:"title,attr,omitempty"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

type atomPerson struct {
	Name string `xml:"name"`
}

type atomTerm struct {
	Term string `xml:"term,attr"`
}

type atomEntry struct {
	XMLName   xml.Name     `xml:"entry"`
	Lang      string       `xml:"xml:lang,attr,omitempty"`
	ID        string       `xml:"id"`
	Title     atomText     `xml:"title"`
	Updated   string       `xml:"updated"`
	Published string       `xml:"published,omitempty"`
	Authors   []atomPerson `xml:"author"`
	Links     []atomLink   `xml:"link"`
	Tags      []atomTerm   `xml:"category"`
	Content   atomText     `xml:"content"`
}

type atomHead struct {
	ID        string     `xml:"id"`
	Title     atomText   `xml:"title"`
	Subtitle  *atomText  `xml:"subtitle"`
	Updated   string     `xml:"updated"`
	Author    atomPerson `xml:"author"`
	Links     []atomLink `xml:"link"`
	Generator string     `xml:"generator"`
	Icon      string     `xml:"icon,omitempty"`
}

// Atom writes a feed as Atom 1.0.
func Atom(f *Feed) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	head := atomHead{
		ID: f.ID, Title: atomText{"text", clip(Clean(f.Title), maxTitle)}, Updated: f.updated().Format(time.RFC3339),
		Author: atomPerson{Clean(f.Publisher)}, Generator: "akin", Icon: f.Icon,
		Links: []atomLink{{Rel: "self", Type: "application/atom+xml", Href: f.Self}, {Rel: "alternate", Type: "text/html", Href: f.Home}},
	}
	if f.Other != "" {
		head.Links = append(head.Links, atomLink{Rel: "alternate", Type: "application/feed+json", Href: f.Other})
	}
	if text := clip(Clean(f.Subtitle), maxTitle); text != "" {
		head.Subtitle = &atomText{"text", text}
	}
	inner, err := xml.MarshalIndent(struct {
		XMLName xml.Name `xml:"x"`
		atomHead
	}{atomHead: head}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("atom: %w", err)
	}
	inner = bytes.TrimSuffix(bytes.TrimPrefix(inner, []byte("<x>")), []byte("</x>"))
	var b bytes.Buffer
	b.WriteString(xml.Header + `<feed xmlns="http://www.w3.org/2005/Atom">`)
	b.Write(inner)
	for i := range f.Entries[:min(len(f.Entries), MaxEntries)] {
		one, err := xml.MarshalIndent(atomOf(f.Entries[i].clean()), " ", " ")
		if err != nil {
			return nil, fmt.Errorf("atom: %w", err)
		}
		if b.Len()+len(one) > MaxBytes-room {
			break
		}
		b.Write(one)
		b.WriteByte('\n')
	}
	b.WriteString("</feed>\n")
	return b.Bytes(), nil
}

func atomOf(e Entry) atomEntry {
	out := atomEntry{
		ID: e.ID, Title: atomText{"text", e.Title}, Updated: e.Updated.Format(time.RFC3339), Lang: e.Language,
		Links:   []atomLink{{Rel: "alternate", Type: "text/html", Href: e.URL}},
		Content: atomText{"html", e.html()},
	}
	if !e.Published.IsZero() {
		out.Published = e.Published.Format(time.RFC3339)
	}
	for _, name := range e.Authors {
		out.Authors = append(out.Authors, atomPerson{name})
	}
	for _, l := range e.Links {
		out.Links = append(out.Links, atomLink{Rel: "related", Href: l.URL, Title: l.Label})
	}
	for _, tag := range e.Tags {
		out.Tags = append(out.Tags, atomTerm{tag})
	}
	return out
}
