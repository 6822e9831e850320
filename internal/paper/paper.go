// Package paper holds akin's domain types: a paper and its parts, the embedding
// space that makes two vectors comparable, the rules that a paper must meet,
// and the kinds of error that every room of the program classifies with.
//
// It depends on the standard library alone and knows nothing of storage,
// transport or models. All types are plain values: they hold no locks, and
// concurrent reading is safe as long as nobody writes.
package paper

import (
	"maps"
	"slices"
	"time"
)

// DefaultCollection is the collection that a request without one means.
const DefaultCollection = "papers"

// Author is one author of a paper, in the order of the paper's title page.
type Author struct {
	// Name as the source prints it, for example "Ada Lovelace".
	Name string
	// ORCID is the bare 16-digit identifier with hyphens, or empty.
	ORCID string
}

// Paper is one record: what a source says of a work.
type Paper struct {
	// ID is the caller's identifier, unique within a collection, at most
	// MaxIDBytes bytes of printable UTF-8, for example "arXiv:2112.09118".
	ID       string
	Title    string
	Abstract string
	Authors  []Author
	// Categories are subject labels of the source, for example "cs.CL".
	Categories []string
	Venue      string
	// PublishDate is when the work appeared, to the precision that is known.
	PublishDate Date
	// ListedDates are the days on which feeds listed the paper, a sorted set;
	// the year may be unknown.
	ListedDates []Date
	DOI         string
	ArxivID     string
	URLs        []string
	// Language is a BCP 47 tag, or empty when unknown.
	Language string
	// Signals are numbers about the paper, for example up-votes.
	Signals map[string]float64
	// Metadata is everything else that the source said, as text.
	Metadata map[string]string
}

// Record is a paper as the store keeps it: with what akin itself knows of it.
type Record struct {
	Paper
	// Ordinal is the paper's durable number within its collection, shared by
	// all indexes. The store gives it and never gives it twice.
	Ordinal uint32
	// Handle is what the catalog that gave the record finds it by (Ref.Handle).
	Handle uint32
	// Revision counts the changes of this record, from 1.
	Revision uint64
	// CreateTime and UpdateTime are the store's clock, in UTC.
	CreateTime time.Time
	UpdateTime time.Time
	// EmbedDigest covers what is embedded (title and abstract); when it
	// changes, the paper is embedded again.
	EmbedDigest Digest
	// ContentDigest covers the whole Paper; when it changes, there is a new
	// revision.
	ContentDigest Digest
	// TokenCount is how many tokens of the text were embedded, [CLS] and
	// [SEP] included.
	TokenCount int
	// Truncated says that the text had more tokens than the space takes.
	Truncated bool
	// Trail is how sources spoke of the paper over time; nil if they gave it neither
	// signals nor listing dates without a year. Nobody changes what it points to.
	Trail *Trail
}

// Clone returns a copy that shares no memory with p.
func (p Paper) Clone() Paper {
	p.Authors = slices.Clone(p.Authors)
	p.Categories = slices.Clone(p.Categories)
	p.ListedDates = slices.Clone(p.ListedDates)
	p.URLs = slices.Clone(p.URLs)
	p.Signals = maps.Clone(p.Signals)
	p.Metadata = maps.Clone(p.Metadata)
	return p
}

// Plain returns the paper with nil for each list and map that is empty: what encodes
// differently says something different. It shares memory with p.
func (p Paper) Plain() Paper {
	for _, list := range []*[]string{&p.Categories, &p.URLs} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if len(p.Authors) == 0 {
		p.Authors = nil
	}
	if len(p.ListedDates) == 0 {
		p.ListedDates = nil
	}
	if len(p.Signals) == 0 {
		p.Signals = nil
	}
	if len(p.Metadata) == 0 {
		p.Metadata = nil
	}
	return p
}

// HasText says whether there is anything to embed.
func (p *Paper) HasText() bool { return p.Title != "" || p.Abstract != "" }

// MergeListedDates returns the union of two sets of listing dates, sorted.
// A paper that several feed pages list keeps the dates of all of them.
func MergeListedDates(a, b []Date) []Date {
	if len(a) == 0 && len(b) == 0 {
		return nil
	}
	all := make([]Date, 0, len(a)+len(b))
	all = append(append(all, a...), b...)
	slices.SortFunc(all, Date.Compare)
	return slices.Compact(all)
}
