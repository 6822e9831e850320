package notify

import (
	"context"
	"time"
)

// Store keeps digests. It knows nothing of the rules.
type Store interface {
	// Read calls fn with one acknowledged state. What fn gets holds until it returns.
	Read(ctx context.Context, fn func(Reader) error) error
	// Write calls fn, one after the other, and makes what it changed durable, all or
	// nothing, before it returns. If fn fails, nothing is changed. What fn reads is the
	// state before its own changes, but for the IDs that it gave.
	Write(ctx context.Context, fn func(Writer) error) error
}

// Reader is one state of what is kept.
type Reader interface {
	DigestReader
	RecipientReader
	// Trouble is what keeps mail from being sent; zero if nothing does.
	Trouble() (Trouble, error)
}

// DigestReader reads digests and their issues.
type DigestReader interface {
	// Digests calls visit for all, in order of ID, until it fails.
	Digests(visit func(*Digest) error) error
	// Digest gives one; found is false if there is none.
	Digest(id uint32) (d Digest, found bool, err error)
	// Owned gives those of an owner in order of name.
	Owned(owner string) ([]Digest, error)
	// Named gives one of an owner.
	Named(owner, name string) (d Digest, found bool, err error)
	// Issue gives one issue of a digest.
	Issue(digest uint32, key IssueKey) (i Issue, found bool, err error)
	// Issues gives the issues of a digest in order of kind and day.
	Issues(digest uint32) ([]Issue, error)
}

// RecipientReader reads who gets mails.
type RecipientReader interface {
	// Recipient gives one; found is false if there is none.
	Recipient(id uint32) (r Recipient, found bool, err error)
	// Known gives the one that was kept with a keyed digest of the address.
	Known(digest []byte) (r Recipient, found bool, err error)
	// Recipients calls visit for all, in order of ID, until it fails.
	Recipients(visit func(*Recipient) error) error
	// WasSent says when papers were sent to a recipient, parallel to papers; zero for
	// never.
	WasSent(recipient uint32, papers []string) ([]time.Time, error)
}

// Writer changes what is kept.
type Writer interface {
	Reader
	DigestWriter
	RecipientWriter
	// PutTrouble keeps what keeps mail from being sent.
	PutTrouble(t Trouble) error
}

// DigestWriter changes digests and issues.
type DigestWriter interface {
	// PutDigest keeps a digest; one without an ID gets one.
	PutDigest(d *Digest) error
	// RemoveDigest forgets a digest and its issues.
	RemoveDigest(d *Digest) error
	PutIssue(i *Issue) error
	RemoveIssue(digest uint32, key IssueKey) error
}

// RecipientWriter changes who gets mails.
type RecipientWriter interface {
	// PutRecipient keeps a recipient; one without an ID gets one. before is what it was,
	// nil for a new one: another digest of the address takes the place of the old one.
	PutRecipient(r, before *Recipient) error
	// RemoveRecipient forgets a recipient and what it was sent.
	RemoveRecipient(r *Recipient) error
	// MarkSent notes that papers were sent to a recipient.
	MarkSent(recipient uint32, papers []string, at time.Time) error
}
