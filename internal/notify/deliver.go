package notify

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"akin/internal/paper"
)

const (
	// firstWait and mostWait bound how long a mail waits after a failed attempt: it
	// doubles each time.
	firstWait = 5 * time.Minute
	mostWait  = 2 * time.Hour
	// serverWait is how long all mail waits after the server could not be talked to, at
	// first.
	serverWait = time.Minute
	// longestSleep is how long nobody looks at most: clocks are set, and zones change.
	longestSleep = time.Hour
	// stopGrace is how long a mail under way may take when the server stops.
	stopGrace = 8 * time.Second
	// sweepEvery is how often what is over is forgotten.
	sweepEvery = 6 * time.Hour
)

// Run sends what is due until ctx ends. A failure of one digest never keeps the others
// from being sent.
func (s *Digests) Run(ctx context.Context) error {
	var swept time.Time
	for {
		if now := s.clock(); now.Sub(swept) >= sweepEvery {
			swept = now
			s.warn(ctx, "what is over of digests is not forgotten yet", s.Sweep(ctx))
		}
		next, err := s.round(ctx)
		s.warn(ctx, "digests cannot be sent for now", err)
		if err != nil {
			next = s.clock().Add(serverWait)
		}
		timer := time.NewTimer(min(longestSleep, max(0, next.Sub(s.clock()))))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// warn logs an error that is not the end of the server.
func (s *Digests) warn(ctx context.Context, message string, err error) {
	if err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, message, "error", err)
	}
}

// round sends all that is due, and says when the next is.
func (s *Digests) round(ctx context.Context) (next time.Time, err error) {
	defer func() {
		if s.Post != nil {
			s.Post.Rest()
		}
	}()
	due, next, err := s.due(ctx)
	if err != nil || s.set.Off != "" {
		return next, err
	}
	gap := time.Minute / time.Duration(s.set.PerMinute)
	tried := map[uint32]bool{}
	for _, id := range due {
		if ctx.Err() != nil {
			return next, nil
		}
		tried[id] = true
		mailed, err := s.one(ctx, id)
		if errors.Is(err, errUnreachable) {
			return s.troubled(ctx)
		}
		if err != nil {
			s.warn(ctx, "a digest cannot be sent for now", fmt.Errorf("digest %d: %w", id, err))
		}
		if mailed && !pause(ctx, gap) {
			return next, nil
		}
	}
	if len(due) == 0 {
		return next, nil
	}
	return s.after(ctx, tried)
}

// after says when the next is due after a round. What was tried and is still due, because
// something failed, waits a little.
func (s *Digests) after(ctx context.Context, tried map[uint32]bool) (next time.Time, err error) {
	due, next, err := s.due(ctx)
	now := s.clock()
	for _, id := range due {
		if !tried[id] {
			return now, err
		}
		next = now.Add(serverWait)
	}
	return next, err
}

// pause waits; it says false if ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// errUnreachable says that the mail server takes no mail for now, whoever it is for.
var errUnreachable = errors.New("the mail server takes no mail for now")

// troubled says when the mail server is tried again.
func (s *Digests) troubled(ctx context.Context) (until time.Time, err error) {
	err = s.Store.Read(ctx, func(r Reader) error {
		t, err := r.Trouble()
		until = t.Until
		return err
	})
	return until, err
}

// due gives the digests that something is to be done for, and when the next is.
func (s *Digests) due(ctx context.Context) (ids []uint32, next time.Time, err error) {
	now := s.clock()
	next = now.Add(longestSleep)
	err = s.Store.Read(ctx, func(r Reader) error {
		t, err := r.Trouble()
		if err != nil {
			return err
		}
		if now.Before(t.Until) {
			next = t.Until
			return nil
		}
		return r.Digests(func(d *Digest) error {
			at, err := s.dueAt(r, d, now)
			if err != nil {
				return err
			}
			switch {
			case at.IsZero():
			case !at.After(now):
				ids = append(ids, d.ID)
			case at.Before(next):
				next = at
			}
			return nil
		})
	})
	return ids, next, err
}

