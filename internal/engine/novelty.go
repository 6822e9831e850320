package engine

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	catalog "akin/internal/catalog/local"
	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/rank"
)

// The limits of novelty.
const (
	// MaxNoveltyPapers is how many papers a request may ask about.
	MaxNoveltyPapers = 100
	// NoveltyNeighbors is how many of the nearest earlier papers a paper is
	// compared with.
	NoveltyNeighbors = 5
	// NoveltySample is how many papers of a collection make the reference.
	NoveltySample = 500
	// exactUntil is the size of a collection up to which earlier papers are found
	// by exact scans, so that a later paper never changes an answer about the
	// past. Beyond, the graph is walked where that is cheaper.
	exactUntil = 100_000
	// noveltyReferences is how many references are kept, one a collection and
	// day.
	noveltyReferences = 16
	// noveltyDrift: a reference is made anew after one change for so many papers.
	noveltyDrift = 10
)

// NoveltyRequest asks how far papers are from what came before them.
type NoveltyRequest struct {
	Collection string
	// PaperIDs are papers of the collection; or Text is a paper that need not be
	// in it.
	PaperIDs []string
	Text     *Text
	// AsOf is a day, YYYY-MM-DD: nothing that appeared later counts. "" is no
	// limit for papers, and today for a text.
	AsOf string
}

// NoveltyReason says why a novelty is missing or uncertain.
type NoveltyReason int

// The reasons. NoveltyKnown is the zero value.
const (
	NoveltyKnown NoveltyReason = iota
	// NoDate: the paper has no date, so that nothing came before it.
	NoDate
	// NoEarlier: no paper of the collection is earlier.
	NoEarlier
	// FewEarlier: fewer than NoveltyNeighbors papers are earlier.
	FewEarlier
	// NoReference: no paper of the collection has enough earlier ones, so that
	// there is no percentile.
	NoReference
)

// Novelty is how far a paper is from what came before it.
type Novelty struct {
	PaperID string // "" for a text
	// Distance is 1 minus the mean cosine with the nearest earlier papers.
	// Percentile is the share of the reference that is less far from its own
	// past, 0 to 100. Both hold where Reason allows.
	Distance, Percentile float64
	Reason               NoveltyReason
	// Until is the last day whose papers are earlier, Earlier how many they are.
	Until   string
	Earlier int
	Nearest []Earlier
}

// Earlier is a paper that came before.
type Earlier struct {
	Record     paper.Record
	Similarity float64
}

// NoveltyAnswer is one Novelty a paper, in the order asked for.
type NoveltyAnswer struct {
	Papers []Novelty
	// Reference is how many papers the percentiles are among.
	Reference   int
	QueryTokens int
	Truncated   bool
	Sequence    uint64
}

// reference is the distances of a sample from its own past, sorted.
type reference struct {
	distances []float64
	sequence  uint64
	papers    uint32
}

// references keeps what novelties are compared with.
type references struct {
	kept *expirable.LRU[string, *reference]
	// making is held by whoever makes one: it keeps a core busy.
	making chan struct{}
}

func newReferences() references {
	return references{kept: expirable.NewLRU[string, *reference](noveltyReferences, nil, 0), making: make(chan struct{}, 1)}
}

// subject is a paper whose novelty is asked.
type subject struct {
	id     string
	vector []float32
	// until is the last day before it, "" where there is none.
	until  string
	reason NoveltyReason
}

// Novelty says how far papers are from what came before them.
func (e *Engine) Novelty(ctx context.Context, req NoveltyRequest) (*NoveltyAnswer, error) {
	a := e.ask()
	defer a.close()
	return a.novelty(ctx, req)
}

func (e *asking) novelty(ctx context.Context, req NoveltyRequest) (*NoveltyAnswer, error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	collection, err := collectionOf(req.Collection)
	if err != nil {
		return nil, err
	}
	options := ResultOptions{AsOf: req.AsOf}
	if err := options.check(); err != nil {
		return nil, err
	}
	var answer Answer
	subjects, err := e.subjects(ctx, collection, req, &answer)
	if err != nil {
		return nil, err
	}
	ref, err := e.reference(ctx, collection, req.AsOf)
	if err != nil {
		return nil, err
	}
	out := &NoveltyAnswer{Reference: len(ref.distances), QueryTokens: answer.QueryTokens, Truncated: answer.Truncated, Sequence: ref.sequence}
	for _, s := range subjects {
		n := Novelty{PaperID: s.id, Until: s.until, Reason: s.reason}
		if n.Reason == NoveltyKnown {
			found, err := e.past(ctx, collection, s.vector, s.until, ref.papers)
			if err != nil {
				return nil, err
			}
			if err := e.judge(ctx, collection, &n, found, ref); err != nil {
				return nil, err
			}
			out.Sequence = max(out.Sequence, found.Sequence)
		}
		out.Papers = append(out.Papers, n)
	}
	return out, nil
}

