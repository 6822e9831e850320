package web

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	akinv1 "akin/proto/akin/v1"
)

const (
	// cookieName is the cookie of those who signed in. It holds a random id and nothing
	// else. Over TLS it has securePrefix, so that no other host and no page without TLS
	// can set it.
	cookieName, securePrefix = "akin_session", "__Host-"
	// sessionAge is how long somebody stays signed in; sessionCount bounds how many
	// sessions there are, and keySessions how many of them one key has, so that nobody
	// drives others out. Those who were away longest go first.
	sessionAge                = 30 * 24 * time.Hour
	sessionCount, keySessions = 10_000, 50
	// maxKey bounds a key, in bytes.
	maxKey = 8 << 10
	// freeAttempts is how many wrong keys one machine may try at once, attemptEvery after
	// how long it may try one more; attemptCount bounds the machines that are remembered.
	freeAttempts, attemptCount = 10, 10_000
	attemptEvery               = 6 * time.Second
	// maxKept bounds the form that waits until somebody has signed in, in bytes.
	maxKept = 64 << 10
)

// session is somebody who signed in with a key. Every call carries the key, so that
// revoking it ends the session.
type session struct {
	key   string
	until time.Time
}

// sessions are kept in memory alone: a restart signs everybody out.
type sessions struct {
	known *lru.Cache[string, session]

	mu sync.Mutex // held while one begins
}

func newSessions() (*sessions, error) {
	known, err := lru.New[string, session](sessionCount)
	return &sessions{known: known}, err
}

// secure says that a request came over TLS.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// cookieOf is the name of the cookie of a request.
func cookieOf(r *http.Request) string {
	if secure(r) {
		return securePrefix + cookieName
	}
	return cookieName
}

// of gives the key of the session that a request names.
func (s *sessions) of(r *http.Request) (key string, ok bool) {
	c, err := r.Cookie(cookieOf(r))
	if err != nil {
		return "", false
	}
	known, ok := s.known.Get(c.Value)
	if !ok || time.Now().After(known.until) {
		s.known.Remove(c.Value)
		return "", false
	}
	return known.key, true
}

// begin makes a session, under an id that nobody had.
func (s *sessions) begin(key string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var own []string
	for _, id := range s.known.Keys() { // those who were away longest first
		if other, ok := s.known.Peek(id); ok && other.key == key {
			own = append(own, id)
		}
	}
	for _, id := range own[:max(0, len(own)+1-keySessions)] {
		s.known.Remove(id)
	}
	id = rand.Text()
	s.known.Add(id, session{key, time.Now().Add(sessionAge)})
	return id
}

// end forgets the session that a request names.
func (s *sessions) end(r *http.Request) {
	if c, err := r.Cookie(cookieOf(r)); err == nil {
		s.known.Remove(c.Value)
	}
}

// attempts bound how many wrong keys a machine can try.
type attempts struct {
	of *lru.Cache[string, *rate.Limiter]
}

func newAttempts() (*attempts, error) {
	of, err := lru.New[string, *rate.Limiter](attemptCount)
	return &attempts{of}, err
}

// take takes one attempt; back gives it back, for a key that was right. wait is after
// how long there is one again, if there is none.
func (a *attempts) take(machine string) (back func(), wait time.Duration) {
	limit, ok := a.of.Get(machine)
	if !ok {
		limit = rate.NewLimiter(rate.Every(attemptEvery), freeAttempts)
		if known, there, _ := a.of.PeekOrAdd(machine, limit); there {
			limit = known
		}
	}
	now := time.Now()
	taken := limit.ReserveN(now, 1)
	if wait = taken.DelayFrom(now); wait > 0 {
		taken.CancelAt(now)
		return nil, wait
	}
	return func() { taken.CancelAt(now) }, 0
}

// machineOf is what the attempts of a request are charged to: its address as the gateway
// knows it, and of an IPv6 address the network that one household has.
func machineOf(ctx context.Context) string {
	md, _ := metadata.FromOutgoingContext(ctx)
	said := md.Get("akin-remote")
	if len(said) == 0 {
		return ""
	}
	from := said[len(said)-1]
	ip, err := netip.ParseAddr(from)
	if at, portErr := netip.ParseAddrPort(from); portErr == nil {
		ip, err = at.Addr(), nil
	}
	if err != nil {
		return from
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().String()
	}
	return ip.String()
}

// signed gives a request whose calls carry the key of its session, unless it has
// credentials of its own.
func (s *Site) signed(r *http.Request) (_ *http.Request, signedIn bool) {
	key, ok := s.sessions.of(r)
	if !ok || r.Header.Get("Authorization") != "" {
		return r, false
	}
	return r.WithContext(withKey(r.Context(), key)), true
}

func withKey(ctx context.Context, key string) context.Context {
	md, _ := metadata.FromOutgoingContext(ctx)
	md = md.Copy()
	if md == nil {
		md = metadata.MD{}
	}
	md.Set("authorization", "Bearer "+key)
	return metadata.NewOutgoingContext(ctx, md)
}

