package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	catalog "akin/internal/catalog/local"
	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/paper/titleid"
)

// Get gives the papers that are there of those that names mean (ids, or arXiv ids
// and DOIs as people paste them), in the order asked for, and the names of the others.
func (e *Engine) Get(ctx context.Context, collection string, ids []string) (found []paper.Record, missing []string, err error) {
	err = e.GetEach(ctx, collection, ids, func(_ int, r *paper.Record) bool {
		found = append(found, *r)
		return true
	}, func(i int) { missing = append(missing, ids[i]) })
	return found, missing, err
}

// readChunk is how many papers are read at a time.
const readChunk = 64

// GetEach is Get with a call for each name, by its position and in order: visit for
// a paper that is there, until it returns false, and missing for one that is not.
func (e *Engine) GetEach(ctx context.Context, collection string, ids []string, visit func(int, *paper.Record) bool, missing func(int)) error {
	if err := e.needCatalog(); err != nil {
		return err
	}
	collection, err := collectionOf(collection)
	if err != nil {
		return err
	}
	if err := checkIDs(ids); err != nil {
		return err
	}
	a := e.ask()
	defer a.close()
	for from := 0; from < len(ids); from += readChunk {
		some := ids[from:min(from+readChunk, len(ids))]
		found, err := a.meantBy(ctx, collection, some)
		if err != nil {
			return err
		}
		for i, name := range some {
			if r := found[name]; r == nil {
				missing(from + i)
			} else if !visit(from+i, r) {
				return nil
			}
		}
	}
	return nil
}

// meantBy gives the papers that names mean, by name.
func (e *asking) meantBy(ctx context.Context, collection string, names []string) (map[string]*paper.Record, error) {
	at := make(map[string]*paper.Record, len(names))
	if err := e.read(ctx, collection, names, at); err != nil {
		return nil, err
	}
	absent := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return at[name] != nil })
	if len(absent) == 0 {
		return at, nil
	}
	meant, err := e.catalog.Identify(ctx, collection, absent)
	if err != nil {
		return nil, err
	}
	there := slices.DeleteFunc(slices.Clone(meant), func(id string) bool { return id == "" })
	byID := make(map[string]*paper.Record, len(there))
	if err := e.read(ctx, collection, there, byID); err != nil {
		return nil, err
	}
	for i, name := range absent {
		if r := byID[meant[i]]; r != nil {
			at[name] = r
		}
	}
	return at, nil
}

// read puts the papers of those ids that are there into a map.
func (e *asking) read(ctx context.Context, collection string, ids []string, into map[string]*paper.Record) error {
	records, err := e.catalog.Get(ctx, collection, ids)
	for i := range records {
		into[records[i].ID] = &records[i]
	}
	return err
}

func checkIDs(ids []string) error {
	if len(ids) == 0 || len(ids) > MaxBatch {
		return paper.InvalidField("ids", "has %d items; give 1 to %d", len(ids), MaxBatch)
	}
	return nil
}

// List asks for a page of papers.
type List struct {
	Collection string
	// Filter is an AIP-160 filter; "" keeps all.
	Filter string
	// After is the id that the page comes after; "" is the first page.
	After string
	// Size is how many papers at most; 0 means DefaultListSize.
	Size int
	// Fits is asked for each paper, in order, whether it still fits; nil means
	// that all do.
	Fits func(*paper.Record) bool
}

// Listed is a page of papers.
type Listed struct {
	// Papers are in order of id.
	Papers []paper.Record
	// Next is the id to go on from, empty at the end.
	Next string
	// Total is how many papers there are, whatever the filter.
	Total uint32
}

