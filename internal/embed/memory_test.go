package embed_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
)

// residentMiB reads the resident memory of this process.
func residentMiB(t testing.TB) int {
	t.Helper()
	debug.FreeOSMemory()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("resident memory can only be read on Linux")
	}
	var size, resident int
	if _, err := fmt.Sscan(string(raw), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize() >> 20
}

// Memory is bounded by the token budget of a run, not by how many ask.
func TestMemoryUnderManyLongTexts(t *testing.T) {
	e := embedtest.Open(t)
	long := strings.Repeat("retrieval of abstracts ", 4000)
	mustEmbed(t, e, []string{long, long, long}, embed.Options{Class: embed.Bulk})
	mustEmbed(t, e, []string{long}, embed.Options{})
	before := residentMiB(t)
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			if _, _, err := e.Embed(t.Context(), []string{long}, embed.Options{Class: embed.Class(i % 2)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	after := residentMiB(t)
	t.Logf("resident: %d MiB after a few long texts, %d MiB after 64 at once", before, after)
	if after > before+128 {
		t.Errorf("64 long texts at once took resident memory from %d to %d MiB", before, after)
	}
}

// A model can be closed and opened again without growth.
func TestReopeningDoesNotGrow(t *testing.T) {
	reopen := func() {
		e, err := embed.Open(embedtest.Config(t))
		if err != nil {
			t.Fatal(err)
		}
		mustEmbed(t, e, []string{"a text"}, embed.Options{})
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // what is allocated once
		reopen()
	}
	before := residentMiB(t)
	for range 4 {
		reopen()
	}
	after := residentMiB(t)
	t.Logf("resident: %d MiB after 2 times, %d MiB after 6", before, after)
	if after > before+100 { // one copy of the weights is 90 MiB
		t.Errorf("reopening the model 4 times took resident memory from %d to %d MiB", before, after)
	}
}
