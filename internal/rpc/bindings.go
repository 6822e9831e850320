package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"akin/internal/follow"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/source/zotero"
	akinv1 "akin/proto/akin/v1"
)

// syncWait is how long SyncLibrary waits for a round to end.
const syncWait = 20 * time.Second

// bindingService is BindingService over the follower of the server's libraries.
type bindingService struct {
	akinv1.UnimplementedBindingServiceServer
	server *Server
}

// open gives what follows, and whose libraries are meant.
func (s *bindingService) open(ctx context.Context) (*follow.Follower, string, error) {
	if s.server.follower == nil {
		return nil, "", s.server.without("this server keeps no libraries, and so follows nothing")
	}
	owner, err := ownerOf(ctx)
	return s.server.follower, owner, err
}

// about is open for a call about a library whose collection the caller must be allowed to
// use.
func (s *bindingService) about(ctx context.Context, name string) (*follow.Follower, string, error) {
	f, owner, err := s.open(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := library.CheckName("library", name); err != nil {
		return nil, "", err
	}
	libraries := libraryService{server: s.server}
	_, _, err = libraries.about(ctx, name)
	return f, owner, err
}

// BindLibrary implements BindingService.
func (s *bindingService) BindLibrary(ctx context.Context, req *akinv1.BindLibraryRequest) (*akinv1.Binding, error) {
	f, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	b, err := fromBinding(req.GetBinding())
	if err != nil {
		return nil, err
	}
	if err := f.Check(owner, &b); err != nil { // before a library is made for it
		return nil, err
	}
	if _, err := s.server.libraries.Get(ctx, owner, req.GetLibrary()); req.GetCreateLibrary() && paper.KindOf(err) == paper.NotFound {
		if _, err := s.server.libraries.Create(ctx, owner, library.Library{Name: req.GetLibrary()}); err != nil {
			return nil, err
		}
	}
	bound, err := f.Bind(ctx, owner, req.GetLibrary(), b)
	return s.binding(&bound, err)
}

// fromBinding reads what a library is to follow.
func fromBinding(in *akinv1.Binding) (b follow.Binding, err error) {
	b.Mark, b.Tags = library.Liked, in.GetTags()
	if in != nil && in.Mark != nil {
		if err := checkEnum("binding.mark", in.GetMark()); err != nil {
			return b, err
		}
		b.Mark = fromMark[in.GetMark()]
	}
	if d := in.GetInterval(); d != nil {
		if err := d.CheckValid(); err != nil {
			return b, paper.InvalidField("binding.interval", "is no duration")
		}
		b.Every = d.AsDuration()
	}
	if z := in.GetZotero(); z != nil {
		b.Zotero = &follow.Zotero{Library: zotero.Library{ID: z.GetUserId()}, Include: z.GetInclude(), Exclude: z.GetExclude()}
		if _, ok := z.GetAccount().(*akinv1.ZoteroLibrary_GroupId); ok {
			b.Zotero.Library = zotero.Library{Group: true, ID: z.GetGroupId()}
		}
	}
	if file := in.GetFile(); file != nil {
		if err := checkEnum("binding.file.format", file.GetFormat()); err != nil {
			return b, err
		}
		b.File = &follow.File{Path: file.GetPath(), Format: formatNames[file.GetFormat()]}
	}
	return b, nil
}

// UnbindLibrary implements BindingService.
func (s *bindingService) UnbindLibrary(ctx context.Context, req *akinv1.UnbindLibraryRequest) (*akinv1.Binding, error) {
	f, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	bound, err := f.Unbind(ctx, owner, req.GetLibrary(), req.GetRemoveEntries())
	return s.binding(&bound, err)
}

// GetBinding implements BindingService.
func (s *bindingService) GetBinding(ctx context.Context, req *akinv1.GetBindingRequest) (*akinv1.Binding, error) {
	f, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	bound, err := f.Get(ctx, owner, req.GetLibrary())
	return s.binding(&bound, err)
}

// ListBindings implements BindingService.
func (s *bindingService) ListBindings(ctx context.Context, _ *akinv1.ListBindingsRequest) (*akinv1.ListBindingsResponse, error) {
	f, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	all, err := f.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	resp := new(akinv1.ListBindingsResponse)
	for i := range all {
		if mayUse(ctx, all[i].Library.Collection) == nil {
			resp.Bindings = append(resp.Bindings, s.toBinding(&all[i]))
		}
	}
	return resp, nil
}

// SyncLibrary implements BindingService.
func (s *bindingService) SyncLibrary(ctx context.Context, req *akinv1.SyncLibraryRequest) (*akinv1.Binding, error) {
	f, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, syncWait)
	defer cancel()
	bound, err := f.Sync(ctx, owner, req.GetLibrary(), req.GetFull())
	return s.binding(&bound, err)
}

