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

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/catalog/move"
	"akin/internal/catalog/weaviate"
	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/store"
)

// clusterScheme begins the address of a cluster.
const clusterScheme = "weaviate://"

// migrationFile says, in a data directory, that it is being filled.
const migrationFile = "migration.json"

const migrationFormat = "akin.migration.v1"

const (
	// migrationGroup is how many papers are written at a time.
	migrationGroup = 1000
	// patientMigration is how long a cluster is asked to write, by default, and
	// patientParts how many times that is longer than one of its nodes is waited for.
	patientMigration = 10 * time.Minute
	patientParts     = 10
)

// Migration says what to copy where: data directories, or clusters by their addresses.
type Migration struct {
	From, To string
	// Cluster says how to speak to the cluster, but for its address.
	Cluster Cluster
	// Samples is how many papers' neighbours are compared at the end; 0 is 50.
	Samples int
	// Progress is told how far it is.
	Progress Progress

	group int // papers written at a time; 0 is migrationGroup
}

// Migrated is what became of a migration.
type Migrated struct {
	move.Copied
	move.Compared
	// Beside says what of the source was not copied.
	Beside []string
	// BesideBytes is how much was copied of what is kept beside papers.
	BesideBytes int64
	// Done says that an earlier run did all; nothing was looked at.
	Done bool
}

// errMigrated says that there is nothing to do.
var errMigrated = errors.New("all was migrated")

// Migrate copies the papers of a data directory or a cluster, with their vectors, to
// another one, which is empty, or is what an earlier migration from there left; and
// compares the two. What is being filled is refused by everybody else until it is the
// same. It may end at any moment, and be run again.
func Migrate(ctx context.Context, config Config, m Migration, log *slog.Logger) (out Migrated, err error) {
	if err := m.check(); err != nil {
		return out, err
	}
	for _, place := range []string{m.From, m.To} {
		if strings.HasPrefix(place, clusterScheme) {
			config.Cluster = m.Cluster
			config.Cluster.Address = place
		}
	}
	if config, err = config.withDefaults(); err != nil {
		return out, err
	}
	m.Cluster = config.Cluster
	from, err := openSource(ctx, config, m, log)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	to, err := openTarget(ctx, config, m, from, log)
	if err != nil {
		out.Done = errors.Is(err, errMigrated)
		if out.Done {
			err = nil
		}
		return out, err
	}
	defer func() { err = errors.Join(err, to.close()) }()
	options := move.Options{Group: cmp.Or(m.group, migrationGroup), Progress: m.Progress, Samples: m.Samples, Mirror: true}
	if out.Copied, err = move.Copy(ctx, from.catalog, to.catalog, paper.DefaultCollection, options); err != nil {
		return out, err
	}
	if err := to.audit(ctx, log); err != nil {
		return out, err
	}
	if out.Compared, err = move.Compare(ctx, from.catalog, to.catalog, paper.DefaultCollection, options); err != nil {
		return out, err
	}
	if !out.Same() {
		return out, differs(&out.Compared)
	}
	var left string
	if out.BesideBytes, left, err = bring(ctx, from, to, log); err != nil {
		return out, err
	}
	if out.Beside = from.beside; left != "" {
		out.Beside = append(out.Beside, left)
	}
	return out, to.end(ctx)
}

// differs is the error of a migration whose copy is not as its source.
func differs(c *move.Compared) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: "MIGRATION_DIFFERS",
		Message: fmt.Sprintf("the copy is not the same: %d papers there and %d here, digests equal: %t, %.1f %% of the neighbours of %d papers; "+
			"if the source was written to meanwhile, stop that; then run the migration again, which writes what differs",
			c.Papers[1], c.Papers[0], c.Digests[0] == c.Digests[1], 100*c.Overlap, c.Sampled),
	}
}