// subjects checks what a request asks about and finds its vectors and days.
func (e *asking) subjects(ctx context.Context, collection string, req NoveltyRequest, a *Answer) ([]subject, error) {
	if err := checkEither(req.Text, req.PaperIDs, MaxNoveltyPapers); err != nil {
		return nil, err
	}
	if req.Text != nil {
		vector, err := e.embedOne(ctx, a, e.embedder.Text(req.Text.Title, req.Text.Abstract), embed.Document)
		until := req.AsOf
		if until == "" {
			until = time.Now().UTC().Format(time.DateOnly)
		}
		return []subject{{vector: vector, until: until}}, err
	}
	examples := SimilarRequest{PaperIDs: req.PaperIDs}.examples()
	if err := e.identify(ctx, collection, namedExamples("paper_ids", examples)); err != nil {
		return nil, err
	}
	req.PaperIDs = idsOf(examples)
	records, err := e.catalog.Get(ctx, collection, req.PaperIDs)
	if err != nil {
		return nil, err
	}
	vectors, err := e.catalog.Vectors(ctx, collection, req.PaperIDs)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*paper.Record, len(records))
	for i := range records {
		byID[records[i].ID] = &records[i]
	}
	out := make([]subject, len(req.PaperIDs))
	var gone absent
	for i, id := range req.PaperIDs {
		r := byID[id]
		if r == nil || vectors[id] == nil {
			gone.add("paper_ids", i, id) // since
			continue
		}
		out[i] = subject{id: id, vector: vectors[id]}
		out[i].until, out[i].reason = dayBefore(r.PublishDate)
		if req.AsOf != "" && out[i].until > req.AsOf { // days in ISO form compare as text
			out[i].until = req.AsOf
		}
	}
	return out, gone.err()
}

// dayBefore is the last day whose papers came before one of a date. A date that
// is not known to the day counts from the first day that it can be, as in
// filters: of papers known to the year, those of the years before are earlier.
func dayBefore(d paper.Date) (day string, reason NoveltyReason) {
	if d.Year == 0 {
		return "", NoDate
	}
	before := firstDay(d).AddDate(0, 0, -1)
	if before.Year() < 1 {
		return "", NoEarlier
	}
	return before.Format(time.DateOnly), NoveltyKnown
}

// past finds the nearest papers that had appeared by a day.
func (e *asking) past(ctx context.Context, collection string, vector []float32, until string, papers uint32) (catalog.Found, error) {
	return e.catalog.Neighbors(ctx, collection, catalog.Neighbors{Vector: vector, K: NoveltyNeighbors, AsOf: until, Exact: papers <= exactUntil})
}

// distance is 1 minus the mean cosine.
func distance(hits []rank.Hit) float64 {
	var sum float64
	for _, h := range hits {
		sum += h.Semantic
	}
	return 1 - sum/float64(len(hits))
}

// judge fills in a novelty from what came before.
func (e *asking) judge(ctx context.Context, collection string, n *Novelty, found catalog.Found, ref *reference) error {
	n.Earlier = int(found.Kept)
	switch {
	case len(found.Hits) == 0:
		n.Reason = NoEarlier
		return nil
	case len(found.Hits) < NoveltyNeighbors:
		n.Reason = FewEarlier
	}
	n.Distance = distance(found.Hits)
	if len(ref.distances) == 0 {
		n.Reason = NoReference
	} else {
		n.Percentile = rank.Percentile(ref.distances, n.Distance)
	}
	ids := make([]string, len(found.Hits))
	for i, h := range found.Hits {
		ids[i] = h.ID
	}
	records, err := e.catalog.Get(ctx, collection, ids)
	if err != nil {
		return err
	}
	for _, h := range found.Hits {
		for i := range records {
			if records[i].ID == h.ID {
				n.Nearest = append(n.Nearest, Earlier{records[i], h.Semantic})
			}
		}
	}
	return nil
}

// reference gives the distances of a sample of the collection as of a day, made
// when they are first asked for, and anew when the collection has changed much.
func (e *asking) reference(ctx context.Context, collection, asOf string) (*reference, error) {
	key := collection + "\x00" + asOf
	stats, err := e.catalog.Stats(ctx, collection)
	if err != nil {
		return nil, err
	}
	fresh := func() (*reference, bool) {
		r, ok := e.references.kept.Get(key)
		return r, ok && (r.sequence >= stats.Sequence || (stats.Sequence-r.sequence)*noveltyDrift <= uint64(r.papers))
	}
	if r, ok := fresh(); ok {
		return r, nil
	}
	select {
	case e.references.making <- struct{}{}:
		defer func() { <-e.references.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if r, ok := fresh(); ok { // somebody else was faster
		return r, nil
	}
	r := &reference{sequence: stats.Sequence, papers: stats.Papers}
	sample, err := e.catalog.Sample(ctx, collection, asOf, NoveltySample)
	if err != nil {
		return nil, err
	}
	ordinals := make([]uint32, len(sample))
	for i := range sample {
		ordinals[i] = sample[i].Ordinal
	}
	vectors, err := e.catalog.VectorsAt(ctx, collection, ordinals)
	if err != nil {
		return nil, err
	}
	for i, v := range vectors {
		until, reason := dayBefore(sample[i].Date)
		if v == nil || reason != NoveltyKnown {
			continue
		}
		found, err := e.past(ctx, collection, v, until, r.papers)
		if err != nil {
			return nil, err
		}
		if len(found.Hits) == NoveltyNeighbors {
			r.distances = append(r.distances, distance(found.Hits))
		}
	}
	slices.Sort(r.distances)
	e.references.kept.Add(key, r)
	return r, nil
}
