package weaviate

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"akin/internal/paper"
)

// Weaviate takes an object in two steps: it is stored, with its words, and then put into
// the graph of vectors. A request that is given up in between (its caller waited for long
// enough, a node ended) leaves a paper that is there by its id and by its words, and that
// no search by vector finds, exact ones included. Writing it again does not help, for
// Weaviate passes over what has not changed. It does not pass over another vector, and
// where angles are compared the same one times two is the same: it is exact, and undone
// where it is read.

const (
	// mostScale is up to which power of two vectors are made longer, before it begins anew.
	mostScale = 3
	// mendRounds is how often a group's papers are put into the graph that are not there.
	mendRounds = 3
	// auditPart is how many ordinals are looked at by one step of an audit.
	auditPart = 2000
	// uncuredRest is how long a collection is left alone of whose papers none could be
	// mended: each try is a group of the log.
	uncuredRest = time.Hour
)

// scaled makes a vector longer by a power of two, and of the same direction.
func scaled(vector []float32, scale int) []float32 {
	if scale == 0 {
		return vector
	}
	out := make([]float32, len(vector))
	for i, x := range vector {
		out[i] = float32(math.Ldexp(float64(x), scale))
	}
	return out
}

// nodeSearch asks one node, which answers of its own replicas where it has any.
func (c *collection) nodeSearch(ctx context.Context, n *node, q *pb.SearchRequest) ([]*pb.SearchResult, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Try)
	defer cancel()
	if c.config.Key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.config.Key)
	}
	one := pb.ConsistencyLevel_CONSISTENCY_LEVEL_ONE
	q.Collection, q.ConsistencyLevel, q.Uses_127Api = c.papers, &one, true
	q.Metadata, q.Properties = &pb.MetadataRequest{Uuid: true}, properties(propID)
	reply, err := n.Search(ctx, q)
	return reply.GetResults(), classify(err)
}

// looking says what is looked for in the graphs: at most most papers that where keeps.
type looking struct {
	where where
	most  int
	space paper.Space
	// everywhere says that all nodes have to answer.
	everywhere bool
}

// reach gives the ids that a node finds among those that are looked for, by vector or
// without. So few are compared one by one, so that it finds all that are in its graph.
func (c *collection) reach(ctx context.Context, n *node, l looking, byVector bool, into map[string]bool) error {
	q := &pb.SearchRequest{Filters: l.where, Limit: uint32(l.most)}
	if byVector {
		probe := make([]float32, l.space.Dimension)
		probe[0] = 1
		q.NearVector = &pb.NearVector{Vectors: []*pb.Vectors{{VectorBytes: vectorBytes(probe), Type: pb.Vectors_VECTOR_TYPE_SINGLE_FP32}}}
	}
	results, err := c.nodeSearch(ctx, n, q)
	for _, r := range results {
		into[textOf(r, propID)] = true
	}
	return err
}

// errUnasked says that it is not known whether a node finds papers by vector.
var errUnasked = errors.New("a node is not ready to be asked whether it finds papers by vector")

// errUncured says that writing papers again did not help.
var errUncured = errors.New("papers were written again, and some node does not find them by vector still")

// strays gives the papers among those that are looked for that some node has and does not
// find by vector, in order. What a node does not have it gets from the others by itself,
// and one that does not answer is passed over, for an audit finds later what it lacks then,
// unless none answers or all have to.
func (c *collection) strays(ctx context.Context, l looking) ([]string, error) {
	lost := make(map[string]bool)
	asked := 0
	last := errUnasked
	for _, n := range c.nodes {
		if n.unready.Load() {
			continue
		}
		has, reached := make(map[string]bool, l.most), make(map[string]bool, l.most)
		err := c.reach(ctx, n, l, false, has)
		if err == nil {
			err = c.reach(ctx, n, l, true, reached)
		}
		if err != nil {
			last = err
			continue
		}
		asked++
		for id := range has {
			if id != "" && !reached[id] { // "" is of a replica that has it in part
				lost[id] = true
			}
		}
	}
	if asked == 0 || l.everywhere && asked < len(c.nodes) {
		return nil, cmp.Or(ctx.Err(), last)
	}
	return slices.Sorted(maps.Keys(lost)), nil
}

