package engine

import (
	"context"
	"math"
	"slices"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/rank"
)

// raiseNamed raises what the names of a query name. The papers of all of them are looked
// for by the rest of the query and enter the list with a bonus, which has a share for
// each name that a paper has; all others keep the scores that they have without.
func (s *search) raiseNamed(ctx context.Context, a *asking, d *draft) error {
	names := d.answer.Names[len(s.fields):]
	if len(names) == 0 || d.kept == 0 {
		return nil
	}
	found, err := s.ofNames(ctx, a, d, names)
	if paper.KindOf(err) == paper.Invalid {
		d.answer.Names = s.fields // with them, the filter would be longer than filters may be
		return nil
	}
	if err != nil {
		return err
	}
	unit := spreadOf(d.hits, found) * s.lift(names)
	d.hits = overlaid(d.hits, found)
	return a.addBonus(ctx, d.hits, names, unit)
}

// lift is by how much more than usual names raise: where a query asks for nothing else,
// papers of an author or a venue come before all others.
func (s *search) lift(names []Name) float64 {
	least := math.Inf(1)
	for _, n := range names {
		if n.sure && n.Field != NamesYear {
			least = min(least, n.bonus)
		}
	}
	if !s.asksNames || math.IsInf(least, 1) {
		return 1
	}
	return belowAll / least
}

// ofNames finds the papers that have all names that are sure, or if none has, and in
// any case, those of all authors and of each.
func (s *search) ofNames(ctx context.Context, a *asking, d *draft, names []Name) (out []rank.Hit, err error) {
	var all, authors []string
	for _, n := range names {
		if n.sure {
			all = append(all, n.Filter)
			if n.Field == NamesAuthor {
				authors = append(authors, n.Filter)
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	tries := []string{both(all...)}
	if len(authors) > 0 && len(all) > 1 {
		tries = append(tries, either(authors...))
	}
	vector, words := s.restVector, catalog.Words{Text: s.rest}
	if s.asksNames { // what they name has no words of it, and is in the order of meaning
		if s.Mode == Lexical {
			if vector, err = s.vectors(ctx, a, d); err != nil {
				return nil, err
			}
		}
		words = catalog.Words{}
	}
	for _, try := range tries {
		r := d.query.options.restriction()
		r.Filter = both(r.Filter, try)
		found, err := a.view.Hybrid(ctx, catalog.Hybrid{Vector: vector, Words: words, K: d.depth(), Exact: d.query.options.Exact, Restriction: r})
		if err != nil {
			return nil, err
		}
		if s.asksNames {
			scoreByMeaning(found.Hits, s.Mode)
		} else if err := a.fuse(ctx, found.Hits, d.query.mode, d.query.fusion, len(found.Terms) > 0); err != nil {
			return nil, err
		}
		out = overlaid(found.Hits, out)
	}
	return out, nil
}

// scoreByMeaning scores hits by their cosines, which an answer by words does not tell.
func scoreByMeaning(hits []rank.Hit, mode Mode) {
	for i := range hits {
		if hits[i].Score = hits[i].Semantic; mode == Lexical {
			hits[i].Semantic = 0
		}
	}
}

// spreadOf says how far the scores of two lists lie apart.
func spreadOf(hits, more []rank.Hit) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, list := range [][]rank.Hit{hits, more} {
		for _, h := range list {
			low, high = min(low, h.Score), max(high, h.Score)
		}
	}
	return max(high-low, 1e-9)
}

// overlaid gives a list with another one's hits in the place of its own, and beside
// them.
func overlaid(hits, over []rank.Hit) []rank.Hit {
	if len(over) == 0 {
		return hits
	}
	there := make(map[string]bool, len(over))
	for _, h := range over {
		there[h.ID] = true
	}
	out := append(make([]rank.Hit, 0, len(hits)+len(over)), over...)
	for _, h := range hits {
		if !there[h.ID] {
			out = append(out, h)
		}
	}
	return out
}

// addBonus adds to the scores of hits what names raise them by, in some unit, and sorts
// them.
func (a *asking) addBonus(ctx context.Context, hits []rank.Hit, names []Name, unit float64) error {
	teller, ok := a.mentions()
	if !ok {
		return nil
	}
	filters := make([]string, len(names))
	for i, n := range names {
		filters[i] = n.Filter
	}
	kept, err := teller.Keeps(ctx, filters, refsOf(hits))
	if err != nil {
		return err
	}
	for i := range hits {
		for j, n := range names {
			if kept[j][i] {
				hits[i].Score += n.bonus * unit
			}
		}
	}
	rank.Sort(hits)
	return nil
}

// understand corrects a query, and finds its negations, its names and what it asks for
// beside them.
func (s *search) understand(ctx context.Context, a *asking, d *draft) error {
	s.rest, d.answer.Names = s.typed.Asked, s.fields
	if s.Verbatim || s.fieldsAlone || s.typed.operators != NoOperators {
		return nil
	}
	if s.Mode == Semantic {
		return s.understandNegations(ctx, a, d)
	}
	corrected, corrections, open, err := a.correct(ctx, s.typed.Asked)
	if err != nil {
		return err
	}
	s.openEnded = open
	if len(corrections) > 0 {
		d.answer.Corrections, s.uncorrected = corrections, s.Query
		s.Query, s.typed.Asked, s.typed.words.Text, s.rest = corrected, corrected, corrected, corrected
	}
	if err := s.understandNegations(ctx, a, d); err != nil {
		return err
	}
	names, err := a.understandNames(ctx, s.typed.Asked)
	if err != nil {
		return err
	}
	d.answer.Names = append(slices.Clip(s.fields), names...)
	if rest := withoutNames(s.typed.Asked, names); rest != "" {
		s.rest = rest
	} else {
		s.asksNames = true
	}
	return nil
}

// vectors embeds the query, and what it asks for beside its names, in one call.
func (s *search) vectors(ctx context.Context, a *asking, d *draft) (vector []float32, err error) {
	model, err := a.model()
	if err != nil {
		return nil, err
	}
	texts := []string{s.typed.Asked}
	if s.rest != s.typed.Asked {
		texts = append(texts, s.rest)
	}
	got, timing, err := model.Embed(ctx, texts, embed.Options{Role: embed.Query})
	if err != nil {
		return nil, err
	}
	out := &d.answer
	out.QueryTokens, out.Truncated, out.Timing.Timing = got[0].Tokens, got[0].Truncated, timing
	s.restVector = got[len(got)-1].Vector
	if s.Evidence || s.Rerank > 0 {
		newReader(model, a.sentences).keepQuery(s.typed.Asked, got[0].Vector)
	}
	return got[0].Vector, nil
}
