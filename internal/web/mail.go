package web

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	akinv1 "akin/proto/akin/v1"
)

// mailPolicy is the Content-Security-Policy of the pages that mails lead to: no script at
// all, and nothing is sent elsewhere.
const mailPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxMailForm bounds what a form of these pages sends, in bytes.
const maxMailForm = 16 << 10

// mailPage is a page that a mail leads to. Opening one changes nothing: programs that
// look at mails open links, and run scripts. Its button does.
type mailPage struct {
	Title      string
	Paragraphs []string
	Form       *mailForm
	// Subscribe shows the form for subscribing.
	Subscribe bool

	status int // 0 is 200
}

// mailForm is a button, with choices before it.
type mailForm struct {
	Action, Button string
	Choices        []mailChoice
}

type mailChoice struct{ Name, Label string }

// bearsToken says that a path is that of a page whose token says who may: its forms come
// from anywhere, without a cookie (RFC 8058).
func bearsToken(path string) bool {
	return path == "/mail/confirm" || path == "/mail/unsubscribe" || path == "/mail/mark"
}

// serveMail answers the pages that mails lead to.
func (s *Site) serveMail(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, "/mail/") {
		return false
	}
	post := r.Method == http.MethodPost
	if post {
		r.Body = http.MaxBytesReader(w, r.Body, maxMailForm)
		if err := readMailForm(r); err != nil {
			s.writeMail(w, r, &mailPage{Title: "The form cannot be read", Paragraphs: []string{"It was not sent as pages send forms."}, status: http.StatusBadRequest})
			return true
		}
	}
	var page *mailPage
	var err error
	switch token := r.URL.Query().Get("t"); {
	case !post && r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, POST")
		page = &mailPage{Title: "That cannot be done here", status: http.StatusMethodNotAllowed}
	case r.URL.Path == "/mail/confirm":
		page, err = s.confirm(r, token, post)
	case r.URL.Path == "/mail/unsubscribe":
		page, err = s.unsubscribe(r, token, post)
	case r.URL.Path == "/mail/mark":
		page, err = s.markFromMail(r, token, post)
	case r.URL.Path == "/mail/subscribe":
		page, err = s.subscribe(r, post)
	default:
		page = &mailPage{Title: "There is no such page", status: http.StatusNotFound}
	}
	if err != nil {
		page = s.mailFailure(r, err)
	}
	s.writeMail(w, r, page)
	return true
}

// readMailForm reads a form; mail programs send one either way.
func readMailForm(r *http.Request) error {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return r.ParseMultipartForm(maxMailForm) //nolint:gosec // the body is bounded by the caller
	}
	return r.ParseForm()
}

// mailFailure says what went wrong.
func (s *Site) mailFailure(r *http.Request, err error) *mailPage {
	st := status.Convert(err)
	page := &mailPage{Paragraphs: []string{sentence(st.Message())}}
	page.status, page.Title = headingOf(st.Code())
	switch st.Code() {
	case codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition:
		page.Title = "That did not work"
	case codes.Internal, codes.Unknown:
		s.log.ErrorContext(r.Context(), "page failed", "path", r.URL.Path, "error", st.Message())
	}
	for _, f := range fieldsOf(st) {
		page.Paragraphs = append(page.Paragraphs, f.Field+": "+f.Description)
	}
	return page
}

// action is where the form of a page with a token goes.
func action(path, token string) string { return path + "?" + url.Values{"t": {token}}.Encode() }

func (s *Site) confirm(r *http.Request, token string, post bool) (*mailPage, error) {
	n, err := s.client.Digests.ConfirmSubscription(r.Context(), &akinv1.ConfirmSubscriptionRequest{Token: token, Preview: !post})
	if err != nil {
		return nil, err
	}
	about := fmt.Sprintf("“%s” for %s, %s.", n.GetDigest(), n.GetMaskedAddress(), n.GetSchedule())
	if n.GetDone() {
		return &mailPage{Title: "It begins", Paragraphs: []string{about, "Each mail has a link that ends it."}}, nil
	}
	return &mailPage{
		Title: "Do you want this digest?", Paragraphs: []string{about}, Form: &mailForm{Action: action("/mail/confirm", token), Button: "Yes, send it to me"},
	}, nil
}

