package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/paper/titleid"
	"akin/internal/rank"
)

const (
	// maxTitleBytes is the longest query that may be a title.
	maxTitleBytes = 512
	// titlesRead is how many papers that have the query as a phrase are read, those
	// whose words count most.
	titlesRead = 128
	// mostNamed is how many papers may lead that only begin with the query, or define
	// it as a name; of more the query is no title.
	mostNamed = 3
	// leastBegun is how many words the beginning of a title needs, so that a subject
	// that many papers are named after is none.
	leastBegun = 4
	// leastInside is how many words a part of a title needs that is not its beginning.
	leastInside = 5
	// leastOpen is how many letters of a last word may be all that was typed of it.
	leastOpen = 3
	// mostNameWords is how many words a name has that a title defines.
	mostNameWords = 4
)

// titling is how a query is the title of a paper, the surest last.
type titling int

const (
	untitled titling = iota
	inside           // the title has it
	begun            // the title begins with it
	named            // the title defines it: "Name: …", "… (Name)"
	whole            // it is the title
)

// titlingOf says how a query, in the form of titleid.Normalize, is a title.
func titlingOf(wanted, title string) titling {
	have := titleid.Normalize(title)
	switch {
	case have == wanted:
		return whole
	case slices.Contains(namesIn(title), wanted):
		return named
	}
	words := strings.Count(wanted, " ") + 1
	open := wanted
	if last := wanted[strings.LastIndexByte(wanted, ' ')+1:]; utf8.RuneCountInString(last) < leastOpen {
		open += " "
	}
	switch {
	case words >= leastBegun && strings.HasPrefix(have, open):
		return begun
	case words >= leastInside && (strings.Contains(have, " "+open) || strings.HasSuffix(have, " "+wanted)):
		return inside
	}
	return untitled
}

// namesIn gives the names that a title defines, in the form of titleid.Normalize.
func namesIn(title string) (names []string) {
	add := func(name string) {
		name = titleid.Normalize(name)
		if name != "" && strings.Count(name, " ") < mostNameWords {
			names = append(names, name)
		}
	}
	if name, rest, ok := strings.Cut(title, ":"); ok && titleid.Normalize(rest) != "" {
		add(name)
	}
	for rest := title; ; {
		_, after, ok := strings.Cut(rest, "(")
		if !ok {
			return names
		}
		inside, behind, ok := strings.Cut(after, ")")
		if !ok {
			return names
		}
		add(inside)
		rest = behind
	}
}

// lead puts first the papers whose title the query is, then those whose title defines
// it as a name, then those whose title begins with it, or has it. A title with a slip is
// one as it was typed, and of one that is being typed the last word may be open. Vector is the query's, or nil.
func (s *search) lead(ctx context.Context, a *asking, d *draft, vector []float32) error {
	if s.typed.operators == OperatorsCounted || s.typed.Excluded != "" || d.kept == 0 {
		return nil
	}
	tries := []typedTitle{{s.uncorrected, false}, {s.Query, false}}
	if typed := cmp.Or(s.uncorrected, s.Query); s.openEnded && wordsIn(typed) >= leastBegun {
		tries = append(tries, typedTitle{typed, true})
	}
	for _, try := range tries {
		hits, how, err := a.titledBy(ctx, d, try)
		if err != nil {
			return err
		}
		if len(how) == 0 {
			continue
		}
		if err := a.include(ctx, d, hits, how, vector); err != nil {
			return err
		}
		raise(d.hits, how)
		s.titled = true
		return nil
	}
	return nil
}

// typedTitle is a text that may be a title, or a part of one; open says that its last word
// may go on.
type typedTitle struct {
	text string
	open bool
}

// titledBy finds the papers whose title a text is, defines, begins or is a part of.
func (a *asking) titledBy(ctx context.Context, d *draft, typed typedTitle) ([]rank.Hit, map[string]titling, error) {
	wanted := titleid.Normalize(typed.text)
	if len(typed.text) > maxTitleBytes || wanted == "" {
		return nil, nil, nil
	}
	phrase := strings.NewReplacer(`"`, " ", "“", " ", "”", " ", "*", "* ").Replace(typed.text)
	if typed.open {
		phrase = strings.TrimSpace(phrase) + "*"
	}
	found, err := a.view.Hybrid(ctx, catalog.Hybrid{
		Words: catalog.Words{Text: `"` + phrase + `"`, Typed: true}, K: titlesRead, Restriction: d.query.options.restriction(),
	})
	if paper.KindOf(err) == paper.Invalid {
		return nil, nil, nil // its words are so frequent that no index finds them together
	}
	if err != nil {
		return nil, nil, err
	}
	how, err := a.titled(ctx, wanted, found.Hits)
	return found.Hits, how, err
}

// titled tells of papers, by id, how a query is their title, without those that it is
// not.
func (a *asking) titled(ctx context.Context, wanted string, hits []rank.Hit) (map[string]titling, error) {
	records, err := a.view.Get(ctx, refsOf(hits))
	if err != nil {
		return nil, err
	}
	how, count := make(map[string]titling), make(map[titling]int)
	for _, r := range records {
		if r == nil {
			continue
		}
		if t := titlingOf(wanted, r.Title); t != untitled {
			how[r.ID] = t
			count[t]++
		}
	}
	for id, t := range how {
		if t != whole && count[t] > mostNamed {
			delete(how, id)
		}
	}
	return how, nil
}

// include adds to the candidates those of some papers that are to lead and are none of
// them.
func (a *asking) include(ctx context.Context, d *draft, hits []rank.Hit, how map[string]titling, vector []float32) error {
	there := make(map[string]bool, len(how))
	for _, h := range d.hits {
		if how[h.ID] != untitled {
			there[h.ID] = true
		}
	}
	missing := slices.DeleteFunc(hits, func(h rank.Hit) bool { return how[h.ID] == untitled || there[h.ID] })
	if len(missing) == 0 {
		return nil
	}
	p, err := a.pool(ctx, missing)
	if err != nil {
		return err
	}
	var scratch rank.Scratch
	query := rank.NewExamples([]rank.Weighted{{Vector: vector, Weight: 1}})
	for i := range p.hits {
		h := &p.hits[i]
		h.Lexical = 0 // not in the measure of the others
		if vector != nil {
			h.Semantic = query.Similarities(p.vectors[i], &scratch)[0].Similarity
			h.Score = h.Semantic
		}
	}
	d.hits = append(d.hits, p.hits...)
	return nil
}

// raise lifts the scores of titled papers over all others, the surer the higher, and
// among equals in the order that they had. Where they lead already, no score changes.
func raise(hits []rank.Hit, how map[string]titling) {
	rank.Sort(hits)
	if slices.IsSortedFunc(hits, func(a, b rank.Hit) int { return cmp.Compare(how[b.ID], how[a.ID]) }) {
		return
	}
	low, high := hits[0].Score, hits[0].Score
	for _, h := range hits {
		low, high = min(low, h.Score), max(high, h.Score)
	}
	spread := max(high-low, 1e-9)
	for i := range hits {
		if t := how[hits[i].ID]; t != untitled {
			hits[i].Score += spread * 1.1 * float64(t)
		}
	}
	rank.Sort(hits)
}
