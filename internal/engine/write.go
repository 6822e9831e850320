package engine

import (
	"context"
	"errors"
	"fmt"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/paper/titleid"
)

// write is a group of papers on its way into the catalog.
type write struct {
	to      *target
	results []Upserted
	items   []writeItem // the papers that are valid
}

type writeItem struct {
	at       int // in results
	mutation catalog.Mutation
	digest   paper.Digest // of the text
	// revision is what the paper must still be at; 0 means any.
	revision uint64
}

// plan checks papers and derives ids that are missing.
func (t *target) plan(incoming []Incoming) *write {
	w := &write{to: t, results: make([]Upserted, len(incoming))}
	for i := range incoming {
		item, err := t.planItem(&incoming[i])
		w.results[i].ID, w.results[i].Err = item.mutation.Paper.ID, err
		if err == nil {
			item.at = i
			w.items = append(w.items, item)
		}
	}
	return w
}

func (t *target) planItem(in *Incoming) (writeItem, error) {
	p := in.Paper
	if in.Delete {
		item := writeItem{mutation: catalog.Mutation{Delete: true, Paper: paper.Paper{ID: p.ID}}}
		if err := paper.ValidateID(p.ID); err != nil {
			return item, paper.InvalidField("id", "%v", err)
		}
		return item, nil
	}
	p.DropBlanks()
	item := writeItem{mutation: catalog.Mutation{Paper: p, Vector: in.Vector}}
	if err := p.Normalize(); err != nil {
		return item, err
	}
	if p.ID == "" && p.HasText() {
		if titleid.Normalize(p.Title) == "" {
			return item, paper.InvalidField("id", "is empty and cannot be derived, since the title %q has no letter or digit; give the paper an id", p.Title)
		}
		p.ID = titleid.New(p.Title)
	}
	item.mutation.Paper = p
	if err := p.Validate(); err != nil {
		return item, err
	}
	item.mutation.Paper.ListedDates = paper.MergeListedDates(nil, p.ListedDates)
	item.digest = paper.EmbedDigest(p.Title, p.Abstract)
	if in.Vector == nil {
		return item, nil
	}
	if err := t.checkVector(in.Vector); err != nil {
		return item, err
	}
	tokens, err := t.model.Tokenize(t.space.DocumentPrefix+t.model.Text(p.Title, p.Abstract), t.space.MaxTokens, false)
	item.mutation.TokenCount, item.mutation.Truncated = len(tokens.IDs), tokens.Truncated
	return item, err
}

// embed makes the vectors of the papers whose text is not what is stored. It
// may be called again: what has a vector keeps it.
func (w *write) embed(ctx context.Context, class embed.Class) error {
	stored, err := w.stored(ctx)
	if err != nil {
		return err
	}
	// What an id will hold once the group is applied so far: where one stands
	// twice, the second may be back at the stored text that the first replaces.
	holds := make(map[string]paper.Digest, len(stored))
	for id, r := range stored {
		holds[id] = r.EmbedDigest
	}
	var texts []string
	var items []*writeItem
	for i := range w.items {
		item := &w.items[i]
		m := &item.mutation
		if m.Delete {
			delete(holds, m.Paper.ID)
			continue
		}
		have, ok := holds[m.Paper.ID]
		holds[m.Paper.ID] = item.digest
		switch {
		case ok && have == item.digest:
			m.Vector = nil // what is stored is as good, and stays
		case m.Vector == nil:
			texts = append(texts, w.to.model.Text(m.Paper.Title, m.Paper.Abstract))
			items = append(items, item)
		}
	}
	vectors, _, err := w.to.model.Embed(ctx, texts, embed.Options{Role: embed.Document, Class: class})
	if err != nil {
		return err
	}
	for i, v := range vectors {
		m := &items[i].mutation
		m.Vector, m.TokenCount, m.Truncated = v.Vector, v.Tokens, v.Truncated
	}
	return nil
}

// prepare has the catalog do what it can before the group's turn comes, for papers whose
// text is new.
func (w *write) prepare(ctx context.Context) error {
	var fresh []*catalog.Mutation
	for i := range w.items {
		if m := &w.items[i].mutation; m.Vector != nil {
			fresh = append(fresh, m)
		}
	}
	return w.to.engine.prepare(ctx, w.to.collection, fresh)
}

// stored gives the papers of the group as they are now, by id; those that are not
// there are missing.
func (w *write) stored(ctx context.Context) (map[string]*paper.Record, error) {
	byID := make(map[string]*paper.Record, len(w.items))
	if len(w.items) == 0 {
		return byID, nil
	}
	refs := make([]paper.Ref, len(w.items))
	for i := range w.items {
		refs[i].ID = w.items[i].mutation.Paper.ID
	}
	a, err := w.to.engine.ask(ctx, w.to.collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	records, err := a.view.Get(ctx, refs)
	for _, r := range records {
		if r != nil {
			byID[r.ID] = r
		}
	}
	return byID, err
}

// errConflict says that a paper is no longer at the revision that a change was
// made from.
var errConflict = errors.New("a paper changed since it was read")

// errStale says that a paper's text changed between embed and commit.
var errStale = errors.New("a paper changed in between")

// commit makes the group durable. Papers keep the listing dates that are
// stored. When another writer changed a text in between, what now lacks a
// vector is embedded and the group tried again.
func (w *write) commit(ctx context.Context, class embed.Class) ([]Upserted, uint64, error) {
	for {
		sequence, err := w.tryCommit(ctx)
		if !errors.Is(err, errStale) {
			return w.results, sequence, err
		}
		if err := w.embed(ctx, class); err != nil {
			return nil, 0, err
		}
	}
}

func (w *write) tryCommit(ctx context.Context) (uint64, error) {
	e := w.to.engine
	e.writing.Lock()
	defer e.writing.Unlock()
	if len(w.items) == 0 {
		info, err := e.Info(ctx, w.to.collection)
		return info.Sequence, err
	}
	stored, err := w.stored(ctx)
	if err != nil {
		return 0, err
	}
	changes := make([]catalog.Mutation, len(w.items))
	// What an id will hold once the group is applied so far.
	digests := make(map[string]paper.Digest, len(w.items))
	dates := make(map[string][]paper.Date, len(w.items))
	for i := range w.items {
		r := stored[w.items[i].mutation.Paper.ID]
		if want := w.items[i].revision; want != 0 && (r == nil || r.Revision != want) {
			return 0, errConflict
		}
	}
	for id, r := range stored {
		digests[id], dates[id] = r.EmbedDigest, r.ListedDates
	}
	for i := range w.items {
		m := w.items[i].mutation
		id := m.Paper.ID
		if changes[i] = m; m.Delete {
			delete(digests, id)
			delete(dates, id)
			continue
		}
		m.Paper.ListedDates = paper.MergeListedDates(dates[id], m.Paper.ListedDates)
		if have, ok := digests[id]; m.Vector == nil && (!ok || have != w.items[i].digest) {
			return 0, errStale
		}
		digests[id], dates[id] = w.items[i].digest, m.Paper.ListedDates
		changes[i] = m
	}
	outcomes, sequence, err := e.catalog.Apply(ctx, w.to.collection, changes)
	if err != nil {
		return 0, err
	}
	if len(outcomes) != len(changes) {
		return 0, fmt.Errorf("apply gave %d outcomes for %d changes", len(outcomes), len(changes))
	}
	for i, o := range outcomes {
		r := &w.results[w.items[i].at]
		r.Change, r.Record = o.Change, o.Record
	}
	return sequence, nil
}
