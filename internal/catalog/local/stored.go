package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"akin/internal/ann"
	"akin/internal/catalog"
	"akin/internal/lexical"
	"akin/internal/store"
)

// VerifyStored compares a store that nothing answers from with itself, and with the
// files in dir that are derived from it, and changes none of them. It needs the
// memory of the indexes that it opens.
func VerifyStored(ctx context.Context, s *store.Store, dir string, progress catalog.Progress) (*catalog.Verification, error) {
	v := new(report)
	progress(PartStore, 0, 0)
	if err := v.verifyStore(ctx, s); err != nil {
		return nil, err
	}
	all, err := s.Collections()
	if err != nil {
		return nil, err
	}
	for _, about := range all {
		c := &collection{config: Config{Store: s, Dir: dir}.withDefaults(), name: about.Name, space: about.Space}
		if err := c.verifyStored(ctx, v, progress); err != nil {
			return nil, err
		}
	}
	return &v.found, nil
}

// verifyStored compares the files of a collection that is not loaded with the store.
func (c *collection) verifyStored(ctx context.Context, v *report, progress catalog.Progress) (err error) {
	snapshot, err := c.config.Store.Snapshot(c.name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	for _, name := range []string{PartGraph, PartWords} {
		v.part(name)
	}
	for _, name := range []string{PartAttributes, PartDuplicates} {
		v.part(name).Skipped = "they are made from the store at each start"
	}
	v.of(snapshot)
	x, closeAll, err := c.openStored(ctx, snapshot, v)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	return v.compared(c.config.Store, x.verify(ctx, v, snapshot, progress))
}

// openStored opens the derived files, catches up, and notes what is wrong with them.
func (c *collection) openStored(ctx context.Context, snapshot *store.Snapshot, v *report) (x *indexes, closeAll func() error, err error) {
	x = new(indexes)
	var closers []func() error
	closeAll = func() error {
		var err error
		for _, f := range closers {
			err = errors.Join(err, f())
		}
		return err
	}
	note := func(part string, path string, err error) {
		if errors.Is(err, os.ErrNotExist) {
			v.part(part).Skipped = "there is no file; the next start makes it from the store, if it is needed"
		} else if err != nil {
			v.differ(part, remedyFile, "%s: %v", path, err)
		}
	}
	graph, err := c.openStoredGraph(ctx, snapshot)
	note(PartGraph, c.graphPath(), err)
	if graph != nil {
		x.vectors = graph
		closers = append(closers, graph.Close)
	}
	words, err := c.openStoredWords(ctx, snapshot)
	note(PartWords, c.wordsPath(), err)
	if words != nil {
		x.words = words
		closers = append(closers, words.Close)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return x, closeAll, nil
}

func (c *collection) openStoredGraph(ctx context.Context, snapshot *store.Snapshot) (*ann.Graph, error) {
	stamp, err := ann.ReadStamp(c.graphPath())
	if err != nil {
		return nil, err
	}
	from, err := c.trace(snapshot, stamp)
	if err != nil {
		return nil, err
	}
	graph, _, err := ann.OpenGraph(filepath.Clean(c.graphPath()), ann.OpenOptions{})
	if err != nil {
		return nil, err
	}
	if err = graph.Verify(ctx); err == nil {
		_, err = c.catchUp(ctx, graph, from.sequence)
	}
	if err != nil {
		return nil, errors.Join(err, graph.Close())
	}
	return graph, nil
}

func (c *collection) openStoredWords(ctx context.Context, snapshot *store.Snapshot) (*lexical.Index, error) {
	words, from, err := c.traceWords(snapshot, c.wordsPath())
	if err != nil {
		return nil, err
	}
	if err := c.catchUpWords(ctx, snapshot, words, from.sequence); err != nil {
		return nil, errors.Join(err, words.Close())
	}
	return words, nil
}

// verify compares the indexes, which do not change, with all papers of a snapshot.
func (x *indexes) verify(ctx context.Context, v *report, snapshot *store.Snapshot, progress catalog.Progress) error {
	fault := func(part, format string, args ...any) { v.differ(part, remedyFile, format, args...) }
	x.count(snapshot.Count(), fault)
	done, total := uint64(0), uint64(snapshot.Count())
	if x.vectors == nil && x.words == nil {
		return nil
	}
	for record, err := range snapshot.Records(ctx) {
		if err != nil {
			return err
		}
		vector, err := snapshot.Vector(ctx, record.Ordinal)
		if err != nil {
			return err
		}
		x.compare(record, vector, fault)
		if done++; done%progressEvery == 0 {
			progress("indexes", done, total)
		}
	}
	if x.vectors != nil {
		v.part(PartGraph).Checked += done
	}
	if x.words != nil {
		v.part(PartWords).Checked += done
	}
	return nil
}