// straysOf is strays of papers by their ids.
func (c *collection) straysOf(ctx context.Context, space paper.Space, ids []string) (out []string, err error) {
	for some := range slices.Chunk(ids, pageOf) {
		part, err := c.strays(ctx, looking{where: anyOf(propID, some), most: len(some), space: space})
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// putPapers writes the papers of a plan, and sees that they are found by vector where a
// request did not go as it should.
func (c *collection) putPapers(ctx context.Context, p *plan, papers []*batchObject) error {
	before := c.unsure.Load()
	if err := c.put(ctx, papers); err != nil || c.unsure.Load() == before {
		return err
	}
	left := slices.Sorted(maps.Keys(p.after))
	left = slices.DeleteFunc(left, func(id string) bool { return p.after[id].version == nil })
	for round := 0; ; round++ {
		var err error
		if left, err = c.straysOf(ctx, p.space, left); err != nil {
			// They are written all the same; an audit looks at them.
			c.config.Log.WarnContext(ctx, "it could not be seen whether all nodes find what was written by vector", "papers", len(p.after), "error", err)
			return nil
		}
		if len(left) == 0 {
			return nil
		}
		if round == mendRounds {
			break
		}
		again := make([]*batchObject, len(left))
		for i, id := range left {
			s := p.after[id]
			s.version.rescale()
			if again[i], err = object(c.papers, s.version, s.vector); err != nil {
				return err
			}
		}
		if err := c.put(ctx, again); err != nil {
			return err
		}
	}
	c.config.Log.WarnContext(ctx, "papers were written that not all nodes find by vector; they are looked at again later", "papers", len(left))
	return nil
}

// rescale makes the object of a version another one for Weaviate, and the same for
// everybody else.
func (v *version) rescale() { v.Scale = v.Scale%mostScale + 1 }

// Audited is what an audit found.
type Audited struct {
	// Papers were looked at; Mended of them were not found by vector at some node.
	Papers, Mended int
}

// Audit looks whether all nodes find the papers of a collection by vector, and mends those
// that one does not. It is for the writer, beside its changes. Its error also says that a
// node did not answer, or that mending did not help.
func (c *Catalog) Audit(ctx context.Context, name string) (out Audited, err error) {
	own, err := c.collection(ctx, name)
	if err != nil {
		return out, err
	}
	h, err := own.head(ctx)
	if err != nil {
		return out, err
	}
	out.Papers = int(h.Papers)
	for from := uint32(0); from < h.Ordinal; from += auditPart {
		mended, err := own.audit(ctx, h.Space, from, true)
		out.Mended += mended
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// audit is one step.
func (c *collection) audit(ctx context.Context, space paper.Space, from uint32, everywhere bool) (mended int, err error) {
	w := between(propOrdinal, int64(from), int64(from)+auditPart-1)
	left, err := c.strays(ctx, looking{w, auditPart + beyond, space, everywhere})
	if err != nil || len(left) == 0 {
		return 0, err
	}
	return c.mend(ctx, left)
}

// mend writes papers again that not all nodes find by vector, with what they are. It is a
// group as any other, so that nobody sees it, and no change of any of them.
func (c *collection) mend(ctx context.Context, ids []string) (mended int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	h, err := c.ready(ctx)
	if err != nil {
		return 0, err
	}
	// They may have been in the midst of a change.
	if ids, err = c.straysOf(ctx, h.Space, ids); err != nil {
		return 0, err
	}
	for some := range slices.Chunk(ids, pageOf) {
		p := planOn(h)
		if err := c.restate(ctx, p, some); err != nil {
			return mended, err
		}
		if len(p.group.Entries) == 0 {
			continue
		}
		if err := c.commit(context.WithoutCancel(ctx), p); err != nil {
			return mended, err
		}
		mended += len(p.group.Entries)
		*h = *c.own
	}
	if mended == 0 {
		return 0, nil
	}
	left, err := c.straysOf(ctx, h.Space, ids)
	if err == nil && len(left) == len(ids) {
		err = errUncured
	}
	return mended, err
}

// restate plans to write papers as they are.
func (c *collection) restate(ctx context.Context, p *plan, ids []string) error {
	found := make([]state, len(ids))
	err := each(ctx, len(ids), func(ctx context.Context, i int) (err error) {
		found[i].version, found[i].vector, err = c.paperAt(ctx, ids[i])
		return err
	})
	if err != nil {
		return err
	}
	p.group.Void = true // no change comes of it
	for _, s := range found {
		if s.version != nil {
			p.again(s)
		}
	}
	return nil
}

// audits looks at the writer's collections, part by part, until the end.
func (c *Catalog) audits(ctx context.Context) {
	from := make(map[string]uint32)
	rest := make(map[string]time.Time) // until when a collection is left alone
	every(ctx, c.wire.config.AuditEvery, func() {
		c.mu.Lock()
		all := slices.Collect(maps.Values(c.collections))
		c.mu.Unlock()
		for _, own := range all {
			if _, err := own.lookBack(ctx, time.Now()); err != nil && ctx.Err() == nil {
				c.wire.config.Log.WarnContext(ctx, "it could not be seen whether papers were changed by requests that came late", "collection", own.name, "error", err)
			}
			if time.Now().Before(rest[own.name]) {
				continue
			}
			next, err := own.auditNext(ctx, from[own.name])
			if errors.Is(err, errUncured) {
				rest[own.name] = time.Now().Add(uncuredRest)
			}
			if err != nil && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) && status.Code(err) != codes.DeadlineExceeded {
				c.wire.config.Log.WarnContext(ctx, "it could not be seen whether all nodes find papers by vector", "collection", own.name, "error", err)
			}
			from[own.name] = next
		}
	})
}

// auditNext makes the step from an ordinal, and says where the next one begins.
func (c *collection) auditNext(ctx context.Context, from uint32) (uint32, error) {
	c.writing.Lock()
	h, err := c.ready(ctx) // which also mends a hint that was overwritten, and what is in doubt
	c.writing.Unlock()
	if err != nil || h.Ordinal == 0 {
		return from, err
	}
	if from >= h.Ordinal {
		from = 0
	}
	mended, err := c.audit(ctx, h.Space, from, false)
	if mended > 0 {
		c.config.Log.WarnContext(ctx, "papers that not all nodes found by vector were written again", "collection", c.name, "papers", mended)
	}
	return from + auditPart, err
}
