package library

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Gift is what a library got of a paper from something that it follows, such as a
// reference manager: what of the entry is the giver's, and what the person's own.
//
// What came as a gift goes when the giver takes it back. What the person set or changed
// is theirs from then on: it is never overwritten, and stays. A paper that the person
// removed is not put back while the giver has it.
type Gift struct {
	PaperID string
	// Mark, Note and Tags are those of the entry that were given, and were the giver's
	// when that was last looked at.
	Mark Mark
	Note string
	Tags []string
	// Created says that the gift made the entry: with nothing of the person's own, it
	// goes with the gift. Since is the entry's create time; an entry of another is the
	// person's own.
	Created bool
	Since   time.Time
	// MarkTime is when the mark was given; a mark of another time is the person's.
	MarkTime time.Time
	// Own are the fields that the person has changed.
	Own Fields
	// Declined says that the person removed the entry.
	Declined bool
}

// Offer is what is to be given.
type Offer struct {
	PaperID string
	Mark    Mark
	Note    string
	Tags    []string
}

// Giving changes a library by gifts, in one step.
type Giving struct{ f filling }

// Giving begins to change a library that w has. Finish makes the changes part of the
// step.
func (s *Libraries) Giving(w Writer, l Library) *Giving {
	return &Giving{filling{w: w, library: &l, now: s.clock(), put: map[string]*Entry{}}}
}

// Live gives the library of an ID, if it is there and not deleted, as w has it.
// deleted says that it can still come back.
func (s *Libraries) Live(r Reader, id uint32) (l Library, found, deleted bool, err error) {
	all, err := r.Libraries("")
	if err != nil {
		return l, false, false, err
	}
	for i := range all {
		if all[i].ID == id && !s.over(&all[i]) {
			return all[i], !all[i].Deleted(), all[i].Deleted(), nil
		}
	}
	return l, false, false, nil
}

// Offer gives a paper, or what changed of one that was given before, which is had; nil
// is none. It gives the gift as it is then.
func (g *Giving) Offer(had *Gift, o Offer) (Gift, error) {
	before, err := g.f.entry(o.PaperID)
	if err != nil {
		return Gift{}, err
	}
	if had != nil {
		return g.again(before, *had, o)
	}
	gift := Gift{PaperID: o.PaperID, Created: before == nil}
	after := Entry{PaperID: o.PaperID, CreateTime: g.f.now}
	if before != nil {
		after = *before
	}
	gift.Since = after.CreateTime
	if o.Mark != None && after.Mark == None {
		after.Mark, after.MarkTime, gift.Mark, gift.MarkTime = o.Mark, g.f.now, o.Mark, g.f.now
	} else if o.Mark != None {
		gift.Own |= FieldMark
	}
	if o.Note != "" && after.Note == "" {
		after.Note, gift.Note = o.Note, o.Note
	} else if o.Note != "" {
		gift.Own |= FieldNote
	}
	gift.tag(&after, o.Tags)
	return gift, g.put(before, &after)
}

// again gives what changed of an offer.
func (g *Giving) again(before *Entry, gift Gift, o Offer) (Gift, error) {
	if gift.Declined {
		return gift, nil
	}
	if before == nil {
		return Gift{PaperID: gift.PaperID, Declined: true}, nil
	}
	after := *before
	gift.look(before)
	if gift.Own&FieldMark == 0 && o.Mark != gift.Mark {
		after.Mark, after.MarkTime = o.Mark, g.f.now
		if o.Mark == None {
			after.MarkTime = time.Time{}
		}
		gift.Mark, gift.MarkTime = o.Mark, after.MarkTime
	}
	if gift.Own&FieldNote == 0 && o.Note != gift.Note {
		after.Note, gift.Note = o.Note, o.Note
	}
	for _, tag := range gift.Tags {
		if !slices.Contains(o.Tags, tag) {
			after.Tags = cut(after.Tags, tag)
		}
	}
	gift.Tags = slices.DeleteFunc(slices.Clone(gift.Tags), func(tag string) bool { return !slices.Contains(o.Tags, tag) })
	gift.tag(&after, o.Tags)
	return gift, g.put(before, &after)
}

// look finds what of an entry is the person's own by now.
func (gift *Gift) look(e *Entry) {
	if !e.CreateTime.Equal(gift.Since) { // it was removed, and the person added it again
		*gift = Gift{PaperID: gift.PaperID, Since: e.CreateTime, Own: FieldMark | FieldNote}
	}
	if e.Mark != gift.Mark || !e.MarkTime.Equal(gift.MarkTime) {
		gift.Own |= FieldMark
	}
	if e.Note != gift.Note {
		gift.Own |= FieldNote
	}
}

// tag adds the tags that the entry has not, and was not given before.
func (gift *Gift) tag(e *Entry, tags []string) {
	for _, tag := range tags {
		if tag = strings.TrimSpace(tag); !slices.Contains(gift.Tags, tag) && !slices.Contains(e.Tags, tag) && len(e.Tags) < MaxTags {
			e.Tags = append(slices.Clone(e.Tags), tag)
			gift.Tags = append(slices.Clone(gift.Tags), tag)
		}
	}
	slices.Sort(e.Tags)
	slices.Sort(gift.Tags)
}

func cut(tags []string, tag string) []string {
	if rest := slices.DeleteFunc(slices.Clone(tags), func(t string) bool { return t == tag }); len(rest) > 0 {
		return rest
	}
	return nil
}

// Take takes a gift back: what of the entry is still as it was given goes, and the entry
// with it, if the gift made it and nothing of the person's own is left.
func (g *Giving) Take(gift Gift) error {
	before, err := g.f.entry(gift.PaperID)
	if err != nil || before == nil || gift.Declined {
		return err
	}
	after := *before
	gift.look(before)
	if gift.Own&FieldMark == 0 {
		after.Mark, after.MarkTime = None, time.Time{}
	}
	if gift.Own&FieldNote == 0 {
		after.Note = ""
	}
	for _, tag := range gift.Tags {
		after.Tags = cut(after.Tags, tag)
	}
	if gift.Created && after.Mark == None && after.Note == "" && len(after.Tags) == 0 && after.Weight == 0 && after.ReadTime.IsZero() {
		g.f.drop(before)
		return nil
	}
	return g.put(before, &after)
}

// put keeps an entry, if it is another than before.
func (g *Giving) put(before, after *Entry) error {
	if before != nil && before.same(after) {
		return nil
	}
	if err := after.check(fmt.Sprintf("paper %q", after.PaperID)); err != nil {
		return err
	}
	after.UpdateTime = g.f.now
	g.f.keep(before, after)
	return nil
}

// Finish writes what changed.
func (g *Giving) Finish() error { return g.f.finish() }

// Same says that two gifts are the same.
func (gift *Gift) Same(o *Gift) bool {
	return gift.PaperID == o.PaperID && gift.Mark == o.Mark && gift.Note == o.Note && slices.Equal(gift.Tags, o.Tags) &&
		gift.Created == o.Created && gift.Since.Equal(o.Since) && gift.MarkTime.Equal(o.MarkTime) && gift.Own == o.Own && gift.Declined == o.Declined
}