// AbandonMigration removes what a migration that did not end has left, and says how many
// papers that were. Whatever else is there is refused.
func AbandonMigration(ctx context.Context, m Migration) (papers uint32, err error) {
	if strings.HasPrefix(m.To, clusterScheme) {
		m.Cluster.Address = m.To
		config, err := m.Cluster.config()
		if err != nil {
			return 0, err
		}
		if err := abandonBeside(ctx, config, slog.New(slog.DiscardHandler)); err != nil {
			return 0, err
		}
		return weaviate.AbandonMigration(ctx, config)
	}
	mark, err := readMigration(m.To)
	if err != nil {
		return 0, err
	}
	if mark == nil || mark.Done {
		return 0, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: weaviate.ReasonNotEmpty,
			Message: m.To + " is not being filled by a migration; nothing was removed",
		}
	}
	s, err := store.Open(m.To, store.Options{Beside: beside()}) // nobody else has it
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := mark.fits(m.To, s); err != nil {
		return 0, err
	}
	if n, err := s.Count(paper.DefaultCollection); err == nil {
		papers = uint32(n)
		if err := s.DropCollection(ctx, paper.DefaultCollection); err != nil {
			return 0, err
		}
	}
	for _, name := range []string{indexesDir, migrationFile} {
		if err := os.RemoveAll(filepath.Join(m.To, name)); err != nil {
			return 0, fmt.Errorf("remove what the migration left: %w", err)
		}
	}
	return papers, pending.SyncFolder(m.To)
}

func (m *Migration) check() error {
	if m.Progress == nil {
		m.Progress = func(string, uint64, uint64) {}
	}
	for flag, place := range map[string]string{"from": m.From, "to": m.To} {
		if strings.Contains(place, "://") && !strings.HasPrefix(place, clusterScheme) {
			return paper.InvalidField(flag, "is %.80q; write a data directory, or weaviate://HOST:PORT,…", place)
		}
	}
	if m.From == m.To || mustAbs(m.From) == mustAbs(m.To) {
		return paper.InvalidField("to", "is where the papers come from; name another place")
	}
	return nil
}

// side is one end of a migration.
type side struct {
	// name says what it is, the same whenever it is asked.
	name    string
	catalog catalog.Catalog
	info    catalog.Info
	// store is that of a data directory, cluster that of the other kind, with the epoch in
	// which it is written to.
	store   *store.Store
	cluster *weaviate.Catalog
	epoch   uint64
	// beside says what there is beside papers.
	beside []string
	// modelDir is where the model is, if the configuration does not say.
	modelDir string
	end      func(ctx context.Context) error
	closers  []func() error
}

func (s *side) close() error {
	var err error
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i]())
	}
	return err
}

// audit sees that all nodes of a cluster find what was copied there by vector: requests
// that were given up may have left papers without a place in the graph.
func (s *side) audit(ctx context.Context, log *slog.Logger) error {
	if s.cluster == nil {
		return nil
	}
	audited, err := s.cluster.Audit(ctx, paper.DefaultCollection)
	if err == nil && audited.Mended > 0 {
		log.InfoContext(ctx, "papers that not all nodes found by vector were written again", "papers", audited.Mended, "of", audited.Papers)
	}
	return err
}

// before is where sequence numbers begin of what is filled, so that they end where those
// of the source do: feeds that followed the source have then seen all of its papers.
func (s *side) before() uint64 {
	return s.info.Sequence - min(s.info.Sequence, uint64(s.info.Papers))
}

// openSource opens what is copied, which is left as it is.
func openSource(ctx context.Context, config Config, m Migration, log *slog.Logger) (*side, error) {
	from := new(side)
	var err error
	if strings.HasPrefix(m.From, clusterScheme) {
		err = from.fromCluster(ctx, m, log)
	} else {
		err = from.directory(ctx, config, m.From, log)
	}
	var v catalog.View
	if err == nil {
		v, err = from.catalog.View(ctx, paper.DefaultCollection)
	}
	if err != nil {
		return nil, errors.Join(err, from.close())
	}
	defer v.Close()
	from.info = v.Info()
	return from, nil
}

// fromCluster opens a cluster to read from.
func (s *side) fromCluster(ctx context.Context, m Migration, log *slog.Logger) error {
	m.Cluster.Address = m.From
	c, err := m.Cluster.config()
	if err != nil {
		return err
	}
	c.Log = log
	there, err := weaviate.Look(ctx, c)
	if err != nil {
		return err
	}
	if there == nil {
		return nothingThere(m.From)
	}
	c.Space, s.epoch = there.Space, there.Epoch
	opened, err := weaviate.Open(ctx, c)
	if err != nil {
		return err
	}
	s.catalog, s.cluster, s.name = opened, opened, "the cluster "+m.From
	if m.Cluster.Prefix != "" {
		s.name += " (" + m.Cluster.Prefix + ")"
	}
	s.closers = append(s.closers, opened.Close)
	return nil
}

func nothingThere(place string) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: paper.ReasonCollectionUnknown, ResourceType: "collection", ResourceName: paper.DefaultCollection,
		Message: place + " has no papers; nothing is to be migrated",
	}
}

