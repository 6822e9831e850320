package source

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"time"

	"akin/internal/ingest"
)

const (
	// fullEvery is how often a feed is read whole, whatever it says of having changed.
	fullEvery = 24 * time.Hour
	// ahead is how far in the future a date of last change may be to be believed.
	ahead = 24 * time.Hour
	// mostValidator bounds what is sent back of an answer's header.
	mostValidator = 1 << 10
)

// feedDriver reads a feed: one request a run.
type feedDriver struct{}

func (feedDriver) begin(*job) {}

// step asks for the feed, if it changed.
func (feedDriver) step(ctx context.Context, j *job) (done bool, err error) {
	c := &j.state.Cursor.Feed
	now := j.m.now()
	r := request{url: j.config.URL, accept: "application/atom+xml, application/rss+xml, application/rdf+xml, text/xml, application/xml;q=0.9"}
	if since := now.Sub(c.Full); since >= 0 && since < fullEvery {
		r.etag = c.ETag
		if at, err := http.ParseTime(c.LastModified); err != nil || !at.After(now.Add(ahead)) {
			r.modified = c.LastModified
		}
	}
	a, err := j.fetch(ctx, r)
	if err != nil {
		return false, err
	}
	if a.status == http.StatusNotModified {
		j.state.Run.Same = true
		j.state.Run.Quiet = "the feed has not changed since it was last read" + skipped(c.Skips)
		return true, nil
	}
	d := &delivery{place: j.config.URL}
	cut, err := readFeed(ctx, j.config.URL, a.body, d)
	if err != nil {
		return false, err
	}
	if err := j.deliver(ctx, d); err != nil {
		return false, err
	}
	if cut != nil { // what came is in; what was cut off comes with the next try
		*c = FeedCursor{Skips: c.Skips}
		return false, passing(cut, "the feed was cut off after %d entries: %s", len(d.rows)+len(d.bad), sentence(cut))
	}
	*c = FeedCursor{
		ETag: validator(a.header.Get("ETag")), LastModified: validator(a.header.Get("Last-Modified")), Full: now.UTC(), Skips: skipDays(a.body),
	}
	if len(d.rows)+len(d.bad) == 0 {
		j.state.Run.Quiet = "the feed has no entries now" + skipped(c.Skips)
	}
	return true, nil
}

// isJSONFeed says that an answer is a feed, but in JSON (jsonfeed.org).
func isJSONFeed(body []byte) bool {
	const head = 1 << 10
	body = bytes.TrimSpace(body)
	return bytes.HasPrefix(body, []byte("{")) && bytes.Contains(body[:min(len(body), head)], []byte("jsonfeed.org/version/"))
}

// readFeed reads what a feed has. cut is why it could not be read to its end.
func readFeed(ctx context.Context, name string, body []byte, d *delivery) (cut, err error) {
	if isJSONFeed(body) {
		return nil, passing(nil, "it answered with a JSON Feed, which is read as a listing: make the source one of kind listing, or name its feed in Atom or RSS")
	}
	if !isFeed(body) {
		return nil, passing(nil, "it answered with something that is no feed; it begins with %q", excerpt(body))
	}
	r, err := ingest.NewReader(name, bytes.NewReader(body), ingest.Options{Format: "feed"})
	if err != nil {
		return nil, passing(err, "the feed cannot be read: %s", sentence(err))
	}
	err = d.read(ctx, r)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	d.bad = withoutHollow(d)
	return err, nil
}

// withoutHollow leaves out that a feed has no entries, which is no fault of an entry.
func withoutHollow(d *delivery) []ingest.Rejected {
	if len(d.rows) == 0 && len(d.bad) == 1 && len(d.bad[0].Raw) == 0 {
		return nil
	}
	return d.bad
}

var feedRoot = regexp.MustCompile(`<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[\s/>]`)

// isFeed says whether something is a feed, by its first element.
func isFeed(body []byte) bool {
	const head = 4 << 10
	text := bytes.ReplaceAll(body[:min(len(body), head)], []byte{0}, nil) // of UTF-16
	text = xmlNoise.ReplaceAll(text, nil)
	found := feedRoot.FindSubmatch(text)
	if found == nil {
		return false
	}
	switch string(found[1]) {
	case "feed", "rss", "RDF":
		return true
	}
	return false
}

// xmlNoise is what may stand before the first element.
var xmlNoise = regexp.MustCompile(`(?s)<!--.*?-->|<\?.*?\?>|<!DOCTYPE[^>\[]*(?:\[.*?\])?\s*>`)

var (
	skipDaysPattern = regexp.MustCompile(`(?s)<skipDays>(.*?)</skipDays>`)
	skipDayPattern  = regexp.MustCompile(`<day>\s*([A-Za-z]+)\s*</day>`)
)

// skipDays are the days of the week on which an RSS feed says that it has nothing.
func skipDays(body []byte) (days []string) {
	found := skipDaysPattern.FindSubmatch(body)
	if found == nil {
		return nil
	}
	for _, day := range skipDayPattern.FindAllSubmatch(found[1], 7) {
		for d := range 7 {
			if name := time.Weekday(d).String(); strings.EqualFold(name, html.UnescapeString(string(day[1]))) {
				days = append(days, name)
			}
		}
	}
	return days
}

func skipped(days []string) string {
	if len(days) == 0 {
		return ""
	}
	return fmt.Sprintf("; it says that it skips %s", strings.Join(days, ", "))
}

// validator is what is sent back as it came, if it can be.
func validator(header string) string {
	if len(header) > mostValidator {
		return ""
	}
	return header
}
