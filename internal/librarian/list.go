package librarian

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/paper/titleid"
)

// Limits of lists.
const (
	DefaultListSize = 100
	MaxListSize     = 1_000
	// MaxTextBytes bounds the words that are looked for.
	MaxTextBytes = 1_000
)

// List asks for a page of a library.
type List struct {
	Name string
	Choice
	// Text are words, or beginnings of words, that an entry must have, in its own texts
	// or its paper's title, authors or id.
	Text string
	// Order is create_time, update_time, mark_time, read_time or title, maybe with
	// " desc"; "" is "create_time desc".
	Order string
	// Size is how many entries at most; 0 means DefaultListSize.
	Size int
	// After is Listed.Next of the page before; "" is the first page.
	After string
	// Papers asks for the papers as well.
	Papers bool
	// Fits is asked for each entry, in order, whether it still fits; nil means that all
	// do.
	Fits func(*Item) bool
}

// Item is an entry, with its paper if that was asked for and is there.
type Item struct {
	library.Entry
	Paper *paper.Record
}

// Listed is a page.
type Listed struct {
	Library library.Library
	Items   []Item
	// Next is where to go on; "" at the end.
	Next string
	// Total is how many entries the whole list has.
	Total int
	// Tags are those of the library, of the first page alone.
	Tags []TagCount
}

// TagCount is a tag and how many entries have it.
type TagCount struct {
	Tag   string
	Count int
}

// Browse gives a page of a library.
func (b *Librarian) Browse(ctx context.Context, owner string, q List) (out Listed, err error) {
	order, err := q.check()
	if err != nil {
		return out, err
	}
	l, all, err := b.Entries(ctx, owner, q.Name)
	if err != nil {
		return out, err
	}
	out.Library = l
	if q.After == "" {
		out.Tags = tagsOf(all)
	}
	keyed, err := b.keyed(ctx, &l, q.chosen(all), &q, order)
	if err != nil {
		return out, err
	}
	out.Total = len(keyed)
	if keyed, err = order.after(keyed, q.After); err != nil {
		return out, err
	}
	return out, b.page(ctx, &out, keyed, &q)
}

func (q *List) check() (o order, err error) {
	switch {
	case q.Size < 0:
		return o, paper.InvalidField("page_size", "is %d; it must not be negative (0 means %d, at most %d)", q.Size, DefaultListSize, MaxListSize)
	case q.Size == 0:
		q.Size = DefaultListSize
	case q.Size > MaxListSize:
		q.Size = MaxListSize
	}
	if len(q.Text) > MaxTextBytes {
		return o, paper.InvalidField("text", "has %d bytes; the limit is %d", len(q.Text), MaxTextBytes)
	}
	if err := q.Choice.check(); err != nil {
		return o, err
	}
	return orderOf(q.Order)
}

