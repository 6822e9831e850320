package source

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/ingest"
	"akin/internal/paper"
	"akin/internal/paper/titleid"
)

// Papers is what takes papers and tells of those that are there.
type Papers interface {
	Import(ctx context.Context, collection string, next func(context.Context) (engine.Incoming, error), ack func(engine.Acknowledged) error) error
	GetEach(ctx context.Context, collection string, ids []string, visit func(int, *paper.Record) bool, missing func(int)) error
}

// delivery is what one step brought.
type delivery struct {
	place string
	rows  []ingest.Row
	bad   []ingest.Rejected
	// more is how many were refused beside those of bad: so many are never kept.
	more uint64
}

// add takes a row, or what is wrong with it.
func (d *delivery) add(row ingest.Row, bad *ingest.RejectedError) {
	if bad != nil {
		if len(d.bad) == MaxRefusals {
			d.more++
			return
		}
		r := bad.Rejected
		r.Raw = bytes.Clone(r.Raw[:min(len(r.Raw), keptRaw)])
		d.bad = append(d.bad, r)
		return
	}
	d.rows = append(d.rows, row)
}

// read takes all rows of an answer or a file.
func (d *delivery) read(ctx context.Context, r *ingest.Reader) error {
	for {
		row, err := r.Next(ctx)
		var bad *ingest.RejectedError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			d.add(row, bad)
		case err != nil:
			return err
		default:
			d.add(row, nil)
		}
	}
}

// statement is what a fast lane says of a paper now, and what it said before.
type statement struct {
	said Said
	// reworded says that its words are others than the last time.
	reworded bool
}

// deliver imports what came, and counts it. What it notes goes into the book with the
// next checkpoint: see job.save.
func (j *job) deliver(ctx context.Context, d *delivery) error {
	j.m.delivering.Lock()
	defer j.m.delivering.Unlock()
	counts := Counts{Refused: d.more}
	for i := range d.bad {
		counts.Refused++
		if err := j.refuse(ctx, d.bad[i]); err != nil {
			return err
		}
	}
	const chunk = 512
	for rows := range slices.Chunk(d.rows, chunk) {
		c, err := j.importRows(ctx, rows)
		if err != nil {
			return err
		}
		counts.Add(c)
	}
	j.state.Run.Counts.Add(counts)
	j.state.Total.Add(counts)
	if counts.New > 0 {
		j.state.Delivered = j.m.now().UTC()
	}
	return nil
}

