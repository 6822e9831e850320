package source_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/paper"
	"akin/internal/source"
)

func fastLane() source.Config {
	return source.Config{Name: "today", Kind: source.Feed, URL: "https://rss.example/atom/cs.AI"}
}

// In a feed that is asked over TLS, the dialer of the tests would have to speak it.
func plainLane() source.Config {
	c := fastLane()
	c.URL = "http://rss.example/atom/cs.AI"
	return c
}

// announced is a feed in the form that arXiv's have.
func announced(entries ...string) string {
	return `<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns="http://www.w3.org/2005/Atom" xml:lang="en-us">
<id>http://rss.arxiv.org/atom/cs.AI</id><title>cs.AI updates on arXiv.org</title>` + strings.Join(entries, "") + `</feed>`
}

func entry(id, version, title, abstract string) string {
	return fmt.Sprintf(`<entry><id>oai:arXiv.org:%s%s</id><title>%s</title><updated>2025-08-20T04:00:19.899254+00:00</updated>
<link href="https://arxiv.org/abs/%s" rel="alternate" type="text/html"/><summary>arXiv:%s%s Announce Type: new
Abstract: %s</summary><category term="cs.CL"/><published>2025-08-20T00:00:00-04:00</published><arxiv:announce_type>new</arxiv:announce_type>
<dc:creator>Mira Holt (Sea, Tide), Jon Aske</dc:creator></entry>`, id, version, title, id, id, version, abstract)
}