// tagsOf counts tags.
func tagsOf(all []library.Entry) (out []TagCount) {
	count := map[string]int{}
	for i := range all {
		for _, tag := range all[i].Tags {
			count[tag]++
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(count)) {
		out = append(out, TagCount{tag, count[tag]})
	}
	return out
}

// order is what a list goes by.
type order struct {
	field string
	desc  bool
}

func orderOf(text string) (order, error) {
	if text == "" {
		text = "create_time desc"
	}
	words := strings.Fields(text)
	o := order{}
	if len(words) > 0 {
		o.field = words[0]
	}
	fields := []string{"create_time", "update_time", "mark_time", "read_time", "title"}
	switch {
	case len(words) == 2 && words[1] == "desc":
		o.desc = true
	case len(words) == 2 && words[1] == "asc", len(words) == 1:
	default:
		o.field = ""
	}
	if !slices.Contains(fields, o.field) {
		return o, paper.InvalidField("order_by", "is %.80q; it is one of %s, maybe with \" desc\"", text, strings.Join(fields, ", "))
	}
	return o, nil
}

// keyedEntry is an entry with what it is ordered by.
type keyedEntry struct {
	library.Entry
	place
}

// place is where an entry is in a list.
type place struct {
	// none says that it has nothing of what the list is ordered by.
	none  bool
	nanos int64
	title string
	id    string
}

// keyed keeps the entries that have the words asked for, in order.
func (b *Librarian) keyed(ctx context.Context, l *library.Library, entries []library.Entry, q *List, o order) ([]keyedEntry, error) {
	words := strings.Fields(titleid.Normalize(q.Text))
	if q.Text != "" && len(words) == 0 {
		return nil, nil // nothing has what is no word
	}
	titles := make([]string, len(entries))
	papers := make([]string, len(entries)) // what they say, for words
	if len(words) > 0 || o.field == "title" {
		if err := b.read(ctx, l.Collection, idsOf(entries), func(i int, r *paper.Record) {
			titles[i] = titleid.Normalize(r.Title)
			if len(words) > 0 {
				papers[i] = r.Title + "\n" + namesOf(r)
			}
		}); err != nil {
			return nil, err
		}
	}
	var out []keyedEntry
	for i := range entries {
		if has(&entries[i], papers[i], words) {
			out = append(out, keyedEntry{entries[i], o.placeOf(&entries[i], titles[i])})
		}
	}
	slices.SortFunc(out, func(x, y keyedEntry) int { return o.compare(x.place, y.place) })
	return out, nil
}

func namesOf(r *paper.Record) string {
	var b strings.Builder
	for _, a := range r.Authors {
		b.WriteString(a.Name)
		b.WriteByte('\n')
	}
	return b.String()
}

// has says whether an entry, or its paper, has words that begin with all of some.
func has(e *library.Entry, paperText string, words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := " " + titleid.Normalize(strings.Join([]string{paperText, e.Note, strings.Join(e.Tags, "\n"), e.PaperID}, "\n"))
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, " "+word) })
}

func (o order) placeOf(e *library.Entry, title string) place {
	p := place{id: e.PaperID}
	at := func(t time.Time) {
		if p.none = t.IsZero(); !p.none {
			p.nanos = t.UnixNano()
		}
	}
	switch o.field {
	case "update_time":
		at(e.UpdateTime)
	case "mark_time":
		at(e.MarkTime)
	case "read_time":
		at(e.ReadTime)
	case "title":
		p.title, p.none = title, title == ""
	default:
		at(e.CreateTime)
	}
	return p
}

// compare orders places: those with nothing last, equal ones by id, whatever the
// direction.
func (o order) compare(x, y place) int {
	if x.none != y.none {
		if x.none {
			return 1
		}
		return -1
	}
	by := cmp.Or(cmp.Compare(x.nanos, y.nanos), cmp.Compare(x.title, y.title))
	if o.desc {
		by = -by
	}
	return cmp.Or(by, cmp.Compare(x.id, y.id))
}

// String is the place for a page token.
func (p place) String() string {
	return fmt.Sprintf("%t\x00%d\x00%s\x00%s", p.none, p.nanos, p.title, p.id)
}

// after leaves out what is not after a place.
func (o order) after(list []keyedEntry, text string) ([]keyedEntry, error) {
	if text == "" {
		return list, nil
	}
	parts := strings.Split(text, "\x00")
	bad := paper.InvalidField("page_token", "leads nowhere; ask for the first page again")
	if len(parts) != 4 {
		return nil, bad
	}
	nanos, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return nil, bad
	}
	from := place{none: parts[0] == "true", nanos: nanos, title: parts[2], id: parts[3]}
	n, found := slices.BinarySearchFunc(list, from, func(e keyedEntry, p place) int { return o.compare(e.place, p) })
	if found {
		n++
	}
	return list[n:], nil
}

// page takes a page of a list.
func (b *Librarian) page(ctx context.Context, out *Listed, list []keyedEntry, q *List) error {
	some := list[:min(q.Size, len(list))]
	items := make([]Item, len(some))
	ids := make([]string, len(some))
	for i := range some {
		items[i].Entry, ids[i] = some[i].Entry, some[i].PaperID
	}
	if q.Papers {
		if err := b.read(ctx, out.Library.Collection, ids, func(i int, r *paper.Record) { items[i].Paper = r }); err != nil {
			return err
		}
	}
	for i := range items {
		if q.Fits != nil && !q.Fits(&items[i]) && i > 0 {
			items = items[:i]
			break
		}
	}
	out.Items = items
	if n := len(items); n > 0 && n < len(list) {
		out.Next = some[n-1].String()
	}
	return nil
}
