package follow

import (
	"time"

	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/source/zotero"
)

// Limits of bindings.
const (
	// MaxBindings is how many libraries of an owner may follow something.
	MaxBindings = 100
	// MaxItems is how many entries of the other side are followed.
	MaxItems = 50_000
	// MaxCollections is how many collections are named to follow, or to leave out.
	MaxCollections = 100
	// MaxNameBytes bounds the name of one.
	MaxNameBytes = 256
	// MaxPathBytes bounds the path of a file, MaxFileBytes what is in it.
	MaxPathBytes = 4_096
	MaxFileBytes = 32 << 20
)

// How often what is followed is looked at, where a binding does not say.
const (
	ZoteroEvery = time.Hour
	FileEvery   = time.Minute
	// LeastZotero and LeastFile are the shortest that a binding may say, Longest the
	// longest.
	LeastZotero = 5 * time.Minute
	LeastFile   = 10 * time.Second
	Longest     = 30 * 24 * time.Hour
)

// fullEvery is after how long all of a library is read again, whatever its version.
const fullEvery = 7 * 24 * time.Hour

// Zotero is a library of Zotero that is followed.
type Zotero struct {
	zotero.Library
	// Include are collections, by key or name, with all below them, of which an entry is
	// in one; empty is all. Exclude are those of which it is in none.
	Include, Exclude []string
}

// File is a file of references that is followed.
type File struct {
	Path string
	// Format is one of package librarian's imports; "" recognises it.
	Format string
}

// Source is what a library follows: exactly one of its fields is set.
type Source struct {
	Zotero *Zotero
	File   *File
}

// Binding ties a library to what it follows.
type Binding struct {
	// LibraryID is the ID of the library.
	LibraryID uint32
	Source
	// Mark is for papers that have none in the library; Tags are added.
	Mark library.Mark
	Tags []string
	// Every is how often to look; 0 is as often as is usual for its source.
	Every time.Duration
	// CreateTime is when it was made, and UpdateTime when it was last made anew.
	CreateTime, UpdateTime time.Time
	State
}

// every is how often to look.
func (b *Binding) every() time.Duration {
	switch {
	case b.Every > 0:
		return b.Every
	case b.Zotero != nil:
		return ZoteroEvery
	}
	return FileEvery
}

// State is how far a binding is.
type State struct {
	// Version is that of the other side which the library has; 0 is none. Scope is
	// zotero.Changes.Scope, Digest that of a file.
	Version uint64
	Scope   string
	Digest  string
	// Account is the number of the user or group that was read.
	Account uint64
	// FullTime is when all was read; TryTime when the last round began, SyncTime when
	// the last one that succeeded ended, ChangeTime when one last changed something,
	// NextTime when the next is due.
	FullTime, TryTime, SyncTime, ChangeTime, NextTime time.Time
	// Failures is how many rounds failed since one succeeded, Failure why the last one
	// did, in words, and Reason for programs.
	Failures        int
	Failure, Reason string
	// Items are the entries that are followed, Found those with a paper, LeftOut those
	// that were left out when all was read.
	Items, Found, LeftOut int
	// Missing are collections to leave out that are not there.
	Missing []string
	// Sequence is that of the collection in which papers were last looked for, and
	// LookTime when that was.
	Sequence uint64
	LookTime time.Time
}

// Item is an entry of the other side.
type Item struct {
	// Key is the other side's, or made of what the entry says.
	Key string
	// PaperID is the paper that was found, and By how; "" is none.
	PaperID string
	By      librarian.By
	// Identity is a digest of what the entry is found by.
	Identity string
	// Title, DOI, ArxivID and the others are what it is found by, of an entry without a
	// paper; Why says why it has none.
	Title, DOI, ArxivID, ID, Name, Date string
	Unreadable                          string
	Why                                 string
	Line                                int
	// Note is what it says about the paper.
	Note string
}

// reference is what a paper is found by.
func (i *Item) reference() librarian.Reference {
	return librarian.Reference{
		Line: i.Line, Title: i.Title, DOI: i.DOI, ArxivID: i.ArxivID, ID: i.ID, Name: i.Name, Note: i.Note, Unreadable: i.Unreadable,
	}
}

// Bound is a binding with its library.
type Bound struct {
	Binding
	Library library.Library
	// Running says that a round runs.
	Running bool
}
