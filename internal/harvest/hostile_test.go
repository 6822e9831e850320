package harvest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/harvest"
)

const head = `<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-01-31T00:00:00Z</responseDate>`

// paperXML is a record.
func paperXML(n int, title string) string {
	return fmt.Sprintf(`<record><header><identifier>oai:x:%d</identifier><datestamp>2026-01-01</datestamp></header><metadata>`+
		`<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>%s</dc:title></oai_dc:dc></metadata></record>`, n, title)
}

// ask harvests one day from a server that answers its n-th question so.
func ask(t *testing.T, ctx context.Context, dir string, answer func(n int, token string, w http.ResponseWriter)) (harvest.Progress, int, error) {
	t.Helper()
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n++
		answer(n, req.URL.Query().Get("resumptionToken"), w)
	}))
	defer server.Close()
	defer server.CloseClientConnections()
	p, err := harvest.Run(ctx, harvest.Config{BaseURL: server.URL, Dir: dir, Prefix: "oai_dc", From: "2026-01-01", Until: "2026-01-01"})
	return p, n, err
}

// A list that has no end is an error that says so, and soon.
func TestEndlessLists(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(n int) string
		want   string
		most   int
	}{
		"one token": {func(n int) string { return paperXML(n, "x") + `<resumptionToken>same</resumptionToken>` }, "same resumption token", 3},
		"tokens in a circle": {
			func(n int) string {
				return paperXML(n, "x") + fmt.Sprintf(`<resumptionToken>t%d</resumptionToken>`, n%5)
			}, "same resumption token", 8,
		},
		"the same records":       {func(n int) string { return paperXML(1, "x") + fmt.Sprintf(`<resumptionToken>t%d</resumptionToken>`, n) }, "same records", 3},
		"tokens without records": {func(n int) string { return fmt.Sprintf(`<resumptionToken>t%d</resumptionToken>`, n) }, "without a record", 31},
	} {
		t.Run(name, func(t *testing.T) {
			_, n, err := ask(t, t.Context(), t.TempDir(), func(n int, _ string, w http.ResponseWriter) {
				fmt.Fprint(w, head, "<ListRecords>", c.answer(n), "</ListRecords></OAI-PMH>")
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "--days") || n > c.most {
				t.Errorf("after %d questions: %v", n, err)
			}
		})
	}
}

// A page that is not XML from some place on is kept, and the harvest goes on.
func TestBrokenPage(t *testing.T) {
	for name, bad := range map[string]string{"a control character": "Bad \x0b title", "a tag that is not closed": "<b>bold", "an entity": "&nope;", "no UTF-8": "\xff\xfe"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p, n, err := ask(t, t.Context(), dir, func(n int, token string, w http.ResponseWriter) {
				title, next := "Good", fmt.Sprintf(`<resumptionToken expirationDate="x">t/+ &amp;=|%d</resumptionToken>`, n+1)
				switch n {
				case 2:
					title = bad
				case 3:
					next = "<resumptionToken/>"
				}
				if n > 1 && token != fmt.Sprintf("t/+ &=|%d", n) {
					t.Errorf("question %d has token %q", n, token)
				}
				fmt.Fprint(w, head, "<ListRecords>", paperXML(n, title), paperXML(n+10, "After"), next, "</ListRecords></OAI-PMH>")
			})
			if err != nil || n != 3 || p.Records != 6 {
				t.Fatalf("%d questions, %+v, %v", n, p, err)
			}
			if files, _ := filepath.Glob(filepath.Join(dir, "records-*.xml.gz")); len(files) != 3 {
				t.Errorf("%d pages are kept", len(files))
			}
			if p.Broken > 1 || p.Broken == 1 && !strings.HasPrefix(p.LastBroken, "records-2026-01-01-0002.xml.gz: ") {
				t.Errorf("%+v", p)
			}
		})
	}
}

// What is no list, or is cut, is not kept.
func TestNoPage(t *testing.T) {
	for name, body := range map[string]string{
		"HTML": "<!DOCTYPE html><html><body>Maintenance</body></html>", "nothing": "", "cut": head + "<ListRecords>" + paperXML(1, "x") + "<record>",
		"another root": "<rss><channel/></rss>",
	} {
		dir := t.TempDir()
		_, _, err := ask(t, t.Context(), dir, func(_ int, _ string, w http.ResponseWriter) { fmt.Fprint(w, body) })
		if files, _ := filepath.Glob(filepath.Join(dir, "records-*")); err == nil || len(files) > 0 {
			t.Errorf("%s: %v, %q", name, err, files)
		}
	}
}

// A repository that wants to be left alone for a year is not waited for.
func TestLongRetryAfter(t *testing.T) {
	_, n, err := ask(t, t.Context(), t.TempDir(), func(_ int, _ string, w http.ResponseWriter) {
		w.Header().Set("Retry-After", "31536000")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if err == nil || n != 1 || !strings.Contains(err.Error(), "8760h") {
		t.Errorf("%d questions, %v", n, err)
	}
}

// A body that never ends is given up when the person does.
func TestDribble(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := ask(t, ctx, t.TempDir(), func(_ int, _ string, w http.ResponseWriter) {
		for {
			if _, err := fmt.Fprint(w, " "); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			cancel()
			time.Sleep(time.Millisecond)
		}
	})
	if err == nil {
		t.Error("a body without end was taken")
	}
}

// What a killed harvest left half written is removed by the next.
func TestSweeps(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, ".harvest.json.akin-0123456789abcdef.pending")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ask(t, t.Context(), dir, func(n int, _ string, w http.ResponseWriter) {
		fmt.Fprint(w, head, "<ListRecords>", paperXML(n, "x"), "</ListRecords></OAI-PMH>")
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("it is still there")
	}
}

// A redirect is followed on the same host alone, and a refused one is not tried again.
func TestRedirects(t *testing.T) {
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		fmt.Fprint(w, head, "<ListRecords>", paperXML(1, "x"), "</ListRecords></OAI-PMH>")
	}))
	defer elsewhere.Close()
	for name, c := range map[string]struct {
		location string // in place of the list
		want     string // of the error, "" is none
		most     int    // questions
	}{
		"another path":     {"/there?verb=ListRecords", "", 2},
		"another server":   {elsewhere.URL, "harvest from that address", 1},
		"the clouds' data": {"http://169.254.169.254/latest/meta-data", "169.254.169.254", 1},
		"a file":           {"file:///etc/passwd", "file:///etc/passwd, which is not followed", 1},
		"itself":           {"/", "redirects more than 5 times", 6},
	} {
		dir := t.TempDir()
		_, n, err := ask(t, t.Context(), dir, func(n int, _ string, w http.ResponseWriter) {
			if n == 1 || c.location == "/" {
				w.Header().Set("Location", c.location)
				w.WriteHeader(http.StatusFound)
				return
			}
			fmt.Fprint(w, head, "<ListRecords>", paperXML(n, "x"), "</ListRecords></OAI-PMH>")
		})
		files, _ := filepath.Glob(filepath.Join(dir, "records-*"))
		if c.want == "" && (err != nil || len(files) != 1) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || len(files) > 0) || n > c.most {
			t.Errorf("%s: after %d questions %v, %q", name, n, err, files)
		}
	}
	if asked > 0 {
		t.Errorf("another server was asked %d times", asked)
	}
}
