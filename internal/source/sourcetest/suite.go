package sourcetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"akin/internal/source"
)

// Run tests a source.Book, which open makes empty.
func Run(t *testing.T, open func(*testing.T) source.Book) {
	for name, test := range map[string]func(*testing.T, source.Book){
		"what is put is there": suitePut, "names are not each other's": suiteNames, "clear": suiteClear,
		"whole or not at all": suiteWhole, "state before": suiteBefore,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func put(t *testing.T, b source.Book, what source.What, of, key, path string) {
	t.Helper()
	if err := b.Write(t.Context(), func(w source.Writer) error { return w.Put(what, of, key, source.File{Digest: path}) }); err != nil {
		t.Fatal(err)
	}
}

func keys(t *testing.T, b source.Book, what source.What, of string) (all []string) {
	t.Helper()
	err := b.Read(t.Context(), func(r source.Reader) error {
		return r.Each(what, of, func(key string, read func(any) error) error {
			var f source.File
			err := read(&f)
			all = append(all, key+"="+f.Digest)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func suitePut(t *testing.T, b source.Book) {
	put(t, b, source.KeptFile, "a", "x", "1")
	put(t, b, source.KeptFile, "a", "x", "2")
	var f source.File
	err := b.Read(t.Context(), func(r source.Reader) error {
		found, err := r.Get(source.KeptFile, "a", "x", &f)
		if !found || f.Digest != "2" {
			t.Errorf("found %v: %+v", found, f)
		}
		missing, err2 := r.Get(source.KeptFile, "a", "y", &f)
		if missing {
			t.Error("what was not put is there")
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Error(err)
	}
}

func suiteNames(t *testing.T, b source.Book) {
	for _, of := range []string{"", "a", "ab", "a\x00", "b"} {
		for _, key := range []string{"b", "", "\xff\xff", "bb"} {
			put(t, b, source.KeptFile, of, key, of)
		}
		put(t, b, source.KeptImported, of, "b", of)
	}
	for _, of := range []string{"", "a", "ab", "a\x00", "b"} {
		want := []string{"=" + of, "b=" + of, "bb=" + of, "\xff\xff=" + of}
		if got := keys(t, b, source.KeptFile, of); !slices.Equal(got, want) {
			t.Errorf("%q has %q; want %q", of, got, want)
		}
	}
}

func suiteClear(t *testing.T, b source.Book) {
	put(t, b, source.KeptFile, "a", "x", "1")
	put(t, b, source.KeptFile, "ab", "x", "2")
	put(t, b, source.KeptImported, "a", "x", "3")
	err := b.Write(t.Context(), func(w source.Writer) error {
		return errors.Join(w.Clear(source.KeptFile, "a"), w.Remove(source.KeptFile, "a", "not there"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := keys(t, b, source.KeptFile, "a"); len(got) > 0 {
		t.Errorf("still there: %q", got)
	}
	if len(keys(t, b, source.KeptFile, "ab")) != 1 || len(keys(t, b, source.KeptImported, "a")) != 1 {
		t.Error("something else is gone")
	}
}

func suiteWhole(t *testing.T, b source.Book) {
	failed := errors.New("failed")
	err := b.Write(t.Context(), func(w source.Writer) error {
		return errors.Join(w.Put(source.KeptFile, "a", "x", source.File{}), failed)
	})
	if !errors.Is(err, failed) || len(keys(t, b, source.KeptFile, "a")) > 0 {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = b.Write(ctx, func(w source.Writer) error { return w.Put(source.KeptFile, "a", "x", source.File{}) })
	if err == nil || len(keys(t, b, source.KeptFile, "a")) > 0 {
		t.Errorf("a write whose context had ended: %v", err)
	}
}

func suiteBefore(t *testing.T, b source.Book) {
	put(t, b, source.KeptFile, "a", "x", "1")
	err := b.Write(t.Context(), func(w source.Writer) error {
		if err := w.Put(source.KeptFile, "a", "x", source.File{Digest: "2"}); err != nil {
			return err
		}
		var f source.File
		if _, err := w.Get(source.KeptFile, "a", "x", &f); err != nil || f.Digest != "1" {
			t.Errorf("within a write: %+v, %v", f, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
