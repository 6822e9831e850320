package web_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"akin/internal/web"
	akinv1 "akin/proto/akin/v1"
)

// digests answers as a server does, and remembers what it was asked to do.
type digests struct {
	akinv1.UnimplementedDigestServiceServer
	mu   sync.Mutex
	done []string
}

func (d *digests) note(preview bool, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if preview {
		what = "preview " + what
	}
	d.done = append(d.done, what)
}

func (d *digests) taken() (out []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out, d.done = d.done, nil
	return out
}

func (d *digests) Subscribe(_ context.Context, req *akinv1.SubscribeRequest) (*akinv1.SubscribeResponse, error) {
	d.note(false, "subscribe "+req.GetAddress()+" "+req.GetSchedule().GetInterval().String()+" "+req.GetSchedule().GetWeekday().String())
	return &akinv1.SubscribeResponse{}, nil
}

func (d *digests) ConfirmSubscription(_ context.Context, req *akinv1.ConfirmSubscriptionRequest) (*akinv1.SubscriptionNotice, error) {
	d.note(req.GetPreview(), "confirm "+req.GetToken())
	return &akinv1.SubscriptionNotice{Digest: "<b>T</b>", MaskedAddress: "a…@e….org", Schedule: "every day", Done: !req.GetPreview()}, nil
}

func (d *digests) Unsubscribe(_ context.Context, req *akinv1.UnsubscribeRequest) (*akinv1.SubscriptionNotice, error) {
	what := "unsubscribe " + req.GetToken()
	if req.GetErase() {
		what += " erase"
	}
	d.note(req.GetPreview(), what)
	return &akinv1.SubscriptionNotice{Digest: "T", MaskedAddress: "a…@e….org", Done: !req.GetPreview()}, nil
}

func (d *digests) Act(_ context.Context, req *akinv1.ActRequest) (*akinv1.ActResponse, error) {
	d.note(req.GetPreview(), "act "+req.GetToken())
	return &akinv1.ActResponse{Title: "A <paper>", Mark: akinv1.Mark_MARK_LIKED, Library: "reading", UndoToken: "U"}, nil
}

func mailSite(t *testing.T) (*digests, http.Handler) {
	t.Helper()
	d := new(digests)
	l := bufconn.Listen(1 << 16)
	s := grpc.NewServer()
	akinv1.RegisterDigestServiceServer(s, d)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	site, err := web.New(conn, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d, site
}

// Opening a link of a mail changes nothing, whoever opens it; pressing its button does,
// also for mail programs, which send neither cookie nor origin, or those of another site.
// No page has a script, and no address of one goes elsewhere.
func TestLinksOfMails(t *testing.T) {
	d, site := mailSite(t)
	for path, word := range map[string]string{"/mail/confirm": "confirm T", "/mail/unsubscribe": "unsubscribe T", "/mail/mark": "act T"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			r := httptest.NewRequest(method, path+"?t=T", strings.NewReader("List-Unsubscribe=One-Click"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "https://mail.example.net")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			w := httptest.NewRecorder()
			site.ServeHTTP(w, r)
			want := "preview " + word
			if method == http.MethodPost {
				want = word
			}
			if got := d.taken(); len(got) != 1 || got[0] != want || w.Code != http.StatusOK {
				t.Errorf("%s %s: %q, %d; want %q", method, path, got, w.Code, want)
			}
			body, h := w.Body.String(), w.Header()
			if strings.Contains(body, "<script") || strings.Contains(body, "<b>T") || strings.Contains(body, "A <paper>") {
				t.Errorf("%s %s: %s", method, path, body)
			}
			if strings.Contains(h.Get("Content-Security-Policy"), "script-src") || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" ||
				!strings.Contains(h.Get("X-Robots-Tag"), "noindex") || len(h.Values("Set-Cookie")) != 0 || h.Get("Location") != "" {
				t.Errorf("%s %s: %v", method, path, h)
			}
			if method == http.MethodGet && (!strings.Contains(body, `method="post"`) || !strings.Contains(body, path+"?t=T")) {
				t.Errorf("%s has no button: %s", path, body)
			}
		}
	}
}

func TestMailForms(t *testing.T) {
	d, site := mailSite(t)
	post := func(path, form string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		return w
	}
	if w := post("/mail/subscribe", "address=a%40example.org&every=friday&time=07:00&zone=Europe/Berlin"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Look into your mail") {
		t.Errorf("subscribe: %d %s", w.Code, w.Body)
	}
	if got := d.taken(); len(got) != 1 || got[0] != "subscribe a@example.org DIGEST_INTERVAL_WEEKLY DIGEST_WEEKDAY_FRIDAY" {
		t.Errorf("%q", got)
	}
	if w := post("/mail/subscribe", "address=a%40example.org", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden || len(d.taken()) != 0 {
		t.Errorf("from another site: %d", w.Code)
	}
	post("/mail/unsubscribe?t=T", "erase=1")
	if got := d.taken(); len(got) != 1 || got[0] != "unsubscribe T erase" {
		t.Errorf("%q", got)
	}
	if w := post("/mail/unsubscribe?t=T", strings.Repeat("x", 1<<20)); w.Code != http.StatusBadRequest || len(d.taken()) != 0 {
		t.Errorf("a huge form: %d", w.Code)
	}
	if w := post("/mail/nothing", ""); w.Code != http.StatusNotFound {
		t.Errorf("another page: %d", w.Code)
	}
}
