package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc"

	"akin/internal/client"
	"akin/internal/web/formula"
)

// policy is the Content-Security-Policy: what is not the site's own is not loaded, and
// nothing is run or styled from within a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxAddress bounds the address of a request: a pasted abstract fits.
const maxAddress = 128 << 10

// Site is the page. Its methods may be called from several goroutines.
type Site struct {
	client     *client.Client
	log        *slog.Logger
	pages      map[string]*template.Template
	files      *files
	formulas   *formula.Reader
	facets     *facetCache
	sessions   *sessions
	attempts   *attempts
	undos      *undos
	uploads    chan struct{} // has one for each file that is taken in
	protection *http.CrossOriginProtection
	// public is where people reach the site; nil if that is not known.
	public *url.URL
}

// New makes a site that asks a server through a connection, which stays the caller's.
func New(conn grpc.ClientConnInterface, log *slog.Logger) (*Site, error) {
	s := &Site{client: client.New(conn), log: log, protection: http.NewCrossOriginProtection()}
	var err error
	if s.files, err = openFiles(); err != nil {
		return nil, fmt.Errorf("assets of the page: %w", err)
	}
	if s.pages, err = s.parsePages(); err != nil {
		return nil, fmt.Errorf("templates of the page: %w", err)
	}
	if s.formulas, err = formula.NewReader(); err != nil {
		return nil, fmt.Errorf("formulas of the page: %w", err)
	}
	if s.facets, err = newFacetCache(); err != nil {
		return nil, fmt.Errorf("facets of the page: %w", err)
	}
	if s.sessions, err = newSessions(); err != nil {
		return nil, fmt.Errorf("sessions of the page: %w", err)
	}
	if s.attempts, err = newAttempts(); err != nil {
		return nil, fmt.Errorf("attempts to sign in: %w", err)
	}
	if s.undos, err = newUndos(); err != nil {
		return nil, fmt.Errorf("changes that can be undone: %w", err)
	}
	s.uploads = make(chan struct{}, maxUploads)
	return s, nil
}

// answer is what a request is answered with: a page, another address of the site, or a
// file.
type answer struct {
	status   int    // 0 is 200
	location string // where to go instead: a path of this site, with its query
	page     string // name of the template
	frame    frame
	// retry is for the header Retry-After, in seconds; 0 is none.
	retry  int
	cookie *http.Cookie
	// forget asks the browser to forget the pages that it has.
	forget bool
	// raw is a file, or what the script asked for.
	raw                      []byte
	contentType, disposition string
}

// frame is what every page has around what is its own.
type frame struct {
	Title string
	// Canonical is the address of the page without what does not change it.
	Canonical string
	// Nav is the entry of the navigation that is current.
	Nav string
	// Box is what the search box holds, and what is searched under.
	Box query
	// Alternates are the feeds of what the page shows.
	Alternates []alternate
	// NoIndex asks search engines to leave the page out.
	NoIndex bool
	// SignedIn says that a key was given; SignIn that one would help.
	SignedIn, SignIn bool
	// Done is what a form just did, without a script.
	Done *done
	// Body is the page's own.
	Body any
}

// handler answers one kind of page.
type handler func(r *http.Request) (*answer, error)

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	switch {
	case len(r.RequestURI) > maxAddress:
		s.write(w, r, plainError(http.StatusRequestURITooLong, "That is too long", "An address may have at most 128 KiB. Paste a shorter text."))
		return
	case !valid(r.URL):
		s.write(w, r, plainError(http.StatusBadRequest, "That address cannot be read", "It is not percent-encoded UTF-8."))
		return
	case !bearsToken(r.URL.Path) && s.protection.Check(r) != nil:
		s.write(w, r, plainError(http.StatusForbidden, "That came from another site", "Forms are only taken from these pages themselves."))
		return
	}
	if s.serveFile(w, r) || s.serveMap(w, r) || s.serveMail(w, r) || s.serveFeed(w, r) {
		return
	}
	s.write(w, r, s.answer(w, r))
}

// answer finds who answers a request, and what.
func (s *Site) answer(w http.ResponseWriter, r *http.Request) *answer {
	h, posts := s.route(r.URL.Path), s.form(r.URL.Path)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		h = posts
	default:
		h = nil
	}
	switch {
	case h == nil && s.route(r.URL.Path) == nil && posts == nil:
		return plainError(http.StatusNotFound, "There is no such page", "Perhaps the search finds what you are looking for.")
	case h == nil:
		return plainError(http.StatusMethodNotAllowed, "That cannot be done here", "This address is used otherwise.")
	}
	r, signedIn := s.signed(r)
	if r.Method == http.MethodPost {
		release, err := s.readForm(w, r)
		defer release()
		if err != nil {
			return s.failure(r, err)
		}
	}
	a, err := h(r)
	if err != nil {
		a = s.failure(r, err)
	}
	if a.page != "" {
		if a.frame.Done == nil {
			a.frame.Done = s.doneOf(r)
		}
		known := s.mark(r, a)
		if a.frame.SignedIn = a.frame.SignedIn || signedIn && known; signedIn && !known {
			s.sessions.end(r) // its key is not taken any more
		}
	}
	return a
}

