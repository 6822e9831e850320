package rpc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// SetEntries implements LibraryService.
func (s *libraryService) SetEntries(ctx context.Context, req *akinv1.SetEntriesRequest) (*akinv1.SetEntriesResponse, error) {
	b, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	mask, err := fieldsOf(req.GetUpdateMask())
	if err != nil {
		return nil, err
	}
	changes := make([]library.Change, len(req.GetEntries()))
	for i, e := range req.GetEntries() {
		if changes[i], err = fromEntry(fmt.Sprintf("entries[%d]", i), e, mask); err != nil {
			return nil, err
		}
	}
	done, l, err := b.Set(ctx, owner, library.Place{Name: req.GetLibrary(), Create: req.GetCreateLibrary()}, changes, req.GetAllowMissing())
	if err != nil {
		return nil, err
	}
	resp, left := new(akinv1.SetEntriesResponse), newRoom(ctx)
	for i := range done {
		now, before := toEntry(&l, &done[i].Entry), &akinv1.Entry{PaperId: done[i].PaperID}
		if done[i].Before != nil {
			before = toEntry(&l, done[i].Before)
		}
		// They are written: an answer that is too large must not look like an error.
		if fits := left.takes(false, now) && left.takes(false, before); !fits {
			now, before = &akinv1.Entry{PaperId: done[i].PaperID}, &akinv1.Entry{PaperId: done[i].PaperID}
		}
		resp.Entries, resp.Previous = append(resp.Entries, now), append(resp.Previous, before)
	}
	return resp, nil
}

// fromEntry reads what is to become of an entry; without a mask, what it sets.
func fromEntry(field string, e *akinv1.Entry, mask library.Fields) (c library.Change, err error) {
	if err := checkEnum(field+".mark", e.GetMark()); err != nil {
		return c, err
	}
	c = library.Change{
		Entry: library.Entry{
			PaperID: e.GetPaperId(), Mark: fromMark[e.GetMark()], Note: e.GetNote(), Tags: slices.Clone(e.GetTags()), Weight: e.GetWeight(),
		},
		Read: e.GetRead(), Fields: mask,
	}
	if c.MarkTime, err = fromTime(field+".mark_time", e.GetMarkTime()); err != nil {
		return c, err
	}
	if c.ReadTime, err = fromTime(field+".read_time", e.GetReadTime()); err != nil {
		return c, err
	}
	if c.CreateTime, err = fromTime(field+".create_time", e.GetCreateTime()); err != nil {
		return c, err
	}
	if e.GetReadTime() != nil && mask&library.FieldRead == 0 {
		c.Read = true // when it was read says that it was
	}
	if mask == 0 && e != nil {
		e.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			c.Fields |= entryFields[f.Name()]
			return true
		})
		if e.GetMark() == akinv1.Mark_MARK_UNSPECIFIED {
			c.Fields &^= library.FieldMark // a time alone is no mark
		}
	}
	return c, nil
}

// toEntry gives the wire form of an entry.
func toEntry(l *library.Library, e *library.Entry) *akinv1.Entry {
	return &akinv1.Entry{
		PaperId: e.PaperID, Mark: toMark[e.Mark], MarkTime: toTime(e.MarkTime), Read: !e.ReadTime.IsZero(), ReadTime: toTime(e.ReadTime),
		Note: e.Note, Tags: e.Tags, Weight: e.Weight, CreateTime: toTime(e.CreateTime), UpdateTime: toTime(e.UpdateTime), Library: l.Name,
	}
}

// RemoveEntries implements LibraryService.
func (s *libraryService) RemoveEntries(ctx context.Context, req *akinv1.RemoveEntriesRequest) (*akinv1.RemoveEntriesResponse, error) {
	b, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	removed, missing, err := b.Remove(ctx, owner, req.GetLibrary(), req.GetPaperIds())
	if err != nil {
		return nil, err
	}
	resp, left := &akinv1.RemoveEntriesResponse{MissingIds: missing}, newRoom(ctx)
	for i := range removed {
		e := toEntry(&library.Library{Name: req.GetLibrary()}, &removed[i])
		if !left.takes(false, e) { // it is gone: that must not look like an error
			e = &akinv1.Entry{PaperId: removed[i].PaperID}
		}
		resp.Entries = append(resp.Entries, e)
	}
	return resp, nil
}

// ListEntries implements LibraryService.
func (s *libraryService) ListEntries(ctx context.Context, req *akinv1.ListEntriesRequest) (*akinv1.ListEntriesResponse, error) {
	b, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	mask, err := readMask("read_mask", req.GetReadMask())
	if err != nil {
		return nil, err
	}
	marks, err := marksOf("marks", req.GetMarks())
	if err != nil {
		return nil, err
	}
	of := strings.Join([]string{
		"entries", req.GetLibrary(), fmt.Sprint(marks), req.GetTag(), fmt.Sprint(req.Read == nil, req.GetRead()), req.GetText(), req.GetOrderBy(),
	}, "\x00")
	after, err := readPageToken(req.GetPageToken(), of)
	if err != nil {
		return nil, err
	}
	resp, left := new(akinv1.ListEntriesResponse), newRoom(ctx)
	var l library.Library
	page, err := b.Browse(ctx, owner, librarian.List{
		Name: req.GetLibrary(), Choice: librarian.Choice{Marks: marks, Tag: req.GetTag(), Read: req.Read}, Text: req.GetText(), Order: req.GetOrderBy(),
		Size: int(req.GetPageSize()), After: after, Papers: req.GetIncludePapers(),
		Fits: func(it *librarian.Item) bool {
			e := toEntry(&l, &it.Entry)
			e.Library = req.GetLibrary()
			if it.Paper != nil {
				e.Paper = masked(wire.ToRecord(it.Paper), mask)
			}
			if !left.takes(len(resp.GetEntries()) == 0, e) {
				return false
			}
			resp.Entries = append(resp.Entries, e)
			return true
		},
	})
	if err != nil {
		return nil, err
	}
	resp.TotalSize = int32(page.Total)
	for _, t := range page.Tags {
		v := &akinv1.ValueCount{Value: t.Tag, Count: uint32(t.Count)}
		if !left.takes(true, v) || left.left < 0 {
			break
		}
		resp.Tags = append(resp.Tags, v)
	}
	if page.Next != "" {
		resp.NextPageToken = pageToken(page.Next, of)
	}
	return resp, nil
}

// GetEntries implements LibraryService.
func (s *libraryService) GetEntries(ctx context.Context, req *akinv1.GetEntriesRequest) (*akinv1.GetEntriesResponse, error) {
	b, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	for i, id := range req.GetPaperIds() {
		if err := paper.ValidateID(id); err != nil {
			return nil, paper.InvalidField(fmt.Sprintf("paper_ids[%d]", i), "%v", err)
		}
	}
	found, err := b.Lookup(ctx, owner, req.GetLibrary(), req.GetPaperIds())
	if err != nil {
		return nil, err
	}
	resp := new(akinv1.GetEntriesResponse)
	for i := range found {
		resp.Entries = append(resp.Entries, toEntry(&library.Library{Name: found[i].Library}, &found[i].Entry))
	}
	return resp, nil
}
