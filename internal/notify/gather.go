package notify

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/text/unify"
)

const (
	// itemsRead is how many items of a feed are read at once, and mostItems how many of
	// one are looked at for one digest.
	itemsRead = 500
	mostItems = 5_000
	// mostListed is how many papers of a listing are looked at.
	mostListed = 300
	// lookedUp is how many papers are looked up at once: the limit of package library.
	lookedUp = library.MaxBatch
)

// harvest is what an issue would tell of.
type harvest struct {
	picks   []Pick
	more    int
	left    Left
	cursors map[string]uint64
}

// gather finds what a digest tells of now: what came since the last one, without what
// its reader was sent, has read or dismissed; pinned authors first, then the best.
func (s *Digests) gather(ctx context.Context, d *Digest) (h harvest, err error) {
	h.cursors = maps.Clone(d.Cursors)
	if h.cursors == nil {
		h.cursors = map[string]uint64{}
	}
	for name := range h.cursors {
		if !slices.Contains(d.Feeds, name) {
			delete(h.cursors, name)
		}
	}
	var picks []Pick
	for _, name := range d.Feeds {
		if picks, err = s.fromFeed(ctx, d, name, picks, h.cursors); err != nil {
			return h, err
		}
	}
	if picks, err = s.unseen(ctx, d, picks, &h.left); err != nil {
		return h, err
	}
	if picks, err = s.withoutOutside(ctx, d, picks, &h.left); err != nil {
		return h, err
	}
	sortPicks(picks)
	if n := len(picks) - d.items(); n > 0 {
		h.more, picks = n, picks[:d.items()]
	}
	h.picks = picks
	if d.Listing != NoListing && len(picks) < d.items() {
		err = s.fromListing(ctx, d, &h)
	}
	return h, err
}

// fromFeed adds what a feed brought. A feed that was deleted brings nothing.
func (s *Digests) fromFeed(ctx context.Context, d *Digest, name string, picks []Pick, cursors map[string]uint64) ([]Pick, error) {
	if s.Feeds == nil {
		return picks, nil
	}
	after := cursors[name]
	for read := 0; read < mostItems; {
		items, err := s.Feeds.Items(ctx, d.Owner, name, after, itemsRead)
		if paper.KindOf(err) == paper.NotFound {
			return picks, nil
		}
		if err != nil {
			return picks, err
		}
		for i := range items {
			it := &items[i]
			after = max(after, it.Cursor)
			if !it.Time.Before(d.StartTime) {
				picks = addPick(picks, name, it)
			}
		}
		if read += len(items); len(items) < itemsRead {
			break
		}
	}
	cursors[name] = after
	return picks, nil
}

// addPick adds an item, or its reasons to the pick of another feed.
func addPick(picks []Pick, name string, it *feed.Item) []Pick {
	for i := range picks {
		if p := &picks[i]; p.PaperID == it.PaperID {
			p.Reasons = append(slices.Clone(p.Reasons), it.Reasons...)
			p.percentile, p.score = max(p.percentile, it.Percentile), max(p.score, it.Score)
			return picks
		}
	}
	return append(picks, Pick{PaperID: it.PaperID, Feed: name, Reasons: it.Reasons, percentile: it.Percentile, score: it.Score})
}

func sortPicks(picks []Pick) {
	slices.SortStableFunc(picks, func(a, b Pick) int {
		pinned := func(p Pick) int {
			if p.Author != "" {
				return 0
			}
			return 1
		}
		return cmp.Or(
			cmp.Compare(pinned(a), pinned(b)), cmp.Compare(b.percentile, a.percentile), cmp.Compare(b.score, a.score), strings.Compare(a.PaperID, b.PaperID),
		)
	})
}

