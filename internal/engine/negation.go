package engine

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Negation is a part of a query that says in words what is not meant: "not using lidar".
type Negation struct {
	// Text is the part of the query, Excludes what it does not mean.
	Text     string
	Excludes []string
	// Papers is how many papers have one of Excludes, or more where some have several.
	Papers int
	// Query is the query that leaves these papers out.
	Query string
	// Honoured says that the part was not looked for, and that papers about what it
	// excludes come last. Otherwise it is a question: the part may be a topic.
	Honoured bool

	start, end int
}

// cue is how a negation begins. A sure one says what somebody does not want; others name
// topics as often (learning without supervision).
type cue struct {
	words string
	sure  bool
}

// cues are those that are understood, the longer before those that they begin with.
func cues() []cue {
	return []cue{
		{"but not limited to", false}, // none: see negationAt
		{"but not for", true},
		{"but not in", true},
		{"but not with", true},
		{"but not on", true},
		{"but not about", true},
		{"but not from", true},
		{"but not using", true},
		{"but not based on", true},
		{"but not", true},
		{"but without", true},
		{"but no", true},
		{"not using", true},
		{"not based on", true},
		{"not involving", true},
		{"not relying on", true},
		{"not requiring", true},
		{"not about", true},
		{"not related to", true},
		{"not including", true},
		{"i don't want", true},
		{"i do not want", true},
		{"don't want", true},
		{"do not want", true},
		{"not for", true},
		{"not with", true},
		{"that do not use", true},
		{"that does not use", true},
		{"that don't use", true},
		{"that doesn't use", true},
		{"which do not use", true},
		{"which does not use", true},
		{"do not use", true},
		{"does not use", true},
		{"other than", true},
		{"except for", true},
		{"except", true},
		{"excluding", true},
		{"apart from", true},
		{"aside from", true},
		{"without using", false},
		{"without", false},
		{"with no", false},
		{"rather than", false},
		{"instead of", false},
		{"not", false},
		{"no", false},
	}
}

const (
	// mostNegating is how many words a query has that may say what it does not mean.
	mostNegating = 24
	// mostExcluded is how many words an excluded thing has, and how many things there
	// are.
	mostExcluded = 4
	// topicShare is which part of the papers with a thing have it right behind the words
	// that would exclude it where both together are a topic: "without supervision".
	topicShare = 0.01
)

// queryWord is a word of a query, in small letters, and its bytes.
type queryWord struct {
	word       string
	start, end int
	// ended says that a sign ends a part of a sentence behind the word; listed that it
	// is a comma.
	ended, listed bool
}

func tokensOf(text string) (out []queryWord) {
	for at := 0; at < len(text); {
		rest := text[at:]
		at += len(rest) - len(strings.TrimLeftFunc(rest, unicode.IsSpace))
		end := strings.IndexFunc(text[at:], unicode.IsSpace)
		if end < 0 {
			end = len(text) - at
		}
		if end == 0 {
			break
		}
		written := text[at : at+end]
		bare := strings.TrimRight(written, ",;:.?!)")
		lead := len(bare) - len(strings.TrimLeft(bare, "("))
		out = append(out, queryWord{
			word: strings.ToLower(strings.ReplaceAll(bare[lead:], "’", "'")), start: at + lead, end: at + len(bare),
			ended: len(bare) < len(written), listed: written[len(bare):] == ",",
		})
		at += end
	}
	return out
}

// negationsIn finds what a text says that it does not mean, in order.
func negationsIn(text string) (out []Negation) {
	tokens := tokensOf(text)
	if len(tokens) > mostNegating || strings.ContainsAny(text, "\n\"") {
		return nil
	}
	known := cues()
	for i := 0; i < len(tokens); i++ {
		n, after := negationAt(text, tokens, i, known)
		if after > i {
			i = after - 1
		}
		if len(n.Excludes) > 0 {
			out = append(out, n)
		}
	}
	return out
}

// negationAt reads a negation that begins at a word with one of some cues; after is the
// first word behind it.
func negationAt(text string, tokens []queryWord, i int, known []cue) (n Negation, after int) {
	for _, c := range known {
		words, ok := beginsWith(tokens[i:], c.words)
		if !ok {
			continue
		}
		if c.tells(tokens[:i]) {
			return Negation{}, i + words
		}
		things, after := thingsAt(tokens, i+words)
		if c.words == "but not limited to" || len(things) == 0 {
			return Negation{}, i + words
		}
		n = Negation{Text: text[tokens[i].start:tokens[after-1].end], Honoured: c.sure, start: tokens[i].start, end: tokens[after-1].end}
		for _, thing := range things {
			n.Excludes = append(n.Excludes, text[thing[0].start:thing[len(thing)-1].end])
		}
		return n, after
	}
	return Negation{}, i
}

