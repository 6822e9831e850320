package weaviate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	"akin/internal/filter"
	"akin/internal/lexical"
	"akin/internal/paper"
)

const (
	// parallel is how many objects are asked for at a time.
	parallel = 16
	// batchObjects and batchBytes are how much is written with one call, and batches how
	// many calls at a time.
	batchObjects = 100
	batchBytes   = 4 << 20
	batches      = 4
)

// version is a paper as it was from one change to the next.
type version struct {
	// Born is the sequence number of the change that made it.
	Born   uint64       `json:"born"`
	Record storedRecord `json:"record"`
	Vector []byte       `json:"vector,omitempty"` // of copies; papers have theirs beside
	// Scale is the power of two by which the vector that the cluster has is longer (see
	// mend.go). The one here is the paper's.
	Scale int `json:"scale,omitempty"`

	terms []string // what termsOf gives, once it was asked
	words int
}

// analysed is termsOf, once. Not for concurrent use.
func (v *version) analysed() (terms []string, length int) {
	if v.terms == nil {
		v.terms, v.words = termsOf(&v.Record.Paper)
	}
	return v.terms, v.words
}

// length is how many words a version has; nil has none.
func (v *version) length() uint64 {
	if v == nil {
		return 0
	}
	_, n := v.analysed()
	return uint64(n)
}

// storedRecord is a record in JSON. Its digests are bytes.
type storedRecord struct {
	Paper          paper.Paper
	Ordinal        uint32
	Revision       uint64
	Created        int64 // nanoseconds
	Updated        int64
	Embed, Content []byte
	TokenCount     int
	Truncated      bool
	Trail          *paper.Trail `json:",omitempty"`
}

func stored(r *paper.Record) storedRecord {
	return storedRecord{
		Paper: r.Paper, Ordinal: r.Ordinal, Revision: r.Revision, Created: r.CreateTime.UnixNano(), Updated: r.UpdateTime.UnixNano(),
		Embed: r.EmbedDigest[:], Content: r.ContentDigest[:], TokenCount: r.TokenCount, Truncated: r.Truncated, Trail: r.Trail,
	}
}

// record gives the record, the caller's own.
func (s *storedRecord) record() *paper.Record {
	r := &paper.Record{
		Paper: s.Paper.Clone(), Ordinal: s.Ordinal, Revision: s.Revision, CreateTime: time.Unix(0, s.Created).UTC(),
		UpdateTime: time.Unix(0, s.Updated).UTC(), TokenCount: s.TokenCount, Truncated: s.Truncated, Trail: s.Trail,
	}
	copy(r.EmbedDigest[:], s.Embed)
	copy(r.ContentDigest[:], s.Content)
	return r
}

// contentDigest tells papers apart; what is empty is as what is nil.
func contentDigest(p paper.Paper) (paper.Digest, error) {
	b, err := json.Marshal(p.Plain())
	return sha256.Sum256(append([]byte("akin.weaviate.content.v1\n"), b...)), err
}

// idOf is the deterministic id of an object: writing it again is no other object.
func idOf(kind, name string) string {
	space := uuid.MustParse("6f1c7e0a-7f0e-5d0c-9d5e-616b696e0001")
	return uuid.NewSHA1(space, []byte(kind+"\x00"+name)).String()
}

func paperID(id string) string { return idOf("paper", id) }

func copyID(id string, born uint64) string { return idOf("copy", fmt.Sprintf("%d\x00%s", born, id)) }

// longest is how many bytes of a value are in an index; longer ones are digests.
const longest = 120

func facet(field, key, value string) string {
	if key != "" {
		field += "." + key
	}
	if len(field)+len(value) > longest {
		return fmt.Sprintf("#%x", sha256.Sum256([]byte(field+"\x00"+value)))
	}
	return unspaced(field + "=" + value)
}

