package syndicate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

type jsonAuthor struct {
	Name string `json:"name"`
}

type jsonItem struct {
	ID        string       `json:"id"`
	URL       string       `json:"url"`
	External  string       `json:"external_url,omitempty"`
	Title     string       `json:"title"`
	HTML      string       `json:"content_html"`
	Published string       `json:"date_published,omitempty"`
	Modified  string       `json:"date_modified"`
	Authors   []jsonAuthor `json:"authors,omitempty"`
	Tags      []string     `json:"tags,omitempty"`
	Language  string       `json:"language,omitempty"`
}

type jsonFeed struct {
	Version     string            `json:"version"`
	Title       string            `json:"title"`
	Home        string            `json:"home_page_url"`
	Self        string            `json:"feed_url"`
	Description string            `json:"description,omitempty"`
	Icon        string            `json:"icon,omitempty"`
	Authors     []jsonAuthor      `json:"authors"`
	Items       []json.RawMessage `json:"items"`
}

// JSON writes a feed as JSON Feed 1.1.
func JSON(f *Feed) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	out := jsonFeed{
		Version: "https://jsonfeed.org/version/1.1", Title: clip(Clean(f.Title), maxTitle), Home: f.Home, Self: f.Self,
		Description: clip(Clean(f.Subtitle), maxTitle), Icon: f.Icon, Authors: []jsonAuthor{{Clean(f.Publisher)}}, Items: []json.RawMessage{},
	}
	size := 0
	for i := range f.Entries[:min(len(f.Entries), MaxEntries)] {
		one, err := encoded(jsonOf(f.Entries[i].clean()))
		if err != nil {
			return nil, err
		}
		if size += len(one) + 1; size > MaxBytes-room {
			break
		}
		out.Items = append(out.Items, one)
	}
	return encoded(out)
}

// encoded writes JSON without escaping what HTML would have escaped.
func encoded(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("json feed: %w", err)
	}
	return b.Bytes(), nil
}

func jsonOf(e Entry) jsonItem {
	out := jsonItem{ID: e.ID, URL: e.URL, Title: e.Title, HTML: e.html(), Modified: e.Updated.Format(time.RFC3339), Tags: e.Tags, Language: e.Language}
	if !e.Published.IsZero() {
		out.Published = e.Published.Format(time.RFC3339)
	}
	if len(e.Links) > 0 {
		out.External = e.Links[0].URL
	}
	for _, name := range e.Authors {
		out.Authors = append(out.Authors, jsonAuthor{name})
	}
	return out
}