// tells says whether a cue that stands behind some words is a part of what they say, and
// says nothing of what somebody wants: "No free lunch", "tasks that people do not want
// robots to do", "why networks do not forget".
func (c cue) tells(before []queryWord) bool {
	begins := len(before) == 0 || before[len(before)-1].ended
	switch c.words {
	case "no":
		return len(before) == 0
	case "don't want", "do not want":
		return !begins
	case "not":
		return !begins && slices.Contains([]string{
			"do", "does", "did", "is", "are", "was", "were", "has", "have", "had", "can", "could", "will", "would",
			"should", "may", "might", "must", "or", "to", "why", "when", "if", "whether", "how",
		}, before[len(before)-1].word)
	}
	return false
}

// beginsWith says whether tokens begin with words, with no sign between, and how many
// words these are.
func beginsWith(tokens []queryWord, words string) (n int, ok bool) {
	for w := range strings.SplitSeq(words, " ") {
		if n == len(tokens) || tokens[n].word != w || tokens[n].ended {
			return 0, false
		}
		n++
	}
	return n, true
}

// thingsAt reads what is excluded: some words, or a list of such.
func thingsAt(tokens []queryWord, i int) (things [][]queryWord, after int) {
	var thing []queryWord
	after = i
	done := func() {
		if len(thing) > 0 {
			things, thing = append(things, thing), nil
		}
	}
	for ; i < len(tokens) && len(things) < mostExcluded; i++ {
		t := tokens[i]
		switch {
		case len(thing) == 0 && determines(t.word):
			continue
		case t.word == "and" || t.word == "or" || t.word == "nor":
			if i+1 == len(tokens) || strings.HasSuffix(tokens[i+1].word, "ing") || endsThing(tokens[i+1].word) {
				done()
				return things, after
			}
			done()
			continue
		case endsThing(t.word) || len(thing) == mostExcluded:
			done()
			return things, after
		}
		thing, after = append(thing, t), i+1
		if t.ended {
			done()
			if !t.listed || !listGoesOn(tokens[i+1:]) {
				return things, after
			}
		}
	}
	done()
	return things, after
}

// listGoesOn says whether a list that a comma is behind goes on: with "or" or "and" a few
// words later.
func listGoesOn(rest []queryWord) bool {
	for i, t := range rest[:min(len(rest), mostExcluded)] {
		if t.word == "or" || t.word == "and" {
			return i > 0 || len(rest) > 1
		}
		if endsThing(t.word) {
			return false
		}
	}
	return false
}

func determines(w string) bool {
	return slices.Contains([]string{"the", "a", "an", "any", "all", "its", "their", "use", "of", "for", "on", "in", "with", "using"}, w)
}

// endsThing says whether a word begins another part of a sentence.
func endsThing(w string) bool {
	return slices.Contains([]string{
		"for", "in", "on", "with", "to", "from", "at", "by", "as", "under", "over", "during", "when", "where", "while", "that", "which", "who",
		"using", "based", "via", "but", "is", "are", "was", "were", "be", "can", "could", "if", "how", "what", "than", "not", "without", "into",
		"only", "just", "merely", "least", "necessarily", "always", "yet", "also", "so", "very", "too",
		"it", "we", "they", "this", "these", "through", "across", "between", "within",
	}, w)
}

// negations judges which parts of a text are negations: what is a phrase of the
// collection is none, nor is a text that stands in a paper as it is.
func (a *asking) negations(ctx context.Context, text string) (out []Negation, err error) {
	found := negationsIn(text)
	if len(found) == 0 {
		return nil, nil
	}
	funnel, ok := a.funnel()
	if !ok || strings.TrimSpace(without(text, found)) == "" {
		return nil, nil
	}
	count := func(phrase string) (int, error) { return papersWith(ctx, funnel, phrase) }
	if n, err := count(text); err != nil || n > 0 {
		return nil, err
	}
	for _, n := range found {
		topic := false
		for _, thing := range n.Excludes {
			papers, err := count(thing)
			if err != nil {
				return nil, err
			}
			n.Papers += papers
		}
		if !n.Honoured {
			together, err := count(n.Text)
			if err != nil {
				return nil, err
			}
			topic = together > 0 && float64(together) >= topicShare*float64(n.Papers)
		}
		if n.Papers > 0 && !topic {
			out = append(out, n)
		}
	}
	rest := without(text, out)
	for i := range out {
		out[i].Query = excluding(rest, out)
	}
	return out, nil
}