// dueAt is when something is to be done for a digest; zero is never.
func (s *Digests) dueAt(r Reader, d *Digest, now time.Time) (time.Time, error) {
	if d.State == Stopped || d.State == Pending && d.Current == nil {
		return time.Time{}, nil
	}
	last := s.last(d, now)
	if d.Current != nil {
		i, found, err := r.Issue(d.ID, *d.Current)
		if err != nil || !found {
			return time.Time{}, err
		}
		if i.Progress != Waiting || i.Kind == Regular && last.Day > i.Day { // a newer one takes its place
			return now, nil
		}
		if end := i.Planned.Add(s.late(&i)); end.Before(i.NextTry) {
			return end, nil
		}
		return i.NextTry, nil
	}
	if last.Day > d.Handled {
		return last.At, nil
	}
	next := d.Next(now, s.zone(d.Zone))
	for next.Day <= d.Handled { // it was sent ahead of its time
		next = d.Next(next.At, s.zone(d.Zone))
	}
	return next.At, nil
}

// late is how long after its time an issue is still sent.
func (s *Digests) late(i *Issue) time.Duration {
	if i.Kind == Confirmation {
		return 24 * time.Hour
	}
	return s.set.Late
}

// job is an issue that is being worked on.
type job struct {
	digest    Digest
	recipient Recipient
	issue     Issue
	address   string
	harvest   harvest
	letter    *Mail
}

// one does what is due for one digest, and says whether a mail was tried.
func (s *Digests) one(ctx context.Context, id uint32) (mailed bool, err error) {
	j, err := s.plan(ctx, id)
	if err != nil || j == nil {
		return false, err
	}
	if j.issue.Kind == Regular {
		done, err := s.fill(ctx, j)
		if err != nil || done {
			return false, err
		}
	}
	if j.letter, err = s.compose(ctx, j); err != nil {
		return false, err
	}
	if taken, err := s.claim(ctx, j); err != nil || !taken {
		return false, err
	}
	// What was begun ends, also when the server stops, but not for ever.
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })
	defer stop()
	begun := false
	result := s.Post.Send(sending, j.letter, func() error {
		begun = true
		return s.begun(sending, j)
	})
	if !begun && (result.Outcome == NoAnswer) { // nothing went out
		result.Outcome = Deferred
	}
	if begun && result.Outcome != Delivered && result.Outcome != NoAnswer {
		s.warn(sending, "a mail that was not delivered counts as sent should an older snapshot be restored", s.voidOutside(j))
	}
	return true, s.ended(sending, j, result)
}

// plan reads a digest and decides what to do: nothing (nil), or to send an issue. What is
// over without a mail, it writes down itself.
func (s *Digests) plan(ctx context.Context, id uint32) (*job, error) {
	now := s.clock()
	j, err := s.load(ctx, id, now)
	if err != nil || j == nil {
		return nil, err
	}
	i := &j.issue
	until, paused := j.recipient.Paused(now)
	switch {
	case i.Progress == Sending:
		return nil, s.unanswered(ctx, j, now)
	case i.Kind == Regular && s.last(&j.digest, now).Day > i.Day && j.digest.Current != nil:
		return nil, s.close(ctx, j, over(i, Failed, "It was not sent before the next one was due; its papers come with that. "+i.Words))
	case now.Sub(i.Planned) > s.late(i) && i.Attempts == 0:
		return nil, s.close(ctx, j, over(i, Late,
			fmt.Sprintf("It could not be sent within %v of its time, when nothing ran or could be read; its papers come with the next.", s.late(i))))
	case now.Sub(i.Planned) > s.late(i):
		return nil, s.close(ctx, j, over(i, Failed, "It was tried until its time was over; its papers come with the next. "+i.Words))
	case paused:
		return nil, s.close(ctx, j, over(i, Paused,
			fmt.Sprintf("The address is paused until %s, for mail to it was refused: %s.", until.Format(time.DateOnly), j.recipient.RefusalWord)))
	}
	if j.address, err = s.addressOf(&j.recipient); err != nil {
		return nil, err
	}
	if s.wentOut(j) {
		return nil, s.restored(ctx, j)
	}
	return j, nil
}

