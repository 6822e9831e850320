package rpc_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"akin/internal/access"
	"akin/internal/follow"
	"akin/internal/rpc/rpctest"
	"akin/internal/source/zotero/zoterotest"
	akinv1 "akin/proto/akin/v1"
)

func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// A library follows Zotero over the API, and says how that is.
func TestBindLibrary(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	z := zoterotest.New()
	z.AddKey("secret", zoterotest.Key{UserID: 7, Username: "ann", Libraries: []string{"users/7"}})
	z.Edit("users/7", func(e *zoterotest.Edit) {
		e.Put(zoterotest.Item{Key: "AAAA", Fields: map[string]any{"title": "Whatever it is called there", "DOI": "10.1000/GRAPH"}})
		e.Put(zoterotest.Item{Key: "BBBB", Fields: map[string]any{"title": "Bread with Yeast!"}})
		e.Put(zoterotest.Item{Key: "CCCC", Fields: map[string]any{"title": "Not here", "date": "May 2020?"}})
	})
	s := rpctest.Serve(t, rpctest.Options{
		Zotero: z, ZoteroKeys: follow.Keys{access.LocalOwner: key}, LibraryFiles: follow.Files{access.LocalOwner: {dir}},
	})
	if _, err := s.Client.Papers.BatchUpsertPapers(t.Context(), &akinv1.BatchUpsertPapersRequest{Papers: []*akinv1.Paper{
		{Id: "a", Title: "Graph networks", Doi: "10.1000/graph"}, {Id: "d", Title: "Bread with yeast"},
	}}); err != nil {
		t.Fatal(err)
	}
	c := s.Client.Bindings
	for name, req := range map[string]*akinv1.BindLibraryRequest{
		"nothing":   {Library: "x", CreateLibrary: true},
		"name":      {Library: "no name", CreateLibrary: true, Binding: &akinv1.Binding{Source: &akinv1.Binding_Zotero{Zotero: &akinv1.ZoteroLibrary{}}}},
		"interval":  {Library: "x", Binding: &akinv1.Binding{Interval: durationpb.New(time.Second), Source: &akinv1.Binding_Zotero{Zotero: &akinv1.ZoteroLibrary{}}}},
		"no number": {Library: "x", Binding: &akinv1.Binding{Source: &akinv1.Binding_Zotero{Zotero: &akinv1.ZoteroLibrary{Account: &akinv1.ZoteroLibrary_GroupId{}}}}},
		"path":      {Library: "x", Binding: &akinv1.Binding{Source: &akinv1.Binding_File{File: &akinv1.ReferenceFile{Path: "refs.bib"}}}},
		"format":    {Library: "x", Binding: &akinv1.Binding{Source: &akinv1.Binding_File{File: &akinv1.ReferenceFile{Path: dir + "/refs.bib", Format: 77}}}},
	} {
		if _, err := c.BindLibrary(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.BindLibrary(t.Context(), &akinv1.BindLibraryRequest{Library: "x", CreateLibrary: true, Binding: &akinv1.Binding{
		Source: &akinv1.Binding_File{File: &akinv1.ReferenceFile{Path: "/etc/hostname"}},
	}}); status.Code(err) != codes.PermissionDenied || reasonOf(err) != follow.ReasonFileForbidden {
		t.Errorf("a file that is not allowed: %v", err)
	}
	if all, err := s.Client.Libraries.ListLibraries(t.Context(), &akinv1.ListLibrariesRequest{}); err != nil || len(all.GetLibraries()) != 0 {
		t.Errorf("a library was made for a binding that is refused: %v, %v", all, err)
	}
	if _, err := c.GetBinding(t.Context(), &akinv1.GetBindingRequest{Library: "x"}); status.Code(err) != codes.NotFound {
		t.Errorf("%v", err)
	}
	b, err := c.BindLibrary(t.Context(), &akinv1.BindLibraryRequest{Library: "x", CreateLibrary: true, Binding: &akinv1.Binding{
		Source: &akinv1.Binding_Zotero{Zotero: &akinv1.ZoteroLibrary{}}, Tags: []string{"z"},
	}})
	if err != nil || b.GetMark() != akinv1.Mark_MARK_LIKED || b.GetState() != akinv1.BindingState_BINDING_STATE_NEW {
		t.Fatalf("%v, %v", b, err)
	}
	b, err = c.SyncLibrary(t.Context(), &akinv1.SyncLibraryRequest{Library: "x"})
	if err != nil || b.GetState() != akinv1.BindingState_BINDING_STATE_CURRENT || b.GetMatchedCount() != 2 || b.GetUnmatchedCount() != 1 || b.GetVersion() != 1 {
		t.Fatalf("%v, %v", b, err)
	}
	if !strings.Contains(b.GetStatus(), "Of 3 entries, the collection has 2.") {
		t.Error(b.GetStatus())
	}
	entries, err := s.Client.Libraries.ListEntries(t.Context(), &akinv1.ListEntriesRequest{Library: "x", Tag: "z", Marks: []akinv1.Mark{akinv1.Mark_MARK_LIKED}})
	if err != nil || len(entries.GetEntries()) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	missing, err := c.ListUnmatchedItems(t.Context(), &akinv1.ListUnmatchedItemsRequest{Library: "x"})
	if err != nil || len(missing.GetItems()) != 1 || missing.GetNextPageToken() != "" {
		t.Fatalf("%v, %v", missing, err)
	}
	if i := missing.GetItems()[0]; i.GetKey() != "CCCC" || i.GetDate() != "May 2020?" || i.GetReason() != akinv1.UnmatchedReason_UNMATCHED_REASON_NOT_IN_COLLECTION || i.GetExplanation() == "" {
		t.Errorf("%v", i)
	}
	z.RemoveKey("secret")
	b, err = c.SyncLibrary(t.Context(), &akinv1.SyncLibraryRequest{Library: "x", Full: true})
	if err != nil || b.GetState() != akinv1.BindingState_BINDING_STATE_FAILING || b.GetFailureReason() != "ZOTERO_ACCESS_REFUSED" || !strings.Contains(b.GetStatus(), "403") {
		t.Errorf("%v, %v", b, err)
	}
	all, err := c.ListBindings(t.Context(), &akinv1.ListBindingsRequest{})
	if err != nil || len(all.GetBindings()) != 1 || all.GetBindings()[0].GetLibrary() != "x" {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := c.UnbindLibrary(t.Context(), &akinv1.UnbindLibraryRequest{Library: "x", RemoveEntries: true}); err != nil {
		t.Error(err)
	}
	if l, err := s.Client.Libraries.GetLibrary(t.Context(), &akinv1.GetLibraryRequest{Name: "x"}); err != nil || l.GetEntryCount() != 0 {
		t.Errorf("%v, %v", l, err)
	}
	if strings.Contains(s.Log(), "secret") {
		t.Error("a key is in the log")
	}
}

// Pages of what is not found go on where the one before ended.
func TestUnmatchedPages(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	for i := range 25 {
		text.WriteString("@misc{k, title = {Not here " + strings.Repeat("x", i+1) + "}}\n")
	}
	path := filepath.Join(dir, "refs.bib")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	s := rpctest.Serve(t, rpctest.Options{LibraryFiles: follow.Files{access.LocalOwner: {dir}}})
	c := s.Client.Bindings
	if _, err := c.BindLibrary(t.Context(), &akinv1.BindLibraryRequest{Library: "x", CreateLibrary: true, Binding: &akinv1.Binding{
		Source: &akinv1.Binding_File{File: &akinv1.ReferenceFile{Path: path, Format: akinv1.ReferenceFormat_REFERENCE_FORMAT_BIBTEX}},
	}}); err != nil {
		t.Fatal(err)
	}
	b, err := c.SyncLibrary(t.Context(), &akinv1.SyncLibraryRequest{Library: "x"})
	if err != nil || b.GetUnmatchedCount() != 25 || b.GetFile().GetFormat() != akinv1.ReferenceFormat_REFERENCE_FORMAT_BIBTEX {
		t.Fatalf("%v, %v", b, err)
	}
	seen := map[string]bool{}
	req := &akinv1.ListUnmatchedItemsRequest{Library: "x", PageSize: 10}
	for pages := 0; ; pages++ {
		page, err := c.ListUnmatchedItems(t.Context(), req)
		if err != nil || pages > 3 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, i := range page.GetItems() {
			seen[i.GetTitle()] = true
		}
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
	}
	if len(seen) != 25 {
		t.Errorf("saw %d", len(seen))
	}
	for _, bad := range []*akinv1.ListUnmatchedItemsRequest{{Library: "x", PageSize: -1}, {Library: "x", PageToken: "nowhere"}} {
		if _, err := c.ListUnmatchedItems(t.Context(), bad); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
