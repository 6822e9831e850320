package notify

import (
	"time"

	"akin/internal/feed"
	"akin/internal/paper"
)

// Limits of digests.
const (
	// MaxDigests is how many digests an owner has at most.
	MaxDigests = 100
	// MaxFeeds and MaxAuthors bound what a digest tells of, and who comes first in it.
	MaxFeeds   = 50
	MaxAuthors = 100
	// MaxItems is how many papers a mail has at most: mails above 102 kB are cut by
	// readers' programs. DefaultItems is how many where nobody says.
	MaxItems     = 26
	DefaultItems = 20
	// MaxNameBytes bounds names to show and of authors.
	MaxNameBytes = 200
	// MaxSubscriptions is how many digests of visitors one address has at most.
	MaxSubscriptions = 10
	// ConfirmWithin is how long a link that confirms is good.
	ConfirmWithin = 7 * 24 * time.Hour
	// ConfirmationsPerDay is how many mails that ask for a confirmation one address gets
	// in 24 hours.
	ConfirmationsPerDay = 3
	// KeptIssues is how many issues of a digest are remembered.
	KeptIssues = 60
	// KeptAddress is how long the address of a reader is kept that has no digest any
	// more, unless it is erased at once.
	KeptAddress = 30 * 24 * time.Hour
)

// Refusals: each adds to the score of an address, which gets no mail while the score is
// pauseScore or more. pauseTime after the last refusal the score is 0 again.
const (
	hardScore  = 2.0
	softScore  = 1.0
	pauseScore = 4.0
	pauseTime  = 30 * 24 * time.Hour
)

// Day is a local date, in days since 1 January 1970.
type Day int32

// DayOf is the date of a time in its own zone.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

// Date is the day at midnight UTC.
func (d Day) Date() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// String is YYYY-MM-DD.
func (d Day) String() string { return d.Date().Format(time.DateOnly) }

// Listing is a list that a digest tells of beside feeds.
type Listing int

// The listings. Their numbers are on disk.
const (
	NoListing Listing = iota
	Newest
	Trending
)

// Quiet says what happens on a day without papers.
type Quiet int

// The choices. Their numbers are on disk.
const (
	// Silent sends nothing.
	Silent Quiet = iota
	// Explain sends a mail that says why.
	Explain
)

// State is what becomes of a digest.
type State int

// The states. Their numbers are on disk.
const (
	// Pending: its reader has not confirmed it yet.
	Pending State = iota + 1
	// Active: it is sent.
	Active
	// Stopped: its owner or its reader ended it; it can go on.
	Stopped
)

// Digest is a mail that comes again and again.
type Digest struct {
	// ID is its number; 0 before it is kept. No other digest had it or will have it.
	ID uint32
	// Owner and Name are those of an owner's digest; both are empty for a visitor's.
	Owner, Name string
	DisplayName string
	// Recipient is the number of its reader.
	Recipient  uint32
	Collection string
	// Feeds are names of the owner's feeds; Listing may stand beside them.
	Feeds   []string
	Listing Listing
	Schedule
	Quiet Quiet
	// Authors come first; MaxItems is how many papers a mail has, 0 for DefaultItems.
	Authors  []string
	MaxItems int
	// Library is where likes and dislikes of its mails go.
	Library string
	State   State
	// CreateTime, UpdateTime and ConfirmTime (zero before) are in UTC. StartTime is when
	// it began to be sent, from when on papers are told of.
	CreateTime, UpdateTime, ConfirmTime, StartTime time.Time
	// Handled is the last local date that was decided about; 0 is none.
	Handled Day
	// Current is the issue that is not over yet; nil if there is none.
	Current *IssueKey
	// Cursors say up to where feeds were told of.
	Cursors map[string]uint64
}

// Visitor says that it belongs to no owner.
func (d *Digest) Visitor() bool { return d.Owner == "" }

// items is how many papers its mails have.
func (d *Digest) items() int {
	if d.MaxItems == 0 {
		return DefaultItems
	}
	return d.MaxItems
}

// Kind is what an issue is.
type Kind int

// The kinds. Their numbers are on disk.
const (
	// Regular is a digest of a local date.
	Regular Kind = iota + 1
	// Confirmation asks whether its reader wants the digest.
	Confirmation
)

