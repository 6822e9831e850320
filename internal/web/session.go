package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	akinv1 "akin/proto/akin/v1"
)

const (
	// cookieName is the cookie of those who signed in. It holds a random id and nothing
	// else.
	cookieName = "akin_session"
	// sessionAge is how long somebody stays signed in; sessionCount bounds how many do,
	// those who were away longest go first.
	sessionAge   = 30 * 24 * time.Hour
	sessionCount = 10_000
	// maxKey bounds a key, in bytes.
	maxKey = 8 << 10
)

// session is somebody who signed in with a key. Every call carries the key, so that
// revoking it ends the session.
type session struct {
	key   string
	until time.Time
}

// sessions are kept in memory alone: a restart signs everybody out.
type sessions struct{ known *lru.Cache[string, session] }

func newSessions() (*sessions, error) {
	known, err := lru.New[string, session](sessionCount)
	return &sessions{known}, err
}

// of gives the key of the session that a request names.
func (s *sessions) of(r *http.Request) (key string, ok bool) {
	c, err := r.Cookie(cookieName)
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

func (s *sessions) begin(key string) (id string) {
	id = rand.Text()
	s.known.Add(id, session{key, time.Now().Add(sessionAge)})
	return id
}

// end forgets the session that a request names.
func (s *sessions) end(r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		s.known.Remove(c.Value)
	}
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

// signing is the body of the page that asks for a key.
type signing struct {
	Back  string
	Wrong string
}

func (s *Site) signIn(r *http.Request) (*answer, error) {
	return signPage(http.StatusOK, &signing{Back: ownPath(r.URL.Query().Get("back"))}), nil
}

func signPage(httpStatus int, b *signing) *answer {
	return &answer{status: httpStatus, page: "sign", frame: frame{Title: "Sign in", Canonical: "/sign-in", NoIndex: true, Body: b}}
}

// takeKey begins a session, if the server knows the key.
func (s *Site) takeKey(r *http.Request) (*answer, error) {
	key, back := strings.TrimSpace(r.PostFormValue("key")), ownPath(r.PostFormValue("back"))
	if key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return signPage(http.StatusBadRequest, &signing{Back: back, Wrong: "That is not a key."}), nil
	}
	_, err := s.client.Libraries.ListLibraries(withKey(r.Context(), key), &akinv1.ListLibrariesRequest{PageSize: 1})
	if status.Code(err) == codes.Unauthenticated {
		return signPage(http.StatusForbidden, &signing{Back: back, Wrong: "The server does not know that key, or it is revoked."}), nil
	}
	if err != nil && status.Code(err) != codes.PermissionDenied {
		return nil, err
	}
	s.sessions.end(r)
	return &answer{location: back, cookie: s.cookie(r, s.sessions.begin(key), int(sessionAge.Seconds()))}, nil
}

// signOut ends a session.
func (s *Site) signOut(r *http.Request) (*answer, error) {
	s.sessions.end(r)
	return &answer{location: "/", cookie: s.cookie(r, "", -1)}, nil
}

func (s *Site) cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure where there is TLS: a server for this machine alone has none
		Name: cookieName, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}

// ownPath gives a path of this site to go back to: what is not one is "/".
func ownPath(path string) string {
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
