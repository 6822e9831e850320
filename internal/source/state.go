package source

import "time"

// Counts are what became of the records of a source.
type Counts struct {
	// New papers came into the collection, Changed ones have another record, Known ones
	// were there as they are, Removed ones the source took back, Refused ones are no
	// papers and are kept to look at.
	New     uint64 `json:"new,omitempty"`
	Changed uint64 `json:"changed,omitempty"`
	Known   uint64 `json:"known,omitempty"`
	Removed uint64 `json:"removed,omitempty"`
	Refused uint64 `json:"refused,omitempty"`
}

// Add adds others.
func (c *Counts) Add(o Counts) {
	c.New += o.New
	c.Changed += o.Changed
	c.Known += o.Known
	c.Removed += o.Removed
	c.Refused += o.Refused
}

// All is how many records there were.
func (c Counts) All() uint64 { return c.New + c.Changed + c.Known + c.Removed + c.Refused }

// Outcome is how a run ended.
type Outcome string

// The outcomes.
const (
	// Running is of a run that has not ended: it works, or waits to go on.
	Running Outcome = ""
	// Brought papers that were new or changed.
	Brought Outcome = "brought"
	// Quiet found nothing new: why is in the run's message.
	Quiet Outcome = "quiet"
	// Failed could not be finished; the next run goes on from its checkpoint.
	Failed Outcome = "failed"
)

// Run is one run of a source.
type Run struct {
	// ID counts the runs of a source, from 1.
	ID    uint64    `json:"id"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end,omitzero"`
	// Asked says that somebody asked for it, rather than the schedule.
	Asked  bool   `json:"asked,omitempty"`
	Counts Counts `json:"counts"`
	// Requests and Bytes are what it took.
	Requests uint64  `json:"requests,omitempty"`
	Bytes    uint64  `json:"bytes,omitempty"`
	Outcome  Outcome `json:"outcome,omitempty"`
	// Message says in words what came of it.
	Message string `json:"message,omitempty"`
	// Notes are what else is worth to know, such as a list that was short.
	Notes []string `json:"notes,omitempty"`
	// Begun says that the checkpoint says what the run is to do.
	Begun bool `json:"begun,omitempty"`
	// Same says that the source answered that nothing has changed since the last run.
	Same bool `json:"same,omitempty"`
	// Quiet is why nothing came, if the source said so.
	Quiet string `json:"quiet,omitempty"`
}

// Why is why a source next runs when it does.
type Why string

// The reasons.
const (
	// BySchedule: its time comes.
	BySchedule Why = "schedule"
	// ByRequest: somebody asked for a run.
	ByRequest Why = "request"
	// LeftAlone: the source asked to be left alone until then.
	LeftAlone Why = "left alone"
	// BackingOff: something failed, and is tried again then.
	BackingOff Why = "backing off"
)

// State is where a source is. It is durable.
type State struct {
	Name string `json:"name"`
	// Identity is what the cursor belongs to.
	Identity string `json:"identity"`
	// Created is when the source was first seen.
	Created time.Time `json:"created"`
	// Paused is when somebody paused it; zero if nobody did.
	Paused time.Time `json:"paused,omitzero"`
	// Next is when it next does something; zero is at once.
	Next time.Time `json:"next,omitzero"`
	Why  Why       `json:"why,omitempty"`
	// Failures are those in a row, since Failing; Error is the last.
	Failures int       `json:"failures,omitempty"`
	Failing  time.Time `json:"failing,omitzero"`
	Error    string    `json:"error,omitempty"`
	// FailuresTotal are all, ever.
	FailuresTotal uint64 `json:"failures_total,omitempty"`
	// Succeeded is when a run last ended well, Delivered when a new paper last came.
	Succeeded time.Time `json:"succeeded,omitzero"`
	Delivered time.Time `json:"delivered,omitzero"`
	// KnownRuns are the runs in a row whose records were all known.
	KnownRuns int `json:"known_runs,omitempty"`
	// Stale is since when the source seems to repeat itself; zero if it does not.
	Stale time.Time `json:"stale,omitzero"`
	Total Counts    `json:"total"`
	Runs  uint64    `json:"runs,omitempty"`
	// Refusals is how many records were ever kept to look at.
	Refusals uint64 `json:"refusals,omitempty"`
	// Last is the last run that ended, Run the one that has not; nil if there is none.
	Last *Run `json:"last,omitempty"`
	Run  *Run `json:"run,omitempty"`

	Cursor Cursor `json:"cursor"`
}

// clone makes a copy that shares nothing that changes.
func (s State) clone() State {
	if s.Run != nil {
		run := *s.Run
		run.Notes = append([]string(nil), run.Notes...)
		s.Run = &run
	}
	sets := make(map[string]OAICursor, len(s.Cursor.OAI))
	for set, c := range s.Cursor.OAI {
		sets[set] = c
	}
	s.Cursor.OAI = sets
	return s
}

