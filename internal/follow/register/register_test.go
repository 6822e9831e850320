package register_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/follow"
	"akin/internal/follow/followtest"
	"akin/internal/follow/register"
	"akin/internal/library"
	"akin/internal/library/shelf"
	"akin/internal/store"
)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "d"), store.Options{Create: true, Beside: []store.Beside{
		{Prefixes: shelf.Prefixes(), Verify: shelf.Verify}, {Prefixes: register.Prefixes(), Verify: register.Verify},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	followtest.Run(t, func(t *testing.T) follow.Shelves {
		s := openStore(t)
		return register.New(s.DB(), s.Moved)
	})
}

func TestMemoryKeepsTheContract(t *testing.T) {
	followtest.Run(t, func(*testing.T) follow.Shelves { return followtest.NewMemory() })
}

func TestVerify(t *testing.T) {
	file := follow.Binding{LibraryID: 1, Source: follow.Source{File: &follow.File{Path: "/x"}}, State: follow.State{Items: 1, Found: 1}}
	item, gift := follow.Item{Key: "A", PaperID: "p"}, library.Gift{PaperID: "p"}
	for want, change := range map[string]func(follow.Writer) error{
		"": func(w follow.Writer) error {
			return errors.Join(w.PutBinding(&file), w.PutItem(1, &item), w.PutGift(1, &gift))
		},
		"it counts": func(w follow.Writer) error {
			return errors.Join(w.PutBinding(&file))
		},
		"follows nothing": func(w follow.Writer) error { return w.PutItem(1, &item) },
		"was not given": func(w follow.Writer) error {
			return errors.Join(w.PutBinding(&file), w.PutItem(1, &item))
		},
		"gives paper": func(w follow.Writer) error { return w.PutGift(1, &gift) },
		"kind 1":      func(w follow.Writer) error { return w.PutBinding(&follow.Binding{LibraryID: 3}) },
	} {
		s := openStore(t)
		if err := register.New(s.DB(), s.Moved).Change(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		report, err := s.Verify(t.Context())
		switch {
		case err != nil:
			t.Errorf("%s: %v", want, err)
		case want == "" && report.Err() != nil:
			t.Error(report.Err())
		case want == "kind 1":
			if report.Err() == nil {
				t.Error("a binding to nothing is not found")
			}
		case want != "" && (report.Err() == nil || !strings.Contains(report.Err().Error(), want)):
			t.Errorf("%s: %v", want, report.Err())
		}
		s.Close()
	}
}
