package weaviate

import (
	"context"
	"fmt"

	"akin/internal/paper"
)

// Reasons of errors about collections that are being filled.
const (
	// ReasonMigrating says that a collection is being filled, and is of no use yet.
	ReasonMigrating = "MIGRATION_UNFINISHED"
	// ReasonNotEmpty says that a collection has papers that are not of the migration.
	ReasonNotEmpty = "NOT_EMPTY"
)

// Migration fills a collection with the papers of another catalog. Until EndMigration the
// collection belongs to it: whoever else opens the collection is refused.
type Migration struct {
	// Source names what the papers come from. Only a migration from there is gone on with.
	Source string
	// Sequence is where the sequence numbers begin, if the collection is empty.
	Sequence uint64
}

// belongs says whether this process may open a collection, and gives it to the migration
// that it is for.
func (c *collection) belongs(h *head) error {
	m := c.config.Migration
	switch {
	case m == nil && h.Migration == "", m != nil && h.Migration == m.Source:
		return nil
	case m == nil:
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonMigrating,
			Message: fmt.Sprintf("the cluster is being filled from %s, and %d papers are there; run akin migrate-catalog to its end, or with --abandon",
				h.Migration, h.Papers),
		}
	case h.Migration != "":
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonMigrating,
			Message: fmt.Sprintf("the cluster is being filled from %s, and not from %s; go on with that, or give it up with --abandon", h.Migration, m.Source),
		}
	case h.Papers > 0:
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonNotEmpty,
			Message: fmt.Sprintf("the cluster has %d papers, of no migration that was begun; migrate to a cluster without any, or with another --catalog-prefix", h.Papers),
		}
	}
	h.Migration, h.Sequence = m.Source, max(h.Sequence, m.Sequence)
	return nil
}

// EndMigration gives a collection that was filled to whoever opens it.
func (c *Catalog) EndMigration(ctx context.Context, name string) error {
	own, err := c.collection(ctx, name)
	if err != nil {
		return err
	}
	own.writing.Lock()
	defer own.writing.Unlock()
	h, err := own.ready(ctx)
	if err != nil {
		return err
	}
	h.Migration, h.Migrated = "", h.Migration
	p := planOn(h)
	p.group.Void = true
	return own.commit(context.WithoutCancel(ctx), p)
}

// AbandonMigration removes the default collection of a cluster, if it is being filled, and
// says how many papers it had.
func AbandonMigration(ctx context.Context, config Config) (papers uint32, err error) {
	there, err := Look(ctx, config)
	if err != nil {
		return 0, err
	}
	if there == nil || there.Migration == "" {
		return 0, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonNotEmpty,
			Message: "the cluster is not being filled by a migration; nothing was removed",
		}
	}
	config = config.withDefaults()
	w, err := dial(config)
	if err != nil {
		return 0, err
	}
	c := &Catalog{wire: w, collections: make(map[string]*collection)}
	if err := c.DropCollection(ctx, paper.DefaultCollection); err != nil {
		return 0, err
	}
	return there.Papers, c.Close()
}