// unspaced makes one word of a text, another one of each.
func unspaced(text string) string {
	if !strings.ContainsFunc(text, escaped) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if escaped(r) {
			fmt.Fprintf(&out, "%%%x;", r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func escaped(r rune) bool { return r == '%' || unicode.IsSpace(r) }

// keyOf is an id in an alphabet that is sorted by bytes, whatever sorts it.
func keyOf(id string) string { return hex.EncodeToString([]byte(id)) }

func presence(field, key string) string { return facet("?"+field, key, "") }

// object makes the object of a paper.
func object(class string, v *version, vector []float32) (*pb.BatchObject, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("weaviate: the paper %q: %w", v.Record.Paper.ID, err)
	}
	r := v.Record.record()
	terms, length := v.analysed()
	fields := map[string]any{
		propID: r.ID, propKey: keyOf(r.ID), propRecord: string(data), propTerms: strings.Join(terms, " "), propLength: float64(lengthOf(length, v.Scale)),
		propOrdinal: float64(r.Ordinal), propFacets: strings.Join(facetsOf(r), " "), propWords: strings.Join(wordsOf(r), " "),
		propLot:     float64(lotOf(r.ID)),
		propCreated: float64(r.CreateTime.UnixMicro()), propUpdated: float64(r.UpdateTime.UnixMicro()),
	}
	if r.PublishDate.Year > 0 {
		fields[propDate], fields[propYear] = float64(filter.PackedDate(r.PublishDate)), float64(r.PublishDate.Year)
	}
	properties, err := structpb.NewStruct(fields)
	if err != nil {
		return nil, fmt.Errorf("weaviate: the paper %q: %w", r.ID, err)
	}
	return &pb.BatchObject{
		Collection: class, Uuid: paperID(r.ID), VectorBytes: vectorBytes(scaled(vector, v.Scale)),
		Properties: &pb.BatchObject_Properties{NonRefProperties: properties},
	}, nil
}

// The length of a paper is kept with the scale of its vector above it, for what needs no
// more of a paper than words and vector.
const scaleShift = 40

func lengthOf(words, scale int) int64 { return int64(words) | int64(scale)<<scaleShift }

func lengthFrom(n int64) (words, scale int) {
	return int(n & (1<<scaleShift - 1)), int(n >> scaleShift)
}

// termsOf are the terms of a paper, those of its title as often as they count, and how
// many words that is: other forms of words are terms, and no words.
func termsOf(p *paper.Paper) (terms []string, length int) {
	const titleWeight = 3 // as in package lexical
	for i, text := range []string{p.Title, p.Abstract} {
		for _, t := range lexical.Analyse(text) {
			terms = append(terms, t.Term)
			for n := 1; i == 0 && n < titleWeight; n++ {
				terms = append(terms, t.Term)
			}
			switch {
			case t.Joined:
			case i == 0:
				length += titleWeight
			default:
				length++
			}
		}
	}
	return terms, length
}

func facetsOf(r *paper.Record) (facets []string) {
	for _, v := range filter.Values(r) {
		facets = append(facets, presence(v.Field, v.Key))
		if v.Field != "signals" {
			facets = append(facets, facet(v.Field, v.Key, v.Value))
		}
	}
	facets = append(facets, namesOf(&r.Paper)...)
	slices.Sort(facets)
	return slices.Compact(facets)
}

func wordsOf(r *paper.Record) (words []string) {
	for field, texts := range filter.WordFields(r) {
		for _, text := range texts {
			for _, w := range filter.Words(text) {
				words = append(words, facet(field, "", w))
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

func vectorBytes(vector []float32) []byte {
	out := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

func vectorFrom(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// other makes an object that is no paper.
func other(class, id string, value any) (*pb.BatchObject, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("weaviate: %w", err)
	}
	properties, err := structpb.NewStruct(map[string]any{propData: string(data)})
	if err != nil {
		return nil, fmt.Errorf("weaviate: %w", err)
	}
	return &pb.BatchObject{Collection: class, Uuid: id, Properties: &pb.BatchObject_Properties{NonRefProperties: properties}}, nil
}

// fetched is an object that a quorum agrees on.
type fetched struct {
	Properties map[string]json.RawMessage
	Vector     []float32
}

func (f *fetched) decode(property string, into any) error {
	var text string
	if err := json.Unmarshal(f.Properties[property], &text); err != nil {
		return damaged(fmt.Errorf("the property %s, %.100q: %w", property, f.Properties[property], err))
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return damaged(fmt.Errorf("the property %s, %.100q: %w", property, text, err))
	}
	return nil
}

func damaged(err error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
		Message: "an object of the cluster is not as akin writes it; restore it from a backup of the cluster, or import the papers again",
	}
}

// fetch reads an object by a quorum; nil if it is not there.
func (w *wire) fetch(ctx context.Context, class, id string) (*fetched, error) {
	// With include, a node that starts and does not know the class yet says 400, and not
	// that there is no such object.
	path := "/objects/" + class + "/" + id + "?include=vector&consistency_level=" + w.quorum()
	for range mostFetches {
		a, err := w.rest(ctx, http.MethodGet, path, nil)
		switch {
		case err != nil:
			return nil, err
		case a.code == http.StatusNotFound:
			return nil, nil //nolint:nilnil // not there is no error
		case a.code != http.StatusOK:
			return nil, a.fault(http.MethodGet, path)
		}
		var f fetched
		if err := json.Unmarshal(a.body, &f); err != nil {
			return nil, damaged(err)
		}
		if len(f.Properties) > 0 {
			return &f, nil
		}
	}
	return nil, damaged(fmt.Errorf("the object %s of %s has no properties", id, class))
}

// mostFetches is how often an object is asked for that comes without properties, as
// nodes give it that start.
const mostFetches = 4

// quorum is the consistency of reads and writes that must not be lost.
func (w *wire) quorum() string {
	if w.config.Replicas == 1 {
		return "ONE"
	}
	return "QUORUM"
}

func (w *wire) level() *pb.ConsistencyLevel {
	l := pb.ConsistencyLevel_CONSISTENCY_LEVEL_QUORUM
	if w.config.Replicas == 1 {
		l = pb.ConsistencyLevel_CONSISTENCY_LEVEL_ONE
	}
	return &l
}

// put writes objects, each to a quorum at least. While all nodes answer it waits for all
// replicas, so that searches find at once what was acknowledged.
func (w *wire) put(ctx context.Context, objects []*pb.BatchObject) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(batches)
	for len(objects) > 0 {
		n, bytes := 0, 0
		for n < len(objects) && n < batchObjects && (n == 0 || bytes < batchBytes) {
			bytes += len(objects[n].GetProperties().GetNonRefProperties().GetFields()[propRecord].GetStringValue()) + 4096
			n++
		}
		some := objects[:n]
		g.Go(func() error { return w.putSome(ctx, some) })
		objects = objects[n:]
	}
	return g.Wait()
}

func (w *wire) putSome(ctx context.Context, objects []*pb.BatchObject) error {
	level := w.level()
	if all := pb.ConsistencyLevel_CONSISTENCY_LEVEL_ALL; w.config.Replicas > 1 && (w.config.AllReplicas || w.whole.well()) {
		level = &all
	}
	return w.putAt(ctx, objects, level)
}

// putAt writes objects at a level of consistency; where that is all replicas although the
// configuration does not say so, at a quorum once one is missing.
func (w *wire) putAt(ctx context.Context, objects []*pb.BatchObject, level *pb.ConsistencyLevel) error {
	var last error
	for round := range 4 {
		tries := 0
		reply, err := call(ctx, w, w.batch(&tries), &pb.BatchObjectsRequest{Objects: objects, ConsistencyLevel: level})
		if err != nil || tries > 1 || len(reply.GetErrors()) > 0 || w.config.Replicas > 1 && *level != pb.ConsistencyLevel_CONSISTENCY_LEVEL_ALL {
			w.unsure.Add(1)
		}
		if err != nil {
			return err
		}
		if len(reply.GetErrors()) == 0 {
			return nil
		}
		var left []*pb.BatchObject
		for _, e := range reply.GetErrors() {
			if i := int(e.GetIndex()); i >= 0 && i < len(objects) {
				left = append(left, objects[i])
			}
			last = fmt.Errorf("object %d of %d: %s", e.GetIndex(), len(objects), e.GetError())
		}
		if *level == pb.ConsistencyLevel_CONSISTENCY_LEVEL_ALL && !w.config.AllReplicas {
			w.config.Log.WarnContext(ctx, "not all replicas took a write; for a while, it is enough that most do", "error", last)
			w.whole.ill()
			level = w.level()
		}
		objects = left
		select {
		case <-ctx.Done():
			return w.given(ctx, last)
		case <-time.After(time.Duration(round) * 200 * time.Millisecond):
		}
	}
	return notTaken(last)
}

// batch writes to a node, as long as this process is the writer, and counts how often.
func (w *wire) batch(tries *int) func(*node) batchCall {
	return func(n *node) batchCall {
		return func(ctx context.Context, q *pb.BatchObjectsRequest, o ...grpc.CallOption) (*pb.BatchObjectsReply, error) {
			if err := w.fenced(ctx); err != nil {
				return nil, err
			}
			if *tries++; *tries == 1 && w.tear != nil {
				torn, cancel := w.tear(ctx)
				defer cancel()
				ctx = torn
			}
			return n.BatchObjects(ctx, q, o...)
		}
	}
}

// notTaken is the error of a write that the cluster refused although nodes answered.
func notTaken(err error) error {
	return &paper.Error{
		Kind: paper.Unavailable, Reason: ReasonClusterUnavailable, RetryAfter: time.Second, Cause: err,
		Message: fmt.Sprintf("the Weaviate cluster did not take a write (%.200v); see that at least two of three nodes run, then send the changes again", err),
	}
}

// remove deletes an object; one that is not there is no fault.
func (w *wire) remove(ctx context.Context, class, id string) error {
	level := w.quorum()
	if w.config.AllReplicas && w.config.Replicas > 1 {
		level = "ALL"
	}
	path := "/objects/" + class + "/" + id + "?consistency_level=" + level
	a, err := w.rest(ctx, http.MethodDelete, path, nil)
	if err == nil && a.code/100 != 2 && a.code != http.StatusNotFound {
		err = a.fault(http.MethodDelete, path)
	}
	return err
}

// each calls f for every index, a few at a time.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range n {
		g.Go(func() error { return f(ctx, i) })
	}
	return g.Wait()
}
