package local

import (
	"context"
	"fmt"
	"slices"

	"akin/internal/ann"
	"akin/internal/catalog"
	"akin/internal/dedup"
	"akin/internal/filter"
	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/store"
)

// The parts that a verification names.
const (
	PartStore      = "store"
	PartGraph      = "graph"   // the index, where it is a graph
	PartVectors    = "vectors" // where it is none
	PartWords      = "words"
	PartAttributes = "attributes"
	PartDuplicates = "duplicates"
	PartSnapshot   = "snapshot"
)

// maxDifferences is how many differences of a part are listed.
const maxDifferences = 100

// report is a verification while it is made. It belongs to one goroutine.
type report struct{ found catalog.Verification }

// part finds or adds a part.
func (v *report) part(name string) *catalog.VerifiedPart {
	parts := &v.found.Parts
	for i := range *parts {
		if (*parts)[i].Name == name {
			return &(*parts)[i]
		}
	}
	*parts = append(*parts, catalog.VerifiedPart{Name: name})
	return &(*parts)[len(*parts)-1]
}

// differ notes a difference.
func (v *report) differ(name, remedy, format string, args ...any) {
	p := v.part(name)
	p.Differences++
	if p.Differences <= maxDifferences {
		v.found.Differences = append(v.found.Differences, catalog.Difference{Part: name, Description: fmt.Sprintf(format, args...), Remedy: remedy})
	}
}

// progressEvery is after how many papers progress is told.
const progressEvery = 1024

// verifyStore adds what the store's own verification finds.
func (v *report) verifyStore(ctx context.Context, s *store.Store) error {
	report, err := s.Verify(ctx)
	if err != nil {
		return v.unreadable(s, err)
	}
	part := v.part(PartStore)
	part.Checked = uint64(report.Papers) + uint64(report.Vectors) + uint64(report.Changes)
	if err := s.Damage(); err != nil && len(report.Faults) == 0 {
		v.differ(PartStore, remedyStore, "%v", err)
	}
	for _, fault := range report.Faults {
		v.differ(PartStore, remedyStore, "%v", fault)
	}
	if report.MoreFaults {
		part.Differences++
	}
	return nil
}

// unreadable notes that the store cannot be read any further; any other error it
// gives back.
func (v *report) unreadable(s *store.Store, err error) error {
	if paper.KindOf(err) != paper.DataLoss {
		return err
	}
	if damage := s.Damage(); damage != nil {
		err = damage // it names the file
	}
	for _, d := range v.found.Differences {
		if d.Part == PartStore && d.Description == err.Error() {
			return nil
		}
	}
	v.differ(PartStore, remedyStore, "%v", err)
	return nil
}

// compared ends the comparison of the indexes: what could not be compared because
// the store cannot be read says so.
func (v *report) compared(s *store.Store, err error) error {
	if err == nil {
		return nil
	}
	if err := v.unreadable(s, err); err != nil {
		return err
	}
	for i := range v.found.Parts {
		if p := &v.found.Parts[i]; p.Name != PartStore && p.Skipped == "" && p.Differences == 0 {
			p.Skipped = "the store cannot be read"
		}
	}
	return nil
}

// What to do about differences.
const (
	remedyStore = "the store is damaged: stop the server, put back a snapshot with `akin snapshot restore`, or import into a new data directory"
	remedyIndex = "the index is derived from the store, which is the truth: stop the server, " +
		"remove the directory indexes/ in the data directory, and start it again"
	remedyFile = "the file is derived from the store, which is the truth: the next start of the server refuses and removes it, and makes it anew"
)

// indexes are what is compared with the records and vectors of a store; what is nil
// is left out.
type indexes struct {
	vectors    ann.Index
	words      *lexical.Index
	attributes *filter.Index
	ids        *series[string]
	keys       *series[dedup.Key]
	days       *series[dayEntry]
}

// vectorPart is the name that the index goes by.
func (x *indexes) vectorPart() string {
	if _, ok := x.vectors.(*ann.Graph); ok {
		return PartGraph
	}
	return PartVectors
}

