package source

import (
	"context"
	"fmt"
	"math"

	"akin/internal/paper"
)

// Book keeps what sources know, durably. Writes are made one after the other, each whole
// or not at all; reads see the last acknowledged state.
type Book interface {
	Read(ctx context.Context, fn func(Reader) error) error
	Write(ctx context.Context, fn func(Writer) error) error
}

// Reader reads one state of a Book.
type Reader interface {
	// Get reads what is kept of a sort, for a source ("" is all of them), under a key.
	Get(what What, source, key string, into any) (found bool, err error)
	// Each gives the keys of a sort of a source, in order, each with a function that reads
	// its value; the error of fn ends it.
	Each(what What, source string, fn func(key string, read func(into any) error) error) error
}

// Writer changes a Book. It reads the state before.
type Writer interface {
	Reader
	Put(what What, source, key string, value any) error
	Remove(what What, source, key string) error
	// Clear removes a sort of a source.
	Clear(what What, source string) error
}

// get reads what is kept. What is damaged is as if it were not there: it is said, and
// what it told of is fetched again.
func (m *Manager) get(ctx context.Context, what What, source, key string, into any) (found bool, err error) {
	err = m.book.Read(ctx, func(b Reader) (err error) {
		found, err = b.Get(what, source, key, into)
		return err
	})
	if paper.KindOf(err) == paper.DataLoss {
		m.log.Error("what was kept of a source is damaged; it goes on without", "source", source, "error", err)
		return false, nil
	}
	return found, err
}

// newestFirst is the key of a number, so that higher ones come first.
func newestFirst(id uint64) string { return fmt.Sprintf("%016x", math.MaxUint64-id) }

// keepFew removes what is behind the first few of a sort.
func keepFew(w Writer, what What, source string, few int) error {
	n := 0
	var extra []string
	err := w.Each(what, source, func(key string, _ func(any) error) error {
		if n++; n > few {
			extra = append(extra, key)
		}
		return nil
	})
	for _, key := range extra {
		if err == nil {
			err = w.Remove(what, source, key)
		}
	}
	return err
}

// forget removes all that is kept of a source.
func forget(w Writer, source string) error {
	for _, what := range []What{KeptState, KeptRun, KeptRefusal, KeptSaid, KeptFile, KeptImported} {
		if err := w.Clear(what, source); err != nil {
			return err
		}
	}
	return w.Remove(KeptConfig, "", source)
}
