package weaviate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"akin/internal/catalog"
	"akin/internal/paper"
)

const (
	// pageOf is how many papers are listed with one call.
	pageOf = 200
	// mostChanged is how many papers may change while a view is open.
	mostChanged = 20_000
	// mostTries is how often a question is asked again because papers changed.
	mostTries = 10
)

// view is a collection at one head.
type view struct {
	c    *collection
	head head

	mu      sync.Mutex          // guards what follows
	writer  *head               // a head of who wrote what was read last of the log
	seen    uint64              // the last group that was read
	changed map[string]uint64   // by id, the version that a paper has in this view; 0 for none
	copies  map[string]*version // of changed papers that have one
}

// Info implements catalog.View.
func (v *view) Info() catalog.Info {
	return catalog.Info{Collection: v.c.name, Space: v.head.Space, Papers: v.head.Papers, Sequence: v.head.Sequence}
}

// PartialStatistics implements catalog.Partial: each shard has statistics of its own.
func (v *view) PartialStatistics() bool { return v.c.config.Shards > 1 }

// Close implements catalog.View. A view holds nothing.
func (v *view) Close() {}

// settle reads on in the log, and says whether papers have changed that it did not know
// of. Where the log ends, what was asked before is of this view's moment.
func (v *view) settle(ctx context.Context) (grown bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for {
		g, next, err := v.c.after(ctx, v.writer, v.seen)
		if err != nil || g == nil && next == nil {
			return grown, err
		}
		if g == nil {
			w, err := v.c.continued(ctx, v.writer, next, v.seen)
			if err != nil {
				return grown, err
			}
			if w != v.writer {
				v.writer, v.seen = w, w.Begun
			}
			continue
		}
		v.seen++
		for id, prior := range g.priors() {
			if _, ok := v.changed[id]; !ok {
				v.changed[id] = prior
				grown = true
			}
		}
		if len(v.changed) > mostChanged {
			return grown, v.tooOld()
		}
	}
}

func (v *view) tooOld() error {
	return &paper.Error{
		Kind: paper.Unavailable, Reason: ReasonClusterChanging, RetryAfter: time.Second,
		Message: fmt.Sprintf("more than %d papers changed while the answer was made; ask again", mostChanged),
	}
}

// moment calls ask until no paper changes meanwhile that it was not told of. ids are
// those that changed since the view's moment, which ask leaves out, and was the versions
// of them that the view has.
func (v *view) moment(ctx context.Context, ask func(ids moved, was map[string]*version) error) error {
	for range mostTries {
		ids, was, err := v.overlay(ctx)
		if err != nil {
			return err
		}
		if err := ask(ids, was); err != nil {
			return err
		}
		if grown, err := v.settle(ctx); err != nil || !grown {
			return err
		}
	}
	return &paper.Error{
		Kind: paper.Unavailable, Reason: ReasonClusterChanging, RetryAfter: time.Second,
		Message: fmt.Sprintf("papers changed faster than %d answers could be made; ask again", mostTries),
	}
}

