package catalogtest

import (
	"errors"

	"akin/internal/catalog"
	"akin/internal/paper"
)

func keeperChecks() []check {
	return []check{{"verifier", verifier}, {"snapshots", snapshots}}
}

func quiet(string, uint64, uint64) {}

func verifier(s *suite) {
	c, ok := s.catalog.(catalog.Verifier)
	if !ok {
		s.Skip("there is no verifier")
	}
	_, sequence := s.apply(library()...)
	v := must[*catalog.Verification](s)(c.Verify(s.Context(), quiet))
	if !v.Sound() || v.Papers != uint32(len(library())) || v.Sequence != sequence || len(v.Parts) == 0 {
		s.Errorf("%+v", v)
	}
	if _, err := c.Verify(canceled(s), quiet); err != nil && !paper.Canceled(err) {
		s.Error(err)
	}
}

func snapshots(s *suite) {
	c, ok := s.catalog.(catalog.Snapshots)
	if !ok {
		s.Skip("there are no snapshots")
	}
	_, sequence := s.apply(library()...)
	_, err := c.CreateSnapshot(s.Context(), "first", quiet)
	var e *paper.Error
	if errors.As(err, &e) && e.Reason == catalog.ReasonNoSnapshots {
		s.Skip("this catalog was opened without a place for snapshots")
	}
	if err != nil {
		s.Fatal(err)
	}
	s.apply(remove("p00"))
	second := must[catalog.Snapshot](s)(c.CreateSnapshot(s.Context(), "second", quiet))
	s.same("papers of the second", second.Papers, len(library())-1)
	all := must[[]catalog.Snapshot](s)(c.Snapshots(s.Context()))
	if len(all) != 2 || all[0].Name != "second" || all[1].Name != "first" || all[1].Sequence != sequence || all[1].CreateTime.IsZero() {
		s.Errorf("%+v", all)
	}
	v := must[*catalog.Verification](s)(c.VerifySnapshot(s.Context(), "first", quiet))
	if !v.Sound() || v.Papers != uint32(len(library())) || v.Sequence != sequence {
		s.Errorf("%+v", v)
	}
	_, err = c.CreateSnapshot(s.Context(), "first", quiet)
	s.reason("a name that is taken", err, catalog.ReasonSnapshotExists)
	_, err = c.CreateSnapshot(s.Context(), "../first", quiet)
	s.fault("a name that is none", err, paper.Invalid)
	_, err = c.VerifySnapshot(s.Context(), "nobody", quiet)
	s.reason("a snapshot that is not there", err, catalog.ReasonSnapshotUnknown)
}

func (s *suite) reason(what string, err error, reason string) {
	s.Helper()
	var e *paper.Error
	if !errors.As(err, &e) || e.Reason != reason {
		s.Errorf("%s: %v, not of reason %s", what, err, reason)
	}
}