func (s *Site) unsubscribe(r *http.Request, token string, post bool) (*mailPage, error) {
	n, err := s.client.Digests.Unsubscribe(r.Context(), &akinv1.UnsubscribeRequest{
		Token: token, Preview: !post, Erase: post && r.PostFormValue("erase") != "", All: post && r.PostFormValue("all") != "",
	})
	if err != nil {
		return nil, err
	}
	about := []string{fmt.Sprintf("“%s” for %s.", n.GetDigest(), n.GetMaskedAddress())}
	if n.GetDigest() == "" {
		about = nil
	}
	if n.GetDone() {
		return &mailPage{Title: "You are unsubscribed", Paragraphs: append(about, "No more mail of it comes.")}, nil
	}
	return &mailPage{
		Title: "Unsubscribe?", Paragraphs: about,
		Form: &mailForm{Action: action("/mail/unsubscribe", token), Button: "Unsubscribe", Choices: []mailChoice{
			{"all", "End all digests to this address"}, {"erase", "Forget the address at once, and what was sent to it"},
		}},
	}, nil
}

func (s *Site) markFromMail(r *http.Request, token string, post bool) (*mailPage, error) {
	a, err := s.client.Digests.Act(r.Context(), &akinv1.ActRequest{Token: token, Preview: !post})
	if err != nil {
		return nil, err
	}
	title := a.GetTitle()
	if title == "" {
		title = a.GetPaperId()
	}
	verb, done := "Take the mark away", "The mark is taken away"
	switch a.GetMark() {
	case akinv1.Mark_MARK_LIKED:
		verb, done = "Like", "Liked"
	case akinv1.Mark_MARK_DISLIKED:
		verb, done = "Not for me", "It does not come again"
	case akinv1.Mark_MARK_UNSPECIFIED:
	}
	if !post {
		return &mailPage{Title: verb + "?", Paragraphs: []string{title}, Form: &mailForm{Action: action("/mail/mark", token), Button: verb}}, nil
	}
	return &mailPage{
		Title: done, Paragraphs: []string{title, "It is in the library “" + a.GetLibrary() + "”."},
		Form: &mailForm{Action: action("/mail/mark", a.GetUndoToken()), Button: "Undo"},
	}, nil
}

// subscribe asks for an address, and takes one.
func (s *Site) subscribe(r *http.Request, post bool) (*mailPage, error) {
	if !post {
		return &mailPage{Title: "Papers by mail", Paragraphs: []string{"A mail asks you to confirm before anything else comes."}, Subscribe: true}, nil
	}
	schedule := readSchedule(r.PostForm)
	listing := akinv1.DigestListing_DIGEST_LISTING_TRENDING
	if r.PostFormValue("listing") == "newest" {
		listing = akinv1.DigestListing_DIGEST_LISTING_NEWEST
	}
	_, err := s.client.Digests.Subscribe(r.Context(), &akinv1.SubscribeRequest{Address: r.PostFormValue("address"), Listing: listing, Schedule: schedule})
	if err != nil {
		return nil, err
	}
	return &mailPage{Title: "Look into your mail", Paragraphs: []string{
		"If this address does not get the digest yet, a mail is on its way that asks you to confirm. It comes within minutes; look among what is thought to be spam as well.",
	}}, nil
}

// writeMail sends a page. Its address has a token: it is kept from other sites, search
// engines and caches.
func (s *Site) writeMail(w http.ResponseWriter, r *http.Request, page *mailPage) {
	var body bytes.Buffer
	if err := s.pages["mail"].ExecuteTemplate(&body, "mail", page); err != nil {
		s.log.ErrorContext(r.Context(), "page cannot be made", "page", "mail", "error", err)
		http.Error(w, "The page cannot be made; the server's log says why.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", mailPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/html; charset=utf-8")
	if page.status != 0 {
		w.WriteHeader(page.status)
	}
	w.Write(body.Bytes()) //nolint:errcheck // the client is gone
}
