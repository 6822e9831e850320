package weaviate

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	// propUntil is until when a list is kept, in milliseconds.
	propUntil = "until"
	// sweepEvery is how often lists are removed whose time is over, sweepAfter how long
	// after it: clocks of servers differ.
	sweepEvery, sweepAfter = 5 * time.Minute, 5 * time.Minute
)

// listsClass is the class of lists of results that servers keep for each other.
func (w *wire) listsClass() map[string]any {
	return w.class(w.lists(), []property{text(propData, "field", false, false), number(propUntil)}, map[string]any{"skip": true})
}

func (w *wire) lists() string { return w.config.Prefix + "Lists" }

func listID(name string) string { return idOf("list", name) }

// KeepList implements catalog.Lists. Readers keep lists too: they have random names.
func (c *Catalog) KeepList(ctx context.Context, name string, data []byte, until time.Time) error {
	fields, err := structpb.NewStruct(map[string]any{propData: base64.StdEncoding.EncodeToString(data), propUntil: float64(until.UnixMilli())})
	if err != nil {
		return fmt.Errorf("weaviate: %w", err)
	}
	o := &batchObject{Collection: c.wire.lists(), Uuid: listID(name), Properties: &pb.BatchObject_Properties{NonRefProperties: fields}}
	reply, err := call(ctx, c.wire, func(n *node) batchCall { return n.BatchObjects },
		&pb.BatchObjectsRequest{Objects: []*batchObject{o}, ConsistencyLevel: c.wire.level()})
	if err != nil {
		return err
	}
	for _, e := range reply.GetErrors() {
		return notTaken(errors.New(e.GetError()))
	}
	return nil
}

// List implements catalog.Lists.
func (c *Catalog) List(ctx context.Context, name string) (data []byte, until time.Time, err error) {
	f, err := c.wire.fetch(ctx, c.wire.lists(), listID(name))
	if err != nil || f == nil {
		return nil, time.Time{}, err
	}
	var text string
	var milliseconds float64
	err = errors.Join(json.Unmarshal(f.Properties[propData], &text), json.Unmarshal(f.Properties[propUntil], &milliseconds))
	if err != nil {
		return nil, time.Time{}, damaged(err)
	}
	if until = time.UnixMilli(int64(milliseconds)); time.Now().After(until) {
		return nil, time.Time{}, nil
	}
	if data, err = base64.StdEncoding.DecodeString(text); err != nil {
		return nil, time.Time{}, damaged(err)
	}
	return data, until, nil
}

// sweep removes lists whose time is over, until the end.
func (w *wire) sweep(ctx context.Context) {
	every(ctx, sweepEvery, func() {
		if err := w.removeLists(ctx, time.Now().Add(-sweepAfter)); err != nil && ctx.Err() == nil {
			w.config.Log.WarnContext(ctx, "lists of results whose time is over could not be removed; they are the next time", "error", err)
		}
	})
}

// removeLists removes the lists that are kept until before a time.
func (w *wire) removeLists(ctx context.Context, before time.Time) error {
	return w.removeWhere(ctx, w.lists(), number64(propUntil, pb.Filters_OPERATOR_LESS_THAN, before.UnixMilli()), nil)
}

// mostRemovals is how often the cluster is asked to remove what a filter keeps: each time
// it removes mostHits at most, and says of how many.
const mostRemovals = 100

// removeWhere removes the objects of a class that a filter keeps. Some may stay, of more
// than a million. may is asked each time, unless it is nil.
func (w *wire) removeWhere(ctx context.Context, class string, what where, may func(context.Context) error) error {
	for range mostRemovals {
		if may != nil {
			if err := may(ctx); err != nil {
				return err
			}
		}
		reply, err := call(ctx, w, func(n *node) deleteCall { return n.BatchDelete }, &pb.BatchDeleteRequest{
			Collection: class, Filters: what, ConsistencyLevel: w.level(),
		})
		if err != nil || reply.GetMatches() <= mostHits || reply.GetSuccessful() == 0 {
			return err
		}
	}
	return nil
}

type deleteCall = func(context.Context, *pb.BatchDeleteRequest, ...grpc.CallOption) (*pb.BatchDeleteReply, error)