// Cursor is the checkpoint: what was fetched, and what comes next.
type Cursor struct {
	OAI     map[string]OAICursor `json:"oai,omitempty"` // by set
	Feed    FeedCursor           `json:"feed,omitzero"`
	Listing ListingCursor        `json:"listing,omitzero"`
}

// OAICursor is where the harvest of a set is.
type OAICursor struct {
	// Through is the last day of which all records were fetched that had it then.
	Through Day `json:"through,omitempty"`
	// First and Last are the days of the list under way, and End is the last day that
	// the run wants; First is none between runs.
	First Day `json:"first,omitempty"`
	Last  Day `json:"last,omitempty"`
	End   Day `json:"end,omitempty"`
	// Token asks for the list's next page; Page pages were read.
	Token string `json:"token,omitempty"`
	Page  int    `json:"page,omitempty"`
	// Records were in the list so far, of Size that the repository told of; 0 if it did
	// not.
	Records int `json:"records,omitempty"`
	Size    int `json:"size,omitempty"`
	// Days is how long a list is now, and Again how often this one was begun anew.
	Days  int `json:"days,omitempty"`
	Again int `json:"again,omitempty"`
	// Server is the earliest day that the repository's clock said during the list.
	Server Day `json:"server,omitempty"`
}

// FeedCursor is what a feed said of its last answer.
type FeedCursor struct {
	// ETag and LastModified are as they came.
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	// Full is when it was last read without asking whether it changed.
	Full time.Time `json:"full,omitzero"`
	// Skips are the days of the week that it says it skips.
	Skips []string `json:"skips,omitempty"`
}

// ListingCursor is where the pages of days are.
type ListingCursor struct {
	// Through is the last day of which all pages were fetched after it was over.
	Through Day `json:"through,omitempty"`
	// Day and Page come next, and End is the last day that the run wants; Day is none
	// between runs.
	Day  Day `json:"day,omitempty"`
	Page int `json:"page,omitempty"`
	End  Day `json:"end,omitempty"`
	// Missing are the days of this run that the source had no page for, Had those that
	// it had.
	Missing int `json:"missing,omitempty"`
	Had     int `json:"had,omitempty"`
}

// Refusal is a record that is no paper, kept to look at.
type Refusal struct {
	ID   uint64    `json:"id"`
	Time time.Time `json:"time"`
	// Place is where it was: an address or a file, and a line.
	Place string `json:"place"`
	Line  int    `json:"line,omitempty"`
	// Reason is a sentence for people.
	Reason string `json:"reason"`
	// Raw is how it begins.
	Raw []byte `json:"raw,omitempty"`
}

// Host is what is known of a site that is asked.
type Host struct {
	// Until is when it may be asked again, and Why who says so.
	Until time.Time `json:"until"`
	Why   string    `json:"why"`
}

// Said is what a fast lane last said of a paper; or what any source has that was refused.
type Said struct {
	// All digests everything, Words what people read.
	All   []byte `json:"all"`
	Words []byte `json:"words"`
	// Seen is the day on which the source last had it.
	Seen Day `json:"seen"`
}

// File is a file of a folder that is done with.
type File struct {
	Size   int64     `json:"size"`
	Time   time.Time `json:"time"`
	Digest string    `json:"digest"`
}

// Imported is a content of a folder's files that was imported.
type Imported struct {
	Path   string    `json:"path"`
	Time   time.Time `json:"time"`
	Counts Counts    `json:"counts"`
}

// What is a sort of thing that is kept.
type What byte

// The sorts. Their numbers are on disk.
const (
	// KeptConfig: by source's name as the key; source "" -> Config, made over the API.
	KeptConfig What = iota + 1
	// KeptState: by source -> State.
	KeptState
	// KeptRun: by source and number, the newest first -> Run.
	KeptRun
	// KeptRefusal: by source and number, the newest first -> Refusal.
	KeptRefusal
	// KeptHost: by site; source "" -> Host.
	KeptHost
	// KeptSaid: by source and paper, or 00 and the digest of what was refused -> Said.
	KeptSaid
	// KeptFile: by source and path -> File.
	KeptFile
	// KeptImported: by source and digest -> Imported.
	KeptImported
)

// New makes an empty one of what a sort keeps, to read into; nil for one that there is
// not.
func (w What) New() any {
	switch w {
	case KeptConfig:
		return new(Config)
	case KeptState:
		return new(State)
	case KeptRun:
		return new(Run)
	case KeptRefusal:
		return new(Refusal)
	case KeptHost:
		return new(Host)
	case KeptSaid:
		return new(Said)
	case KeptFile:
		return new(File)
	case KeptImported:
		return new(Imported)
	}
	return nil
}