// signing is the body of the page that asks for a key, and of the one that then sends
// again what could not be done before.
type signing struct {
	Back  string
	Wrong string
	// To is where a form was sent by somebody who was not signed in any more, and Kept
	// what was in it: it waits until they are.
	To   string
	Kept []field
	// Lost says that a file was sent, which has to be chosen again.
	Lost bool
}

// keepForm keeps what a request sent, so that nothing that was typed is lost.
func (b *signing) keepForm(r *http.Request) {
	if b.Lost = r.MultipartForm != nil; b.Lost {
		return
	}
	b.To = r.URL.EscapedPath()
	size := 0
	for name, values := range r.PostForm {
		for _, value := range values {
			size += len(name) + len(value)
			b.Kept = append(b.Kept, field{name, value})
		}
	}
	if size > maxKept {
		b.To, b.Kept = "", nil
	}
	slices.SortStableFunc(b.Kept, func(x, y field) int { return strings.Compare(x.Name, y.Name) })
	b.Back = ownPath(r.PostFormValue("back"))
}

// Typed is what of the kept form somebody wrote.
func (b *signing) Typed() (out []field) {
	for _, f := range b.Kept {
		if label := map[string]string{"note": "Note", "tags": "Tags", "label": "Name", "description": "Description"}[f.Name]; label != "" && f.Value != "" {
			out = append(out, field{label, f.Value})
		}
	}
	return out
}

// keptPrefix is before the names of the fields that the page that asks for a key keeps.
const keptPrefix = "kept-"

// Hidden are the kept fields as that page's form sends them.
func (b *signing) Hidden() (out []field) {
	if b.To == "" {
		return nil
	}
	out = append(out, field{"to", b.To})
	for _, f := range b.Kept {
		out = append(out, field{keptPrefix + f.Name, f.Value})
	}
	return out
}

// keptOf reads a form that waits. Only forms of the site do.
func (s *Site) keptOf(r *http.Request) *signing {
	b := &signing{Back: ownPath(r.PostFormValue("back"))}
	to := ownPath(r.PostFormValue("to"))
	at, err := url.Parse(to)
	if r.PostFormValue("to") == "" || err != nil || at.RawQuery != "" || s.form(at.Path) == nil || strings.HasPrefix(at.Path, "/sign-") {
		return b
	}
	b.To = to
	for name, values := range r.PostForm {
		if name, ok := strings.CutPrefix(name, keptPrefix); ok {
			for _, value := range values {
				b.Kept = append(b.Kept, field{name, value})
			}
		}
	}
	slices.SortStableFunc(b.Kept, func(x, y field) int { return strings.Compare(x.Name, y.Name) })
	return b
}

func (s *Site) signIn(r *http.Request) (*answer, error) {
	return signPage(http.StatusOK, &signing{Back: ownPath(r.URL.Query().Get("back"))}), nil
}

func signPage(httpStatus int, b *signing) *answer {
	return &answer{status: httpStatus, page: "sign", frame: frame{Title: "Sign in", Canonical: "/sign-in", NoIndex: true, Body: b}}
}

// takeKey begins a session, if the server knows the key. Each session has an id of its
// own: one that somebody else put into the browser is never taken over.
func (s *Site) takeKey(r *http.Request) (*answer, error) {
	key, b := strings.TrimSpace(r.PostFormValue("key")), s.keptOf(r)
	giveBack, wait := s.attempts.take(machineOf(r.Context()))
	if wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		b.Wrong = fmt.Sprintf("Too many keys were tried. Try again in %d seconds.", seconds)
		a := signPage(http.StatusTooManyRequests, b)
		a.retry = seconds
		return a, nil
	}
	if key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		b.Wrong = "That is not a key."
		return signPage(http.StatusBadRequest, b), nil
	}
	_, err := s.client.Libraries.ListLibraries(withKey(r.Context(), key), &akinv1.ListLibrariesRequest{PageSize: 1})
	if status.Code(err) == codes.Unauthenticated {
		b.Wrong = "The server does not know that key, or it is revoked."
		return signPage(http.StatusForbidden, b), nil
	}
	giveBack()
	if err != nil && status.Code(err) != codes.PermissionDenied {
		return nil, err
	}
	s.sessions.end(r)
	cookie := s.cookie(r, s.sessions.begin(key), int(sessionAge.Seconds()))
	if b.To != "" {
		return &answer{page: "again", cookie: cookie, frame: frame{Title: "Signed in", NoIndex: true, SignedIn: true, Body: b}}, nil
	}
	return &answer{location: b.Back, cookie: cookie}, nil
}

// signOut ends a session.
func (s *Site) signOut(r *http.Request) (*answer, error) {
	s.sessions.end(r)
	return &answer{location: "/?said=signed-out", cookie: s.cookie(r, "", -1), forget: true}, nil
}

func (s *Site) cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure where there is TLS: a server for this machine alone has none
		Name: cookieOf(r), Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(r),
	}
}

// ownPath gives a path of this site to go back to, without a place in the page: what is
// not one is "/".
func ownPath(path string) string {
	path, _, _ = strings.Cut(path, "#")
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") || len(path) > maxAddress {
		return "/"
	}
	for _, r := range path {
		if r < ' ' || r == 0x7f {
			return "/"
		}
	}
	return path
}
