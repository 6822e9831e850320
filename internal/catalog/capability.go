package catalog

import (
	"context"
	"iter"

	"akin/internal/paper"
	"akin/internal/rank"
)

// Capability names something that a catalog may lack. An answer that would have been
// another with it says so by this name.
type Capability string

// The capabilities of views, each with the interface of its name.
const (
	CapAttributes Capability = "attributes"
	CapTerms      Capability = "terms"
	CapSampler    Capability = "sampler"
	CapVersions   Capability = "versions"
	CapNamer      Capability = "namer"
	CapSyntax     Capability = "syntax"
	CapMatcher    Capability = "matcher"
	CapFunnel     Capability = "funnel"
	CapRechecker  Capability = "rechecker"
	CapCounter    Capability = "counter"
	CapDuplicates Capability = "duplicates"
	CapDays       Capability = "days"
	CapDerived    Capability = "derived"
	CapIndexes    Capability = "indexes"
	CapStatistics Capability = "statistics"
)

// Partial is a view whose scores of words are made of the statistics of parts of the
// collection, so that papers of two parts compare only roughly: it lacks CapStatistics.
type Partial interface {
	// PartialStatistics says that the collection has several parts.
	PartialStatistics() bool
}

// Attributes tells what candidates are, mostly from memory, parallel to refs. What a
// paper lacks is the zero value; so is a paper that is not there. Without it the papers
// themselves are read, with the same answer.
type Attributes interface {
	// Dates gives publication dates.
	Dates(ctx context.Context, refs []paper.Ref) ([]paper.Date, error)
	// Venues gives the venues, in one spelling of those that differ in case.
	Venues(ctx context.Context, refs []paper.Ref) ([]string, error)
}

// Terms gives tf-idf vectors of papers, unit length each. Without it, recommendations
// go by vectors alone, the strategy of support vector machines is refused, and clusters
// are numbered, not named.
type Terms interface {
	// Terms is parallel to refs; nil for a paper that is not there.
	Terms(ctx context.Context, refs []paper.Ref) ([][]rank.Term, error)
	// TermsAmong is Terms, of which it gives some terms alone, with the weights that they
	// have there.
	TermsAmong(ctx context.Context, refs []paper.Ref, among []uint32) ([][]rank.Term, error)
	// TermNames gives a word to show for each of some terms.
	TermNames(ctx context.Context, terms []uint32) ([]string, error)
}

// Sampler draws papers. There is no chance in it: the same papers of the same
// collection are drawn. Without it, recommendations weigh meaning and words without
// the collection's background (as without Terms), and novelty has no percentile.
type Sampler interface {
	// Background draws n papers, or all if there are fewer, that stand for the
	// collection; some give way while it grows.
	Background(ctx context.Context, n int) ([]paper.Ref, error)
	// Dated draws up to n papers that had appeared by a day, YYYY-MM-DD, or, where that
	// is "", that have a date. A paper more or less changes one of them at most.
	Dated(ctx context.Context, asOf string, n int) ([]Sampled, error)
}

// Sampled is a paper of a sample.
type Sampled struct {
	paper.Ref
	Date paper.Date
}

// Versions tells which papers count as one. Without it, nothing is folded: every
// version is a result, and a text that is a paper of the collection finds that paper.
type Versions interface {
	// Collapse takes out of a list, best first, what counts as one with an earlier hit
	// or with one of the own papers, by id. It gives what is left, in order, and what
	// each of those stands for, by its id, in order. hits is overwritten.
	Collapse(ctx context.Context, hits []rank.Hit, own []string) (left []rank.Hit, stands map[string][]Collapsed, err error)
	// SameTexts says which papers have one of some texts, but for case and punctuation:
	// parallel to refs.
	SameTexts(ctx context.Context, texts []Text, refs []paper.Ref) ([]bool, error)
}

// Text is a title and an abstract.
type Text struct{ Title, Abstract string }

// Collapsed is a hit that an earlier one stands for.
type Collapsed struct {
	paper.Ref
	Match
}

// Match is why two papers count as one, and how alike they are.
type Match struct {
	Reason MatchReason
	Kind   MatchKind
	// Similarity is the cosine of their vectors.
	Similarity float64
	// Resemblance estimates which part of the pairs of neighbouring words of both texts
	// the two have in common, from 0 to 1.
	Resemblance float64
}

// MatchReason says why two papers count as one.
type MatchReason int

// The reasons, the surest first.
const (
	// SameArxivID: one arXiv id, whatever the version.
	SameArxivID MatchReason = iota + 1
	// SameDOI: one DOI.
	SameDOI
	// SameTitle: one title after folding, and an author in common or similar abstracts.
	SameTitle
	// SimilarText: nearly the same words in nearly the same order.
	SimilarText
)

