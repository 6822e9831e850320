package catalogtest

import (
	"bytes"
	"errors"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
)

func keeperChecks() []check {
	return []check{{"verifier", verifier}, {"snapshots", snapshots}, {"lists", lists}}
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

func lists(s *suite) {
	c, ok := s.catalog.(catalog.Lists)
	if !ok {
		s.Skip("no lists are kept")
	}
	holds := func(name string, want []byte, until time.Time) {
		s.Helper()
		data, at, err := c.List(s.Context(), name)
		if err != nil || !bytes.Equal(data, want) || data != nil && at.UnixMilli() != until.UnixMilli() {
			s.Errorf("%s: %d bytes until %v, %v", name, len(data), at, err)
		}
	}
	until := time.Now().Add(10 * time.Minute)
	large := bytes.Repeat([]byte{0, 1, 0xff}, 50_000)
	for name, data := range map[string][]byte{"a": {1}, "b": large} {
		if err := c.KeepList(s.Context(), name, data, until); err != nil {
			s.Fatal(err)
		}
	}
	holds("a", []byte{1}, until)
	holds("b", large, until)
	holds("c", nil, until)
	later := until.Add(time.Minute)
	if err := c.KeepList(s.Context(), "a", []byte{2}, later); err != nil {
		s.Fatal(err)
	}
	holds("a", []byte{2}, later)
	if err := c.KeepList(s.Context(), "a", []byte{3}, time.Now().Add(-time.Second)); err != nil {
		s.Fatal(err)
	}
	holds("a", nil, until)
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
