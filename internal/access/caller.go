package access

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// Caller is who makes a call. The zero value is somebody unknown, who may do
// nothing.
type Caller struct {
	// Owner is the person or program that answers for it; empty for somebody unknown.
	Owner string
	// KeyID and Key are the id and the name of the key; of a token of an organisation,
	// "oidc" and its subject.
	KeyID, Key string
	// Address is where the call comes from: that of the connection, or the one that a
	// trusted proxy names.
	Address string
	// Host is the machine, or the network, that Address is charged as.
	Host string
	// Own says that it is whoever runs the server: within the process, or over the
	// socket that only they can open.
	Own bool
	// Scopes are what it may do.
	Scopes Scope
	// Collections are those that it may use; empty means all.
	Collections []string
	// Expires is when its credentials end; zero is never.
	Expires time.Time
	// Quota is the key's own; fields that are 0 mean the server's default.
	Quota Quota

	digest digest // of the token
}

// LocalOwner is the owner of what is done on the machine itself, without a key.
const LocalOwner = "local"

// Local is whoever runs the server.
func Local(address string) Caller {
	return Caller{Owner: LocalOwner, Address: address, Own: true, Scopes: All}
}

// May says whether the caller may use a collection.
func (c *Caller) May(collection string) bool {
	return len(c.Collections) == 0 || slices.Contains(c.Collections, collection)
}

// LogValue gives what a log may have of a caller: nothing secret is in it.
func (c Caller) LogValue() slog.Value {
	return slog.GroupValue(slog.String("owner", c.Owner), slog.String("key", c.KeyID), slog.String("address", c.Address))
}

type callerKey struct{}

// WithCaller puts who calls into a context.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf says who calls; nil if nobody asked.
func CallerOf(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}
