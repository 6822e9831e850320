package weaviate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// maxGroup is how many changes one call may make.
const maxGroup = 10_000

// state is a paper as a plan leaves it.
type state struct {
	version *version // nil: not there
	vector  []float32
}

// plan is what a group writes.
type plan struct {
	space  paper.Space
	now    time.Time
	head   head
	before map[string]state
	after  map[string]state
	group  group
	gone   []string // what is deleted although it should not be there
}

func (c *collection) apply(ctx context.Context, changes []catalog.Mutation) ([]catalog.Outcome, uint64, error) {
	if err := check(changes); err != nil {
		return nil, 0, err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	h, err := c.ready(ctx)
	if err != nil {
		return nil, 0, err
	}
	p, outcomes, err := c.plan(ctx, h, changes)
	if err != nil {
		return nil, 0, err
	}
	if len(p.group.Entries) == 0 {
		return outcomes, h.Sequence, nil
	}
	if err := c.commit(context.WithoutCancel(ctx), p); err != nil {
		return nil, 0, err
	}
	return outcomes, p.head.Sequence, nil
}

// planOn begins a plan that follows on a head.
func planOn(h *head) *plan {
	return &plan{space: h.Space, now: time.Now().UTC(), head: *h, before: make(map[string]state), after: make(map[string]state)}
}

// again plans to write a paper as it is, which is no change.
func (p *plan) again(s state) {
	id, next := s.version.Record.Paper.ID, *s.version
	next.rescale()
	p.before[id], p.after[id] = s, state{&next, s.vector}
	p.group.Entries = append(p.group.Entries, entry{Sequence: p.head.Sequence, ID: id, Prior: next.Born})
}

// plan says what changes make of a collection. It writes nothing.
func (c *collection) plan(ctx context.Context, h *head, changes []catalog.Mutation) (p *plan, outcomes []catalog.Outcome, err error) {
	p = planOn(h)
	if p.before, err = c.states(ctx, changes); err != nil {
		return nil, nil, err
	}
	outcomes = make([]catalog.Outcome, len(changes))
	for i := range changes {
		if outcomes[i], err = p.change(&changes[i]); err != nil {
			return nil, nil, inGroup(i, err)
		}
	}
	return p, outcomes, nil
}

func check(changes []catalog.Mutation) error {
	if len(changes) > maxGroup {
		return paper.InvalidField("mutations", "has %d items; the limit of one group is %d; split it", len(changes), maxGroup)
	}
	for i := range changes {
		m := &changes[i]
		var err error
		if m.Delete {
			err = paper.ValidateID(m.Paper.ID)
		} else {
			err = m.Paper.Validate()
		}
		if err != nil {
			return inGroup(i, err)
		}
	}
	return nil
}

// inGroup says which mutation an error is about.
func inGroup(i int, err error) error {
	var invalid *paper.Error
	if errors.As(err, &invalid) && invalid.Kind == paper.Invalid {
		return invalid.Prefixed(fmt.Sprintf("mutations[%d].", i))
	}
	return err
}

// states reads the papers that changes are about, by a quorum.
func (c *collection) states(ctx context.Context, changes []catalog.Mutation) (map[string]state, error) {
	var ids []string
	for i := range changes {
		ids = append(ids, changes[i].Paper.ID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	found := make([]state, len(ids))
	err := each(ctx, len(ids), func(ctx context.Context, i int) (err error) {
		found[i].version, found[i].vector, err = c.paperAt(ctx, ids[i])
		return err
	})
	out := make(map[string]state, len(ids))
	for i, id := range ids {
		out[id] = found[i]
	}
	return out, err
}

// at is a paper as the changes so far leave it.
func (p *plan) at(id string) state {
	if s, ok := p.after[id]; ok {
		return s
	}
	return p.before[id]
}

// note adds a change to the log.
func (p *plan) note(id string, s state, deleted bool, fields paper.Fields) {
	var prior uint64
	if was := p.before[id].version; was != nil {
		prior = was.Born
	}
	p.head.Length += s.version.length() - p.at(id).version.length()
	p.group.Entries = append(p.group.Entries, entry{Sequence: p.head.Sequence, ID: id, Prior: prior, Deleted: deleted, Fields: fields})
	p.after[id] = s
}

func (p *plan) change(m *catalog.Mutation) (catalog.Outcome, error) {
	was := p.at(m.Paper.ID)
	if m.Delete {
		out := catalog.Outcome{Change: catalog.Missing, Record: paper.Record{Paper: paper.Paper{ID: m.Paper.ID}}}
		if was.version != nil {
			out.Change = catalog.Deleted
			p.head.Sequence++
			p.head.Papers--
			p.note(m.Paper.ID, state{}, true, 0)
		}
		return out, nil
	}
	content, err := contentDigest(m.Paper)
	if err != nil {
		return catalog.Outcome{}, paper.Invalidf("the paper cannot be written: %v", err)
	}
	var old *paper.Record
	if was.version != nil {
		old = was.version.Record.record()
		if old.ContentDigest == content {
			return catalog.Outcome{Change: catalog.Unchanged, Record: *old}, nil
		}
	}
	r, change := p.successor(old, &m.Paper)
	r.ContentDigest = content
	if err := p.checkVector(m, old, r); err != nil {
		return catalog.Outcome{}, err
	}
	next := state{vector: was.vector}
	if m.Vector != nil {
		next.vector, r.TokenCount, r.Truncated = slices.Clone(m.Vector), m.TokenCount, m.Truncated
	}
	p.head.Sequence++
	fields := paper.AllFields
	if old == nil {
		r.Ordinal = p.head.Ordinal
		p.head.Ordinal++
		p.head.Papers++
	} else {
		fields = paper.ChangedFields(&old.Paper, &r.Paper)
	}
	next.version = &version{Born: p.head.Sequence, Record: stored(r)}
	if was.version != nil {
		next.version.Scale = was.version.Scale
	}
	p.note(r.ID, next, false, fields)
	return catalog.Outcome{Change: change, Record: *next.version.Record.record()}, nil
}

// successor is what follows a record; its ordinal is that of old.
func (p *plan) successor(old *paper.Record, given *paper.Paper) (*paper.Record, catalog.Change) {
	r, change := &paper.Record{CreateTime: p.now}, catalog.Created
	if old != nil {
		*r, change = *old, catalog.Updated
	}
	r.Paper = given.Clone()
	r.Revision++
	r.UpdateTime = p.now
	if r.UpdateTime.Before(r.CreateTime) { // another server's clock
		r.UpdateTime = r.CreateTime
	}
	r.EmbedDigest = paper.EmbedDigest(r.Title, r.Abstract)
	r.Trail = paper.NextTrail(old, &r.Paper, p.now)
	return r, change
}

func (p *plan) checkVector(m *catalog.Mutation, old, r *paper.Record) error {
	switch {
	case m.Vector == nil && old == nil:
		return paper.InvalidField("vector", "is missing; a new paper needs one")
	case m.Vector == nil && old.EmbedDigest != r.EmbedDigest:
		return paper.InvalidField("vector", "is missing; title or abstract have changed")
	case m.Vector != nil && len(m.Vector) != p.space.Dimension:
		return paper.InvalidField("vector", "has %d components; the space has %d", len(m.Vector), p.space.Dimension)
	}
	var norm float64
	for i, x := range m.Vector {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return paper.InvalidField("vector", "has %v as component %d; all must be finite", x, i)
		}
		norm += float64(x) * float64(x)
	}
	if m.Vector != nil && norm == 0 {
		return paper.InvalidField("vector", "is zero; it must be of length 1")
	}
	return nil
}

// write copies what is replaced, then replaces it.
func (c *collection) write(ctx context.Context, p *plan) error {
	copies, papers, gone, err := c.objects(p)
	if err == nil {
		err = c.put(ctx, copies)
	}
	if err == nil {
		err = c.putPapers(ctx, p, papers)
	}
	if err != nil {
		return err
	}
	return each(ctx, len(gone), func(ctx context.Context, i int) error { return c.remove(ctx, c.papers, paperID(gone[i])) })
}

// objects gives what a plan writes: copies of what it replaces, and of what it writes over
// something recent (see late.go), papers, and the ids of those that it deletes.
func (c *collection) objects(p *plan) (copies, papers []*batchObject, gone []string, err error) {
	for id, after := range p.after {
		before := p.before[id]
		if before.version != nil {
			was := *before.version
			was.Vector = vectorBytes(before.vector)
			o, err := other(c.state, copyID(id, was.Born), &was)
			if err != nil {
				return nil, nil, nil, err
			}
			copies = append(copies, o)
		}
		switch {
		case after.version != nil:
			o, err := object(c.papers, after.version, after.vector)
			if err != nil {
				return nil, nil, nil, err
			}
			papers = append(papers, o)
			if before.version != nil && before.version.Born == after.version.Born || !c.risky(p, id) {
				continue
			}
			now := *after.version
			now.Vector = vectorBytes(after.vector)
			if o, err = other(c.state, copyID(id, now.Born), &now); err != nil {
				return nil, nil, nil, err
			}
			copies = append(copies, o)
		case before.version != nil:
			gone = append(gone, id)
		}
	}
	return copies, papers, append(gone, p.gone...), nil
}