// directory opens a data directory to read from.
func (s *side) directory(ctx context.Context, config Config, dir string, log *slog.Logger) error {
	config.Data = dir
	if err := errors.Join(papersElsewhere(dir), unfilled(dir)); err != nil {
		return err
	}
	opened, err := store.Open(dir, store.Options{Logger: log, Beside: beside()})
	if err != nil {
		return err
	}
	s.store, s.closers = opened, append(s.closers, opened.Close)
	all, err := opened.Collections()
	if err != nil {
		return err
	}
	if _, err := config.follow(opened); err != nil {
		return err
	}
	s.modelDir = config.ModelDir
	snap, err := opened.Snapshot(paper.DefaultCollection)
	if err != nil {
		return nothingThere(dir)
	}
	s.name = "the data directory with store " + snap.Point().Identity.String()
	snap.Close()
	s.beside = append(s.beside, "keys, and the secrets of digests: they are files, and stay in "+dir,
		"the log of changes, revisions, times and the history of signals: they begin anew")
	for _, one := range all {
		if one.Name != paper.DefaultCollection {
			n, err := opened.Count(one.Name)
			if err != nil {
				return err
			}
			s.beside = append(s.beside, fmt.Sprintf("the collection %s of %d papers", one.Name, n))
			continue
		}
		c, err := local.Open(ctx, local.Config{
			Store: opened, Space: one.Space, Index: local.IndexKind(config.Index), Dir: indexesOf(dir), Log: log, Followed: followedBy(opened),
		})
		if err != nil {
			return err
		}
		s.catalog, s.closers = c, append(s.closers, c.Close)
	}
	return nil
}

// openTarget opens what is filled.
func openTarget(ctx context.Context, config Config, m Migration, from *side, log *slog.Logger) (*side, error) {
	to := new(side)
	var err error
	if strings.HasPrefix(m.To, clusterScheme) {
		err = to.fillCluster(ctx, m, from, log)
	} else {
		err = to.fillDirectory(ctx, config, m.To, from, log)
	}
	if err != nil {
		return nil, errors.Join(err, to.close())
	}
	return to, nil
}

// fillCluster opens a cluster to write to.
func (s *side) fillCluster(ctx context.Context, m Migration, from *side, log *slog.Logger) error {
	m.Cluster.Address = m.To
	c, err := m.Cluster.config()
	if err != nil {
		return err
	}
	there, err := weaviate.Look(ctx, c)
	if err != nil {
		return err
	}
	// Machines that are busy answer late; who asks others meanwhile makes them busier.
	c.Timeout, c.Try = cmp.Or(c.Timeout, patientMigration), cmp.Or(c.Timeout, patientMigration)/patientParts
	c.Log, c.Space, c.Epoch = log, from.info.Space, 1
	if there != nil {
		if there.Migrated == from.name {
			return errMigrated
		}
		c.Epoch = there.Epoch + 1
	}
	c.Migration = &weaviate.Migration{Source: from.name, Sequence: from.before()}
	opened, err := weaviate.Open(ctx, c)
	if err != nil {
		return err
	}
	s.catalog, s.cluster, s.epoch, s.closers = opened, opened, c.Epoch, append(s.closers, opened.Close)
	s.end = func(ctx context.Context) error { return opened.EndMigration(ctx, paper.DefaultCollection) }
	return nil
}