// compare looks at a paper in all indexes: whether it is there as the store has it.
// vector is the store's. It tells fault what is not, part by part.
func (x *indexes) compare(record *paper.Record, vector []float32, fault func(part, format string, args ...any)) {
	if graph, ok := x.vectors.(*ann.Graph); ok {
		if !graph.Has(record.Ordinal) {
			fault(PartGraph, "paper %q is not in it", record.ID)
		} else if !graph.Holds(record.Ordinal, vector) {
			fault(PartGraph, "the vector of paper %q is not that of the store", record.ID)
		}
	} else if scorer, ok := x.vectors.(ann.Scorer); ok {
		if have, found := scorer.Vector(record.Ordinal); !found {
			fault(x.vectorPart(), "paper %q is not in it", record.ID)
		} else if !slices.Equal(have, vector) {
			fault(x.vectorPart(), "the vector of paper %q is not that of the store", record.ID)
		}
	}
	if x.words != nil && !holdsWords(x.words, record) {
		if x.words.Has(record.Ordinal) {
			fault(PartWords, "the words of paper %q are not those of its text", record.ID)
		} else {
			fault(PartWords, "paper %q is not in it", record.ID)
		}
	}
	if x.attributes != nil && !x.attributes.Holds(record.Ordinal, record) {
		fault(PartAttributes, "the attributes of paper %q are not those of its record", record.ID)
	}
	x.compareKey(record, fault)
}

// compareKey looks at the key by which a paper is found to be a version of another, and
// at its day.
func (x *indexes) compareKey(record *paper.Record, fault func(part, format string, args ...any)) {
	if x.keys == nil {
		return
	}
	if o := record.Ordinal; x.ids.at(o) != record.ID || x.keys.at(o) != dedup.KeyOf(&record.Paper) {
		fault(PartDuplicates, "the key of paper %q is not that of its record", record.ID)
	}
	if !x.days.at(record.Ordinal).equal(dayOf(record)) {
		fault(PartAttributes, "the day or the signals of paper %q are not those of its record", record.ID)
	}
}

// count compares how many papers there are; with compare, it shows what should not
// be there.
func (x *indexes) count(papers int, fault func(part, format string, args ...any)) {
	each := func(part string, have int) {
		if have != papers {
			fault(part, "it has %d papers, the store has %d", have, papers)
		}
	}
	if x.vectors != nil {
		each(x.vectorPart(), x.vectors.Len())
	}
	if x.words != nil {
		each(PartWords, x.words.Len())
	}
	if x.attributes != nil {
		each(PartAttributes, x.attributes.Len())
	}
	if x.keys != nil {
		n := 0
		for o := range uint32(x.ids.len()) {
			if x.ids.at(o) != "" {
				n++
			}
		}
		each(PartDuplicates, n)
	}
}

// Verify implements catalog.Verifier: it compares the store with itself and with the
// indexes of all collections, which answer and change meanwhile, and reads the files of
// graphs once more.
func (c *Catalog) Verify(ctx context.Context, progress catalog.Progress) (*catalog.Verification, error) {
	v := new(report)
	progress(PartStore, 0, 0)
	if err := v.verifyStore(ctx, c.config.Store); err != nil {
		return nil, err
	}
	for _, one := range c.open.all() {
		if err := one.verify(ctx, v, progress); err != nil {
			return nil, err
		}
	}
	return &v.found, nil
}

