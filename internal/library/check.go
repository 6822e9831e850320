package library

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"akin/internal/paper"
)

// Reasons of this package's errors, besides those of package paper.
const (
	// ReasonUnknown: there is no such library, or it is another owner's.
	ReasonUnknown = "LIBRARY_NOT_FOUND"
	// ReasonExists: the name is taken, maybe by a library that is deleted.
	ReasonExists = "LIBRARY_EXISTS"
	// ReasonFull: a library, or an owner, has as much as there may be.
	ReasonFull = "LIBRARY_FULL"
	// ReasonCollections: the papers of two libraries are in different collections.
	ReasonCollections = "LIBRARY_COLLECTIONS_DIFFER"
)

// maxOwnerBytes bounds the name of an owner.
const maxOwnerBytes = 256

func unknown(name string) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: ReasonUnknown, ResourceType: "library", ResourceName: name,
		Message: fmt.Sprintf("there is no library %q; create it, or list those there are", name),
	}
}

func unknownDeleted(l *Library) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: ReasonUnknown, ResourceType: "library", ResourceName: l.Name,
		Message: fmt.Sprintf("library %q was deleted; undelete it before %s, or it is gone", l.Name, l.DeleteTime.Add(Retention).Format(time.DateOnly)),
	}
}

func exists(l *Library) error {
	message := fmt.Sprintf("there is a library %q already; choose another name", l.Name)
	if l.Deleted() {
		message = fmt.Sprintf("library %q was deleted and can still come back; undelete it, erase it, or choose another name", l.Name)
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonExists, ResourceType: "library", ResourceName: l.Name, Message: message,
	}
}

func full(format string, args ...any) error {
	return &paper.Error{Kind: paper.FailedPrecondition, Reason: ReasonFull, Message: fmt.Sprintf(format, args...)}
}

func differentCollections(a, b *Library) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonCollections,
		Message: fmt.Sprintf("the papers of library %q are in collection %q and those of %q in %q; merge libraries of one collection",
			a.Name, a.Collection, b.Name, b.Collection),
	}
}

// checkOwner holds the caller's identity to what can be kept.
func checkOwner(owner string) error {
	if CheckOwner("owner", owner) != nil {
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("libraries belong to an owner of 1 to %d bytes, and this caller has none", maxOwnerBytes),
		}
	}
	return nil
}

// CheckOwner says what is wrong with the name of an owner that a request gives.
func CheckOwner(field, owner string) error {
	if owner == "" || len(owner) > maxOwnerBytes || !utf8.ValidString(owner) {
		return paper.InvalidField(field, "has %d bytes; the name of an owner has 1 to %d, in UTF-8", len(owner), maxOwnerBytes)
	}
	return nil
}

// CheckName holds the name of a library to the rules of collections' names.
func CheckName(field, name string) error {
	if paper.ValidateCollection(name) != nil {
		return paper.InvalidField(field, "is %.80q; a library's name has 1 to 64 of a-z, 0-9, '-' and '_', the first a letter or digit", name)
	}
	return nil
}

// check holds what callers set of a library to the limits.
func (l *Library) check() error {
	if err := CheckName("library.name", l.Name); err != nil {
		return err
	}
	if err := checkText("library.display_name", l.DisplayName, MaxDisplayNameBytes); err != nil {
		return err
	}
	return checkText("library.description", l.Description, MaxDescriptionBytes)
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

// check holds an entry to the limits; field leads to it in the request.
func (e *Entry) check(field string) error {
	if err := paper.ValidateID(e.PaperID); err != nil {
		return paper.InvalidField(field+".paper_id", "%v", err)
	}
	if e.Mark < None || e.Mark > Disliked {
		return paper.InvalidField(field+".mark", "is %d, which is no mark", e.Mark)
	}
	if err := checkText(field+".note", e.Note, MaxNoteBytes); err != nil {
		return err
	}
	if w := e.Weight; math.IsNaN(w) || w < 0 || w > MaxWeight {
		return paper.InvalidField(field+".weight", "is %v; it must be above 0 and at most %d (0 means 1)", w, MaxWeight)
	}
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"mark_time", e.MarkTime}, {"read_time", e.ReadTime}, {"create_time", e.CreateTime}} {
		if err := checkTime(field+"."+t.name, t.at); err != nil {
			return err
		}
	}
	return e.checkTags(field + ".tags")
}

// The years that times may be of: what is kept are nanoseconds in 64 bits.
const (
	firstYear = 1900
	lastYear  = 2199
)

func checkTime(field string, t time.Time) error {
	if y := t.Year(); !t.IsZero() && (y < firstYear || y > lastYear) {
		return paper.InvalidField(field, "is of the year %d; it must be between %d and %d", y, firstYear, lastYear)
	}
	return nil
}

// checkTags makes the tags a sorted set, and holds it to the limits.
func (e *Entry) checkTags(field string) error {
	tags := make([]string, 0, len(e.Tags))
	for i, tag := range e.Tags {
		tag = strings.TrimSpace(tag)
		at := fmt.Sprintf("%s[%d]", field, i)
		if err := CheckTag(at, tag); err != nil {
			return err
		}
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	if len(tags) > MaxTags {
		return paper.InvalidField(field, "has %d tags; the limit is %d", len(tags), MaxTags)
	}
	e.Tags = nil
	if len(tags) > 0 {
		e.Tags = tags
	}
	return nil
}

// CheckTag says what is wrong with a tag.
func CheckTag(field, tag string) error {
	switch {
	case tag == "":
		return paper.InvalidField(field, "is empty; leave it out")
	case len(tag) > MaxTagBytes:
		return paper.InvalidField(field, "has %d bytes; the limit is %d", len(tag), MaxTagBytes)
	case !utf8.ValidString(tag) || strings.ContainsFunc(tag, unicode.IsControl):
		return paper.InvalidField(field, "is not one line of text in UTF-8")
	}
	return nil
}

func checkBatch(field string, n int) error {
	if n == 0 || n > MaxBatch {
		return paper.InvalidField(field, "has %d items; give 1 to %d", n, MaxBatch)
	}
	return nil
}

// room says whether a library may be as large as it is after a change.
func (l *Library) room() error {
	switch c := l.Counts; {
	case c.Entries > MaxEntries:
		return full("library %q would have %d entries; the limit is %d: remove some, or use another library", l.Name, c.Entries, MaxEntries)
	case c.Bytes > MaxBytes:
		return full("the notes, tags and ids of library %q would have %d bytes; the limit is %d: shorten notes, or use another library", l.Name, c.Bytes, MaxBytes)
	}
	return nil
}

func mergeCount(n int) error {
	return paper.InvalidField("sources", "has %d names; give 1 to %d", n, MaxMerged)
}

func mergeTwice(i int, name string) error {
	return paper.InvalidField(fmt.Sprintf("sources[%d]", i), "is %q, which is named already; leave it out", name)
}

// tooMuch is the error for notes and tags that do not fit into one entry.
func tooMuch(paperID string, cause error) error {
	return full("the notes and tags of paper %q do not fit into one entry (%v); shorten them, or merge without that paper", paperID, cause)
}