// IssueKey names an issue of a digest.
type IssueKey struct {
	Kind Kind
	Day  Day
}

// Progress is how far an issue is.
type Progress int

// The steps. Their numbers are on disk.
const (
	// Waiting: it will be tried at NextTry.
	Waiting Progress = iota + 1
	// Claimed: somebody is about to send it; nothing of it went out.
	Claimed
	// Sending: it may have gone out, whole or in part.
	Sending
	// Sent: the server took it.
	Sent
	// Unanswered: it went out, and no answer came; it counts as sent.
	Unanswered
	// Nothing: there was nothing to send, and silence was chosen.
	Nothing
	// Late: its time was over before it could be sent; its papers come with the next.
	Late
	// Refused: the server refused it for good; its papers come with the next.
	Refused
	// Failed: it was tried until its time was over; its papers come with the next.
	Failed
	// Paused: its reader's address is paused; its papers come with the next.
	Paused
)

// Over says that nothing more happens to the issue.
func (p Progress) Over() bool { return p >= Sent }

// Counts says that the issue counts as sent.
func (p Progress) Counts() bool { return p == Sent || p == Unanswered }

// Issue is one mail of a digest, or why there was none.
type Issue struct {
	Digest uint32
	IssueKey
	// Planned is when it was to be sent.
	Planned  time.Time
	Progress Progress
	// Attempts counts its claims; Resent says that it was sent once more.
	Attempts int
	Resent   bool
	// NextTry is when it is tried again; EndTime when it was over.
	NextTry, EndTime time.Time
	// MessageID is that of the mail, once it was claimed.
	MessageID string
	// Picks are its papers, the most important first; More is how many others there
	// were. Left says what was left out.
	Picks []Pick
	More  int
	Left  Left
	// Cursors are those of the digest once it counts as sent.
	Cursors map[string]uint64
	// Bounced says that it came back later.
	Bounced bool
	// Code is the last answer of the mail server, 0 for none; Words say what happened.
	Code  int
	Words string
}

// Pick is a paper of an issue.
type Pick struct {
	PaperID string
	// Feed is the feed that brought it, "" for a listing, and Reasons why.
	Feed    string
	Reasons []feed.Reason
	// Author is the one it comes first for; "" for none.
	Author string
	// percentile and score order picks of feeds.
	percentile, score float64
}

// Left counts the papers that an issue left out.
type Left struct {
	// Sent were in a mail to the same reader, Read and Dismissed are in the owner's
	// libraries, Gone are not in the collection any more.
	Sent, Read, Dismissed, Gone int
}

// Recipient is somebody who gets mails.
type Recipient struct {
	// ID is its number; 0 before it is kept.
	ID uint32
	// Sealed is the address, encrypted.
	Sealed []byte
	// Digests are keyed digests of the address, by which it is found.
	Digest []byte
	// Owners confirmed the address as theirs.
	Owners []string
	// Score counts refusals up to LastRefusal.
	Score       float64
	LastRefusal time.Time
	RefusalWord string
	// Confirmations are when mails that ask for a confirmation were wanted, lately.
	Confirmations []time.Time
	CreateTime    time.Time
	// IdleSince is from when on it has had no digest; zero while it has some.
	IdleSince time.Time
}

// Paused says whether the address gets no mail for now, and until when.
func (r *Recipient) Paused(now time.Time) (until time.Time, paused bool) {
	until = r.LastRefusal.Add(pauseTime)
	return until, r.Score >= pauseScore && now.Before(until)
}

// refused counts a refusal.
func (r *Recipient) refused(score float64, words string, now time.Time) {
	if now.Sub(r.LastRefusal) >= pauseTime {
		r.Score = 0
	}
	r.Score += score
	r.LastRefusal, r.RefusalWord = now, words
}

// Trouble is what keeps mail from being sent to anybody.
type Trouble struct {
	// Count is how many attempts failed in a row; Until is when the next one is.
	Count int
	Since time.Time
	Until time.Time
	Words string
}

// defaultCollection is the collection of a digest that names none.
func defaultCollection(name string) string {
	if name == "" {
		return paper.DefaultCollection
	}
	return name
}
