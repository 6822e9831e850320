package rpc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"akin/internal/access"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

// libraryService is LibraryService: handlers of libraries themselves are here, those of
// entries in entries.go, those of files and recommendations in references.go.
type libraryService struct {
	akinv1.UnimplementedLibraryServiceServer
	server *Server
}

// ownerOf says whose libraries a call is about: those of the owner of its key, or,
// where nobody is asked for one, of whoever runs the server.
func ownerOf(ctx context.Context) (string, error) {
	c := access.CallerOf(ctx)
	switch {
	case c == nil || c.Own, c.KeyID == "" && c.Scopes.Has(access.All):
		return access.LocalOwner, nil
	case c.Owner == "": // somebody without a key, where others have some
		return "", access.NeedsKey()
	case c.Owner == access.LocalOwner && strings.HasPrefix(c.KeyID, "oidc"):
		return "oidc:" + c.Owner, nil // nobody becomes the local owner by a name
	}
	return c.Owner, nil
}

// open gives what keeps libraries and whose they are.
func (s *libraryService) open(ctx context.Context) (*librarian.Librarian, string, error) {
	if s.server.libraries == nil {
		return nil, "", s.server.without("this server keeps no libraries")
	}
	owner, err := ownerOf(ctx)
	return s.server.libraries, owner, err
}

// about is open for a call about a library, whose collection the caller must be allowed
// to use. One that is not there is for what comes after it to say.
func (s *libraryService) about(ctx context.Context, name string) (*librarian.Librarian, string, error) {
	b, owner, err := s.open(ctx)
	if c := access.CallerOf(ctx); err == nil && c != nil && len(c.Collections) > 0 {
		l, getErr := b.Get(ctx, owner, name)
		switch {
		case getErr == nil && !c.May(l.Collection),
			paper.KindOf(getErr) == paper.NotFound && !c.May(paper.DefaultCollection): // where one would be made
			err = access.NeedsCollection()
		}
	}
	return b, owner, err
}

// mayUse says whether the caller may use a collection.
func mayUse(ctx context.Context, collection string) error {
	if collection == "" {
		collection = paper.DefaultCollection
	}
	if c := access.CallerOf(ctx); c != nil && !c.May(collection) {
		return access.NeedsCollection()
	}
	return nil
}

// CreateLibrary implements LibraryService.
func (s *libraryService) CreateLibrary(ctx context.Context, req *akinv1.CreateLibraryRequest) (*akinv1.Library, error) {
	b, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	in := req.GetLibrary()
	if err := mayUse(ctx, in.GetCollection()); err != nil {
		return nil, err
	}
	l, err := b.Create(ctx, owner, library.Library{
		Name: in.GetName(), DisplayName: in.GetDisplayName(), Description: in.GetDescription(), Collection: in.GetCollection(),
	})
	return toLibrary(&l, err)
}

// GetLibrary implements LibraryService.
func (s *libraryService) GetLibrary(ctx context.Context, req *akinv1.GetLibraryRequest) (*akinv1.Library, error) {
	b, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := library.CheckName("name", req.GetName()); err != nil {
		return nil, err
	}
	l, err := b.Get(ctx, owner, req.GetName())
	return toLibrary(&l, err)
}

// ListLibraries implements LibraryService.
func (s *libraryService) ListLibraries(ctx context.Context, req *akinv1.ListLibrariesRequest) (*akinv1.ListLibrariesResponse, error) {
	b, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	size := int(req.GetPageSize())
	if size < 0 {
		return nil, paper.InvalidField("page_size", "is %d; it must not be negative (0 means 100, at most 1000)", size)
	}
	if size == 0 {
		size = librarian.DefaultListSize
	}
	of := fmt.Sprintf("libraries\x00%t", req.GetShowDeleted())
	after, err := readPageToken(req.GetPageToken(), of)
	if err != nil {
		return nil, err
	}
	all, err := b.List(ctx, owner, req.GetShowDeleted())
	if err != nil {
		return nil, err
	}
	resp := new(akinv1.ListLibrariesResponse)
	for i := range all {
		if all[i].Name <= after {
			continue
		}
		if n := len(resp.GetLibraries()); n == min(size, library.MaxLibraries) {
			resp.NextPageToken = pageToken(resp.GetLibraries()[n-1].GetName(), of)
			break
		}
		resp.Libraries = append(resp.Libraries, libraryOf(&all[i]))
	}
	return resp, nil
}

// UpdateLibrary implements LibraryService.
func (s *libraryService) UpdateLibrary(ctx context.Context, req *akinv1.UpdateLibraryRequest) (*akinv1.Library, error) {
	b, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	in := req.GetLibrary()
	name, description := in.GetDisplayName() != "", in.GetDescription() != ""
	if paths := pathsIn(req.GetUpdateMask()); len(paths) > 0 {
		name, description = false, false
		for _, path := range paths {
			switch path {
			case "*":
				name, description = true, true
			case "display_name", "displayName":
				name = true
			case "description":
				description = true
			case "name": // what the request is about
			default:
				return nil, paper.InvalidField("update_mask", "has path %.80q; display_name and description can be changed", path)
			}
		}
	}
	if err := library.CheckName("library.name", in.GetName()); err != nil {
		return nil, err
	}
	l, err := b.Update(ctx, owner, in.GetName(), func(l *library.Library) {
		if name {
			l.DisplayName = in.GetDisplayName()
		}
		if description {
			l.Description = in.GetDescription()
		}
	})
	return toLibrary(&l, err)
}

