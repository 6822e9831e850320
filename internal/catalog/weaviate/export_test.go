package weaviate

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"akin/internal/catalog"
)

// CountAt counts the papers that one node finds, by its own replicas where it has them.
func CountAt(ctx context.Context, c *Catalog, collection string, at int) (int64, error) {
	own := c.named(collection)
	reply, err := c.wire.nodes[at].Aggregate(ctx, &pb.AggregateRequest{Collection: own.papers, ObjectsCount: true})
	return reply.GetSingleResult().GetObjectsCount(), err
}

// planned is what changes would make of a collection.
func planned(ctx context.Context, c *Catalog, name string, changes []catalog.Mutation) (*collection, *plan, error) {
	own, err := c.collection(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	own.writing.Lock()
	defer own.writing.Unlock()
	h, err := own.ready(ctx)
	if err != nil {
		return nil, nil, err
	}
	p, _, err := own.plan(ctx, h, changes)
	if err == nil {
		p.head.Group++
	}
	return own, p, err
}

// Strand writes a group as a writer does that dies after some steps: 1 is the log, 2 the
// copies, 3 half of the papers, 4 all, 5 what it deletes. What the catalog writes next it
// writes as the next writer.
func Strand(ctx context.Context, c *Catalog, collection string, steps int, changes []catalog.Mutation) error {
	own, p, err := planned(ctx, c, collection, changes)
	if err != nil {
		return err
	}
	copies, papers, gone, err := own.objects(p)
	if err != nil {
		return err
	}
	c.wire.config.Epoch++
	own.writer = writer{}
	if steps == 3 {
		papers = papers[:(len(papers)+1)/2]
	}
	for i, step := range []func() error{
		func() error { return own.putState(ctx, p.head.named("group", p.head.Group), p.group) },
		func() error { return own.put(ctx, copies) },
		func() error { return own.put(ctx, papers) },
		func() error { return nil },
		func() error {
			for _, id := range gone {
				if err := own.remove(ctx, own.papers, paperID(id)); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		if i < steps {
			if err := step(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tear ends the first try of each write after a time that after gives; nil ends none.
func Tear(c *Catalog, after func() time.Duration) {
	c.wire.tear = nil
	if after != nil {
		c.wire.tear = func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, after())
		}
	}
}

// Unsure counts the writes of which it was not known that all replicas took them whole.
func Unsure(c *Catalog) uint64 { return c.wire.unsure.Load() }

// ApplyUnseen writes new papers as Apply does, and does not look whether they are found.
func ApplyUnseen(ctx context.Context, c *Catalog, collection string, changes []catalog.Mutation) error {
	own, p, err := planned(ctx, c, collection, changes)
	if err != nil {
		return err
	}
	_, papers, _, err := own.objects(p)
	if err == nil {
		err = own.putState(ctx, p.head.named("group", p.head.Group), p.group)
	}
	if err == nil {
		err = own.put(ctx, papers)
	}
	own.writing.Lock()
	defer own.writing.Unlock()
	own.doubt, own.made = &p.head, p
	return errors.Join(err, own.resolve(ctx))
}

// Strays are those of some papers that some node does not find by vector.
func Strays(ctx context.Context, c *Catalog, collection string, ids []string) ([]string, error) {
	own, err := c.collection(ctx, collection)
	if err != nil {
		return nil, err
	}
	return own.straysOf(ctx, c.wire.config.Space, ids)
}

// FillBeside writes n objects of a sort, numbered from 0.
func FillBeside(ctx context.Context, b *Beside, sort string, n int) error {
	var objects []*batchObject
	for i := range n {
		fields, err := structpb.NewStruct(map[string]any{propData: "", propSort: sort, propNumber: float64(i)})
		if err != nil {
			return err
		}
		objects = append(objects, &batchObject{
			Collection: b.wire.beside(), Uuid: besideID(fmt.Sprint(sort, "/", i)), Properties: &pb.BatchObject_Properties{NonRefProperties: fields},
		})
	}
	return b.wire.put(ctx, objects)
}

// CountBeside counts the objects that there are.
func CountBeside(ctx context.Context, b *Beside) (int64, error) {
	reply, err := b.wire.nodes[0].Aggregate(ctx, &pb.AggregateRequest{Collection: b.wire.beside(), ObjectsCount: true})
	return reply.GetSingleResult().GetObjectsCount(), err
}

// State gives everything that is overwritten, or that names what a writer did, up to the
// newest head: to write it again, as requests do that come late. papers is how many there
// are by the hint.
func State(ctx context.Context, c *Catalog, name string) (again func(context.Context) error, papers uint32, err error) {
	own, err := c.collection(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	hint, err := own.hint(ctx)
	if err != nil {
		return nil, 0, err
	}
	h, err := own.head(ctx)
	if err != nil {
		return nil, 0, err
	}
	g, _, err := own.logged(ctx, h, h.Group)
	return func(ctx context.Context) error {
		return errors.Join(own.putState(ctx, hintID(), hint), own.putState(ctx, h.named("group", h.Group), g), own.putState(ctx, h.named("commit", h.Group), h))
	}, hint.Papers, err
}

// LatePaper gives a paper as it is, to write it again, as a request does that comes late.
func LatePaper(ctx context.Context, c *Catalog, name, id string) (again func(context.Context) error, err error) {
	own, err := c.collection(ctx, name)
	if err != nil {
		return nil, err
	}
	v, vector, err := own.paperAt(ctx, id)
	if err != nil {
		return nil, err
	}
	o, err := object(own.papers, v, vector)
	return func(ctx context.Context) error { return own.put(ctx, []*batchObject{o}) }, err
}

// LookBack looks at all papers that a late request may have changed.
func LookBack(ctx context.Context, c *Catalog, name string) (mended int, err error) {
	own, err := c.collection(ctx, name)
	if err != nil {
		return 0, err
	}
	return own.lookBack(ctx, time.Now().Add(firstLook+time.Second))
}
