package notify

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"akin/internal/library"
	"akin/internal/paper"
)

// Reasons of this package's errors, besides those of packages paper and seal.
const (
	// ReasonUnknown: there is no such digest, or it is another owner's.
	ReasonUnknown = "DIGEST_NOT_FOUND"
	// ReasonExists: the name is taken.
	ReasonExists = "DIGEST_EXISTS"
	// ReasonFull: there are as many digests as there may be.
	ReasonFull = "DIGEST_FULL"
	// ReasonOff: the server sends no mail.
	ReasonOff = "MAIL_OFF"
	// ReasonLimit: too many mails that ask for a confirmation were wanted.
	ReasonLimit = "MAIL_LIMIT"
	// ReasonSent: the digest of the date was sent, or is about to be.
	ReasonSent = "DIGEST_SENT"
	// ReasonNotBounce: what was reported is no bounce of a mail of this server.
	ReasonNotBounce = "NOT_A_BOUNCE"
)

// What secrets are used for.
const (
	purposeAddress     = "digest address"
	purposeConfirm     = "digest confirm"
	purposeUnsubscribe = "digest unsubscribe"
	purposeAct         = "digest act"
	purposeMessage     = "digest message"
)

// mainLibrary is where likes go where nobody says otherwise: that of the page.
const mainLibrary = "reading"

func defaultLibrary(name string) string {
	if name == "" {
		return mainLibrary
	}
	return name
}

func unknown(name string) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: ReasonUnknown, ResourceType: "digest", ResourceName: name,
		Message: fmt.Sprintf("there is no digest %q; create it, or list those there are", name),
	}
}

func exists(name string) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonExists, ResourceType: "digest", ResourceName: name,
		Message: fmt.Sprintf("there is a digest %q already; choose another name, or update it", name),
	}
}

func full(format string, args ...any) error {
	return &paper.Error{Kind: paper.FailedPrecondition, Reason: ReasonFull, Message: fmt.Sprintf(format, args...)}
}

func off(why string) error {
	return &paper.Error{Kind: paper.FailedPrecondition, Reason: ReasonOff, Message: "this server sends no mail: " + why}
}

func tooManyConfirmations() error {
	return &paper.Error{
		Kind: paper.Exhausted, Reason: ReasonLimit, Subject: "address",
		Message: fmt.Sprintf("the address got %d mails that ask for a confirmation within 24 hours, the limit; look for them, or try again tomorrow", ConfirmationsPerDay),
	}
}

func checkName(field, name string) error { return library.CheckName(field, name) }

// check holds what callers set of a digest to the limits, and cleans it.
func (d *Digest) check() error {
	if !d.Visitor() {
		if err := checkName("digest.name", d.Name); err != nil {
			return err
		}
	}
	if err := checkLine("digest.display_name", d.DisplayName, MaxNameBytes); err != nil {
		return err
	}
	if err := d.Schedule.check("digest.schedule"); err != nil {
		return err
	}
	switch {
	case d.Quiet < Silent || d.Quiet > Explain:
		return paper.InvalidField("digest.quiet", "is %d; a quiet day is silent or explained", d.Quiet)
	case d.Listing < NoListing || d.Listing > Trending:
		return paper.InvalidField("digest.listing", "is %d; there are newest and trending", d.Listing)
	case d.MaxItems < 0 || d.MaxItems > MaxItems:
		return paper.InvalidField("digest.max_items", "is %d; a mail has 1 to %d papers (0 means %d)", d.MaxItems, MaxItems, DefaultItems)
	case len(d.Feeds) == 0 && d.Listing == NoListing:
		return paper.InvalidField("digest.feeds", "is empty; name feeds, or choose a listing")
	case len(d.Feeds) > MaxFeeds:
		return paper.InvalidField("digest.feeds", "has %d names; the limit is %d", len(d.Feeds), MaxFeeds)
	case len(d.Authors) > MaxAuthors:
		return paper.InvalidField("digest.pinned_authors", "has %d names; the limit is %d", len(d.Authors), MaxAuthors)
	}
	for i, name := range d.Feeds {
		if err := checkName(fmt.Sprintf("digest.feeds[%d]", i), name); err != nil {
			return err
		}
	}
	for i, name := range d.Authors {
		d.Authors[i] = strings.TrimSpace(name)
		if d.Authors[i] == "" {
			return paper.InvalidField(fmt.Sprintf("digest.pinned_authors[%d]", i), "is empty; leave it out")
		}
		if err := checkLine(fmt.Sprintf("digest.pinned_authors[%d]", i), name, MaxNameBytes); err != nil {
			return err
		}
	}
	if err := checkName("digest.library", d.Library); err != nil {
		return err
	}
	return library.CheckName("digest.collection", d.Collection)
}

func checkLine(field, text string, most int) error {
	switch {
	case len(text) > most:
		return paper.InvalidField(field, "has %d bytes; the limit is %d", len(text), most)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return paper.InvalidField(field, "is not one line of text in UTF-8")
	}
	return nil
}