// List gives a page of papers that a filter keeps in order of id.
func (e *Engine) List(ctx context.Context, q List) (out Listed, err error) {
	if err := e.needCatalog(); err != nil {
		return Listed{}, err
	}
	collection, err := collectionOf(q.Collection)
	if err != nil {
		return Listed{}, err
	}
	size := min(q.Size, MaxPageSize)
	switch {
	case size < 0:
		return Listed{}, paper.InvalidField("page_size", "is %d; it must not be negative (0 means %d, at most %d)", size, DefaultListSize, MaxPageSize)
	case size == 0:
		size = DefaultListSize
	}
	a := e.ask()
	defer a.close()
	stats, err := a.catalog.Stats(ctx, collection)
	if err != nil {
		return Listed{}, err
	}
	out.Total = stats.Papers
	after := q.After
	for {
		// One more than asked for says whether there is a next page.
		some := min(listChunk, size-len(out.Papers)+1)
		records, err := a.catalog.List(ctx, collection, q.Filter, after, some)
		if err != nil {
			return Listed{}, err
		}
		for i := range records {
			if len(out.Papers) == size || q.Fits != nil && !q.Fits(&records[i]) {
				out.Next = after
				return out, nil
			}
			out.Papers = append(out.Papers, records[i])
			after = records[i].ID
		}
		if len(records) < some {
			return out, nil
		}
	}
}

// listChunk is how many papers of a list are read at a time.
const listChunk = 128

// CountValues counts papers by the values of a field, among those that a filter
// keeps.
func (e *Engine) CountValues(ctx context.Context, collection, field, filter string, limit int) ([]catalog.ValueCount, error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	collection, err := collectionOf(collection)
	if err != nil {
		return nil, err
	}
	a := e.ask()
	defer a.close()
	return a.catalog.CountValues(ctx, collection, field, filter, limit)
}

// Stats describes a collection.
func (e *Engine) Stats(ctx context.Context, collection string) (catalog.Stats, error) {
	if err := e.needCatalog(); err != nil {
		return catalog.Stats{}, err
	}
	collection, err := collectionOf(collection)
	if err != nil {
		return catalog.Stats{}, err
	}
	return e.catalog.Stats(ctx, collection)
}

// Upserted is what became of one paper of a write.
type Upserted struct {
	ID     string
	Change catalog.Change
	Record paper.Record
	// Err says why this paper was refused; the others are not affected.
	Err error
}

// Upsert writes papers, each answered for itself, and gives the sequence
// reached. Where an id stands twice, the later one wins.
func (e *Engine) Upsert(ctx context.Context, collection string, papers []paper.Paper, class embed.Class) ([]Upserted, uint64, error) {
	if err := e.needCatalog(); err != nil {
		return nil, 0, err
	}
	collection, err := collectionOf(collection)
	if err != nil {
		return nil, 0, err
	}
	if len(papers) == 0 || len(papers) > MaxBatch {
		return nil, 0, paper.InvalidField("papers", "has %d items; give 1 to %d", len(papers), MaxBatch)
	}
	incoming := make([]Incoming, len(papers))
	for i := range papers {
		incoming[i].Paper = papers[i]
	}
	w := e.plan(incoming)
	if err := w.embed(ctx, e, collection, class); err != nil {
		return nil, 0, err
	}
	return w.commit(ctx, e, collection, class)
}

// Update changes one paper that is there: change gets it as it is, again if
// another writer was faster. The paper is not found if it is not there.
func (e *Engine) Update(ctx context.Context, collection, id string, change func(*paper.Paper) error) (Upserted, uint64, error) {
	for {
		found, _, err := e.Get(ctx, collection, []string{id})
		if err != nil {
			return Upserted{}, 0, err
		}
		if len(found) == 0 || found[0].ID != id { // a write names its paper exactly
			return Upserted{}, 0, paper.MissingPaper(id)
		}
		p := found[0].Clone()
		if err := change(&p); err != nil {
			return Upserted{}, 0, err
		}
		w := e.plan([]Incoming{{Paper: p}})
		for i := range w.items {
			w.items[i].revision = found[0].Revision
		}
		name, err := collectionOf(collection)
		if err != nil {
			return Upserted{}, 0, err
		}
		if err := w.embed(ctx, e, name, embed.Interactive); err != nil {
			return Upserted{}, 0, err
		}
		got, sequence, err := w.commit(ctx, e, name, embed.Interactive)
		if errors.Is(err, errConflict) {
			continue
		}
		if err != nil {
			return Upserted{}, 0, err
		}
		return got[0], sequence, got[0].Err
	}
}