// MatchKind is what two papers are to each other.
type MatchKind int

// The kinds.
const (
	// SameWork: the same work, in the same text or nearly.
	SameWork MatchKind = iota + 1
	// OtherVersion: another version of one work.
	OtherVersion
	// Sequel: another work of the same authors or of a series in nearly the same words.
	// It counts as none, and is told of among duplicates alone.
	Sequel
	// SameAbstract: nearly the same abstract under a title that has little in common.
	SameAbstract
)

// Namer tells which papers requests mean. Without it, a name is an id.
type Namer interface {
	// Identify gives the ids of the papers that names mean, parallel to them; "" is
	// none. A name is an id, or else an arXiv id or a DOI as people paste them. Of
	// several papers that one can mean, it is the one of the version that it names, or
	// the first in order of id.
	Identify(ctx context.Context, names []string) ([]string, error)
}

// Syntax reads typed queries. Without it, a query is words alone.
type Syntax interface {
	// Parse says what a typed query asks for: a text for the model, without the signs
	// of the syntax, what it excludes, and the query without phrases, both as queries of
	// their own. It is an error for a query that asks too much.
	Parse(text string) (TypedQuery, error)
	// Operators says whether a text has signs that can be operators, and whether it is
	// long: of several lines, of more than 12 words outside quotation marks, or ended
	// as a sentence is.
	Operators(text string) (some, long bool)
}

// TypedQuery is a query that was read.
type TypedQuery struct {
	Asked, Excluded string
	// Loose is the query with its phrases as words, a query of its own that excludes the
	// same; "" where it has no phrases.
	Loose string
}

// Matcher tells which words papers and queries share. Without it, results name no
// matched words, evidence no shared terms, and exclusions only hold where Hybrid holds
// them.
type Matcher interface {
	// Matches tells which words of a query papers have, those first that add most:
	// parallel to refs; nil for a paper that is not there.
	Matches(ctx context.Context, words Words, refs []paper.Ref) ([][]WordMatch, error)
	// Allows says which papers have the phrases of a query, and nothing that it
	// excludes: parallel to refs.
	Allows(ctx context.Context, words Words, refs []paper.Ref) ([]bool, error)
	// Shared gives the words of a text that a query has too, as the text writes them.
	Shared(query, text string) []string
}

// WordMatch is a word that a query and a paper share.
type WordMatch struct {
	// Term is the word as the query writes it, Score its part of the paper's score.
	Term  string
	Score float64
	// Title and Abstract are how often the fields have it.
	Title, Abstract int
}

// Funnel tells how many papers the conditions of a query leave, one after the other.
// Without it, a short list is explained by what its candidates met alone.
type Funnel interface {
	Funnel(ctx context.Context, c Conditions) (Remaining, error)
}

// Conditions are what a query asks of papers.
type Conditions struct {
	Restriction
	Words Words
	// AnyWord says that papers need a word of Words, not its phrases alone.
	AnyWord bool
}

// Remaining is how many papers are left after each condition, in their order.
type Remaining struct {
	// Papers is how many there are, Filtered how many of them the filter keeps.
	Papers, Filtered int
	// Parts are those of a filter that is a conjunction.
	Parts []FilterPart
	// AsOf is how many of Filtered had appeared; Undated how many have no date.
	AsOf, Undated int
	// Words are the steps of the words, among AsOf.
	Words []WordStep
}

// FilterPart is a part of a conjunction.
type FilterPart struct {
	Text string
	// Kept is how many papers the part alone keeps; -1 where counting them would read
	// too many.
	Kept int
}

// WordStep is one thing that a query's words ask of papers.
type WordStep struct {
	Kind WordStepKind
	// Text is the phrase, or what is excluded, as the query has it.
	Text string
	// Unknown are words of the query that no paper has, once each and no more than are
	// good to read; of StepWords alone.
	Unknown []string
	// Left is how many papers pass this step and all before it.
	Left int
}

// WordStepKind says what a step asks.
type WordStepKind int

// The kinds of steps.
const (
	// StepWords asks for any of the words.
	StepWords WordStepKind = iota + 1
	// StepPhrase asks for a phrase.
	StepPhrase
	// StepExclusion asks that a word or a phrase is not there.
	StepExclusion
)

// Rechecker reads the papers of a list that was made before. Without it, papers that
// are there count as what was found, whatever became of them.
type Rechecker interface {
	// Still gives the papers, parallel to refs; nil for one that is gone, or is not any
	// more what was looked for.
	Still(ctx context.Context, list MadeBy, refs []paper.Ref) ([]*paper.Record, error)
}

