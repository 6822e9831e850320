package rpc_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/access"
	akinv1 "akin/proto/akin/v1"
)

// Before there are keys, libraries are those of the local owner; then each key has its
// owner's, whatever key of the owner it is, and nobody another's.
func TestLibrariesOfOwners(t *testing.T) {
	h := newHouse(t, houseOptions{rules: access.Rules{Anonymous: access.Read}})
	c := akinv1.NewLibraryServiceClient(plainConn(t, h.grpc))
	create := func(token, name string) error {
		_, err := c.CreateLibrary(with(t.Context(), token), &akinv1.CreateLibraryRequest{Library: &akinv1.Library{Name: name}})
		return err
	}
	names := func(token string) string {
		t.Helper()
		list, err := c.ListLibraries(with(t.Context(), token), new(akinv1.ListLibrariesRequest))
		if err != nil {
			return status.Code(err).String()
		}
		all := ""
		for _, l := range list.GetLibraries() {
			all += l.GetName() + " "
		}
		return all
	}
	if err := create("", "local"); err != nil || names("") != "local " {
		t.Fatalf("without keys: %v, %q", err, names(""))
	}
	both := access.Read | access.Write
	ann, other := h.key(t, access.Spec{Name: "ann-1", Owner: "ann", Scopes: both}), h.key(t, access.Spec{Name: "ann-2", Owner: "ann", Scopes: access.Read})
	bob := h.key(t, access.Spec{Name: "bob", Scopes: both})
	admin := h.key(t, access.Spec{Name: "root", Scopes: access.All})
	if err := create(ann, "mine"); err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]string{ann: "mine ", other: "mine ", bob: "", admin: "", "": "Unauthenticated"} {
		if got := names(token); got != want {
			t.Errorf("%.12s has %q, want %q", token, got, want)
		}
	}
	for token, want := range map[string]codes.Code{bob: codes.NotFound, ann: codes.OK, "": codes.Unauthenticated} {
		if _, err := c.GetLibrary(with(t.Context(), token), &akinv1.GetLibraryRequest{Name: "mine"}); status.Code(err) != want {
			t.Errorf("%.12s gets %v, want %v", token, err, want)
		}
	}
	if _, err := c.AdoptLibraries(with(t.Context(), ann), new(akinv1.AdoptLibrariesRequest)); status.Code(err) != codes.PermissionDenied {
		t.Errorf("who may only write adopts: %v", err)
	}
	if got, err := c.AdoptLibraries(with(t.Context(), admin), &akinv1.AdoptLibrariesRequest{Owner: "ann"}); err != nil || len(got.GetLibraries()) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if got := names(other); got != "local mine " {
		t.Errorf("adopted %q", got)
	}
}

// A key of some collections has the libraries of its owner that are about them.
func TestLibrariesOfCollections(t *testing.T) {
	h := newHouse(t, houseOptions{})
	all := h.key(t, access.Spec{Name: "all", Owner: "ann", Scopes: access.Read | access.Write})
	few := h.key(t, access.Spec{Name: "few", Owner: "ann", Scopes: access.Read | access.Write, Collections: []string{"elsewhere"}})
	c := akinv1.NewLibraryServiceClient(plainConn(t, h.grpc))
	if _, err := c.CreateLibrary(with(t.Context(), all), &akinv1.CreateLibraryRequest{Library: &akinv1.Library{Name: "x"}}); err != nil {
		t.Fatal(err)
	}
	ctx := with(t.Context(), few)
	for name, call := range map[string]func() error{
		"create": func() error {
			_, err := c.CreateLibrary(ctx, &akinv1.CreateLibraryRequest{Library: &akinv1.Library{Name: "y"}})
			return err
		},
		"set": func() error {
			_, err := c.SetEntries(ctx, &akinv1.SetEntriesRequest{Library: "x", Entries: []*akinv1.Entry{{PaperId: "a"}}})
			return err
		},
		"make": func() error {
			_, err := c.SetEntries(ctx, &akinv1.SetEntriesRequest{Library: "z", CreateLibrary: true, Entries: []*akinv1.Entry{{PaperId: "a"}}})
			return err
		},
		"list": func() error { _, err := c.ListEntries(ctx, &akinv1.ListEntriesRequest{Library: "x"}); return err },
		"import": func() error {
			_, err := c.ImportLibrary(ctx, &akinv1.ImportLibraryRequest{Library: "x", Content: []byte("a")})
			return err
		},
		"export": func() error { _, err := c.ExportLibrary(ctx, &akinv1.ExportLibraryRequest{Library: "x"}); return err },
		"missed": func() error { _, err := c.GetMissed(ctx, &akinv1.GetMissedRequest{Library: "x"}); return err },
		"suggest": func() error {
			_, err := c.SuggestRatings(ctx, &akinv1.SuggestRatingsRequest{Library: "x"})
			return err
		},
	} {
		if err := call(); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: %v", name, err)
		}
	}
}
