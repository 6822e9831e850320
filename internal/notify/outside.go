package notify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
)

// Outside remembers which mails went out where no snapshot has it: a data directory that
// was restored does not know of those that went out since.
type Outside interface {
	// Note makes it durable that an attempt to send an issue begins, with its papers; Void
	// that nothing of it was delivered.
	Note(issue uint64, attempt int, papers []uint64) error
	Void(issue uint64, attempt int, papers []uint64) error
	// Attempt gives the last attempt of an issue that was noted and not voided; 0 for none.
	Attempt(issue uint64) int
	// Sent says whether a paper was noted, and not voided.
	Sent(paper uint64) bool
}

// marks are the numbers by which a mail is known outside.
type marks struct {
	issue  uint64
	papers []uint64
}

// numberOf makes a number that nobody makes who does not have the keyed digest of the
// address.
func numberOf(address []byte, what string, of ...any) uint64 {
	h := sha256.New()
	h.Write(address)
	fmt.Fprintf(h, "\x00%s\x00%v", what, of)
	return binary.BigEndian.Uint64(h.Sum(nil))
}

func issueNumber(address []byte, d *Digest, key IssueKey) uint64 {
	return numberOf(address, "issue", d.ID, d.CreateTime.UnixNano(), int(key.Kind), int(key.Day))
}

func paperNumber(address []byte, id string) uint64 { return numberOf(address, "paper", id) }

// marksOf gives those of a job.
func (s *Digests) marksOf(j *job) marks {
	address := s.Seal.Digest(purposeAddress, addressKey(j.address))
	m := marks{issue: issueNumber(address, &j.digest, j.issue.IssueKey)}
	for i := range j.issue.Picks {
		m.papers = append(m.papers, paperNumber(address, j.issue.Picks[i].PaperID))
	}
	return m
}

// wentOut says whether a later attempt of an issue went out than the store knows of: the
// store is one that was restored.
func (s *Digests) wentOut(j *job) bool {
	if s.Outside == nil {
		return false
	}
	for _, address := range s.Seal.Digests(purposeAddress, addressKey(j.address)) {
		if s.Outside.Attempt(issueNumber(address, &j.digest, j.issue.IssueKey)) > j.issue.Attempts {
			return true
		}
	}
	return false
}

// restored ends an issue that went out before the store was restored. Which of its papers
// went out is known outside as well, so that the others come with the next.
func (s *Digests) restored(ctx context.Context, j *job) error {
	i := over(&j.issue, Sent, "It went out before the data directory was restored from a snapshot that is older.")
	i.Picks, i.Cursors = nil, maps.Clone(j.digest.Cursors)
	return s.close(ctx, j, i)
}

// sentOutside says which papers the reader of a digest was sent, as far as that is known
// outside.
func (s *Digests) sentOutside(ctx context.Context, d *Digest, ids []string) (map[string]bool, error) {
	sent := map[string]bool{}
	if s.Outside == nil {
		return sent, nil
	}
	var address string
	err := s.Store.Read(ctx, func(r Reader) error {
		to, found, err := r.Recipient(d.Recipient)
		if err != nil || !found {
			return err
		}
		address, err = s.addressOf(&to)
		return err
	})
	if err != nil || address == "" {
		return sent, err
	}
	for _, key := range s.Seal.Digests(purposeAddress, addressKey(address)) {
		for _, id := range ids {
			if s.Outside.Sent(paperNumber(key, id)) {
				sent[id] = true
			}
		}
	}
	return sent, nil
}

// noteOutside notes a mail that is about to go out.
func (s *Digests) noteOutside(j *job) error {
	if s.Outside == nil {
		return nil
	}
	m := s.marksOf(j)
	return s.Outside.Note(m.issue, j.issue.Attempts, m.papers)
}

// voidOutside takes the note back of a mail of which nothing was delivered.
func (s *Digests) voidOutside(j *job) error {
	if s.Outside == nil {
		return nil
	}
	m := s.marksOf(j)
	if err := s.Outside.Void(m.issue, j.issue.Attempts, m.papers); err != nil {
		return errors.Join(errors.New("it cannot be noted that a mail was not delivered"), err)
	}
	return nil
}
