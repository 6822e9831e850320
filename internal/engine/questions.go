package engine

import (
	"context"
	"slices"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// The limits of questions.
const (
	// MaxQuestions is how many papers may be asked about at once.
	MaxQuestions = 100
	// DefaultQuestions is how many papers are asked about if nothing is said.
	DefaultQuestions = 10
	// MaxOpinions is how many likes and dislikes count.
	MaxOpinions = 200
	// questionSample is how many papers of the collection stand for all of it.
	questionSample = 1_000
	// spareQuestions are chosen beside those asked for, in case some are versions of
	// one work.
	spareQuestions = 10
)

// QuestionsRequest asks about which papers an answer would tell most of a taste.
type QuestionsRequest struct {
	Collection string
	// Liked and Disliked are papers whose answers are known, at most MaxOpinions
	// together; Exclude are others that are not to be asked about.
	Liked, Disliked, Exclude []string
	// Count is how many papers; 0 is DefaultQuestions.
	Count int
}

// Questions are papers to ask about.
type Questions struct {
	Papers []Question
	// Unknown is the part of the collection's variance that the known answers leave,
	// from 0 to 1.
	Unknown  float64
	Sequence uint64
	// Lacking is as in Answer.
	Lacking []catalog.Capability
}

// Question is a paper to ask about; Gain is which part of what is unknown its answer
// takes away.
type Question struct {
	Record paper.Record
	Gain   float64
}

// Questions chooses papers about which an answer would tell most of a taste, among a
// sample of the collection: see rank.Questions. Papers that are not there are passed
// over.
func (e *Engine) Questions(ctx context.Context, req QuestionsRequest) (*Questions, error) {
	switch {
	case req.Count < 0 || req.Count > MaxQuestions:
		return nil, paper.InvalidField("count", "is %d; it must be between 0, which means %d, and %d", req.Count, DefaultQuestions, MaxQuestions)
	case req.Count == 0:
		req.Count = DefaultQuestions
	}
	if n := len(req.Liked) + len(req.Disliked); n > MaxOpinions {
		return nil, paper.InvalidField("liked", "and disliked have %d items; the limit is %d", n, MaxOpinions)
	}
	a, err := e.ask(ctx, req.Collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	out := &Questions{Unknown: 1, Sequence: a.info.Sequence}
	p, err := a.sample(ctx, questionSample)
	if err != nil {
		return nil, err
	}
	chosen, err := a.question(ctx, &req, p, out)
	if err != nil {
		return nil, err
	}
	if err := a.unversioned(ctx, &req, chosen, out); err != nil {
		return nil, err
	}
	out.Lacking = a.lacked(nil)
	return out, nil
}

// sample draws papers that stand for the collection; without the capability, the first
// ones by id.
func (a *asking) sample(ctx context.Context, n int) (*pool, error) {
	if sampler, ok := a.sampler(); ok {
		return a.background(ctx, sampler, n)
	}
	var hits []rank.Hit
	for r, err := range a.view.List(ctx, catalog.Listing{}) {
		if err != nil {
			return nil, err
		}
		if hits = append(hits, rank.Hit{ID: r.ID}); len(hits) == n {
			break
		}
	}
	return a.pool(ctx, hits)
}

// question chooses among a sample, by what is known.
func (a *asking) question(ctx context.Context, req *QuestionsRequest, p *pool, out *Questions) ([]rank.Hit, error) {
	asked := len(p.hits)
	at := make(map[string]int, asked)
	for i, h := range p.hits {
		at[h.ID] = i
	}
	known, err := a.pool(ctx, hitsOf(slices.Concat(req.Liked, req.Disliked)))
	if err != nil {
		return nil, err
	}
	own := make(map[string]bool)
	for _, id := range slices.Concat(req.Liked, req.Disliked, req.Exclude) {
		own[id] = true
	}
	vectors := p.vectors
	var opinions []rank.Opinion
	for i, h := range known.hits {
		o := rank.Opinion{Value: -1}
		if slices.Contains(req.Liked, h.ID) {
			o.Value = 1
		}
		if n, ok := at[h.ID]; ok {
			o.At = n
		} else {
			o.At = len(vectors)
			vectors = append(vectors, known.vectors[i])
		}
		opinions = append(opinions, o)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	chosen, unknown := rank.Questions(vectors, opinions, func(i int) bool { return i < asked && !own[p.hits[i].ID] }, req.Count+spareQuestions)
	out.Unknown = unknown
	hits := make([]rank.Hit, len(chosen))
	for i, c := range chosen {
		hits[i] = p.hits[c.At]
		hits[i].Score = c.Gain
	}
	return hits, nil
}

func hitsOf(ids []string) []rank.Hit {
	hits := make([]rank.Hit, len(ids))
	for i, id := range ids {
		hits[i].ID = id
	}
	return hits
}

// unversioned reads the papers to ask about, and leaves out other versions of what is
// known or of each other.
func (a *asking) unversioned(ctx context.Context, req *QuestionsRequest, hits []rank.Hit, out *Questions) error {
	left, _, err := a.versions().Collapse(ctx, hits, slices.Concat(req.Liked, req.Disliked, req.Exclude))
	if err != nil {
		return err
	}
	left = left[:min(len(left), req.Count)]
	records, err := a.view.Get(ctx, refsOf(left))
	if err != nil {
		return err
	}
	for i, r := range records {
		if r != nil {
			out.Papers = append(out.Papers, Question{*r, left[i].Score})
		}
	}
	return nil
}
