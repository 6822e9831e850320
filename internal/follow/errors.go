package follow

import (
	"errors"
	"fmt"
	"math"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"akin/internal/library"
	"akin/internal/paper"
)

// Reasons of this package's errors, besides those of the packages that it stands on.
const (
	// ReasonUnbound: the library follows nothing.
	ReasonUnbound = "LIBRARY_NOT_BOUND"
	// ReasonBound: the library follows something else.
	ReasonBound = "LIBRARY_BOUND"
	// ReasonTooMany: an owner has as many bindings as there may be.
	ReasonTooMany = "TOO_MANY_BINDINGS"
	// ReasonTooLarge: what is followed has more entries than can be.
	ReasonTooLarge = "BINDING_TOO_LARGE"
	// ReasonFile: a file cannot be read, or may not.
	ReasonFile = "BOUND_FILE_UNREADABLE"
	// ReasonFileForbidden: a path is not one that the configuration allows.
	ReasonFileForbidden = "BOUND_FILE_NOT_ALLOWED"
	// ReasonUnfinished: a file ends in the middle, or has nothing in it any more.
	ReasonUnfinished = "BOUND_FILE_UNFINISHED"
	// ReasonKey: the key of an owner cannot be read.
	ReasonKey = "ZOTERO_KEY_UNREADABLE"
)

func unbound(name string) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: ReasonUnbound, ResourceType: "binding", ResourceName: name,
		Message: fmt.Sprintf("library %q follows nothing; bind it first", name),
	}
}

func boundElsewhere(name string, s *Source) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonBound,
		Message: fmt.Sprintf("library %q follows %s already; unbind it first, or use another library", name, s),
	}
}

func tooMany(n int) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonTooMany,
		Message: fmt.Sprintf("%d libraries follow something, the most that an owner's may; unbind one", n),
	}
}

func tooLarge(n int) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonTooLarge,
		Message: fmt.Sprintf("there are %d entries to follow; the limit is %d: follow some collections alone", n, MaxItems),
	}
}

// String names what is followed, for people.
func (s *Source) String() string {
	switch {
	case s.Zotero != nil:
		return s.Zotero.String() + " of Zotero"
	case s.File != nil:
		return fmt.Sprintf("the file %q", s.File.Path)
	}
	return "nothing"
}

// same says that two sources are one, whatever of it is followed.
func (s *Source) same(o *Source) bool {
	if s.Zotero != nil && o.Zotero != nil {
		return s.Zotero.Library == o.Zotero.Library
	}
	return s.File != nil && o.File != nil && s.File.Path == o.File.Path
}

// check holds what callers set of a binding to the limits.
func (b *Binding) check() error {
	if (b.Zotero == nil) == (b.File == nil) {
		return paper.InvalidField("binding", "must say either what library of Zotero, or what file is followed")
	}
	if b.Mark < library.None || b.Mark > library.Disliked {
		return paper.InvalidField("binding.mark", "is %d, which is no mark", b.Mark)
	}
	if len(b.Tags) > library.MaxTags {
		return paper.InvalidField("binding.tags", "has %d tags; the limit is %d", len(b.Tags), library.MaxTags)
	}
	for i, tag := range b.Tags {
		b.Tags[i] = strings.TrimSpace(tag)
		if err := library.CheckTag(fmt.Sprintf("binding.tags[%d]", i), b.Tags[i]); err != nil {
			return err
		}
	}
	least := LeastFile
	if b.Zotero != nil {
		least = LeastZotero
	}
	if b.Every != 0 && (b.Every < least || b.Every > Longest) {
		return paper.InvalidField("binding.interval", "is %v; it must be 0, which is as often as is usual, or %v to %v", b.Every, least, Longest)
	}
	if b.File != nil {
		return b.File.check()
	}
	return b.Zotero.check()
}

func (f *File) check() error {
	if f.Path == "" || len(f.Path) > MaxPathBytes || !utf8.ValidString(f.Path) || strings.ContainsFunc(f.Path, unicode.IsControl) {
		return paper.InvalidField("binding.file.path", "has %d bytes; a path has 1 to %d, in UTF-8 without control characters", len(f.Path), MaxPathBytes)
	}
	if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path {
		return paper.InvalidField("binding.file.path", "is %.200q; write the whole path on the server, from / on, without . and ..", f.Path)
	}
	return nil
}

func (z *Zotero) check() error {
	if z.Group && z.ID == 0 {
		return paper.InvalidField("binding.zotero.group_id", "is 0; give the number of the group")
	}
	if z.ID > math.MaxInt64 {
		return paper.InvalidField("binding.zotero", "has the number %d, which none has", z.ID)
	}
	for field, names := range map[string][]string{"include": z.Include, "exclude": z.Exclude} {
		field = "binding.zotero." + field
		if len(names) > MaxCollections {
			return paper.InvalidField(field, "has %d collections; the limit is %d", len(names), MaxCollections)
		}
		for i, name := range names {
			if strings.TrimSpace(name) == "" || len(name) > MaxNameBytes || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
				return paper.InvalidField(fmt.Sprintf("%s[%d]", field, i),
					"has %d bytes; a collection's key or name has 1 to %d, on one line in UTF-8", len(name), MaxNameBytes)
			}
		}
	}
	return nil
}

// wordsOf gives an error's message and reason, for people and programs; internals are
// for the log alone.
func wordsOf(err error) (message, reason string) {
	var e *paper.Error
	if errors.As(err, &e) {
		return e.Error(), e.Reason
	}
	return "something went wrong that the server's log says", "INTERNAL"
}

// retryOf is after how long the other side wants to be asked again; 0 if it did not say.
func retryOf(err error) time.Duration {
	var e *paper.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
