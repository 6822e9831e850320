package notify

import (
	"context"
	"time"
)

// Mail is one mail to one reader.
type Mail struct {
	// To is the address; MessageID has no angle brackets.
	To, MessageID string
	Subject       string
	Text, HTML    string
	Date          time.Time
	// Unsubscribe is where a POST ends the digest (RFC 8058); "" for mails that come
	// once.
	Unsubscribe string
}

// Outcome is what became of a mail.
type Outcome int

// The outcomes.
const (
	// Delivered: the server took it.
	Delivered Outcome = iota + 1
	// NoAnswer: all of it went out, and no answer came.
	NoAnswer
	// Deferred: the server does not take it for now; nothing was delivered.
	Deferred
	// Rejected: the server does not take mail for the reader, for good.
	Rejected
	// RejectedMail: the server does not take this mail, for good.
	RejectedMail
	// Unreachable: the server cannot be talked to, or takes no mail of ours: nothing
	// that has to do with the reader.
	Unreachable
	// Withdrawn: begin failed; nothing was delivered.
	Withdrawn
)

// Result is an outcome with the server's answer: its code, 0 for none, and words that
// have no address in them.
type Result struct {
	Outcome Outcome
	Code    int
	Words   string
}

// Post sends mails, one after the other.
type Post interface {
	// Send sends a mail. It calls begin once, right before the first byte of the mail
	// goes out, and sends none if that fails.
	Send(ctx context.Context, m *Mail, begin func() error) Result
	// Rest lets go of what it holds between mails.
	Rest()
}
