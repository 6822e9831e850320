package access

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"akin/internal/paper"
)

// Rules say whom a ring lets in beside the holders of keys.
type Rules struct {
	// Anonymous is what somebody without a key may do once keys are asked for.
	Anonymous Scope
	// OIDC takes an organisation's tokens; nil takes none.
	OIDC *OIDC
}

// Ring is what a running server knows of keys. Until there is a file of keys, or an
// organisation's tokens are taken, it asks for none and everybody may do everything.
// Once it asked it goes on asking, whatever becomes of the file.
type Ring struct {
	file  File
	rules Rules
	log   *slog.Logger
	state atomic.Pointer[ringState]

	mu       sync.Mutex // guards what follows
	sessions map[*session]struct{}
	faulty   stamp // of the file that was last found damaged
}

// ringState is one state of the keys; it is never changed.
type ringState struct {
	asks  bool
	keys  map[string]*Key // by id
	stamp stamp
}

// session is something that goes on under a key.
type session struct {
	caller Caller
	end    context.CancelCauseFunc
}

// OpenRing reads the file of keys. It refuses a damaged one: without it, nobody
// knows who was let in.
func OpenRing(file File, rules Rules, log *slog.Logger) (*Ring, error) {
	r := &Ring{file: file, rules: rules, log: log, sessions: make(map[*session]struct{})}
	r.state.Store(&ringState{asks: rules.OIDC != nil})
	return r, r.Reload()
}

// Asks says whether callers need a key.
func (r *Ring) Asks() bool { return r.state.Load().asks }

// Keys is how many keys are good now.
func (r *Ring) Keys(now time.Time) (n int) {
	for _, k := range r.state.Load().keys {
		if k.Good(now) {
			n++
		}
	}
	return n
}

// Reload reads the file again. When it cannot be read, or is gone, the keys that
// were read last stay in force, and the error says so.
func (r *Ring) Reload() error {
	before := r.file.stamp()
	keys, there, err := r.file.read()
	old := r.state.Load()
	if err == nil && !there && old.keys != nil {
		err = r.file.damaged(errGone)
	}
	if err != nil {
		return err
	}
	// Read after the stamp: a change in between is found the next time.
	next := &ringState{asks: old.asks || there, stamp: before}
	if there {
		next.keys = make(map[string]*Key, len(keys))
		for i := range keys {
			next.keys[keys[i].ID] = &keys[i]
		}
	}
	r.state.Store(next)
	return nil
}

// Check reads the file again if it changed, and ends what goes on under keys that are
// no longer good. A server calls it every second.
func (r *Ring) Check(now time.Time) {
	if at := r.file.stamp(); at != r.state.Load().stamp {
		if err := r.Reload(); err != nil {
			r.complain(at, err)
		} else {
			r.log.Info("the keys were read again", "good", r.Keys(now))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sessions {
		if err := r.valid(&s.caller, now); err != nil {
			s.end(err)
			delete(r.sessions, s)
		}
	}
}

// complain says once of each damaged file that the keys before it stay in force.
func (r *Ring) complain(at stamp, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.faulty != at {
		r.faulty = at
		r.log.Error("the keys that were read last stay in force: no change is noticed until this is mended", "error", err)
	}
}

// Who finds out whose a token is; an empty one is nobody's. The caller is filled in
// but for where it calls from.
func (r *Ring) Who(ctx context.Context, token string, now time.Time) (Caller, error) {
	state := r.state.Load()
	if !state.asks {
		return Caller{Scopes: All}, nil
	}
	if token == "" {
		if r.rules.Anonymous != 0 {
			return Caller{Scopes: r.rules.Anonymous}, nil
		}
		return Caller{}, NeedsKey()
	}
	if r.Foreign(token) {
		return r.rules.OIDC.who(ctx, token)
	}
	c, err := state.who(token, now)
	if err == nil || !r.changed(token, state) {
		return c, err
	}
	return r.state.Load().who(token, now)
}

// changed reads the file again for a token that is well made and not known, if there is
// another one: who was just given a key need not wait until the server looks by itself.
func (r *Ring) changed(token string, since *ringState) bool {
	if _, _, ok := parseToken(token); !ok || r.file.stamp() == since.stamp {
		return false
	}
	return r.Reload() == nil // Check complains
}

// Foreign says that a token is not one of akin's, and that finding out whose it is may
// take a call to the organisation.
func (r *Ring) Foreign(token string) bool {
	return r.rules.OIDC != nil && !strings.HasPrefix(token, TokenPrefix) && strings.Count(token, ".") == 2
}

// who looks a token up. All that is wrong with it is one error, which does not tell
// whether there is such a key; and all takes about the same time.
func (s *ringState) who(token string, now time.Time) (Caller, error) {
	id, d, ok := parseToken(token)
	k := s.keys[id]
	if k == nil {
		k = new(Key)
	}
	good := subtle.ConstantTimeCompare(k.Digest[:], d[:]) == 1
	if k.Previous != nil {
		same := subtle.ConstantTimeCompare(k.Previous.Digest[:], d[:]) == 1
		good = good || same && now.Before(k.Previous.Expires)
	}
	if !ok || !good || !k.Good(now) {
		return Caller{}, Refused()
	}
	return Caller{
		Owner: k.Owner, KeyID: k.ID, Key: k.Name, Scopes: k.Scopes, Collections: k.Collections, Expires: k.Expires, Quota: k.Quota, digest: d,
	}, nil
}

// valid says why a caller that was let in would not be now.
func (r *Ring) valid(c *Caller, now time.Time) error {
	state := r.state.Load()
	switch {
	case c.Own:
	case c.KeyID == "": // nobody known
		if state.asks && !r.rules.Anonymous.Has(c.Scopes) {
			return NeedsKey()
		}
	case c.digest == (digest{}): // an organisation's
		if !c.Expires.IsZero() && !now.Before(c.Expires) {
			return Refused()
		}
	default:
		k := state.keys[c.KeyID]
		if k == nil || !k.Good(now) {
			return Refused()
		}
		old := k.Previous != nil && k.Previous.Digest == c.digest && now.Before(k.Previous.Expires)
		if k.Digest != c.digest && !old {
			return Refused()
		}
	}
	return nil
}

// Begin says that something goes on for a caller; end is called, with the reason,
// when its credentials are no longer good. leave says that it is over.
func (r *Ring) Begin(c *Caller, end context.CancelCauseFunc) (leave func()) {
	s := &session{*c, end}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions[s] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.sessions, s)
	}
}

// NeedsKey is the error of a call without credentials.
func NeedsKey() error {
	return &paper.Error{
		Kind: paper.Unauthenticated, Reason: paper.ReasonKeyMissing,
		Message: "this server asks for a key: send it as the header authorization: Bearer KEY",
	}
}

// Refused is the error of credentials that are not good, for whatever reason.
func Refused() error {
	return &paper.Error{
		Kind: paper.Unauthenticated, Reason: paper.ReasonKeyInvalid,
		Message: "the credentials are not valid here, or not any more; ask whoever runs this server for a key",
	}
}

// NeedsScope is the error of a caller without a scope.
func NeedsScope(need Scope) error {
	return &paper.Error{
		Kind: paper.Denied, Reason: paper.ReasonScopeMissing,
		Message: "these credentials may not do that: it needs the scope " + need.String(),
	}
}

// NeedsCollection is the error of a caller that may not use a collection, whether or
// not there is one.
func NeedsCollection() error {
	return &paper.Error{
		Kind: paper.Denied, Reason: paper.ReasonCollectionDenied,
		Message: "these credentials may not use that collection",
	}
}
