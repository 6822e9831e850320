package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"akin/internal/catalog/weaviate"
	"akin/internal/home"
	"akin/internal/mandate"
	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/store"
)

// openAside opens the data directory of what is kept beside papers that are in a cluster,
// and brings it to what the cluster has of that: from now on a change is acknowledged once
// both have it.
func (a *App) openAside(ctx context.Context, c *weaviate.Catalog, epoch uint64) error {
	s, err := store.Open(a.config.Data, store.Options{Create: a.config.Create, Logger: a.log, Beside: beside()})
	if err != nil {
		return err
	}
	a.onClose(s.Close)
	err = withoutPapers(s, a.config.Data, ", which nobody would find while --catalog names a cluster; give another directory, or move the papers to the cluster")
	if err != nil {
		return err
	}
	if err := markAside(a.config.Data); err != nil {
		return err
	}
	place, err := c.Beside(ctx, true)
	if err != nil {
		return err
	}
	config := homeOf(place, s, epoch, a.log)
	config.Fence = a.fence
	config.Anew = func() {
		select {
		case a.failed <- errTurn:
		default:
		}
	}
	began := time.Now()
	h, found, err := home.Open(ctx, config)
	if err != nil {
		return err
	}
	a.onClose(h.Close)
	a.log.Info("what is kept beside papers is that of the cluster", "changes", found.Number, "lacked", found.Records,
		"restored", found.Restored, "brought", found.Adopted, "bytes", found.Bytes, "took", time.Since(began))
	a.store = s
	return nil
}

// withoutPapers refuses the store of a directory that has papers of its own, with what to
// do about them.
func withoutPapers(s *store.Store, data, remedy string) error {
	if _, err := s.Collection(paper.DefaultCollection); err != nil {
		return nil //nolint:nilerr // there is none
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: "PAPERS_IN_DIRECTORY",
		Message: fmt.Sprintf("the data directory %s has papers of its own%s", data, remedy),
	}
}

// homeOf says how what is kept beside papers in a store is kept in a place.
func homeOf(place home.Place, s *store.Store, epoch uint64, log *slog.Logger) home.Config {
	lower, upper := store.BesideKeys()
	return home.Config{Place: place, DB: s.DB(), Moved: s.Moved, Lower: lower, Upper: upper, Epoch: epoch, Log: log}
}

// markAside marks a data directory as one whose papers are in a cluster.
func markAside(data string) error {
	path := filepath.Join(data, catalogFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	raw, err := json.Marshal(map[string]string{"format": catalogFormat, "catalog": weaviateIndex})
	if err == nil {
		err = pending.WriteFile(path, append(raw, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("mark the data directory: %w", err)
	}
	return nil
}

// Kept is what became of what a directory keeps beside papers.
type Kept struct {
	// Number is the change that it stands for, Bytes how much it is.
	Number uint64
	Bytes  int64
}

// KeepBeside makes what a data directory keeps beside papers what a cluster keeps, instead
// of what that has. No server may use the directory; one that writes to the cluster under
// the name in the writer file ends.
func KeepBeside(ctx context.Context, config Config, log *slog.Logger) (kept Kept, err error) {
	k := &config.Cluster
	if k.Address == "" || config.Data == "" || k.WriterFile == "" {
		return kept, errors.New("the cluster, the data directory and the writer file must be given")
	}
	k.Server = cmp.Or(k.Server, "keep")
	if config, err = config.withDefaults(); err != nil {
		return kept, err
	}
	k = &config.Cluster
	s, err := store.Open(config.Data, store.Options{Logger: log, Beside: beside()})
	if err != nil {
		return kept, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := withoutPapers(s, config.Data, "; akin migrate-catalog copies them to a cluster with all that is beside them"); err != nil {
		return kept, err
	}
	at, err := k.config()
	if err != nil {
		return kept, err
	}
	at.Log = log
	there, err := weaviate.Look(ctx, at)
	if err != nil {
		return kept, err
	}
	epoch, end, err := k.handOver(there)
	if err != nil {
		return kept, err
	}
	defer func() { err = errors.Join(err, end()) }()
	at.Fence = func() error { return mandate.Check(k.WriterFile, epoch) }
	place, err := weaviate.OpenBeside(ctx, at)
	if err != nil {
		return kept, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	own := homeOf(place, s, epoch, log)
	own.Fence = at.Fence
	found, _, err := home.Fill(ctx, own, "", true)
	if err != nil {
		return kept, err
	}
	return Kept{Number: found.Number, Bytes: found.Bytes}, markAside(config.Data)
}

// handOver makes this process the writer, under the name of the one that is; end says that
// it is none any more.
func (k *Cluster) handOver(there *weaviate.Stored) (epoch uint64, end func() error, err error) {
	name := k.Server
	if m, err := mandate.Read(k.WriterFile); err != nil {
		return 0, nil, err
	} else if m != nil {
		name = m.Writer
	}
	var least uint64
	if there != nil {
		least = there.Epoch
	}
	m, began, _, err := mandate.Begin(k.WriterFile, name, "", least, time.Now())
	if err == nil && !began {
		err = &paper.Error{
			Kind: paper.Unavailable, Reason: mandate.ReasonReplaced, RetryAfter: time.Second,
			Message: fmt.Sprintf("the writer file has just been given to %s; try again", m),
		}
	}
	return m.Epoch, func() error { return mandate.End(k.WriterFile, m.Epoch) }, err
}

// bring copies what is kept beside papers from a directory to a cluster, or back, if it is
// not there already, and says what became of it.
func bring(ctx context.Context, from, to *side, log *slog.Logger) (bytes int64, left string, err error) {
	const what = "libraries, feeds, digests and sources"
	var found home.Found
	var done bool
	switch {
	case from.store != nil && to.cluster != nil:
		place, err := to.cluster.Beside(ctx, true)
		if err != nil {
			return 0, "", err
		}
		found, done, err = home.Fill(ctx, homeOf(place, from.store, to.epoch, log), from.name, false)
		if err != nil {
			return 0, "", err
		}
		left = what + ": the cluster has some already, and keeps those"
	case from.cluster != nil && to.store != nil:
		place, err := from.cluster.Beside(ctx, false)
		if err != nil {
			return 0, "", err
		}
		if place == nil {
			return 0, what + ": the cluster has none", nil
		}
		found, done, err = home.Restore(ctx, homeOf(place, to.store, from.epoch, log))
		if err != nil {
			return 0, "", err
		}
		left = what + ": the cluster has none, or the directory others"
	default:
		return 0, what + ": they are copied between a directory and a cluster alone", nil
	}
	if done {
		left = ""
	}
	return found.Bytes, left, nil
}

// abandonBeside removes what a migration brought to a cluster beside papers.
func abandonBeside(ctx context.Context, config weaviate.Config, log *slog.Logger) (err error) {
	there, err := weaviate.Look(ctx, config)
	if err != nil || there == nil || there.Migration == "" {
		return err
	}
	place, err := weaviate.OpenBeside(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	source, err := home.Source(ctx, place)
	if err != nil || !strings.EqualFold(source, there.Migration) {
		return err
	}
	log.InfoContext(ctx, "what was brought beside papers is removed", "from", source)
	return place.Drop(ctx)
}
