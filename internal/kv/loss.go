package kv

import (
	"fmt"

	"akin/internal/paper"
)

// Loss is what a damaged database has lost of what it acknowledged.
type Loss struct {
	// First and Last are the commits that are gone; both 0 if none is, or if
	// nobody can tell.
	First, Last uint64
	// File is where the damage was found, within the data directory, and Why
	// what it is.
	File, Why string
	// Readable says that what is left can be opened for reading.
	Readable bool
	// known says that First and Last can be told.
	known bool
	// acceptable says that what is left is a state that there was.
	acceptable bool
}

// loss finds out what is missing because of a fault, by opening what is left
// for reading.
func (d directory) loss(o Options, have contents, found *fault) Loss {
	l := Loss{File: found.file, Why: found.why, acceptable: found.acceptable()}
	db, err := d.openReadOnly(o, have, found, ErrReadOnly)
	if err != nil {
		return l
	}
	l.Readable = true
	if found.mark != nil {
		l.known = true
		if has := db.current.history.commit; has < found.mark.commit {
			l.First, l.Last = has+1, found.mark.commit
		}
	}
	if err := db.closePebble(); err != nil {
		o.Logger.Warn("kv: close after looking for what is lost", "err", err)
	}
	return l
}

// Commits is how many commits are gone.
func (l Loss) Commits() uint64 {
	if l.First == 0 {
		return 0
	}
	return l.Last - l.First + 1
}

// String says what is missing, and where.
func (l Loss) String() string {
	where := fmt.Sprintf("the file %s %s", l.File, l.Why)
	switch n := l.Commits(); {
	case n == 1:
		return fmt.Sprintf("commit %d, which was acknowledged, cannot be read: %s", l.First, where)
	case n > 1:
		return fmt.Sprintf("commits %d to %d (%d), which were acknowledged, cannot be read: %s", l.First, l.Last, n, where)
	case l.known:
		return where + "; the last acknowledged commit can be read"
	case !l.Readable:
		return where + ", and without it nothing can be read"
	}
	return where + ", so that nobody can tell what is missing of what was acknowledged"
}

// err is the refusal to open, with what can be done.
func (l Loss) err(d directory) error {
	remedy := "restore a snapshot with akin snapshot restore"
	if l.Readable {
		remedy += ", or serve what can be read with akin serve --read-only-on-damage"
	}
	if l.Readable && l.acceptable {
		remedy += fmt.Sprintf(", or give up what is missing with akin verify --data %s --accept-loss", d.path)
	} else {
		remedy += ", or remove the directory and import the papers anew"
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: ReasonDamaged,
		Message: fmt.Sprintf("the data directory %s is damaged: %s; %s", d.path, l, remedy),
		Metadata: map[string]string{
			"directory": d.path, "file": l.File,
			"first_missing_commit": fmt.Sprint(l.First), "last_missing_commit": fmt.Sprint(l.Last),
		},
		Cause: errDamagedStore,
	}
}
