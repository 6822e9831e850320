package access

import (
	"encoding/json"
	"fmt"
	"strings"

	"akin/internal/paper"
)

// Scope is what somebody may do; scopes are combined with |, and none includes
// another: who may write may not read by that.
type Scope uint8

// The scopes.
const (
	// Read looks up, searches, embeds and exports.
	Read Scope = 1 << iota
	// Write changes and deletes papers.
	Write
	// Admin makes, lists and verifies snapshots and sees what runs.
	Admin
	// All is every scope.
	All = Read | Write | Admin
)

// scopeNames has the scopes in order of their bits.
func scopeNames() []string { return []string{"read", "write", "admin"} }

// Has says whether all of what is needed is there.
func (s Scope) Has(need Scope) bool { return s&need == need }

// Names lists the scopes.
func (s Scope) Names() []string {
	names := []string{}
	for i, name := range scopeNames() {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String gives the names, separated by commas.
func (s Scope) String() string { return strings.Join(s.Names(), ",") }

// ParseScopes reads names of scopes.
func ParseScopes(names []string) (s Scope, err error) {
	for _, name := range names {
		one := scopeOf(strings.TrimSpace(name))
		if one == 0 {
			return 0, paper.InvalidField("scopes", "has %.40q; there are %s", name, strings.Join(scopeNames(), ", "))
		}
		s |= one
	}
	if s == 0 {
		return 0, paper.InvalidField("scopes", "is empty; name at least one of %s", strings.Join(scopeNames(), ", "))
	}
	return s, nil
}

// scopeOf gives the scope of a name, 0 for a name of none.
func scopeOf(name string) Scope {
	for i, known := range scopeNames() {
		if name == known {
			return 1 << i
		}
	}
	return 0
}

// MarshalJSON writes the names.
func (s Scope) MarshalJSON() ([]byte, error) { return json.Marshal(s.Names()) }

// UnmarshalJSON reads the names.
func (s *Scope) UnmarshalJSON(raw []byte) error {
	var names []string
	if err := json.Unmarshal(raw, &names); err != nil {
		return fmt.Errorf("scopes: %w", err)
	}
	var err error
	*s, err = ParseScopes(names)
	return err
}