// Delete erases papers, and gives how many were there, the ids that were not,
// and the sequence reached.
func (e *Engine) Delete(ctx context.Context, collection string, ids []string) (deleted int, missing []string, sequence uint64, err error) {
	if err := e.needCatalog(); err != nil {
		return 0, nil, 0, err
	}
	if collection, err = collectionOf(collection); err != nil {
		return 0, nil, 0, err
	}
	if err := checkIDs(ids); err != nil {
		return 0, nil, 0, err
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids) // an id that is named twice is deleted once
	changes := make([]catalog.Mutation, len(ids))
	for i, id := range ids {
		changes[i] = catalog.Mutation{Delete: true, Paper: paper.Paper{ID: id}}
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	outcomes, sequence, err := e.catalog.Apply(ctx, collection, changes)
	if err != nil {
		return 0, nil, 0, err
	}
	for i, o := range outcomes {
		if o.Change == catalog.Missing {
			missing = append(missing, ids[i])
		}
	}
	return len(ids) - len(missing), missing, sequence, nil
}

// write is a group of papers on its way into the catalog.
type write struct {
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
func (e *Engine) plan(incoming []Incoming) *write {
	w := &write{results: make([]Upserted, len(incoming))}
	for i := range incoming {
		item, err := e.planItem(&incoming[i])
		w.results[i].ID, w.results[i].Err = item.mutation.Paper.ID, err
		if err == nil {
			item.at = i
			w.items = append(w.items, item)
		}
	}
	return w
}

func (e *Engine) planItem(in *Incoming) (writeItem, error) {
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
	if err := e.checkVector(in.Vector); err != nil {
		return item, err
	}
	space := e.Space()
	tokens, err := e.embedder.Tokenize(space.DocumentPrefix+e.embedder.Text(p.Title, p.Abstract), space.MaxTokens, false)
	item.mutation.TokenCount, item.mutation.Truncated = len(tokens.IDs), tokens.Truncated
	return item, err
}

func (w *write) ids() []string {
	ids := make([]string, len(w.items))
	for i := range w.items {
		ids[i] = w.items[i].mutation.Paper.ID
	}
	return ids
}

// embed makes the vectors of the papers whose text is not what is stored. It
// may be called again: what has a vector keeps it.
func (w *write) embed(ctx context.Context, e *Engine, collection string, class embed.Class) error {
	stored, err := w.stored(ctx, e, collection)
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
			texts = append(texts, e.embedder.Text(m.Paper.Title, m.Paper.Abstract))
			items = append(items, item)
		}
	}
	vectors, _, err := e.embedder.Embed(ctx, texts, embed.Options{Role: embed.Document, Class: class})
	if err != nil {
		return err
	}
	for i, v := range vectors {
		m := &items[i].mutation
		m.Vector, m.TokenCount, m.Truncated = v.Vector, v.Tokens, v.Truncated
	}
	return nil
}

func (w *write) stored(ctx context.Context, e *Engine, collection string) (map[string]*paper.Record, error) {
	if len(w.items) == 0 {
		return nil, nil //nolint:nilnil // no papers, no records
	}
	records, err := e.catalog.Get(ctx, collection, w.ids())
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*paper.Record, len(records))
	for i := range records {
		byID[records[i].ID] = &records[i]
	}
	return byID, nil
}

// errConflict says that a paper is no longer at the revision that a change was
// made from.
var errConflict = errors.New("a paper changed since it was read")

// errStale says that a paper's text changed between embed and commit.
var errStale = errors.New("a paper changed in between")

// commit makes the group durable. Papers keep the listing dates that are
// stored. When another writer changed a text in between, what now lacks a
// vector is embedded and the group tried again.
func (w *write) commit(ctx context.Context, e *Engine, collection string, class embed.Class) ([]Upserted, uint64, error) {
	for {
		sequence, err := w.tryCommit(ctx, e, collection)
		if !errors.Is(err, errStale) {
			return w.results, sequence, err
		}
		if err := w.embed(ctx, e, collection, class); err != nil {
			return nil, 0, err
		}
	}
}

func (w *write) tryCommit(ctx context.Context, e *Engine, collection string) (uint64, error) {
	e.writing.Lock()
	defer e.writing.Unlock()
	if len(w.items) == 0 {
		stats, err := e.catalog.Stats(ctx, collection)
		return stats.Sequence, err
	}
	stored, err := w.stored(ctx, e, collection)
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
	outcomes, sequence, err := e.catalog.Apply(ctx, collection, changes)
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

// Truncated says whether the paper's text was cut.
func (u *Upserted) Truncated() bool { return u.Err == nil && u.Record.Truncated }