// unseen leaves out what the reader was sent, has read or dismissed, and what is not in
// the collection; it finds the pinned authors of the others.
func (s *Digests) unseen(ctx context.Context, d *Digest, picks []Pick, left *Left) (out []Pick, err error) {
	for some := range slices.Chunk(picks, lookedUp) {
		ids := make([]string, len(some))
		for i := range some {
			ids[i] = some[i].PaperID
		}
		skip, err := s.seen(ctx, d, ids, left)
		if err != nil {
			return nil, err
		}
		authors, err := s.authorsOf(ctx, d.Collection, ids)
		if err != nil {
			return nil, err
		}
		for _, p := range some {
			names, there := authors[p.PaperID]
			switch {
			case skip[p.PaperID]:
			case !there:
				left.Gone++
			default:
				p.Author = pinnedOf(d.Authors, names)
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// withoutOutside leaves out what went out to the reader before the store was restored.
func (s *Digests) withoutOutside(ctx context.Context, d *Digest, picks []Pick, left *Left) ([]Pick, error) {
	ids := make([]string, len(picks))
	for i := range picks {
		ids[i] = picks[i].PaperID
	}
	sent, err := s.sentOutside(ctx, d, ids)
	if err != nil || len(sent) == 0 {
		return picks, err
	}
	left.Sent += len(sent)
	return slices.DeleteFunc(picks, func(p Pick) bool { return sent[p.PaperID] }), nil
}

// seen says which papers the reader of a digest was sent, or its owner has read or
// dismissed.
func (s *Digests) seen(ctx context.Context, d *Digest, ids []string, left *Left) (map[string]bool, error) {
	skip := map[string]bool{}
	err := s.Store.Read(ctx, func(r Reader) error {
		sent, err := r.WasSent(d.Recipient, ids)
		for i, at := range sent {
			if !at.IsZero() {
				skip[ids[i]] = true
				left.Sent++
			}
		}
		return err
	})
	if err != nil || d.Visitor() {
		return skip, err
	}
	entries, err := s.Marks.Lookup(ctx, d.Owner, library.Any, ids)
	for i := range entries {
		e := &entries[i]
		switch {
		case skip[e.PaperID]:
		case e.Mark == library.Disliked:
			skip[e.PaperID] = true
			left.Dismissed++
		case !e.ReadTime.IsZero():
			skip[e.PaperID] = true
			left.Read++
		}
	}
	return skip, err
}

// authorsOf gives the names of the authors of papers that are there.
func (s *Digests) authorsOf(ctx context.Context, collection string, ids []string) (map[string][]string, error) {
	found, _, err := s.Papers.Get(ctx, collection, ids)
	out := make(map[string][]string, len(found))
	for i := range found {
		out[found[i].ID] = namesOf(&found[i])
	}
	return out, err
}

func namesOf(r *paper.Record) []string {
	names := make([]string, len(r.Authors))
	for i := range r.Authors {
		names[i] = r.Authors[i].Name
	}
	return names
}

// pinnedOf gives the pinned name that is among the authors of a paper; "" for none.
func pinnedOf(pinned, authors []string) string {
	for _, want := range pinned {
		key := nameKey(want)
		if key != "" && slices.ContainsFunc(authors, func(a string) bool { return nameKey(a) == key }) {
			return want
		}
	}
	return ""
}

// nameKey is what spellings of a name have in common: case, accents, dots, and which
// part comes first.
func nameKey(name string) string {
	if last, first, ok := strings.Cut(name, ","); ok {
		name = first + " " + last
	}
	return strings.Join(strings.FieldsFunc(unify.Plain(name), func(r rune) bool { return r == ' ' || r == '.' || r == '-' || r == '\u00a0' }), " ")
}

// fromListing fills an issue with the papers of a listing.
func (s *Digests) fromListing(ctx context.Context, d *Digest, h *harvest) error {
	q := engine.List{Collection: d.Collection, Order: engine.ByDay, Size: 100}
	if d.Listing == Trending {
		q.Order, q.Window = engine.ByTrend, engine.TrendDay
		if d.Every == Weekly {
			q.Window = engine.TrendWeek
		}
	}
	since := d.StartTime
	for looked := 0; looked < mostListed; {
		page, err := s.Papers.List(ctx, q)
		if err != nil {
			return err
		}
		var picks []Pick
		for i := range page.Papers {
			r := &page.Papers[i]
			if d.Listing == Trending && i < len(page.Trends) && page.Trends[i].Gain <= 0 {
				continue
			}
			if d.Listing == Newest && r.CreateTime.Before(since) {
				continue
			}
			if !slices.ContainsFunc(h.picks, func(p Pick) bool { return p.PaperID == r.ID }) {
				picks = append(picks, Pick{PaperID: r.ID})
			}
		}
		if picks, err = s.unseen(ctx, d, picks, &h.left); err != nil {
			return err
		}
		if picks, err = s.withoutOutside(ctx, d, picks, &h.left); err != nil {
			return err
		}
		h.picks = append(h.picks, picks...)
		if n := len(h.picks) - d.items(); n >= 0 {
			h.more += n
			h.picks = h.picks[:d.items()]
			sortByAuthor(h.picks)
			return nil
		}
		if looked += len(page.Papers); page.Next == "" || len(page.Papers) == 0 {
			break
		}
		q.After = page.Next
	}
	sortByAuthor(h.picks)
	return nil
}

// sortByAuthor puts the papers of pinned authors first, and keeps the order else.
func sortByAuthor(picks []Pick) {
	slices.SortStableFunc(picks, func(a, b Pick) int {
		switch {
		case (a.Author == "") == (b.Author == ""):
			return 0
		case a.Author != "":
			return -1
		}
		return 1
	})
}

// again leaves out of the papers of an issue what its reader has seen since.
func (s *Digests) again(ctx context.Context, d *Digest, i *Issue) (harvest, error) {
	h := harvest{more: i.More, left: i.Left, cursors: i.Cursors}
	var err error
	h.picks, err = s.unseen(ctx, d, i.Picks, &h.left)
	return h, err
}

// quietWords say why there is nothing to tell of.
func (s *Digests) quietWords(ctx context.Context, d *Digest, h *harvest) string {
	var words []string
	if n := h.left.Sent + h.left.Read + h.left.Dismissed; n > 0 {
		words = append(words, "All that came was known to you: "+h.left.words()+".")
	} else {
		words = append(words, "No new papers came.")
	}
	if s.Sources == nil {
		return strings.Join(words, " ")
	}
	all, err := s.Sources.Deliveries(ctx, d.Collection)
	if err != nil {
		s.Log.Warn("what the sources delivered cannot be told in a digest", "digest", d.ID, "error", err)
		return strings.Join(words, " ")
	}
	zone := s.zone(d.Zone)
	for i := range all {
		if i == 10 {
			break
		}
		words = append(words, all[i].words(zone))
	}
	return strings.Join(words, " ")
}

func (v *Delivery) words(zone *time.Location) string {
	text := v.Sentence
	switch {
	case text != "":
	case v.Time.IsZero():
		text = v.Source + " has not delivered yet"
	default:
		text = v.Source + " last delivered on " + v.Time.In(zone).Format("Monday, 2 January 2006, 15:04")
	}
	return "Source " + strings.TrimRight(text, ".") + "."
}
