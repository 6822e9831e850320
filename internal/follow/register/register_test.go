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
	"akin/internal/paper"
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

// One binding that is damaged does not keep the others from being read, and can be ended.
func TestDamagedBinding(t *testing.T) {
	s := openStore(t)
	shelves := register.New(s.DB(), s.Moved)
	file := func(id uint32) *follow.Binding {
		return &follow.Binding{LibraryID: id, Source: follow.Source{File: &follow.File{Path: "/x"}}}
	}
	if err := shelves.Change(t.Context(), func(w follow.Writer) error {
		return errors.Join(w.PutBinding(file(1)), w.PutBinding(file(2)), w.PutBinding(file(3)))
	}); err != nil {
		t.Fatal(err)
	}
	end, err := s.DB().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := s.DB().NewBatch()
	if err := b.Set([]byte{register.Prefixes()[0], 1, 0, 0, 0, 2}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	after, err := s.DB().Commit(b)
	if err != nil {
		t.Fatal(err)
	}
	s.Moved(after)
	end()
	err = shelves.Change(t.Context(), func(w follow.Writer) error {
		all, err := w.Bindings()
		if len(all) != 2 || all[0].LibraryID != 1 || all[1].LibraryID != 3 || paper.KindOf(err) != paper.DataLoss || err == nil {
			t.Errorf("bindings %v, error %v", all, err)
		}
		if _, _, err := w.Binding(2); err == nil || paper.KindOf(err) != paper.DataLoss {
			t.Errorf("the damaged one: %v", err)
		}
		return w.RemoveBinding(2)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := shelves.Follow(t.Context(), func(r follow.Reader) error {
		all, err := r.Bindings()
		if len(all) != 2 || err != nil {
			t.Errorf("after it was ended: bindings %v, error %v", all, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