// A feed fills in, and is asked whether it changed with what it said itself, as it said it.
func TestFeed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, plainLane()).open(false)
		defer r.close()
		body := announced(entry("2508.13426", "v1", "Word association", "As models decide."), entry("2508.13428", "v1", "Easy options", "In this study."))
		var asked []http.Header
		r.net.handle("rss.example", func(w http.ResponseWriter, req *http.Request) {
			asked = append(asked, req.Header)
			if req.Header.Get("If-None-Match") == `W/"a-b"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Header().Set("ETag", `W/"a-b"`)
			w.Header().Set("Last-Modified", "Thu, 01 Jan 2041 00:00:00 GMT")
			fmt.Fprint(w, body)
		})
		run := r.run("today")
		if run.Counts.New != 2 {
			t.Fatalf("%+v", run)
		}
		p := r.papers.get("arXiv:2508.13426")
		if p.Abstract != "As models decide." || len(p.Authors) != 2 || p.Authors[0].Name != "Mira Holt" || len(p.ListedDates) != 1 || !p.PublishDate.IsZero() {
			t.Errorf("%+v", p)
		}
		if run := r.run("today"); !run.Same || run.Outcome != source.Quiet || !strings.Contains(run.Message, "has not changed") {
			t.Errorf("%+v", run)
		}
		if got := asked[1].Get("If-Modified-Since"); got != "" {
			t.Errorf("a date of last change in the future was believed: %q", got)
		}
		if got := asked[0].Get("User-Agent"); got != "akin/test" {
			t.Errorf("User-Agent %q", got)
		}
		time.Sleep(25 * time.Hour) // whatever the feed says, it is read whole at times
		r.run("today")
		if got := asked[2].Get("If-None-Match"); got != "" {
			t.Errorf("a day later it is still asked whether it changed: %q", got)
		}
	})
}

// The fast lane never makes a paper poorer that the ledger brought, and does not undo
// it again and again; a later version, or other words of its own, count.
func TestTwoSourcesOfOnePaper(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, plainLane(), ledger()).open(false)
		defer r.close()
		title, version := "Word  association (preprint)", "v1"
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, announced(entry("2601.00001", version, title, "Early words.")))
		})
		repo := newRepository()
		r.net.handle("oai.example", repo.ServeHTTP)
		r.run("today")
		repo.put("2601.00001", time.Now())
		for range 4 {
			r.run("ledger")
			r.run("today")
		}
		p := r.papers.get("arXiv:2601.00001")
		if p.Title != "Paper 2601.00001" || p.Abstract != "About it." || p.PublishDate.IsZero() || len(p.ListedDates) != 1 || p.Metadata["announce_type"] != "new" {
			t.Errorf("%+v", p)
		}
		if n := r.papers.writes["arXiv:2601.00001"]; n != 2 {
			t.Errorf("it was written %d times; once by each is enough", n)
		}
		title, version = "Word association, again", "v2"
		r.run("today")
		if p := r.papers.get("arXiv:2601.00001"); p.Title != "Word association, again" || p.Metadata["version"] != "v2" {
			t.Errorf("after another version: %+v", p)
		}
	})
}

// What a server may answer instead of a feed is trouble that says so, and what is right
// of a feed comes.
func TestFeedTrouble(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(bytes.Repeat([]byte(" "), 32<<20))
	z.Close()
	good := entry("2508.13426", "v1", "Word association", "As models decide.")
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, req *http.Request)
		want   string
		papers int
	}{
		"HTML with 200": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<!DOCTYPE html><html>Rate exceeded</html>")
		}, "no feed", 0},
		"JSON Feed": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{"id":"1","title":"A"}]}`)
		}, "make the source one of kind listing", 0},
		"text": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Rate exceeded.") }, "Rate exceeded", 0},
		"bad query": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Feed error: bad archive", http.StatusBadRequest)
		}, "Feed error", 0},
		"cut": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, announced(good + good[:200])[:900]) }, "cut off", 1},
		"bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		}, "more than 16777216 bytes", 0},
		"redirect to another host": {func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, "http://169.254.169.254/latest", http.StatusFound)
		}, "redirects to http://169.254.169.254", 0},
		"redirect without end": {func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/x", http.StatusFound) }, "more than 5 times", 0},
		"still": {func(w http.ResponseWriter, req *http.Request) {
			fmt.Fprint(w, "<feed>")
			w.(http.Flusher).Flush()
			<-req.Context().Done()
		}, "stood still", 0},
		"dribble": {func(w http.ResponseWriter, _ *http.Request) {
			for range 100_000 {
				if _, err := fmt.Fprint(w, " "); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Second)
			}
		}, "longer than", 0},
		"no such page": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "404", 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, plainLane()).open(false)
				defer r.close()
				r.net.handle("rss.example", c.answer)
				err := r.fails("today")
				if !strings.Contains(err.Error(), c.want) || len(r.papers.ids()) != c.papers {
					t.Errorf("%v; %q", err, r.papers.ids())
				}
				if s := r.status("today"); !strings.Contains(s.ProblemSentence(), c.want) && !strings.Contains(s.LastSentence(), c.want) {
					t.Errorf("problem %q", s.ProblemSentence())
				}
			})
		})
	}
}