// fillDirectory opens a data directory to write to.
func (s *side) fillDirectory(ctx context.Context, config Config, dir string, from *side, log *slog.Logger) error {
	if err := checkMigration(dir, from); err != nil {
		return err
	}
	opened, err := store.Open(dir, store.Options{Create: true, Logger: log, Beside: beside()})
	if err != nil {
		return err
	}
	s.store, s.closers = opened, append(s.closers, opened.Close)
	if err := markMigration(dir, from.name, opened); err != nil {
		return err
	}
	if _, err := opened.EnsureCollectionAt(ctx, paper.DefaultCollection, from.info.Space, from.before()); err != nil {
		return err
	}
	c, err := local.Open(ctx, local.Config{
		Store: opened, Space: from.info.Space, Index: local.IndexKind(config.Index), Dir: indexesOf(dir), Log: log, Followed: followedBy(opened),
	})
	if err != nil {
		return err
	}
	s.catalog, s.closers = c, append(s.closers, c.Close)
	s.end = func(context.Context) error {
		config.Data = dir
		if config.ModelDir == "" {
			config.ModelDir = from.modelDir
		}
		if err := config.keep(from.info.Space); err != nil {
			return err
		}
		// The papers are here now, and no more in a cluster.
		if err := os.Remove(filepath.Join(dir, catalogFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("end the migration: %w", err)
		}
		return writeMigration(dir, migrationMark{
			Format: migrationFormat, Source: from.name, Store: identityOf(opened), Sequence: from.info.Sequence, Done: true,
		})
	}
	return nil
}

// migrationMark is the file.
type migrationMark struct {
	Format string `json:"format"`
	// Source names what the papers come from, Store the store that is filled; "" if that
	// was not noted.
	Source string `json:"source"`
	Store  string `json:"store,omitempty"`
	// Sequence is where the source was when all was there; 0 if that was not noted.
	Sequence uint64 `json:"sequence,omitempty"`
	// Done says that they are all there.
	Done bool `json:"done,omitempty"`
}

// fits refuses a store with papers that is not the one that is being filled: what it has
// beside the source would be removed.
func (m *migrationMark) fits(dir string, s *store.Store) error {
	if m.Store == "" || m.Store == identityOf(s) {
		return nil
	}
	all, err := s.Collections()
	if err != nil || len(all) == 0 { // a store is given its name with its first papers
		return err
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: weaviate.ReasonNotEmpty,
		Message: fmt.Sprintf("the store in %s is not the one that is being filled from %s: another was put in its place; nothing was changed; "+
			"migrate to another directory, or remove %s there if its papers are to stay", dir, m.Source, migrationFile),
	}
}

func identityOf(s *store.Store) string {
	snap := s.DB().Snapshot()
	defer snap.Close()
	return snap.Point().Identity.String()
}

func writeMigration(dir string, mark migrationMark) error {
	raw, err := json.Marshal(mark)
	if err == nil {
		err = pending.WriteFile(filepath.Join(dir, migrationFile), append(raw, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("mark the data directory: %w", err)
	}
	return nil
}

// readMigration reads the mark of a data directory; nil if it is not being filled.
func readMigration(dir string) (*migrationMark, error) {
	path := filepath.Join(dir, migrationFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // as is usual
	}
	if err != nil {
		return nil, fmt.Errorf("read whether the data directory is being filled: %w", err)
	}
	var mark migrationMark
	if err := json.Unmarshal(raw, &mark); err != nil || mark.Format != migrationFormat {
		return nil, &paper.Error{
			Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
			Message: path + " does not say what the data directory is being filled from; remove the directory, and migrate anew",
		}
	}
	return &mark, nil
}

// unfilled refuses a data directory that is being filled.
func unfilled(dir string) error {
	mark, err := readMigration(dir)
	if err != nil || mark == nil || mark.Done {
		return err
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: weaviate.ReasonMigrating,
		Message: fmt.Sprintf("%s is being filled from %s; run akin migrate-catalog to its end, or with --abandon", dir, mark.Source),
	}
}

// checkMigration refuses a directory that is being filled from elsewhere, and one that was
// filled before the source went on.
func checkMigration(dir string, from *side) error {
	mark, err := readMigration(dir)
	switch {
	case err != nil || mark == nil || mark.Done && mark.Source != from.name:
		return err // what is there decides
	case mark.Done && mark.Sequence != 0 && mark.Sequence != from.info.Sequence:
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: weaviate.ReasonNotEmpty,
			Message: fmt.Sprintf("all was migrated from there to %s when the source was at sequence %d, and it is at %d now; "+
				"what came since is not copied into papers that may have changed: migrate to another directory", dir, mark.Sequence, from.info.Sequence),
		}
	case mark.Done:
		return errMigrated
	case mark.Source == from.name:
		return nil
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: weaviate.ReasonMigrating,
		Message: fmt.Sprintf("%s is being filled from %s, and not from %s; go on with that, or give it up with --abandon", dir, mark.Source, from.name),
	}
}

// markMigration marks a data directory without papers, which others than papers may be in:
// that of a server whose papers are in a cluster.
func markMigration(dir, source string, s *store.Store) error {
	mark, err := readMigration(dir)
	if err != nil {
		return err
	}
	if mark != nil && !mark.Done {
		if err := mark.fits(dir, s); err != nil || mark.Store == identityOf(s) {
			return err
		}
	}
	all, err := s.Collections()
	if err != nil {
		return err
	}
	if len(all) > 0 && (mark == nil || mark.Done) {
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: weaviate.ReasonNotEmpty,
			Message: dir + " has papers, of no migration that was begun; migrate to another directory",
		}
	}
	return writeMigration(dir, migrationMark{Format: migrationFormat, Source: source, Store: identityOf(s)})
}