// MadeBy says what a list was found by.
type MadeBy struct {
	// Sequence is the state that it was made of.
	Sequence uint64
	Restriction
	Words Words
}

// Counter counts papers by the values of a field. Without it that is refused.
type Counter interface {
	// CountValues counts the papers that a filter keeps by category, venue, year,
	// author or language, the most frequent first.
	CountValues(ctx context.Context, field, filter string, limit int) ([]ValueCount, error)
}

// ValueCount is how many papers have a value.
type ValueCount struct {
	// Value is in the spelling that was seen first.
	Value  string
	Papers uint64
}

// Days lists papers by their days (paper.Record.Day). Without it, all papers are read
// for each answer, which is the same.
type Days interface {
	// Newest iterates over papers, the newest day first, and those of one day in order
	// of id. What the caller does not take costs little. After an error it ends.
	Newest(ctx context.Context, from Newest) iter.Seq2[OfDay, error]
	// CountDays gives the days of the papers that a filter keeps, each once and the
	// newest first, with how many papers each has.
	CountDays(ctx context.Context, filter string) ([]DayCount, error)
	// Signalled iterates over the papers that a filter keeps and that have, or had,
	// signals, in no order. After an error it ends.
	Signalled(ctx context.Context, filter string) iter.Seq2[rank.Signalled, error]
}

// Newest says which papers to list by day.
type Newest struct {
	// Filter is an AIP-160 filter; "" keeps all.
	Filter string
	// Day keeps the papers of one day, and Until leaves out those of later ones; the
	// zero date keeps all.
	Day, Until paper.Date
	// AfterDay and AfterID are the day and id of the paper that the list comes after;
	// "" begins it.
	AfterDay paper.Date
	AfterID  string
}

// Comes says whether a paper of a day stands in the list, the filter aside.
func (n *Newest) Comes(day paper.Date, id string) bool {
	if !n.Day.IsZero() && day != n.Day || !n.Until.IsZero() && day.Compare(n.Until) > 0 {
		return false
	}
	if n.AfterID == "" {
		return true
	}
	later := n.AfterDay.Compare(day)
	return later > 0 || later == 0 && id > n.AfterID
}

// OfDay is a paper and its day.
type OfDay struct {
	paper.Ref
	Day paper.Date
}

// DayCount is how many papers a day has.
type DayCount struct {
	Day    paper.Date
	Papers uint32
}

// Duplicates compares all papers with each other. Without it that is refused.
type Duplicates interface {
	// Duplicates compares the papers that a filter keeps. It gives how many those are,
	// and iterates over the groups of two or more that count as one, in order of the
	// id of their first, which is the least, and in between over reports of progress.
	// Similar texts must have the cosine minSimilarity. After an error it ends.
	Duplicates(ctx context.Context, filter string, minSimilarity float64) (papers uint32, groups iter.Seq2[DuplicateGroup, error], err error)
}

// DuplicateGroup are papers that count as one, the first one with each other.
type DuplicateGroup struct {
	// Papers are in order of id; nil only reports progress.
	Papers []Duplicate
	// Compared is how many papers have been compared with all others so far.
	Compared int
}

// Duplicate is a paper of a group.
type Duplicate struct {
	Record *paper.Record
	// Match is how it matches the first of its group; zero for the first.
	Match
}

// Derived keeps what others have made of a collection's papers, so that a start need
// not make it anew. Losing it loses nothing. Without it, it is made anew.
type Derived interface {
	// Stamp says which state of which catalog the view is, in bytes that mean something
	// to the catalog alone.
	Stamp() (string, error)
	// Keep keeps bytes under a name, of letters, in the place of what it has: what was
	// made of the state that the stamp is of. A catalog that keeps nothing, or is not
	// to be written to, does nothing.
	Keep(name, stamp string, data []byte) error
	// Kept gives what is kept under a name, and the sequence number that it was made
	// at. What was not made of the view's past, or is damaged, is removed, and not
	// given; nil is nothing.
	Kept(name string) (data []byte, sequence uint64)
}

// Indexes tells what the collection is found by, for people to look at. Without it,
// nothing is told.
type Indexes interface {
	// Indexes gives the indexes as they are now, each name once. It costs nothing.
	Indexes() []IndexState
}

// IndexState is how far an index is.
type IndexState struct {
	// Name is IndexVectors or IndexWords.
	Name string
	// Answers says how it answers: "scan" compares all, "graph" walks; "" where there
	// is no choice.
	Answers string
	// Building says that another one is being made, which will take its place, and Done
	// how much of that is done, from 0 to 1.
	Building bool
	Done     float64
	// Sequence is the last change that queries find by it.
	Sequence uint64
}

// The names of indexes.
const (
	IndexVectors = "vectors"
	IndexWords   = "words"
)
