package library

import (
	"slices"
	"time"
)

// Limits of libraries.
const (
	// MaxLibraries is how many libraries an owner has at most, those among them that
	// are deleted and can come back.
	MaxLibraries = 1_000
	// MaxEntries is how many papers a library has at most.
	MaxEntries = 20_000
	// MaxBytes is how many bytes the entries of a library have together at most: their
	// ids, notes and tags, and 64 for each.
	MaxBytes = 16 << 20
	// MaxBatch is how many entries one call sets, looks up or removes.
	MaxBatch = 1_000
	// MaxNoteBytes, MaxTags and MaxTagBytes bound what an entry says.
	MaxNoteBytes = 4 << 10
	MaxTags      = 32
	MaxTagBytes  = 64
	// MaxDisplayNameBytes and MaxDescriptionBytes bound what a library is called.
	MaxDisplayNameBytes = 200
	MaxDescriptionBytes = 4 << 10
	// MaxWeight is how much more than another an entry can count.
	MaxWeight = 1_000
	// Retention is how long a deleted library can come back.
	Retention = 30 * 24 * time.Hour
)

// Any is the name that stands for all libraries of an owner, where one may.
const Any = "-"

// entryBytes is what an entry counts beside its texts.
const entryBytes = 64

// Mark is what somebody thinks of a paper.
type Mark int

// The marks. Their numbers are on disk.
const (
	// None: neither liked nor disliked, such as a paper that is only read.
	None Mark = iota
	Liked
	Disliked
)

// Entry is a paper of a library.
type Entry struct {
	PaperID string
	Mark    Mark
	// MarkTime is when the mark was set; zero without a mark.
	MarkTime time.Time
	// ReadTime is when the paper was read; zero means that it was not.
	ReadTime time.Time
	Note     string
	// Tags are a sorted set.
	Tags []string
	// Weight is how much it counts for recommendations; 0 means 1.
	Weight float64
	// CreateTime is when the paper came into the library, UpdateTime when the entry
	// last changed.
	CreateTime, UpdateTime time.Time
}

// bytes is what the entry counts against MaxBytes.
func (e *Entry) bytes() int {
	n := entryBytes + len(e.PaperID) + len(e.Note)
	for _, tag := range e.Tags {
		n += len(tag)
	}
	return n
}

// same says whether two entries say the same, whenever that was written.
func (e *Entry) same(o *Entry) bool {
	return e.PaperID == o.PaperID && e.Mark == o.Mark && e.MarkTime.Equal(o.MarkTime) && e.ReadTime.Equal(o.ReadTime) &&
		e.Note == o.Note && slices.Equal(e.Tags, o.Tags) && e.Weight == o.Weight && e.CreateTime.Equal(o.CreateTime)
}

// Library is a named set of entries.
type Library struct {
	// ID is the number that its entries are kept under; 0 before it is kept.
	ID uint32
	// Owner is who it belongs to.
	Owner string
	// Name is unique among the owner's: the rules are those of collections.
	Name        string
	DisplayName string
	Description string
	// Collection is where its papers are.
	Collection string
	// CreateTime, UpdateTime (of the library or any entry) and DeleteTime are in UTC;
	// DeleteTime is zero unless it is deleted.
	CreateTime, UpdateTime, DeleteTime time.Time
	Counts                             Counts
}

// Deleted says that it is deleted, and can come back.
func (l *Library) Deleted() bool { return !l.DeleteTime.IsZero() }

// Counts are what a library has.
type Counts struct {
	Entries, Liked, Disliked, Read int
	// Bytes is what its entries count against MaxBytes.
	Bytes int
}

// add counts an entry sign times.
func (c *Counts) add(e *Entry, sign int) {
	c.Entries += sign
	c.Bytes += sign * e.bytes()
	switch e.Mark {
	case Liked:
		c.Liked += sign
	case Disliked:
		c.Disliked += sign
	case None:
	}
	if !e.ReadTime.IsZero() {
		c.Read += sign
	}
}

// Add counts an entry.
func (c *Counts) Add(e *Entry) { c.add(e, 1) }
