package feed

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"akin/internal/paper"
)

// Limits of feeds.
const (
	// MaxFeeds is how many feeds an owner has at most, MaxAllFeeds all owners together.
	MaxFeeds    = 200
	MaxAllFeeds = 20_000
	// MaxTextBytes bounds a feed's text, MaxFilterBytes its filter.
	MaxTextBytes   = 8 << 10
	MaxFilterBytes = 16 << 10
	// MaxAuthors and MaxAuthorBytes bound the names of a feed of authors.
	MaxAuthors     = 1_000
	MaxAuthorBytes = 200
	// MaxDisplayNameBytes bounds what a feed is called.
	MaxDisplayNameBytes = 200
	// DefaultMaxPerDay is how many papers a day match if a feed does not say, and
	// MostPerDay the most it can say.
	DefaultMaxPerDay = 25
	MostPerDay       = 1_000
	// MaxItems is how many items of a feed are kept; beyond, the oldest are let go of, and
	// their papers could match again.
	MaxItems = 5_000
)

// Reasons of this package's errors, besides those of package paper.
const (
	// ReasonUnknown: there is no such feed, or it is another owner's.
	ReasonUnknown = "FEED_NOT_FOUND"
	// ReasonExists: the name is taken.
	ReasonExists = "FEED_EXISTS"
	// ReasonFull: an owner, or the server, has as many feeds as there may be.
	ReasonFull = "FEEDS_FULL"
)

// Unknown is the error for a feed that is not there.
func Unknown(name string) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: ReasonUnknown, ResourceType: "feed", ResourceName: name,
		Message: fmt.Sprintf("there is no feed %q; create it, or list those there are", name),
	}
}

func exists(name string) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonExists, ResourceType: "feed", ResourceName: name,
		Message: fmt.Sprintf("there is a feed %q already; choose another name, or update it", name),
	}
}

func full(format string, args ...any) error {
	return &paper.Error{Kind: paper.FailedPrecondition, Reason: ReasonFull, Message: fmt.Sprintf(format, args...)}
}

// maxOwnerBytes bounds the name of an owner.
const maxOwnerBytes = 256

// checkOwner holds the caller's identity to what can be kept.
func checkOwner(owner string) error {
	if owner == "" || len(owner) > maxOwnerBytes || !utf8.ValidString(owner) {
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("feeds belong to an owner of 1 to %d bytes, and this caller has none", maxOwnerBytes),
		}
	}
	return nil
}

// CheckName holds the name of a feed to the rules of collections' names.
func CheckName(field, name string) error {
	if paper.ValidateCollection(name) != nil {
		return paper.InvalidField(field, "is %.80q; a feed's name has 1 to 64 of a-z, 0-9, '-' and '_', the first a letter or digit", name)
	}
	return nil
}

// Complete defaults what callers leave out, and holds the feed to the limits. field
// leads to it in the request.
func (f *Feed) Complete(field string) error {
	if field != "" {
		field += "."
	}
	if f.Collection == "" {
		f.Collection = paper.DefaultCollection
	}
	if f.MaxPerDay == 0 {
		f.MaxPerDay = DefaultMaxPerDay
	}
	if f.Breadth == BreadthDefault {
		f.Breadth = Balanced
	}
	if err := checkText(field+"display_name", f.DisplayName, MaxDisplayNameBytes); err != nil {
		return err
	}
	if err := checkText(field+"filter", f.Filter, MaxFilterBytes); err != nil {
		return err
	}
	switch {
	case f.MaxPerDay < 0 || f.MaxPerDay > MostPerDay:
		return paper.InvalidField(field+"max_per_day", "is %d; give 1 to %d, or 0 for %d", f.MaxPerDay, MostPerDay, DefaultMaxPerDay)
	case f.Breadth < Strict || f.Breadth > Broad:
		return paper.InvalidField(field+"breadth", "is %d, which is no breadth", f.Breadth)
	case f.Mode < Hybrid || f.Mode > Lexical:
		return paper.InvalidField(field+"mode", "is %d, which is no mode", f.Mode)
	}
	return f.Query.complete(field)
}

// Kind says which of its fields a query has.
func (q *Query) Kind() ReasonKind {
	switch {
	case q.Text != "":
		return ByText
	case q.PaperID != "":
		return ByPaper
	case q.Library != "":
		return ByLike
	case len(q.Authors) > 0:
		return ByAuthor
	}
	return 0
}

func (q *Query) complete(field string) error {
	given := 0
	for _, has := range []bool{q.Text != "", q.PaperID != "", q.Library != "", len(q.Authors) > 0} {
		if has {
			given++
		}
	}
	switch {
	case given != 1:
		return paper.InvalidField(field+"query", "asks for %d of text, paper, library and authors; give exactly one", given)
	case q.Text != "":
		if strings.TrimSpace(q.Text) == "" {
			return paper.InvalidField(field+"text", "is empty; give some text")
		}
		return checkText(field+"text", q.Text, MaxTextBytes)
	case q.PaperID != "":
		if err := paper.ValidateID(q.PaperID); err != nil {
			return paper.InvalidField(field+"paper_id", "%v", err)
		}
		return nil
	case q.Library != "":
		if paper.ValidateCollection(q.Library) != nil {
			return paper.InvalidField(field+"library", "is %.80q; give the name of one of your libraries", q.Library)
		}
		return nil
	}
	return q.completeAuthors(field + "authors")
}

// completeAuthors trims names and leaves out those that stand twice.
func (q *Query) completeAuthors(field string) error {
	if n := len(q.Authors); n > MaxAuthors {
		return paper.InvalidField(field, "has %d names; the limit is %d", n, MaxAuthors)
	}
	var names []string
	seen := make(map[string]bool, len(q.Authors))
	for i, name := range q.Authors {
		name = strings.Join(strings.Fields(name), " ")
		at := fmt.Sprintf("%s[%d]", field, i)
		if name == "" {
			return paper.InvalidField(at, "is empty; leave it out")
		}
		if err := checkText(at, name, MaxAuthorBytes); err != nil {
			return err
		}
		if !seen[name] {
			names, seen[name] = append(names, name), true
		}
	}
	q.Authors = names
	return nil
}

func checkText(field, text string, most int) error {
	if len(text) > most {
		return paper.InvalidField(field, "has %d bytes; the limit is %d", len(text), most)
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return paper.InvalidField(field, "is not text: it must be UTF-8 without NUL")
	}
	return nil
}

// same says whether two queries ask the same.
func (q *Query) same(o *Query) bool {
	return q.Text == o.Text && q.PaperID == o.PaperID && q.Library == o.Library && slices.Equal(q.Authors, o.Authors)
}

// SameMatching says whether two feeds are matched by the same: what is left are name,
// what they are called, how many a day, and the filter.
func (f *Feed) SameMatching(o *Feed) bool {
	return f.Query.same(&o.Query) && f.Mode == o.Mode && f.Breadth == o.Breadth && f.Collection == o.Collection
}