// over ends an issue with its reason.
func over(i *Issue, p Progress, words string) Issue {
	out := *i
	out.Progress, out.Words = p, strings.TrimSpace(words)
	return out
}

// load reads what is due for a digest; nil for nothing.
func (s *Digests) load(ctx context.Context, id uint32, now time.Time) (out *job, err error) {
	err = s.Store.Read(ctx, func(r Reader) error {
		d, found, err := r.Digest(id)
		if err != nil || !found {
			return err
		}
		at, err := s.dueAt(r, &d, now)
		if err != nil || at.IsZero() || at.After(now) {
			return err
		}
		j := &job{digest: d}
		if d.Current != nil {
			if j.issue, found, err = r.Issue(d.ID, *d.Current); err != nil || !found {
				return err
			}
		} else {
			last := s.last(&d, now)
			j.issue = Issue{Digest: d.ID, IssueKey: IssueKey{Regular, last.Day}, Planned: last.At, Progress: Waiting}
		}
		if j.recipient, found, err = r.Recipient(d.Recipient); err == nil && found {
			out = j
		}
		return err
	})
	return out, err
}

// fill finds the papers of an issue. It says done where there is nothing to send.
func (s *Digests) fill(ctx context.Context, j *job) (done bool, err error) {
	if j.issue.Attempts > 0 {
		j.harvest, err = s.again(ctx, &j.digest, &j.issue)
	} else {
		j.harvest, err = s.gather(ctx, &j.digest)
	}
	if err != nil {
		return false, err
	}
	j.issue.Picks, j.issue.More, j.issue.Left, j.issue.Cursors = j.harvest.picks, j.harvest.more, j.harvest.left, j.harvest.cursors
	if len(j.issue.Picks) > 0 {
		return false, nil
	}
	j.issue.Words = s.quietWords(ctx, &j.digest, &j.harvest)
	if j.digest.Quiet == Explain {
		return false, nil
	}
	return true, s.close(ctx, j, over(&j.issue, Nothing, j.issue.Words))
}

// same says that nobody changed a digest since a job read it.
func (j *job) same(d *Digest) bool {
	same := d.State == j.digest.State && d.Recipient == j.digest.Recipient && d.Handled == j.digest.Handled && d.UpdateTime.Equal(j.digest.UpdateTime)
	if d.Current == nil || j.digest.Current == nil {
		return same && d.Current == j.digest.Current
	}
	return same && *d.Current == *j.digest.Current
}

// claim makes it durable that an issue is about to be sent; it says false if the digest
// was changed meanwhile.
func (s *Digests) claim(ctx context.Context, j *job) (taken bool, err error) {
	err = s.Store.Write(ctx, func(w Writer) error {
		d, found, err := w.Digest(j.digest.ID)
		if err != nil || !found || !j.same(&d) {
			return err
		}
		j.issue.Progress, j.issue.NextTry, j.issue.MessageID = Claimed, time.Time{}, j.letter.MessageID
		j.issue.Attempts++
		key := j.issue.IssueKey
		d.Current = &key
		if err := w.PutIssue(&j.issue); err != nil {
			return err
		}
		taken, j.digest = true, d
		return w.PutDigest(&d)
	})
	return taken && err == nil, err
}

// errWithdrawn says that a digest ended while its mail was under way.
var errWithdrawn = errors.New("the digest ended meanwhile")

// begun makes it durable that the first byte of a mail is about to go out.
func (s *Digests) begun(ctx context.Context, j *job) error {
	if err := s.noteOutside(j); err != nil {
		return err
	}
	return s.Store.Write(ctx, func(w Writer) error {
		d, found, err := w.Digest(j.digest.ID)
		if err != nil {
			return err
		}
		if !found || !j.same(&d) {
			return errWithdrawn
		}
		i := j.issue
		i.Progress = Sending
		return w.PutIssue(&i)
	})
}

// unanswered decides about a mail that may have gone out, and of which nothing else is
// known: it was sent when the program ended, or no answer came.
func (s *Digests) unanswered(ctx context.Context, j *job, now time.Time) error {
	if s.set.Resend && !j.issue.Resent {
		i := j.issue
		i.Resent, i.Progress, i.NextTry = true, Waiting, now.Add(firstWait)
		i.Words = "No answer came, and it is sent once more."
		return s.keep(ctx, i)
	}
	return s.close(ctx, j, over(&j.issue, Unanswered, "It went out, and no answer came: it counts as sent."))
}

