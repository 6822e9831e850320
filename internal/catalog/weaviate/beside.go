package weaviate

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	// propSort and propNumber are what objects beside papers are removed by.
	propSort   = "sort"
	propNumber = "number"
)

// Beside keeps in the cluster what is kept beside papers. It implements home.Place.
type Beside struct{ wire *wire }

// besideClass is the class of its objects.
func (w *wire) besideClass() map[string]any {
	return w.class(w.beside(), []property{
		text(propData, "field", false, false), text(propSort, "field", true, false), number(propNumber),
	}, map[string]any{"skip": true})
}

func (w *wire) beside() string { return w.config.Prefix + "Beside" }

func besideID(name string) string { return idOf("beside", name) }

// Beside gives what keeps objects beside papers. Its class is made if it is not there;
// without create, it is then nil.
func (c *Catalog) Beside(ctx context.Context, create bool) (*Beside, error) {
	b := &Beside{wire: c.wire}
	if create {
		return b, c.wire.createClass(ctx, c.wire.besideClass())
	}
	there, err := c.wire.hasClass(ctx, c.wire.beside())
	if err != nil || !there {
		return nil, err
	}
	return b, nil
}

// OpenBeside opens what keeps objects beside papers without opening a catalog. Close ends
// its connections.
func OpenBeside(ctx context.Context, config Config) (*Beside, error) {
	w, err := connect(config)
	if err != nil {
		return nil, err
	}
	if err := w.createClass(ctx, w.besideClass()); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return &Beside{w}, nil
}

// Close ends the connections of OpenBeside.
func (b *Beside) Close() error { return b.wire.close() }

// Get implements home.Place.
func (b *Beside) Get(ctx context.Context, name string) ([]byte, error) {
	f, err := b.wire.fetch(ctx, b.wire.beside(), besideID(name))
	if err != nil || f == nil {
		return nil, err
	}
	var text string
	if err := json.Unmarshal(f.Properties[propData], &text); err != nil {
		return nil, damaged(err)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, damaged(err)
	}
	return data, nil
}

// Put implements home.Place. A quorum is enough: what reads is one, too.
func (b *Beside) Put(ctx context.Context, name, sort string, number uint64, data []byte) error {
	level := b.wire.level()
	if b.wire.config.AllReplicas && b.wire.config.Replicas > 1 {
		all := pb.ConsistencyLevel_CONSISTENCY_LEVEL_ALL
		level = &all
	}
	fields, err := structpb.NewStruct(map[string]any{
		propData: base64.StdEncoding.EncodeToString(data), propSort: sort, propNumber: float64(number),
	})
	if err != nil {
		return fmt.Errorf("weaviate: %w", err)
	}
	o := &batchObject{Collection: b.wire.beside(), Uuid: besideID(name), Properties: &pb.BatchObject_Properties{NonRefProperties: fields}}
	return b.wire.putAt(ctx, []*batchObject{o}, level)
}

// Forget implements home.Place.
func (b *Beside) Forget(ctx context.Context, sort string, below uint64) error {
	return b.wire.removeWhere(ctx, b.wire.beside(), all(textIs(propSort, sort), number64(propNumber, pb.Filters_OPERATOR_LESS_THAN, int64(below))), b.wire.fenced)
}

// Drop removes all of it.
func (b *Beside) Drop(ctx context.Context) error { return b.wire.dropClass(ctx, b.wire.beside()) }
