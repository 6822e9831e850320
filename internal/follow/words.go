package follow

import (
	"fmt"
	"strings"
	"time"
)

// Words says how a binding is, in sentences for people.
func (b *Bound) Words(now time.Time) string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case b.Running:
		say("It is being read right now.")
	case b.Library.Deleted():
		say("The library is deleted, and follows nothing until it comes back.")
	case b.SyncTime.IsZero() && b.TryTime.IsZero():
		say("It was not read yet.")
	case b.Failures > 0 && b.SyncTime.IsZero():
		say("It could not be read yet, after %s: %s.", times(b.Failures), strings.TrimRight(b.Failure, "."))
	case b.Failures > 0:
		say("It could not be read since %s, after %s: %s.", moment(b.SyncTime), times(b.Failures), strings.TrimRight(b.Failure, "."))
		say("Until it can, the library stays as it is.")
	default:
		say("It was read at %s, and is as it was then.", moment(b.SyncTime))
	}
	if !b.SyncTime.IsZero() {
		out = append(out, b.counts())
	}
	if len(b.Missing) > 0 {
		say("Not there, and so not left out: %s.", strings.Join(b.Missing, ", "))
	}
	if !b.Running && !b.Library.Deleted() {
		if b.NextTime.After(now) {
			say("It is read again at %s.", moment(b.NextTime))
		} else {
			say("It is read again as soon as a server runs.")
		}
	}
	return strings.Join(out, " ")
}

func (b *Bound) counts() string {
	text := fmt.Sprintf("Of %s, the collection has %d.", entries(b.Items), b.Found)
	if lacking := b.Items - b.Found; lacking == 1 {
		text += " One is not found: it comes when the collection has it."
	} else if lacking > 1 {
		text += fmt.Sprintf(" %d are not found: they come when the collection has them.", lacking)
	}
	if b.LeftOut > 0 {
		text += fmt.Sprintf(" %d others are in none of the collections that are followed.", b.LeftOut)
	}
	return text
}

func entries(n int) string {
	if n == 1 {
		return "one entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func times(n int) string {
	if n == 1 {
		return "one try"
	}
	return fmt.Sprintf("%d tries", n)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
