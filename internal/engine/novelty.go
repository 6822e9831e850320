package engine

import (
	"context"
	"time"

	"akin/internal/catalog"
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
	// mostNoPapers is how many of the nearest records may be no papers.
	mostNoPapers = 8
	// NoveltySample is how many papers of a collection make the reference.
	NoveltySample = 500
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
	// NoPaper: the record is none, but a preface, an erratum, a volume.
	NoPaper
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
	// Lacking is as in Answer.
	Lacking []catalog.Capability
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
	if err := checkDay(req.AsOf); err != nil {
		return nil, err
	}
	if err := checkEither(req.Text, req.PaperIDs, MaxNoveltyPapers); err != nil {
		return nil, err
	}
	a, err := e.ask(ctx, req.Collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	var answer Answer
	subjects, err := a.subjects(ctx, req, &answer)
	if err != nil {
		return nil, err
	}
	ref, err := a.reference(ctx, req.AsOf)
	if err != nil {
		return nil, err
	}
	out := &NoveltyAnswer{Reference: len(ref.distances), QueryTokens: answer.QueryTokens, Truncated: answer.Truncated, Sequence: ref.sequence}
	for _, s := range subjects {
		n := Novelty{PaperID: s.id, Until: s.until, Reason: s.reason}
		if n.Reason == NoPaper {
			n.Until = ""
		}
		if n.Reason == NoveltyKnown {
			found, err := a.past(ctx, s.vector, s.until, ref.papers, NoveltyNeighbors+mostNoPapers)
			if err != nil {
				return nil, err
			}
			if err := a.judge(ctx, &n, found, ref); err != nil {
				return nil, err
			}
			out.Sequence = max(out.Sequence, a.info.Sequence)
		}
		out.Papers = append(out.Papers, n)
	}
	out.Lacking = a.lacked(nil)
	return out, nil
}

// subjects finds the vectors and days of what a request asks about.
func (a *asking) subjects(ctx context.Context, req NoveltyRequest, out *Answer) ([]subject, error) {
	if req.Text != nil {
		return a.textSubject(ctx, req, out)
	}
	examples := examplesOf(nil, req.PaperIDs)
	if err := a.identify(ctx, namedExamples("paper_ids", examples)); err != nil {
		return nil, err
	}
	refs := catalog.Refs(idsOf(examples)...)
	records, err := a.view.Get(ctx, refs)
	if err != nil {
		return nil, err
	}
	vectors, err := a.view.Vectors(ctx, refs)
	if err != nil {
		return nil, err
	}
	subjects := make([]subject, len(refs))
	var gone absent
	for i, r := range records {
		if r == nil || vectors[i] == nil {
			gone.add("paper_ids", i, refs[i].ID) // since
			continue
		}
		subjects[i] = subject{id: r.ID, vector: vectors[i]}
		subjects[i].until, subjects[i].reason = dayBefore(r.PublishDate)
		if r.Kind() != paper.IsPaper {
			subjects[i].reason = NoPaper
		}
		if req.AsOf != "" && subjects[i].until > req.AsOf { // days in ISO form compare as text
			subjects[i].until = req.AsOf
		}
	}
	return subjects, gone.err()
}

// textSubject is a text as it would be if it appeared on the day of the request, or
// today.
func (a *asking) textSubject(ctx context.Context, req NoveltyRequest, out *Answer) ([]subject, error) {
	model, err := a.model()
	if err != nil {
		return nil, err
	}
	vector, err := embedOne(ctx, model, out, model.Text(req.Text.Title, req.Text.Abstract), embed.Document)
	until := req.AsOf
	if until == "" {
		until = time.Now().UTC().Format(time.DateOnly)
	}
	return []subject{{vector: vector, until: until}}, err
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

// distance is 1 minus the mean cosine.
func distance(hits []rank.Hit) float64 {
	var sum float64
	for _, h := range hits {
		sum += h.Semantic
	}
	return 1 - sum/float64(len(hits))
}

// judge fills in a novelty from what came before.
func (a *asking) judge(ctx context.Context, n *Novelty, found catalog.Found, ref *reference) error {
	n.Earlier = int(found.Kept)
	records, err := a.view.Get(ctx, refsOf(found.Hits))
	if err != nil {
		return err
	}
	var hits []rank.Hit
	for i, r := range records {
		if r != nil && r.Kind() == paper.IsPaper && len(hits) < NoveltyNeighbors {
			hits, n.Nearest = append(hits, found.Hits[i]), append(n.Nearest, Earlier{*r, found.Hits[i].Semantic})
		}
	}
	switch {
	case len(hits) == 0:
		n.Reason = NoEarlier
		return nil
	case len(hits) < NoveltyNeighbors:
		n.Reason = FewEarlier
	}
	n.Distance = distance(hits)
	if len(ref.distances) == 0 {
		n.Reason = NoReference
	} else {
		n.Percentile = rank.Percentile(ref.distances, n.Distance)
	}
	return nil
}