// verify compares a collection with its indexes.
func (c *collection) verify(ctx context.Context, v *report, progress catalog.Progress) error {
	snapshot, err := c.config.Store.Snapshot(c.name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	v.of(snapshot)
	if err := v.compared(c.config.Store, c.verifyLive(ctx, v, snapshot, progress)); err != nil {
		return err
	}
	return c.verifyGraphFile(ctx, v)
}

// of adds a collection to those that are verified. The sequence is the default one's.
func (v *report) of(snapshot *store.Snapshot) {
	v.found.Papers += uint32(snapshot.Count())
	if snapshot.Collection().Name == paper.DefaultCollection {
		v.found.Sequence = snapshot.Sequence()
	}
}

// verifyGraphFile reads the vectors of the graph's file once more.
func (c *collection) verifyGraphFile(ctx context.Context, v *report) error {
	now, err := c.view()
	if err != nil {
		return err
	}
	defer now.Close()
	graph, ok := now.index.Index.(*ann.Graph)
	if !ok {
		return nil
	}
	err = graph.Verify(ctx)
	if paper.KindOf(err) == paper.DataLoss {
		v.differ(PartGraph, remedyFile, "%v", err)
		return nil
	}
	return err
}

// mostSuspects is how many papers that seem to differ are looked at again at a time.
const mostSuspects = 4096

// verifyLive compares the indexes in memory with a snapshot. What changes meanwhile
// seems to differ: it is looked at again while nothing does.
func (c *collection) verifyLive(ctx context.Context, v *report, snapshot *store.Snapshot, progress catalog.Progress) error {
	var suspects []uint32
	done, total := uint64(0), uint64(snapshot.Count())
	for record, err := range snapshot.Records(ctx) {
		if err != nil {
			return err
		}
		vector, err := snapshot.Vector(ctx, record.Ordinal)
		if err != nil {
			return err
		}
		found, err := c.suspect(record, vector)
		if err != nil {
			return err
		}
		if found {
			suspects = append(suspects, record.Ordinal)
		}
		if len(suspects) == mostSuspects {
			if err := c.convict(ctx, v, suspects); err != nil {
				return err
			}
			suspects = suspects[:0]
		}
		if done++; done%progressEvery == 0 {
			progress("indexes", done, total)
		}
	}
	if err := c.convict(ctx, v, suspects); err != nil {
		return err
	}
	return c.verifyCounts(v, done)
}

// indexes are those of now. The caller holds c.writing.
func (c *collection) indexes() *indexes {
	w := &c.writing
	return &indexes{vectors: w.index.Index, words: c.words, attributes: c.attributes, ids: &w.ids, keys: &w.keys, days: &w.days}
}

// suspect says whether a paper seems to differ.
func (c *collection) suspect(record *paper.Record, vector []float32) (found bool, err error) {
	now, err := c.view()
	if err != nil {
		return false, err
	}
	defer now.Close()
	x := &indexes{vectors: now.index.Index, words: c.words, attributes: c.attributes, ids: &now.ids, keys: &now.keys, days: &now.days}
	x.compare(record, vector, func(string, string, ...any) { found = true })
	return found, nil
}

// convict looks at papers again while nothing changes, and notes those that differ.
func (c *collection) convict(ctx context.Context, v *report, suspects []uint32) error {
	w := &c.writing
	w.Lock()
	defer w.Unlock()
	snapshot, err := c.config.Store.Snapshot(c.name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	records, err := snapshot.ByOrdinals(ctx, suspects)
	if err != nil {
		return err
	}
	x := c.indexes()
	for _, record := range records {
		if record == nil {
			continue // deleted since
		}
		vector, err := snapshot.Vector(ctx, record.Ordinal)
		if err != nil {
			return err
		}
		x.compare(record, vector, func(part, format string, args ...any) { v.differ(part, remedyIndex, format, args...) })
	}
	return nil
}

// verifyCounts compares how many papers there are now, and ends the comparison.
func (c *collection) verifyCounts(v *report, checked uint64) error {
	w := &c.writing
	w.Lock()
	defer w.Unlock()
	snapshot, err := c.config.Store.Snapshot(c.name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	x := c.indexes()
	x.count(snapshot.Count(), func(part, format string, args ...any) { v.differ(part, remedyIndex, format, args...) })
	if snapshot.Sequence() != w.sequence {
		v.differ(x.vectorPart(), remedyIndex, "it answers for change %d, the store is at %d", w.sequence, snapshot.Sequence())
	}
	for _, name := range []string{x.vectorPart(), PartWords, PartAttributes, PartDuplicates} {
		v.part(name).Checked += checked
	}
	if _, ok := w.index.Index.(ann.Scorer); !ok {
		v.part(PartVectors).Checked, v.part(PartVectors).Skipped = 0, "this kind of index does not give its vectors back; only their number was compared"
	}
	return nil
}