// ended writes down what became of a mail.
func (s *Digests) ended(ctx context.Context, j *job, got Result) error {
	now := s.clock()
	i := j.issue
	i.Code = got.Code
	switch got.Outcome {
	case Delivered:
		s.Log.InfoContext(ctx, "a digest was sent", "digest", i.Digest, "day", i.Day, "papers", len(i.Picks))
		return errors.Join(s.close(ctx, j, over(&i, Sent, i.Words)), s.fine(ctx))
	case NoAnswer:
		j.issue = i
		return s.unanswered(ctx, j, now)
	case Withdrawn:
		return s.withdrawn(ctx, j, got)
	case Rejected, RejectedMail:
		i = over(&i, Refused, "The mail server refused it: "+got.Words+".")
		if err := s.close(ctx, j, i); err != nil {
			return err
		}
		score := softScore
		if got.Outcome == Rejected {
			score = hardScore
		}
		return errors.Join(s.Refuse(ctx, j.recipient.ID, score, got.Words), s.fine(ctx))
	case Unreachable:
		return s.unreachable(ctx, i, got, now)
	default:
		i.Progress, i.NextTry, i.Words = Waiting, now.Add(wait(i.Digest, i.Attempts)), "The mail server does not take it for now: "+got.Words+"."
		return errors.Join(s.keep(ctx, i), s.fine(ctx))
	}
}

// withdrawn is for a mail that was not begun: its digest ended or changed, or what was to
// be written down could not be.
func (s *Digests) withdrawn(ctx context.Context, j *job, got Result) error {
	i := j.issue
	i.Progress, i.NextTry, i.Words = Waiting, s.clock().Add(serverWait), "It was not begun: "+got.Words+"."
	return s.keep(ctx, i)
}

// unreachable has the mail, and all others, wait for the server.
func (s *Digests) unreachable(ctx context.Context, i Issue, got Result, now time.Time) error {
	var t Trouble
	err := s.Store.Write(ctx, func(w Writer) (err error) {
		if t, err = w.Trouble(); err != nil {
			return err
		}
		if t.Count == 0 {
			t.Since = now
		}
		t.Count++
		t.Words, t.Until = got.Words, now.Add(doubled(serverWait, t.Count, mostWait/4))
		return w.PutTrouble(t)
	})
	if err != nil {
		return err
	}
	s.Log.WarnContext(ctx, "the mail server takes no mail", "why", got.Words, "again", t.Until)
	i.Progress, i.NextTry, i.Words = Waiting, t.Until, "The mail server cannot be used: "+got.Words+"."
	return errors.Join(errUnreachable, s.keep(ctx, i))
}

// fine notes that the mail server can be used.
func (s *Digests) fine(ctx context.Context) error {
	var had Trouble
	if err := s.Store.Read(ctx, func(r Reader) (err error) { had, err = r.Trouble(); return err }); err != nil || had.Count == 0 {
		return err
	}
	return s.Store.Write(ctx, func(w Writer) error { return w.PutTrouble(Trouble{}) })
}

// doubled is how long to wait after n attempts.
func doubled(first time.Duration, n int, most time.Duration) time.Duration {
	d := first
	for ; n > 1 && d < most; n-- {
		d *= 2
	}
	return min(d, most)
}

// wait is how long one mail waits after n attempts: spread, so that not all come back at
// once, and the same each time.
func wait(digest uint32, n int) time.Duration {
	d := doubled(firstWait, n, mostWait)
	h := fnv.New32a()
	fmt.Fprint(h, digest, n)
	return d + time.Duration(h.Sum32()%100)*d/400
}

// keep writes down an issue that goes on. A digest that ended meanwhile stays as it is.
func (s *Digests) keep(ctx context.Context, i Issue) error {
	return s.Store.Write(ctx, func(w Writer) error {
		d, found, err := w.Digest(i.Digest)
		if err != nil || !found || d.Current == nil || *d.Current != i.IssueKey {
			return err
		}
		return w.PutIssue(&i)
	})
}