// Feeds of every form, encoding and fault give what is right of them.
func TestFeedForms(t *testing.T) {
	rdf := `<?xml version="1.0" encoding="UTF-8"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:prism="http://purl.org/rss/1.0/modules/prism/">
<channel rdf:about="http://biorxiv.example"><title>subject collection</title><items><rdf:Seq><rdf:li rdf:resource="x"/></rdf:Seq></items></channel>
<item rdf:about="http://biorxiv.example/cgi/content/short/2026.11.20.123456v2?rss=1"><title><![CDATA[Cells that <i>move</i>]]></title><link>http://biorxiv.example/cgi/content/short/2026.11.20.123456v2?rss=1</link>
<description><![CDATA[They do.]]></description><dc:creator><![CDATA[Doe, J.]]></dc:creator><dc:creator>Roe, K. L.</dc:creator><dc:date>2026-11-20</dc:date><dc:identifier>doi:10.1101/2026.11.20.123456</dc:identifier><prism:publicationName>bioRxiv</prism:publicationName></item></rdf:RDF>`
	for name, c := range map[string]struct {
		body string
		want string // id: title: authors
	}{
		"RSS 1.0": {rdf, "doi:10.1101/2026.11.20.123456: Cells that move: J. Doe; K. L. Roe"},
		"one guid for all": {
			`<rss version="2.0"><channel><title>t</title><item><title>One</title><guid>same</guid></item><item><title>Two</title><guid>same</guid></item></channel></rss>`,
			"title:: One:  | title:: Two: ",
		},
		"latin 1":     {"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><rss version=\"2.0\"><channel><title>t</title><item><title>caf\xe9</title></item></channel></rss>", "title:: café: "},
		"wrong UTF-8": {"<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\"><channel><item><title>caf\xe9</title></item></channel></rss>", "title:: café: "},
		"control":     {"<rss version=\"2.0\"><channel><item><title>a\x0bb</title></item></channel></rss>", "title:: a b: "},
		"entities":    {`<rss version="2.0"><channel><item><title>caf&eacute; A &amp; B &nope;</title></item></channel></rss>`, "title:: café A & B &nope;: "},
		"a mark":      {"\xef\xbb\xbf<?xml version=\"1.0\"?><!-- <rss> --><rss version=\"2.0\"><channel><item><title>a</title></item></channel></rss>", "title:: a: "},
		"laughs":      {`<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><rss version="2.0"><channel><item><title>x &b;</title></item></channel></rss>`, "title:: x &b;: "},
		"journal": {
			`<feed xmlns="http://www.w3.org/2005/Atom"><id>i</id><entry><id>https://doi.org/10.1000/xyz</id><title>On it</title><summary>s</summary><author><name>Ann Lee</name></author><author><name>Bob</name></author><updated>2026-01-01T00:00:00Z</updated></entry></feed>`,
			"doi:10.1000/xyz: On it: Ann Lee; Bob",
		},
		"one without a title": {`<rss version="2.0"><channel><item><title></title></item><item><title>b</title></item></channel></rss>`, "title:: b: "},
		"media":               {`<rss version="2.0" xmlns:media="x"><channel><item><title>b</title><media:title>other</media:title></item></channel></rss>`, "title:: b: "},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, plainLane()).open(false)
				defer r.close()
				r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.body) })
				r.run("today")
				var got []string
				for _, id := range r.papers.ids() {
					p := r.papers.get(id)
					if strings.HasPrefix(id, "title:") {
						id = "title:"
					}
					got = append(got, id+": "+p.Title+": "+authors(p))
				}
				slices.Sort(got)
				if strings.Join(got, " | ") != c.want {
					t.Errorf("got %q; want %q", got, c.want)
				}
			})
		})
	}
}

func authors(p paper.Paper) string {
	var names []string
	for _, a := range p.Authors {
		names = append(names, a.Name)
	}
	return strings.Join(names, "; ")
}

// An empty feed is quiet, and says which days it skips.
func TestSkipDays(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, plainLane()).open(false)
		defer r.close()
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `<rss version="2.0"><channel><title>cs.AI updates</title><skipDays><day>Saturday</day><day>Sunday</day></skipDays></channel></rss>`)
		})
		if run := r.run("today"); run.Outcome != source.Quiet || run.Message != "nothing new: the feed has no entries now; it says that it skips Saturday, Sunday" || run.Counts.Refused != 0 {
			t.Errorf("%+v", run)
		}
	})
}

// A batch that stays the same for days looks quiet, and is an alarm.
func TestStaleBatch(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, plainLane()).open(true)
		defer r.close()
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, announced(entry("2508.13426", "v1", "Word association", "As models decide.")))
		})
		time.Sleep(3 * 24 * time.Hour)
		if s := r.status("today"); s.ProblemSentence() != "" {
			t.Errorf("after a weekend: %q", s.ProblemSentence())
		}
		time.Sleep(2 * 24 * time.Hour)
		s := r.status("today")
		if !strings.Contains(s.ProblemSentence(), "may repeat an old batch") {
			t.Errorf("after five days: %q", s.ProblemSentence())
		}
		d := r.m.Deliveries(t.Context(), "")
		if len(d) != 1 || !strings.HasPrefix(d[0].Sentence, "today last delivered on 1 January 2000, 00:") || !strings.Contains(d[0].Sentence, "old batch") {
			t.Errorf("%+v", d)
		}
	})
}