// pathsIn gives the paths of a mask, however they are separated.
func pathsIn(mask *fieldmaskpb.FieldMask) (paths []string) {
	for _, list := range mask.GetPaths() {
		for path := range strings.SplitSeq(list, ",") {
			if path = strings.TrimSpace(path); path != "" {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// DeleteLibrary implements LibraryService.
func (s *libraryService) DeleteLibrary(ctx context.Context, req *akinv1.DeleteLibraryRequest) (*akinv1.Library, error) {
	b, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := library.CheckName("name", req.GetName()); err != nil {
		return nil, err
	}
	l, err := b.Delete(ctx, owner, req.GetName(), req.GetErase())
	return toLibrary(&l, err)
}

// UndeleteLibrary implements LibraryService.
func (s *libraryService) UndeleteLibrary(ctx context.Context, req *akinv1.UndeleteLibraryRequest) (*akinv1.Library, error) {
	b, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := library.CheckName("name", req.GetName()); err != nil {
		return nil, err
	}
	l, err := b.Undelete(ctx, owner, req.GetName())
	return toLibrary(&l, err)
}

// MergeLibraries implements LibraryService.
func (s *libraryService) MergeLibraries(ctx context.Context, req *akinv1.MergeLibrariesRequest) (*akinv1.Library, error) {
	b, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	l, err := b.Merge(ctx, owner, req.GetLibrary(), req.GetSources(), req.GetDeleteSources())
	return toLibrary(&l, err)
}

// AdoptLibraries implements LibraryService.
func (s *libraryService) AdoptLibraries(ctx context.Context, req *akinv1.AdoptLibrariesRequest) (*akinv1.AdoptLibrariesResponse, error) {
	b, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	to := req.GetOwner()
	if to == "" {
		if to = owner; owner == access.LocalOwner {
			return nil, paper.InvalidField("owner", "is empty, and the caller is the local owner itself; name the owner of a key")
		}
	}
	if err := library.CheckOwner("owner", to); err != nil {
		return nil, err
	}
	adopted, err := b.Adopt(ctx, access.LocalOwner, to)
	if err != nil {
		return nil, err
	}
	resp := new(akinv1.AdoptLibrariesResponse)
	for i := range adopted {
		resp.Libraries = append(resp.Libraries, &akinv1.AdoptedLibrary{PreviousName: adopted[i].From, Library: libraryOf(&adopted[i].Library)})
	}
	return resp, nil
}

func toLibrary(l *library.Library, err error) (*akinv1.Library, error) {
	if err != nil {
		return nil, err
	}
	return libraryOf(l), nil
}

// libraryOf gives the wire form of a library.
func libraryOf(l *library.Library) *akinv1.Library {
	out := &akinv1.Library{
		Name: l.Name, DisplayName: l.DisplayName, Description: l.Description, Collection: l.Collection,
		CreateTime: toTime(l.CreateTime), UpdateTime: toTime(l.UpdateTime), DeleteTime: toTime(l.DeleteTime),
		EntryCount: int32(l.Counts.Entries), LikedCount: int32(l.Counts.Liked), DislikedCount: int32(l.Counts.Disliked),
		ReadCount: int32(l.Counts.Read), SizeBytes: int64(l.Counts.Bytes),
	}
	if l.Deleted() {
		out.ExpireTime = toTime(l.DeleteTime.Add(library.Retention))
	}
	return out
}

// toTime gives a time, nil for the zero time.
func toTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// fromTime reads a time that may be unset.
func fromTime(field string, t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if err := t.CheckValid(); err != nil {
		return time.Time{}, paper.InvalidField(field, "is %d s and %d ns; give a time of the years 1 to 9999", t.GetSeconds(), t.GetNanos())
	}
	return t.AsTime(), nil
}

// marksOf reads marks.
func marksOf(field string, marks []akinv1.Mark) (out []library.Mark, err error) {
	for i, m := range marks {
		if err := checkEnum(fmt.Sprintf("%s[%d]", field, i), m); err != nil {
			return nil, err
		}
		out = append(out, fromMark[m])
	}
	return out, nil
}

var fromMark = map[akinv1.Mark]library.Mark{ //nolint:gochecknoglobals // a constant table
	akinv1.Mark_MARK_UNSPECIFIED: library.None,
	akinv1.Mark_MARK_LIKED:       library.Liked,
	akinv1.Mark_MARK_DISLIKED:    library.Disliked,
}

var toMark = map[library.Mark]akinv1.Mark{ //nolint:gochecknoglobals // a constant table
	library.None:     akinv1.Mark_MARK_UNSPECIFIED,
	library.Liked:    akinv1.Mark_MARK_LIKED,
	library.Disliked: akinv1.Mark_MARK_DISLIKED,
}

// entryFields are the fields of Entry that callers set, and the parts that they belong
// to.
var entryFields = map[protoreflect.Name]library.Fields{ //nolint:gochecknoglobals // a constant table
	"mark": library.FieldMark, "mark_time": library.FieldMark, "read": library.FieldRead, "read_time": library.FieldRead,
	"note": library.FieldNote, "tags": library.FieldTags, "weight": library.FieldWeight,
}

// fieldsOf reads the update mask of entries; none is 0.
func fieldsOf(mask *fieldmaskpb.FieldMask) (all library.Fields, err error) {
	fields := (&akinv1.Entry{}).ProtoReflect().Descriptor().Fields()
	for _, path := range pathsIn(mask) {
		if path == "*" {
			all |= library.AllFields
			continue
		}
		f := fieldOf(fields, path)
		if f == nil || entryFields[f.Name()] == 0 {
			return 0, paper.InvalidField("update_mask", "has path %.80q; mark, read, note, tags and weight can be changed, or \"*\", which is all", path)
		}
		all |= entryFields[f.Name()]
	}
	return all, nil
}