// ListUnmatchedItems implements BindingService.
func (s *bindingService) ListUnmatchedItems(ctx context.Context, req *akinv1.ListUnmatchedItemsRequest) (*akinv1.ListUnmatchedItemsResponse, error) {
	f, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	size := int(req.GetPageSize())
	switch {
	case size < 0:
		return nil, paper.InvalidField("page_size", "is %d; it must not be negative (0 means 100, at most 1000)", size)
	case size == 0:
		size = librarian.DefaultListSize
	}
	of := "unmatched\x00" + req.GetLibrary()
	after, err := readPageToken(req.GetPageToken(), of)
	if err != nil {
		return nil, err
	}
	items, more, err := f.NotFound(ctx, owner, req.GetLibrary(), after, min(size, librarian.MaxListSize))
	if err != nil {
		return nil, err
	}
	resp, left := new(akinv1.ListUnmatchedItemsResponse), newRoom(ctx)
	for i := range items {
		one := toUnmatched(&items[i])
		if !left.takes(i == 0, proto.Message(one)) {
			more = true
			break
		}
		resp.Items = append(resp.Items, one)
	}
	if n := len(resp.GetItems()); more && n > 0 {
		resp.NextPageToken = pageToken(resp.GetItems()[n-1].GetKey(), of)
	}
	return resp, nil
}

func toUnmatched(i *follow.Item) *akinv1.UnmatchedItem {
	reason := akinv1.UnmatchedReason_UNMATCHED_REASON_NOT_IN_COLLECTION
	if i.Unreadable != "" {
		reason = akinv1.UnmatchedReason_UNMATCHED_REASON_UNREADABLE
	}
	return &akinv1.UnmatchedItem{
		Key: i.Key, Title: i.Title, Doi: i.DOI, ArxivId: i.ArxivID, Date: i.Date, Line: int32(i.Line), Reason: reason, Explanation: i.Why,
	}
}

func (s *bindingService) binding(b *follow.Bound, err error) (*akinv1.Binding, error) {
	if err != nil {
		return nil, err
	}
	return s.toBinding(b), nil
}

// toBinding gives the wire form of a binding.
func (s *bindingService) toBinding(b *follow.Bound) *akinv1.Binding {
	mark := toMark[b.Mark]
	out := &akinv1.Binding{
		Library: b.Library.Name, Mark: &mark, Tags: b.Tags, State: stateOf(b), Status: s.server.follower.Words(b),
		CreateTime: toTime(b.CreateTime), SyncTime: toTime(b.SyncTime), ChangeTime: toTime(b.ChangeTime), TryTime: toTime(b.TryTime), NextTime: toTime(b.NextTime),
		FailureCount: int32(b.Failures), Failure: b.Failure, FailureReason: b.Reason, Version: b.Version,
		ItemCount: int32(b.Items), MatchedCount: int32(b.Found), UnmatchedCount: int32(b.Items - b.Found), LeftOutCount: int32(b.LeftOut),
	}
	if b.Every > 0 {
		out.Interval = durationpb.New(b.Every)
	}
	switch {
	case b.Zotero != nil:
		z := &akinv1.ZoteroLibrary{Include: b.Zotero.Include, Exclude: b.Zotero.Exclude}
		switch {
		case b.Zotero.Group:
			z.Account = &akinv1.ZoteroLibrary_GroupId{GroupId: b.Zotero.ID}
		case b.Zotero.ID != 0:
			z.Account = &akinv1.ZoteroLibrary_UserId{UserId: b.Zotero.ID}
		}
		out.Source = &akinv1.Binding_Zotero{Zotero: z}
	case b.File != nil:
		out.Source = &akinv1.Binding_File{File: &akinv1.ReferenceFile{Path: b.File.Path, Format: formatOf(b.File.Format)}}
	}
	return out
}

func formatOf(name string) akinv1.ReferenceFormat {
	for format, n := range formatNames {
		if n == name {
			return format
		}
	}
	return akinv1.ReferenceFormat_REFERENCE_FORMAT_UNSPECIFIED
}

func stateOf(b *follow.Bound) akinv1.BindingState {
	switch {
	case b.Running:
		return akinv1.BindingState_BINDING_STATE_RUNNING
	case b.Failures > 0:
		return akinv1.BindingState_BINDING_STATE_FAILING
	case b.SyncTime.IsZero() || b.SyncTime.Before(b.UpdateTime):
		return akinv1.BindingState_BINDING_STATE_NEW
	}
	return akinv1.BindingState_BINDING_STATE_CURRENT
}