// overlay gives the papers that changed since the view's moment, and their versions of
// that moment.
func (v *view) overlay(ctx context.Context) (ids moved, was map[string]*version, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	ids = slices.Sorted(maps.Keys(v.changed))
	var missing []string
	for _, id := range ids {
		if v.changed[id] > 0 && v.copies[id] == nil {
			missing = append(missing, id)
		}
	}
	found := make([]*version, len(missing))
	err = each(ctx, len(missing), func(ctx context.Context, i int) (err error) {
		found[i], err = v.c.versionAt(ctx, missing[i], v.changed[missing[i]])
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for i, id := range missing {
		v.copies[id] = found[i]
	}
	return ids, maps.Clone(v.copies), nil
}

// versionAt reads a version that a group replaces, or is about to replace.
func (c *collection) versionAt(ctx context.Context, id string, born uint64) (*version, error) {
	for range 3 {
		v, err := c.copyAt(ctx, id, born)
		if err != nil || v != nil {
			return v, err
		}
		v, vector, err := c.paperAt(ctx, id)
		if err != nil {
			return nil, err
		}
		if v != nil && v.Born == born {
			v.Vector = vectorBytes(vector)
			return v, nil
		}
	}
	return nil, &paper.Error{
		Kind: paper.Unavailable, Reason: ReasonClusterChanging, RetryAfter: time.Second,
		Message: fmt.Sprintf("the answer was made for so long that what paper %q said at its beginning is gone; ask again", id),
	}
}

// moved are papers that changed since a view's moment, by id and in order.
type moved []string

func (m moved) has(id string) bool {
	_, has := slices.BinarySearch(m, id)
	return has
}

// without leaves out papers that changed. While one is being replaced, the cluster may
// find it nevertheless, for its indexes change one after the other: answers are gone
// through again.
func (m moved) without(w where) where {
	if len(m) == 0 {
		return w
	}
	return all(w, not(anyOf(propID, m)))
}

// drop takes out of an answer the papers that changed.
func (m moved) drop(results []*pb.SearchResult) []*pb.SearchResult {
	if len(m) == 0 {
		return results
	}
	return slices.DeleteFunc(results, func(r *pb.SearchResult) bool { return m.has(textOf(r, propID)) })
}

// search asks for papers, one replica of each shard. Not more of them, for Weaviate then
// mends those that differ with what it has read, and of a search that is the properties
// that were asked for: the others, and the vector, would be gone from that replica.
func (c *collection) search(ctx context.Context, q *pb.SearchRequest) ([]*pb.SearchResult, error) {
	one := pb.ConsistencyLevel_CONSISTENCY_LEVEL_ONE
	q.Collection, q.ConsistencyLevel = c.papers, &one
	q.Uses_127Api = true
	if q.GetMetadata() == nil {
		q.Metadata = &pb.MetadataRequest{Uuid: true}
	}
	reply, err := call(ctx, c.wire, func(n *node) searchCall { return n.Search }, q)
	if err != nil {
		return nil, err
	}
	return c.filled(ctx, reply.GetResults(), q.GetProperties().GetNonRefProperties())
}

// filled reads the papers of an answer that came without their properties by a quorum: so
// nodes give what a replica does not have, or not as others have it, as after it was away.
// Every search asks for the id, some for the record.
func (c *collection) filled(ctx context.Context, results []*pb.SearchResult, names []string) ([]*pb.SearchResult, error) {
	record := slices.Contains(names, propRecord)
	hollow := func(r *pb.SearchResult) bool { return textOf(r, propID) == "" || record && textOf(r, propRecord) == "" }
	err := each(ctx, len(results), func(ctx context.Context, i int) error {
		if !hollow(results[i]) {
			return nil
		}
		f, err := c.fetch(ctx, c.papers, results[i].GetMetadata().GetId())
		if err != nil || f == nil {
			return err
		}
		fields := make(map[string]*pb.Value)
		for _, name := range names {
			if _, has := f.Properties[name]; !has && name != propID && name != propRecord {
				continue // a text without words
			}
			if fields[name], err = valueOf(f.Properties[name]); err != nil {
				return damaged(err)
			}
		}
		results[i].Properties = &pb.PropertiesResult{NonRefProps: &pb.Properties{Fields: fields}}
		if m := results[i].GetMetadata(); len(vectorOf(m)) == 0 {
			m.VectorBytes = vectorBytes(f.Vector)
		}
		return nil
	})
	return slices.DeleteFunc(results, hollow), err
}

// valueOf reads a property as answers of searches have it: a text, or a whole number.
func valueOf(raw json.RawMessage) (*pb.Value, error) {
	var n int64
	if json.Unmarshal(raw, &n) == nil {
		return &pb.Value{Kind: &pb.Value_IntValue{IntValue: n}}, nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return &pb.Value{Kind: &pb.Value_TextValue{TextValue: text}}, err
}

func textOf(r *pb.SearchResult, name string) string {
	v := r.GetProperties().GetNonRefProps().GetFields()[name]
	return v.GetTextValue()
}

func properties(names ...string) *pb.PropertiesRequest {
	return &pb.PropertiesRequest{NonRefProperties: names}
}

// versionOf reads a paper of an answer.
func versionOf(r *pb.SearchResult) (*version, error) {
	var v version
	if err := decodeText(textOf(r, propRecord), &v); err != nil {
		return nil, err
	}
	if v.Vector = slices.Clone(vectorOf(r.GetMetadata())); v.Scale != 0 {
		v.Vector = vectorBytes(scaled(vectorFrom(v.Vector), -v.Scale))
	}
	return &v, nil
}

func vectorOf(m *pb.MetadataResult) []byte {
	if len(m.GetVectorBytes()) > 0 {
		return m.GetVectorBytes()
	}
	for _, x := range m.GetVectors() {
		return x.GetVectorBytes()
	}
	return nil
}

// count counts papers.
func (c *collection) count(ctx context.Context, w where) (uint32, error) {
	reply, err := call(ctx, c.wire, func(n *node) aggregateCall { return n.Aggregate },
		&pb.AggregateRequest{Collection: c.papers, ObjectsCount: true, Filters: w})
	if err != nil {
		return 0, err
	}
	return uint32(reply.GetSingleResult().GetObjectsCount()), nil
}

// mostChanging is how many papers of a count may be changing just now.
const mostChanging = 1000

// countBut counts papers but for those that changed, one by one: a count of the cluster's
// has those that are being replaced twice, or not at all.
func (c *collection) countBut(ctx context.Context, w where, ids moved) (uint32, error) {
	results, err := c.search(ctx, &pb.SearchRequest{Filters: ids.without(w), Limit: mostHits, Properties: properties(propID)})
	return uint32(len(ids.drop(results))), err
}

// kept counts what a restriction keeps at the view's moment.
func (v *view) kept(ctx context.Context, r *restriction, ids moved, was map[string]*version) (uint32, error) {
	if r.where == nil {
		return v.head.Papers, nil
	}
	n, err := v.c.count(ctx, ids.without(r.where))
	if err == nil && len(ids) > 0 && n < mostHits-mostChanging {
		n, err = v.c.countBut(ctx, r.where, ids)
	}
	if err != nil {
		return 0, err
	}
	for _, old := range was {
		if r.keeps(old) {
			n++
		}
	}
	return n, nil
}

// named reads papers by id, as they are in the view, with their vectors if asked.
func (v *view) named(ctx context.Context, ids []string, vectors bool) (found map[string]*version, err error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	err = v.moment(ctx, func(changed moved, was map[string]*version) error {
		found = make(map[string]*version, len(ids))
		var ask []string
		for _, id := range ids {
			switch {
			case !changed.has(id):
				ask = append(ask, id)
			case was[id] != nil:
				found[id] = was[id]
			}
		}
		return v.c.read(ctx, ask, vectors, found)
	})
	return found, err
}

// mostByQuorum is how many papers are read by a quorum, one by one, at the same time.
const mostByQuorum = 100

// read finds papers by id, by a quorum. Of more than mostByQuorum only those are that a
// search does not find.
func (c *collection) read(ctx context.Context, ids []string, vectors bool, into map[string]*version) error {
	search := ids
	if len(ids) <= mostByQuorum {
		search = nil
	}
	for some := range slices.Chunk(search, pageOf) {
		results, err := c.search(ctx, &pb.SearchRequest{
			Filters: anyOf(propID, some), Limit: uint32(len(some)), Properties: properties(propID, propRecord),
			Metadata: &pb.MetadataRequest{Uuid: true, Vector: vectors},
		})
		if err != nil {
			return err
		}
		for _, r := range results {
			found, err := versionOf(r)
			if err != nil {
				return err
			}
			into[found.Record.Paper.ID] = found
		}
	}
	missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return into[id] != nil })
	found := make([]*version, len(missing))
	err := each(ctx, len(missing), func(ctx context.Context, i int) error {
		v, vector, err := c.paperAt(ctx, missing[i])
		if err == nil && v != nil {
			v.Vector = vectorBytes(vector)
			found[i] = v
		}
		return err
	})
	for i, id := range missing {
		if found[i] != nil {
			into[id] = found[i]
		}
	}
	return err
}

func idsOf(refs []paper.Ref) []string {
	ids := make([]string, len(refs))
	for i, r := range refs {
		ids[i] = r.ID
	}
	return ids
}

// Get implements catalog.Papers.
func (v *view) Get(ctx context.Context, refs []paper.Ref) ([]*paper.Record, error) {
	out := make([]*paper.Record, len(refs))
	if len(refs) == 0 {
		return out, nil
	}
	found, err := v.named(ctx, idsOf(refs), false)
	if err != nil {
		return nil, err
	}
	for i, r := range refs {
		if f := found[r.ID]; f != nil {
			out[i] = f.Record.record()
		}
	}
	return out, nil
}

// Vectors implements catalog.Papers.
func (v *view) Vectors(ctx context.Context, refs []paper.Ref) ([][]float32, error) {
	out := make([][]float32, len(refs))
	if len(refs) == 0 {
		return out, nil
	}
	found, err := v.named(ctx, idsOf(refs), true)
	if err != nil {
		return nil, err
	}
	for i, r := range refs {
		if f := found[r.ID]; f != nil {
			out[i] = vectorFrom(f.Vector)
		}
	}
	return out, nil
}

// List implements catalog.Papers.
func (v *view) List(ctx context.Context, from catalog.Listing) iter.Seq2[*paper.Record, error] {
	return func(yield func(*paper.Record, error) bool) {
		r, err := restrict(catalog.Restriction{Filter: from.Filter})
		for after, more := from.After, true; more && err == nil; {
			var page []*version
			if page, more, err = v.page(ctx, &r, after); err != nil {
				break
			}
			for _, p := range page {
				if err = ctx.Err(); err != nil {
					break
				}
				after = p.Record.Paper.ID
				if !yield(p.Record.record(), nil) {
					return
				}
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// page gives the papers after an id, in order, and whether there may be more.
func (v *view) page(ctx context.Context, r *restriction, after string) (page []*version, more bool, err error) {
	err = v.moment(ctx, func(ids moved, was map[string]*version) error {
		w := ids.without(r.where)
		if after != "" {
			w = all(w, textAfter(propKey, keyOf(after)))
		}
		results, err := v.c.search(ctx, &pb.SearchRequest{
			// The lists of shards are merged by what is asked for alone.
			Filters: w, Limit: pageOf, Properties: properties(propID, propKey, propRecord), Metadata: &pb.MetadataRequest{Uuid: true},
			SortBy: []*pb.SortBy{{Ascending: true, Path: []string{propKey}}},
		})
		if err != nil {
			return err
		}
		page, more = page[:0], len(results) == pageOf
		last := ""
		if more {
			last = textOf(results[len(results)-1], propID)
		}
		for _, x := range ids.drop(results) {
			found, err := versionOf(x)
			if err != nil {
				return err
			}
			page = append(page, found)
		}
		for id, old := range was {
			if id > after && (!more || id < last) && r.keeps(old) {
				page = append(page, old)
			}
		}
		slices.SortFunc(page, func(a, b *version) int { return cmp.Compare(a.Record.Paper.ID, b.Record.Paper.ID) })
		return nil
	})
	return page, more, err
}

// decodeText reads JSON of an object.
func decodeText(text string, into any) error {
	if strings.TrimSpace(text) == "" {
		return damaged(errors.New("an object has no record"))
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return damaged(err)
	}
	return nil
}
