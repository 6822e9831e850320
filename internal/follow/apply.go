package follow

import (
	"maps"
	"slices"

	"akin/internal/library"
)

// side is what is known of the other side, as it becomes in one step.
type side struct {
	w     Writer
	id    uint32
	items map[string]Item
	gifts map[string]library.Gift
	// touched are the papers of items that came, changed or went.
	touched map[string]bool
	changed bool
}

// apply changes a library, and what is known of the other side, by what a round learned.
// changed says whether anything was.
func (f *Follower) apply(w Writer, b *Binding, l library.Library, got *harvest) (changed bool, err error) {
	if len(got.items) == 0 && len(got.gone) == 0 && !got.full {
		return false, nil
	}
	s := &side{w: w, id: b.LibraryID, items: map[string]Item{}, gifts: map[string]library.Gift{}, touched: map[string]bool{}}
	if err := s.load(); err != nil {
		return false, err
	}
	if err := s.take(got); err != nil {
		return false, err
	}
	if len(s.items) > MaxItems {
		return false, tooLarge(len(s.items))
	}
	offers := s.offers(b)
	if got.full { // the mark or the tags may be others
		for id := range offers {
			s.touched[id] = true
		}
	}
	if err := s.give(f.config.Libraries.Giving(w, l), offers); err != nil {
		return false, err
	}
	b.Items, b.Found = len(s.items), 0
	for _, i := range s.items {
		if i.PaperID != "" {
			b.Found++
		}
	}
	return s.changed, nil
}

func (s *side) load() error {
	for i, err := range s.w.Items(s.id) {
		if err != nil {
			return err
		}
		s.items[i.Key] = i
	}
	for g, err := range s.w.Gifts(s.id) {
		if err != nil {
			return err
		}
		s.gifts[g.PaperID] = g
	}
	return nil
}

// take takes in the items that came, and lets go of those that went.
func (s *side) take(got *harvest) error {
	there := make(map[string]bool, len(got.items))
	for i := range got.items {
		item := &got.items[i]
		there[item.Key] = true
		before, had := s.items[item.Key]
		if got.look && !had {
			continue
		}
		if had && before.Identity == item.Identity && item.PaperID == "" && before.PaperID != "" {
			// The collection lost the paper: the library keeps it.
			item.PaperID, item.By, item.Why = before.PaperID, before.By, ""
		}
		if err := s.put(&before, item, had); err != nil {
			return err
		}
	}
	gone := got.gone
	if got.full {
		gone = slices.DeleteFunc(slices.Sorted(maps.Keys(s.items)), func(key string) bool { return there[key] })
	}
	for _, key := range gone {
		before, had := s.items[key]
		if !had || there[key] {
			continue
		}
		delete(s.items, key)
		s.touched[before.PaperID], s.changed = true, true
		if err := s.w.RemoveItem(s.id, key); err != nil {
			return err
		}
	}
	return nil
}

// put keeps an item. Of one whose paper is known, what it says is not kept: it is the
// paper that says it.
func (s *side) put(before, item *Item, had bool) error {
	kept := *item
	if kept.PaperID != "" {
		kept.Title, kept.DOI, kept.ArxivID, kept.ID, kept.Name, kept.Date, kept.Unreadable, kept.Why = "", "", "", "", "", "", "", ""
	}
	if had && *before == kept {
		return nil
	}
	s.items[item.Key] = kept
	s.touched[kept.PaperID], s.touched[before.PaperID], s.changed = true, true, true
	return s.w.PutItem(s.id, &kept)
}

// offers are what the items give, by paper: of several with one paper, the note of the
// first that has one.
func (s *side) offers(b *Binding) map[string]library.Offer {
	out := map[string]library.Offer{}
	for _, key := range slices.Sorted(maps.Keys(s.items)) {
		i := s.items[key]
		if i.PaperID == "" {
			continue
		}
		o, ok := out[i.PaperID]
		if !ok {
			o = library.Offer{PaperID: i.PaperID, Mark: b.Mark, Tags: b.Tags}
		}
		if o.Note == "" {
			o.Note = i.Note
		}
		out[i.PaperID] = o
	}
	return out
}

// give offers what changed, and takes back what is not offered any more.
func (s *side) give(giving *library.Giving, offers map[string]library.Offer) error {
	for _, id := range slices.Sorted(maps.Keys(s.gifts)) {
		if _, ok := offers[id]; ok {
			continue
		}
		if err := giving.Take(s.gifts[id]); err != nil {
			return err
		}
		if err := s.w.RemoveGift(s.id, id); err != nil {
			return err
		}
		s.changed = true
	}
	for _, id := range slices.Sorted(maps.Keys(offers)) {
		var had *library.Gift
		if g, ok := s.gifts[id]; ok {
			if !s.touched[id] {
				continue
			}
			had = &g
		}
		gift, err := giving.Offer(had, offers[id])
		if err != nil {
			return err
		}
		if had != nil && had.Same(&gift) {
			continue
		}
		s.changed = true
		if err := s.w.PutGift(s.id, &gift); err != nil {
			return err
		}
	}
	return giving.Finish()
}