// close ends an issue. What counts as sent is noted for its reader, also if the digest
// ended meanwhile.
func (s *Digests) close(ctx context.Context, j *job, i Issue) error {
	now := s.clock()
	i.EndTime, i.NextTry = now, time.Time{}
	if i.Resent && !i.Progress.Counts() { // it may have come the first time
		i.Progress, i.Words = Unanswered, "No answer came the first time, and it could not be sent once more: it counts as sent. "+i.Words
	}
	return s.Store.Write(ctx, func(w Writer) error {
		if i.Progress.Counts() {
			if err := s.noteSent(w, &j.digest, &i, now); err != nil {
				return err
			}
		}
		d, found, err := w.Digest(i.Digest)
		if err != nil || !found || d.Recipient != j.digest.Recipient || d.Current != nil && *d.Current != i.IssueKey {
			return err
		}
		d.Current = nil
		if i.Kind == Regular {
			d.Handled = max(d.Handled, i.Day)
			if i.Progress.Counts() || i.Progress == Nothing {
				d.Cursors = i.Cursors
			}
		}
		if err := w.PutIssue(&i); err != nil {
			return err
		}
		if err := prune(w, d.ID); err != nil {
			return err
		}
		return w.PutDigest(&d)
	})
}

// noteSent notes the papers of a mail, so that they never come again.
func (s *Digests) noteSent(w Writer, d *Digest, i *Issue, now time.Time) error {
	_, found, err := w.Recipient(d.Recipient)
	if err != nil || !found { // erased meanwhile
		return err
	}
	ids := make([]string, len(i.Picks))
	for k := range i.Picks {
		ids[k] = i.Picks[k].PaperID
	}
	return w.MarkSent(d.Recipient, ids, now)
}

// prune forgets the oldest issues.
func prune(w Writer, digest uint32) error {
	all, err := w.Issues(digest)
	if err != nil {
		return err
	}
	n := len(all) - KeptIssues
	for k := range all {
		if n > 0 && all[k].Progress.Over() && all[k].Kind == Regular {
			n--
			if err := w.RemoveIssue(digest, all[k].IssueKey); err != nil {
				return err
			}
		}
	}
	return nil
}

// Refuse counts a refusal of mail for a recipient.
func (s *Digests) Refuse(ctx context.Context, recipient uint32, score float64, words string) error {
	now := s.clock()
	return s.Store.Write(ctx, func(w Writer) error {
		r, found, err := w.Recipient(recipient)
		if err != nil || !found {
			return err
		}
		before := r
		r.refused(score, words, now)
		return w.PutRecipient(&r, &before)
	})
}

// SendNow has a digest of an owner sent at once, in the place of today's.
func (s *Digests) SendNow(ctx context.Context, owner, name string) (key IssueKey, err error) {
	if err := s.ready(); err != nil {
		return key, err
	}
	now := s.clock()
	err = s.Store.Write(ctx, func(w Writer) error {
		d, err := live(w, owner, name)
		if err != nil {
			return err
		}
		if d.State != Active {
			return &paper.Error{
				Kind: paper.FailedPrecondition, Reason: ReasonOff,
				Message: fmt.Sprintf("digest %q is not sent: %s", name, stateWords(&d)),
			}
		}
		key = IssueKey{Regular, DayOf(now.In(s.zone(d.Zone)))}
		had, found, err := w.Issue(d.ID, key)
		if err != nil {
			return err
		}
		if d.Current != nil || found && (had.Progress.Counts() || !had.Progress.Over()) {
			return &paper.Error{
				Kind: paper.FailedPrecondition, Reason: ReasonSent,
				Message: fmt.Sprintf("the digest of %v was sent, or is about to be; there is one for each date", key.Day),
			}
		}
		i := Issue{Digest: d.ID, IssueKey: key, Planned: now, Progress: Waiting, NextTry: now}
		d.Current = &key
		if err := w.PutIssue(&i); err != nil {
			return err
		}
		return w.PutDigest(&d)
	})
	s.changed()
	return key, err
}
