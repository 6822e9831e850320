package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"akin/internal/library"
	"akin/internal/paper"
)

// Status answers "why did I get nothing?" for one digest.
type Status struct {
	Book
	// Words are the answer, a sentence each, the most important first.
	Words []string
	// Next is when the next one is planned; zero for never. LastSent is when the last
	// one went out.
	Next     Occurrence
	LastSent time.Time
	// Issues are the last ones, the newest first.
	Issues []Issue
	// PausedUntil is until when the address gets no mail; zero if it does.
	PausedUntil time.Time
	Refusals    float64
	Trouble     Trouble
	Deliveries  []Delivery
}

// statusIssues is how many issues a status has.
const statusIssues = 14

// Status says how a digest of an owner is.
func (s *Digests) Status(ctx context.Context, owner, name string) (out Status, err error) {
	if err := checkName("name", name); err != nil {
		return out, err
	}
	now := s.clock()
	err = s.Store.Read(ctx, func(r Reader) error {
		d, err := live(r, owner, name)
		if err != nil {
			return err
		}
		if out.Book, err = s.book(r, &d); err != nil {
			return err
		}
		if out.Trouble, err = r.Trouble(); err != nil {
			return err
		}
		to, found, err := r.Recipient(d.Recipient)
		if err != nil {
			return err
		}
		if until, paused := to.Paused(now); found && paused {
			out.PausedUntil, out.Refusals = until, to.Score
		}
		out.Issues, err = r.Issues(d.ID)
		return err
	})
	if err != nil {
		return out, err
	}
	slices.SortFunc(out.Issues, func(a, b Issue) int { return b.Planned.Compare(a.Planned) })
	for i := range out.Issues {
		if one := &out.Issues[i]; one.Kind == Regular && one.Progress.Counts() && out.LastSent.IsZero() {
			out.LastSent = one.EndTime
		}
	}
	out.Issues = out.Issues[:min(len(out.Issues), statusIssues)]
	if out.State == Active {
		zone := s.zone(out.Zone)
		for out.Next = out.Digest.Next(now, zone); out.Next.Day <= out.Handled; {
			out.Next = out.Digest.Next(out.Next.At, zone)
		}
	}
	if s.Sources != nil {
		if out.Deliveries, err = s.Sources.Deliveries(ctx, out.Collection); err != nil {
			s.warn(ctx, "what the sources delivered cannot be told", err)
			err = nil
		}
	}
	out.Words = s.statusWords(&out)
	return out, err
}

// statusWords put a status into sentences.
func (s *Digests) statusWords(t *Status) (words []string) {
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	zone := s.zone(t.Zone)
	at := func(when time.Time) string { return when.In(zone).Format("Monday, 2 January 2006, 15:04 MST") }
	if s.set.Off != "" {
		add("This server sends no mail: %s.", s.set.Off)
	}
	if t.State != Active {
		add("It is not sent: %s.", stateWords(&t.Digest))
	}
	if t.Trouble.Count > 0 {
		add("The mail server has not taken any mail since %s: %s. It is tried again at %s.", at(t.Trouble.Since), t.Trouble.Words, at(t.Trouble.Until))
	}
	if !t.PausedUntil.IsZero() {
		add("Its address is paused until %s, for mail to it was refused several times; resume it when the address works again.", at(t.PausedUntil))
	}
	for i := range t.Issues {
		if one := &t.Issues[i]; one.Kind == Regular || t.State == Pending {
			add("%s", one.words(at))
			break
		}
	}
	if len(t.Issues) == 0 && t.State == Active {
		add("It has not come yet.")
	}
	if !t.LastSent.IsZero() {
		add("The last one went out on %s.", at(t.LastSent))
	}
	if t.State == Active {
		add("The next one is planned for %s.", at(t.Next.At))
	}
	for i := range t.Deliveries {
		words = append(words, t.Deliveries[i].words(zone))
	}
	return words
}

func stateWords(d *Digest) string {
	switch {
	case d.State == Pending:
		return "its reader has not confirmed it yet; the link is in the mail that was sent, and good for a week"
	case d.State == Stopped && d.ConfirmTime.IsZero():
		return "its reader did not confirm it in time; give the address again to ask once more"
	case d.State == Stopped:
		return "it was stopped, by its owner or by a link in one of its mails"
	default:
		return "it comes"
	}
}

// words say what became of an issue.
func (i *Issue) words(at func(time.Time) string) string {
	what := "The digest of " + i.Day.String()
	if i.Kind == Confirmation {
		what = "The mail that asks for a confirmation"
	}
	var text string
	switch i.Progress {
	case Waiting:
		text = what + " waits"
		if i.Attempts > 0 {
			text += fmt.Sprintf(" after %d attempts", i.Attempts)
		}
		text += " until " + at(i.NextTry) + "."
	case Claimed, Sending:
		text = what + " is being sent."
	case Sent, Unanswered:
		text = fmt.Sprintf("%s was sent on %s with %d papers.", what, at(i.EndTime), len(i.Picks))
	case Nothing:
		text = what + " had nothing to tell of, and nothing was sent, as chosen."
	case Late, Failed, Refused, Paused:
		text = what + " was not sent."
	}
	if i.Words != "" && i.Progress != Sent {
		text += " " + i.Words
	}
	if left := i.Left.words(); left != "" {
		text += " Left out were " + left + "."
	}
	if i.More > 0 {
		text += fmt.Sprintf(" %d more than a mail has were left to the page.", i.More)
	}
	return text
}

// words say what was left out; "" for nothing.
func (l Left) words() string {
	var parts []string
	for _, one := range []struct {
		n     int
		words string
	}{
		{l.Sent, "that were sent to you before"},
		{l.Read, "that you have read"},
		{l.Dismissed, "that you dismissed"},
		{l.Gone, "that are not in the collection any more"},
	} {
		if one.n > 0 {
			noun := "papers"
			if one.n == 1 {
				noun = "paper"
			}
			parts = append(parts, fmt.Sprintf("%d %s %s", one.n, noun, one.words))
		}
	}
	return strings.Join(parts, ", ")
}

// MarkWords say what a mark is.
func MarkWords(m library.Mark) string {
	switch m {
	case library.Liked:
		return "liked"
	case library.Disliked:
		return "dismissed"
	default:
		return "not marked"
	}
}

// notBounce is the error for what is no report of a mail of this server.
func notBounce(why string) error {
	return &paper.Error{Kind: paper.Invalid, Reason: ReasonNotBounce, Message: "this is no bounce of a mail of this server: " + why}
}