// form finds who takes what a form sends to a path.
func (s *Site) form(path string) handler {
	switch {
	case path == "/mark":
		return s.setMark
	case path == "/undo":
		return s.undo
	case path == "/library":
		return s.makeLibrary
	case path == "/feeds":
		return s.makeFeed
	case path == "/digests":
		return s.makeDigest
	case strings.HasPrefix(path, "/feed/"):
		return s.changeFeed
	case strings.HasPrefix(path, "/digests/"):
		return s.changeDigest
	case path == "/sign-in":
		return s.takeKey
	case path == "/sign-out":
		return s.signOut
	case strings.HasPrefix(path, "/library/"):
		return s.change
	}
	return nil
}

// route finds who answers a path. Ids of papers hold slashes, dots and anything else,
// so that paths are not cleaned.
func (s *Site) route(path string) handler {
	switch {
	case path == "/":
		return s.home
	case path == "/trending":
		return s.trending
	case path == "/search":
		return s.search
	case path == "/status":
		return s.status
	case path == "/help":
		return s.help
	case path == "/map":
		return s.mapped
	case path == "/paper", strings.HasPrefix(path, "/paper/"):
		return s.paper
	case strings.HasPrefix(path, "/day/"):
		return s.day
	case path == "/for-you":
		return s.recommend
	case path == "/library":
		return s.libraries
	case strings.HasPrefix(path, "/library/"):
		return s.library
	case path == "/feeds":
		return s.feeds
	case path == "/follow":
		return s.follow
	case strings.HasPrefix(path, "/feed/"):
		return s.feed
	case strings.HasPrefix(path, "/digests/"):
		return s.digest
	case path == "/cite":
		return s.cite
	case path == "/sign-in":
		return s.signIn
	}
	return nil
}

// protect sets the headers that keep a page to itself.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}

// valid says that an address is text.
func valid(u *url.URL) bool {
	query, err := url.QueryUnescape(u.RawQuery)
	return err == nil && utf8.ValidString(query) && utf8.ValidString(u.Path)
}

// write sends an answer. Pages are asked for again each time, and not sent again if
// they are the same.
func (s *Site) write(w http.ResponseWriter, r *http.Request, a *answer) {
	h := w.Header()
	if a.cookie != nil {
		http.SetCookie(w, a.cookie)
	}
	if a.forget {
		h.Set("Clear-Site-Data", `"cache"`)
	}
	if a.raw != nil {
		h.Set("Content-Type", a.contentType)
		h.Set("Cache-Control", "private, no-store")
		if a.disposition != "" {
			h.Set("Content-Disposition", a.disposition)
		}
		w.Write(a.raw) //nolint:errcheck,gosec // the client is gone; it is no HTML
		return
	}
	if a.location != "" {
		h.Set("Cache-Control", "no-store")
		http.Redirect(w, r, a.location, http.StatusSeeOther) //nolint:gosec // paths of this site: see ownPath and paperURL
		return
	}
	name := "page"
	if r.URL.Query().Get("part") == "main" {
		name = "fragment" // for the script, which puts it in the place of the page's own
	}
	var body bytes.Buffer
	if err := s.pages[a.page].ExecuteTemplate(&body, name, &a.frame); err != nil {
		s.log.ErrorContext(r.Context(), "page cannot be made", "page", a.page, "error", err)
		http.Error(w, "The page cannot be made; the server's log says why.", http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Cookie, Authorization")
	if a.retry > 0 {
		h.Set("Retry-After", fmt.Sprint(a.retry))
	}
	if a.status != 0 && a.status != http.StatusOK {
		w.WriteHeader(a.status)
	} else if sum := sha256.Sum256(body.Bytes()); sendTag(w, r, hex.EncodeToString(sum[:12])) {
		return
	}
	w.Write(body.Bytes()) //nolint:errcheck // the client is gone
}

// sendTag sends the tag of what would be sent, and says that the client has it
// already. Tags are weak, for the same page is sent compressed or not.
func sendTag(w http.ResponseWriter, r *http.Request, digest string) (had bool) {
	tag := `W/"` + digest + `"`
	w.Header().Set("ETag", tag)
	for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimSpace(known); known == tag || known == "*" || `W/`+known == tag {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}
