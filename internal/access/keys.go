package access

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"akin/internal/paper"
)

// Limits of what a key says of itself.
const (
	maxNameBytes   = 100
	maxCollections = 100
)

// Spec is what somebody asks of a new key.
type Spec struct {
	// Name tells it apart from the other good ones; Owner answers for it, by default
	// the name.
	Name, Owner string
	Scopes      Scope
	// Collections are those that it may use; empty means all.
	Collections []string
	// Expires is when it ends; zero is never.
	Expires time.Time
	Quota
}

// check reports all that is wrong with a spec.
func (s *Spec) check(now time.Time) error {
	var bad []paper.Violation
	wrong := func(field, format string, args ...any) {
		bad = append(bad, paper.Violation{Field: field, Description: fmt.Sprintf(format, args...)})
	}
	for field, text := range map[string]string{"name": s.Name, "owner": s.Owner} {
		if fault := faultOf(text); fault != "" {
			wrong(field, "is %.120q, which %s", text, fault)
		}
	}
	if s.Scopes == 0 || s.Scopes&^All != 0 {
		wrong("scopes", "is empty; name at least one of %s", strings.Join(scopeNames(), ", "))
	}
	if len(s.Collections) > maxCollections {
		wrong("collections", "has %d names; the limit is %d", len(s.Collections), maxCollections)
	}
	for _, c := range s.Collections {
		if fault := faultOf(c); fault != "" {
			wrong("collections", "has %.120q, which %s", c, fault)
		}
	}
	if len(s.Collections) > 0 && s.Scopes.Has(Admin) {
		wrong("collections", "cannot be limited together with the scope admin, which is about all of them; make two keys")
	}
	if !s.Expires.IsZero() && !s.Expires.After(now) {
		wrong("expires", "is %s, which has passed", s.Expires.UTC().Format(time.RFC3339))
	}
	if fault := s.fault(); fault != "" {
		wrong("quota", "%s", fault)
	}
	if bad == nil {
		return nil
	}
	slices.SortFunc(bad, func(a, b paper.Violation) int { return strings.Compare(a.Field, b.Field) })
	return &paper.Error{Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Message: "the key is not valid", Violations: bad}
}

// faultOf says what is wrong with a name; empty if nothing is.
func faultOf(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxNameBytes:
		return fmt.Sprintf("has %d bytes; the limit is %d", len(name), maxNameBytes)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has characters that cannot be printed"
	case strings.HasPrefix(name, TokenPrefix):
		return "looks like a secret key; names are seen by others"
	}
	return ""
}

// Create makes a key. The token is given this once.
func (f File) Create(s Spec, now time.Time) (made Key, token string, err error) {
	if s.Owner == "" {
		s.Owner = s.Name
	}
	if err := s.check(now); err != nil {
		return Key{}, "", err
	}
	made = Key{
		ID: newID(), Name: s.Name, Owner: s.Owner, Scopes: s.Scopes, Collections: s.Collections,
		Created: now.UTC().Truncate(time.Second), Expires: s.Expires.UTC(), Quota: s.Quota,
	}
	if s.Expires.IsZero() {
		made.Expires = time.Time{}
	}
	err = f.change(func(keys []Key) ([]Key, error) {
		good := 0
		for i := range keys {
			if !keys[i].Good(now) {
				continue
			}
			good++
			if keys[i].Name == s.Name {
				return nil, paper.InvalidField("name", "is %q, which the key %s has; take another one, or rotate or revoke that", s.Name, keys[i].ID)
			}
		}
		if good >= MaxKeys {
			return nil, paper.Invalidf("there are %d keys already; revoke some", good)
		}
		for slices.ContainsFunc(keys, func(k Key) bool { return k.ID == made.ID }) {
			made.ID = newID()
		}
		token, made.Digest = newToken(made.ID)
		return append(forget(keys, now), made), nil
	})
	if err != nil {
		return Key{}, "", err
	}
	return made, token, nil
}

// forget leaves out the oldest of very many keys that are no longer good.
func forget(keys []Key, now time.Time) []Key {
	gone := 0
	for i := range keys {
		if !keys[i].Good(now) {
			gone++
		}
	}
	return slices.DeleteFunc(keys, func(k Key) bool {
		if k.Good(now) || gone < keptRevoked {
			return false
		}
		gone--
		return true
	})
}

// List gives all keys, the oldest first.
func (f File) List() ([]Key, error) {
	keys, _, err := f.read()
	return keys, err
}

// Revoke ends a key for ever. Name is the name of a good key, the id of any, or its
// secret, of which only the id is looked at.
func (f File) Revoke(name string, now time.Time) (Key, error) {
	return f.edit(name, now, func(k *Key) error {
		if k.Revoked.IsZero() {
			k.Revoked = now.UTC().Truncate(time.Second)
		}
		k.Previous = nil
		return nil
	})
}

// Rotate gives a key a new secret, which is given this once. The one before is good
// for the grace.
func (f File) Rotate(name string, grace time.Duration, now time.Time) (k Key, token string, err error) {
	if grace < 0 {
		return Key{}, "", paper.InvalidField("grace", "is %v; it must not be negative", grace)
	}
	k, err = f.edit(name, now, func(k *Key) error {
		if !k.Good(now) {
			return &paper.Error{Kind: paper.FailedPrecondition, Reason: "KEY_NOT_GOOD", Message: fmt.Sprintf("the key %s is %s; make a new one", k.ID, k.State(now))}
		}
		old := k.Digest
		token, k.Digest = newToken(k.ID)
		k.Rotated, k.Previous = now.UTC().Truncate(time.Second), nil
		if grace > 0 {
			k.Previous = &previous{old, now.UTC().Add(grace)}
		}
		return nil
	})
	return k, token, err
}

// edit changes the key that a name or an id means.
func (f File) edit(name string, now time.Time, change func(*Key) error) (edited Key, err error) {
	if id, _, ok := parseToken(name); ok { // whoever found a leaked one has nothing else
		name = id
	}
	err = f.change(func(keys []Key) ([]Key, error) {
		at := slices.IndexFunc(keys, func(k Key) bool { return k.ID == name })
		if at < 0 {
			at = slices.IndexFunc(keys, func(k Key) bool { return k.Name == name && k.Good(now) })
		}
		if at < 0 {
			shown := name
			if strings.HasPrefix(name, TokenPrefix) {
				shown = "(a secret)" // it must not get into terminals' history
			}
			return nil, &paper.Error{
				Kind: paper.NotFound, Reason: "KEY_NOT_FOUND", ResourceType: "key", ResourceName: shown,
				Message: fmt.Sprintf("there is no good key with the name or the id %q; akin key list shows them", shown),
			}
		}
		if err := change(&keys[at]); err != nil {
			return nil, err
		}
		edited = keys[at]
		return keys, nil
	})
	return edited, err
}
