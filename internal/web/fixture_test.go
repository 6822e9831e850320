package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	nethtml "golang.org/x/net/html"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/grpc"

	"akin/internal/rpc/rpctest"
	"akin/internal/web"
	akinv1 "akin/proto/akin/v1"
)

// sampleFile is the corpus that a first run shows.
const sampleFile = "../../testdata/sample/papers.jsonl"

// samplePapers reads the sample corpus.
func samplePapers(t testing.TB) (out []*akinv1.Paper) {
	t.Helper()
	data, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var p struct {
			ID, Title, Abstract, Venue, Date, DOI string
			Authors, Categories                   []string
			ArxivID                               string `json:"arxiv_id"`
		}
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		paper := &akinv1.Paper{
			Id: p.ID, Title: p.Title, Abstract: p.Abstract, Venue: p.Venue, Doi: p.DOI, ArxivId: p.ArxivID, Categories: p.Categories, PublishDate: dateOf(p.Date),
		}
		for _, name := range p.Authors {
			paper.Authors = append(paper.Authors, &akinv1.Author{Name: name})
		}
		out = append(out, paper)
	}
	return out
}

func dateOf(s string) *date.Date {
	var d date.Date
	for i, part := range strings.Split(s, "-") {
		n := int32(0)
		for _, digit := range part {
			n = 10*n + digit - '0'
		}
		*[]*int32{&d.Year, &d.Month, &d.Day}[i] = n
	}
	return &d
}

// site serves the page over a server with some papers, and gives its address.
func site(t testing.TB, papers ...*akinv1.Paper) string {
	t.Helper()
	s := rpctest.Serve(t, rpctest.Options{})
	put(t, s, papers...)
	return over(t, s.Conn)
}

// put puts papers into a server.
func put(t testing.TB, s *rpctest.Server, papers ...*akinv1.Paper) {
	t.Helper()
	if len(papers) > 0 {
		resp, err := s.Client.Papers.BatchUpsertPapers(t.Context(), &akinv1.BatchUpsertPapersRequest{Papers: papers})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range resp.GetOutcomes() {
			if o.GetError() != nil {
				t.Fatalf("%s: %s", o.GetId(), o.GetError().GetMessage())
			}
		}
	}
}

// over serves the page over a connection.
func over(t testing.TB, conn grpc.ClientConnInterface) string {
	t.Helper()
	page, err := web.New(conn, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(page)
	t.Cleanup(server.Close)
	return server.URL
}

// reply is what a page answered.
type reply struct {
	status int
	header http.Header
	body   string
	tree   *nethtml.Node
}

// get asks for a page and follows nowhere.
func get(t testing.TB, address string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req, headers...)
}

func do(t testing.TB, req *http.Request, headers ...string) reply {
	t.Helper()
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if r.tree, err = nethtml.Parse(strings.NewReader(r.body)); err != nil {
		t.Fatal(err)
	}
	return r
}

// all gives the elements that a predicate holds for, in order.
func (r reply) all(is func(*nethtml.Node) bool) (out []*nethtml.Node) {
	for n := range r.tree.Descendants() {
		if n.Type == nethtml.ElementNode && is(n) {
			out = append(out, n)
		}
	}
	return out
}

// titles are those of the papers in a list.
func (r reply) titles() (out []string) {
	for _, n := range r.all(func(n *nethtml.Node) bool { _, ok := attribute(n, "data-open"); return ok }) {
		out = append(out, textOf(n))
	}
	return out
}

// link is where the link with a text leads.
func (r reply) link(t testing.TB, text string) string {
	t.Helper()
	for _, n := range r.all(func(n *nethtml.Node) bool { return n.Data == "a" }) {
		if label, _ := attribute(n, "aria-label"); strings.Contains(textOf(n), text) || label == text {
			href, _ := attribute(n, "href")
			return href
		}
	}
	t.Fatalf("there is no link %q in %s", text, r.body)
	return ""
}

func attribute(n *nethtml.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func textOf(n *nethtml.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == nethtml.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
