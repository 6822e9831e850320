package weaviate_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"akin/internal/catalog/weaviate"
	"akin/internal/home"
	"akin/internal/paper"
)

var _ home.Place = (*weaviate.Beside)(nil)

// What is kept beside papers is found by its name at once, is the same object when it is
// written again, and goes by sort and number.
func TestBeside(t *testing.T) {
	c := open(t, paper.Space{Model: "m", ModelDigest: "d", TokenizerDigest: "t", Pooling: "mean", MaxTokens: 256, Dimension: 4, Precision: "float32"}, nil)
	if b, err := c.Beside(t.Context(), false); b != nil || err != nil {
		t.Errorf("nobody made it: %v, %v", b, err)
	}
	b, err := c.Beside(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Drop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if data, err := b.Get(t.Context(), "log/1/1"); data != nil || err != nil {
		t.Errorf("%x, %v", data, err)
	}
	name := func(sort string, i int) string { return fmt.Sprint(sort, "/", i) }
	big := bytes.Repeat([]byte{0, 1, 0xff}, 300<<10)
	const n = 60
	began := time.Now()
	for i := range n {
		for _, sort := range []string{"log", "base"} {
			if err := b.Put(t.Context(), name(sort, i), sort, uint64(i), []byte(name(sort, i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%v an object", (time.Since(began) / (2 * n)).Round(10*time.Microsecond))
	for range 2 {
		if err := b.Put(t.Context(), "big", "base", n, big); err != nil {
			t.Fatal(err)
		}
	}
	began = time.Now()
	for i := range n {
		if data, err := b.Get(t.Context(), name("log", i)); string(data) != name("log", i) || err != nil {
			t.Errorf("%d: %q, %v", i, data, err)
		}
	}
	t.Logf("%v to read one", (time.Since(began) / n).Round(10*time.Microsecond))
	if data, err := b.Get(t.Context(), "big"); !bytes.Equal(data, big) || err != nil {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if err := b.Forget(t.Context(), "log", 50); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for _, sort := range []string{"log", "base"} {
			data, err := b.Get(t.Context(), name(sort, i))
			if gone := sort == "log" && i < 50; (data == nil) != gone || err != nil {
				t.Errorf("%s: %q, %v", name(sort, i), data, err)
			}
		}
	}
}

// What is forgotten goes, however much it is: the cluster removes 10,000 objects at a time.
func TestForgetMany(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 10,300 objects")
	}
	b := openBeside(t, nil)
	const n = 10_300
	if err := weaviate.FillBeside(t.Context(), b, "log", n); err != nil {
		t.Fatal(err)
	}
	if there, err := weaviate.CountBeside(t.Context(), b); there != n || err != nil {
		t.Fatalf("%d objects are there, want %d; %v", there, n, err)
	}
	if err := b.Forget(t.Context(), "log", n-1); err != nil {
		t.Fatal(err)
	}
	if left, err := weaviate.CountBeside(t.Context(), b); left != 1 || err != nil {
		t.Errorf("%d of %d objects are left, want 1; %v", left, n, err)
	}
}