// importRows imports some rows.
func (j *job) importRows(ctx context.Context, rows []ingest.Row) (counts Counts, err error) {
	incoming := make([]engine.Incoming, 0, len(rows))
	from := make([]*ingest.Row, 0, len(rows))
	said := make(map[string]statement)
	for i := range rows {
		row := &rows[i]
		row.Paper.DropBlanks()
		if row.Paper.ID == "" && titleid.Normalize(row.Paper.Title) != "" {
			row.Paper.ID = titleid.New(row.Paper.Title)
		}
		if j.fast() && !row.Deleted {
			known, err := j.heard(ctx, &row.Paper, said)
			if err != nil {
				return counts, err
			}
			if known {
				counts.Known++
				continue
			}
		}
		incoming = append(incoming, engine.Incoming{Paper: row.Paper, Index: uint64(len(from)), Delete: row.Deleted})
		from = append(from, row)
	}
	if err := j.merge(ctx, incoming, said); err != nil {
		return counts, err
	}
	at := 0
	next := func(context.Context) (engine.Incoming, error) {
		if at == len(incoming) {
			return engine.Incoming{}, io.EOF
		}
		at++
		return incoming[at-1], nil
	}
	err = j.m.papers.Import(ctx, j.config.Collection, next, func(a engine.Acknowledged) error {
		for i := range a.Results {
			if err := j.count(ctx, &counts, &a.Results[i], from[a.Papers[i].Index]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil { // what was not imported was not heard
		for id, s := range said {
			j.said[id] = s.said
		}
	}
	return counts, err
}

// count says what became of a paper.
func (j *job) count(ctx context.Context, counts *Counts, u *engine.Upserted, row *ingest.Row) error {
	switch {
	case u.Err != nil:
		counts.Refused++
		raw, _ := json.Marshal(row.Paper) // of plain values
		return j.refuse(ctx, ingest.Rejected{File: row.Source.File, Line: row.Source.Line, Reason: u.Err.Error(), Raw: raw})
	case u.Change == catalog.Created:
		counts.New++
	case u.Change == catalog.Updated:
		counts.Changed++
	case u.Change == catalog.Deleted:
		counts.Removed++
	default:
		counts.Known++
	}
	return nil
}

// refuse keeps a record to look at, once: sources have the same one again and again.
func (j *job) refuse(ctx context.Context, r ingest.Rejected) error {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", r.File, r.Reason, r.Raw))
	key := "\x00" + hex.EncodeToString(sum[:16]) // no paper's id
	now := Said{All: sum[:16], Seen: DayOf(j.m.now())}
	before, found := j.said[key]
	if !found {
		var err error
		if found, err = j.m.get(ctx, KeptSaid, j.config.Name, key, &before); err != nil {
			return err
		}
	}
	if !found || before.Seen != now.Seen {
		j.said[key] = now
	}
	if found {
		return nil
	}
	j.state.Refusals++
	raw := r.Raw[:min(len(r.Raw), keptRaw)]
	j.refused = append(j.refused, Refusal{
		ID: j.state.Refusals, Time: j.m.now().UTC(), Place: cutText(cmp.Or(r.File, j.config.Name), keptText), Line: r.Line,
		Reason: cutText(r.Reason, keptText), Raw: bytes.Clone(raw),
	})
	return nil
}

const (
	// keptRaw is how much of a refused record is kept, keptText of what is said of it.
	keptRaw  = 4 << 10
	keptText = 1 << 10
	// MaxRefusals is how many refused records of a source are kept.
	MaxRefusals = 500
	// MaxRuns is how many runs of a source are kept.
	MaxRuns = 50
	// saidDays is how long it is remembered what a fast lane said of a paper that it has
	// no more.
	saidDays = 30
)

func cutText(s string, most int) string { return strings.ToValidUTF8(s[:min(len(s), most)], "\uFFFD") }

// fast says that the source only fills in what is missing.
func (j *job) fast() bool { return j.config.Kind == Feed || j.config.Kind == Listing }

// heard says whether a fast lane says of a paper what it said before, and notes what it
// says.
func (j *job) heard(ctx context.Context, p *paper.Paper, said map[string]statement) (known bool, err error) {
	if p.ID == "" {
		return false, nil
	}
	now := Said{All: digest(p), Words: digest(&paper.Paper{Title: p.Title, Abstract: p.Abstract, Authors: p.Authors}), Seen: DayOf(j.m.now())}
	var before Said
	var found bool
	if again, ok := j.said[p.ID]; ok { // in the same run
		before, found = again, true
	} else if found, err = j.m.get(ctx, KeptSaid, j.config.Name, p.ID, &before); err != nil {
		return false, err
	}
	if found && bytes.Equal(before.All, now.All) {
		if before.Seen != now.Seen {
			j.said[p.ID] = now
		}
		return true, nil
	}
	said[p.ID] = statement{said: now, reworded: found && !bytes.Equal(before.Words, now.Words)}
	return false, nil
}

// digest is of all that a paper says; its parts are of fixed order.
func digest(p *paper.Paper) []byte {
	raw, err := json.Marshal(p)
	if err != nil { // of values that JSON does not have, such as NaN
		raw = fmt.Appendf(nil, "%#v", *p)
	}
	sum := sha256.Sum256(raw)
	return sum[:16]
}

// merge makes of what came and what is there what there will be.
func (j *job) merge(ctx context.Context, incoming []engine.Incoming, said map[string]statement) error {
	var ids []string
	var at []int
	for i := range incoming {
		if p := &incoming[i].Paper; p.ID != "" && !incoming[i].Delete && paper.ValidateID(p.ID) == nil {
			ids, at = append(ids, p.ID), append(at, i)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return j.m.papers.GetEach(ctx, j.config.Collection, ids, func(i int, r *paper.Record) bool {
		in := &incoming[at[i]]
		if r.ID != in.Paper.ID { // it goes by another name there
			return true
		}
		if j.fast() {
			in.Paper = filledIn(&r.Paper, &in.Paper, said[in.Paper.ID].reworded)
		} else {
			in.Paper = replaced(&r.Paper, &in.Paper)
		}
		return true
	}, func(int) {})
}

// replaced is a paper as a ledger says it is, with what only others say of it.
func replaced(there, p *paper.Paper) paper.Paper {
	out := p.Clone()
	fillPaper(&out, there)
	out.URLs = union(there.URLs, p.URLs)
	out.Metadata = joined(there.Metadata, p.Metadata)
	return out
}

// filledIn is a paper as it is there, with what it lacks: a fast lane adds, and only
// changes words when it has a later version, or other words than it had itself.
func filledIn(there, p *paper.Paper, reworded bool) paper.Paper {
	out := there.Clone()
	if later := versionOf(p) > versionOf(there) && versionOf(there) > 0; later || reworded && versionOf(p) >= versionOf(there) {
		if p.Title != "" {
			out.Title = p.Title
		}
		if p.Abstract != "" {
			out.Abstract = p.Abstract
		}
		if len(p.Authors) > 0 {
			out.Authors = slices.Clone(p.Authors)
		}
		out.Metadata = joined(out.Metadata, p.Metadata)
	}
	fillPaper(&out, p)
	out.Signals = joined(there.Signals, p.Signals)
	out.ListedDates = paper.MergeListedDates(there.ListedDates, p.ListedDates)
	out.URLs = union(there.URLs, p.URLs)
	out.Metadata = joined(p.Metadata, out.Metadata)
	return out
}

// fillPaper sets what a paper lacks.
func fillPaper(p, from *paper.Paper) {
	fill(&p.Title, from.Title)
	fill(&p.Abstract, from.Abstract)
	fill(&p.Venue, from.Venue)
	fill(&p.DOI, from.DOI)
	fill(&p.ArxivID, from.ArxivID)
	fill(&p.Language, from.Language)
	if from.PublishDate.Compare(p.PublishDate) != 0 && p.PublishDate.IsZero() {
		p.PublishDate = from.PublishDate
	}
	if len(p.Authors) == 0 {
		p.Authors = slices.Clone(from.Authors)
	}
	if len(p.Categories) == 0 {
		p.Categories = slices.Clone(from.Categories)
	}
	p.Signals = joined(from.Signals, p.Signals)
}

// versionOf is the number of a paper's version, as ingest notes it; 0 if it says none.
func versionOf(p *paper.Paper) int {
	n, err := strconv.Atoi(strings.TrimPrefix(p.Metadata["version"], "v"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// union is a list with what another has beside it.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// joined is a map with the values of another over its own.
func joined[V any](under, over map[string]V) map[string]V {
	if len(under) == 0 && len(over) == 0 {
		return nil
	}
	out := maps.Clone(under)
	if out == nil {
		out = make(map[string]V, len(over))
	}
	maps.Copy(out, over)
	return out
}