// papersWith counts the papers that have a phrase.
func papersWith(ctx context.Context, funnel catalog.Funnel, phrase string) (int, error) {
	words := catalog.Words{Text: `"` + signless(phrase) + `"`, Typed: true}
	left, err := funnel.Funnel(ctx, catalog.Conditions{Words: words})
	if paper.KindOf(err) == paper.Invalid {
		return 0, nil // its words are so frequent that no index finds them together
	}
	if err != nil || len(left.Words) == 0 {
		return 0, err
	}
	return left.Words[len(left.Words)-1].Left, nil
}

// without gives a text without some of its parts.
func without(text string, parts []Negation) string {
	var b strings.Builder
	at := 0
	for _, n := range parts {
		b.WriteString(strings.TrimRight(text[at:n.start], " ,;:("))
		b.WriteByte(' ')
		at = n.end
	}
	b.WriteString(strings.TrimLeft(text[at:], ",;:)"))
	return strings.Join(strings.Fields(b.String()), " ")
}

// excluding gives a query that excludes what some negations do.
func excluding(rest string, parts []Negation) string {
	q := []string{strings.TrimRight(rest, " .?!")}
	for _, n := range parts {
		for _, thing := range n.Excludes {
			if thing = signless(thing); strings.ContainsFunc(thing, unicode.IsSpace) {
				thing = `"` + thing + `"`
			}
			q = append(q, "-"+thing)
		}
	}
	return strings.Join(q, " ")
}

// understandNegations finds the negations of a query, and takes the sure ones out of what
// is looked for.
func (s *search) understandNegations(ctx context.Context, a *asking, d *draft) error {
	found, err := a.negations(ctx, s.typed.Asked)
	if err != nil || len(found) == 0 {
		return err
	}
	d.answer.Negations = found
	sure := slices.DeleteFunc(slices.Clone(found), func(n Negation) bool { return !n.Honoured })
	if rest := without(s.typed.Asked, sure); len(sure) > 0 && rest != "" {
		s.typed.Asked, s.typed.words.Text, s.rest = rest, rest, rest
	}
	return nil
}

// putLast puts the papers last that are about what the query does not mean: that have it
// in their title, or more than once in their abstract, and do not say that they do without
// it.
func (s *search) putLast(ctx context.Context, a *asking, d *draft) error {
	if len(d.hits) == 0 {
		return nil
	}
	spread := spreadOf(d.hits, nil)
	lowered := false
	refs := refsOf(d.hits)
	for _, n := range d.answer.Negations {
		for _, thing := range n.Excludes {
			if !n.Honoured {
				break
			}
			about, err := a.about(ctx, signless(thing), refs)
			if err != nil {
				return err
			}
			for i := range d.hits {
				if about[i] {
					d.hits[i].Score -= belowAll * spread
					lowered = true
				}
			}
		}
	}
	if lowered {
		rank.Sort(d.hits)
	}
	return nil
}

// belowAll is how many spreads of a list's scores lie below all of them.
const belowAll = 1.1

// about says which papers are about a thing.
func (a *asking) about(ctx context.Context, thing string, refs []paper.Ref) ([]bool, error) {
	out := make([]bool, len(refs))
	matcher := a.matcher()
	matches, err := matcher.Matches(ctx, catalog.Words{Text: thing}, refs)
	if err != nil {
		return nil, err
	}
	lacks, err := matcher.Allows(ctx, catalog.Words{Text: `-"` + thing + `"`, Typed: true}, refs)
	if err != nil {
		return nil, err
	}
	says := `-"without ` + thing + `" -"no ` + thing + `" -"` + thing + ` free"`
	silent, err := matcher.Allows(ctx, catalog.Words{Text: says, Typed: true}, refs)
	if err != nil {
		return nil, err
	}
	for i, some := range matches {
		out[i] = !lacks[i] && silent[i] && len(some) > 0 && !slices.ContainsFunc(some, func(m catalog.WordMatch) bool { return m.Title == 0 && m.Abstract < 2 })
	}
	return out, nil
}
