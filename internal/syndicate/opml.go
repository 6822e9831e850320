package syndicate

import (
	"encoding/xml"
	"fmt"
	"net/url"

	"akin/internal/paper"
)

// Outline is a feed in a list of feeds.
type Outline struct {
	Title string
	// Feed is the address of the feed, Home that of its page; both are absolute.
	Feed, Home string
}

type opmlOutline struct {
	Type  string `xml:"type,attr"`
	Text  string `xml:"text,attr"`
	Title string `xml:"title,attr"`
	Feed  string `xml:"xmlUrl,attr"`
	Home  string `xml:"htmlUrl,attr,omitempty"`
}

// OPML writes a list of feeds as OPML 2.0.
func OPML(title string, all []Outline) ([]byte, error) {
	type head struct {
		Title string `xml:"title"`
	}
	type body struct {
		Outlines []opmlOutline `xml:"outline"`
	}
	doc := struct {
		XMLName xml.Name `xml:"opml"`
		Version string   `xml:"version,attr"`
		Head    head     `xml:"head"`
		Body    body     `xml:"body"`
	}{Version: "2.0", Head: head{clip(Clean(title), maxTitle)}}
	for _, o := range all {
		for _, address := range []string{o.Feed, o.Home} {
			if u, err := url.Parse(address); err != nil || address != "" && !u.IsAbs() {
				return nil, paper.Invalidf("the list of feeds has %q, which is no whole address", address)
			}
		}
		text := clip(Clean(o.Title), maxTitle)
		doc.Body.Outlines = append(doc.Body.Outlines, opmlOutline{Type: "rss", Text: text, Title: text, Feed: o.Feed, Home: o.Home})
	}
	out, err := xml.MarshalIndent(doc, "", " ")
	if err != nil {
		return nil, fmt.Errorf("opml: %w", err)
	}
	return append([]byte(xml.Header), append(out, '\n')...), nil
}
