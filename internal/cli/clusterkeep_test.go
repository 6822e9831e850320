package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// noteOf is the note of a paper in the library that a server has; "" if it has none.
func (k *kept) noteOf(c *client.Client, id string) string {
	k.Helper()
	list, err := c.Libraries.ListEntries(k.Context(), &akinv1.ListEntriesRequest{Library: "reading", PageSize: 1000})
	if err != nil {
		k.Fatal(err)
	}
	for _, e := range list.GetEntries() {
		if e.GetPaperId() == id {
			return e.GetNote()
		}
	}
	return ""
}

// A snapshot is gone back to: what its directory has is what the cluster keeps from then
// on, an empty directory takes it over, and one of what was given up is refused.
func TestClusterKeep(t *testing.T) {
	c := newCluster(t)
	k := &kept{cluster: c, notes: map[string]string{}, tried: map[string]string{}}
	w := c.writer("w")
	toW := c.dial(w.grpc)
	note := func(to *client.Client, id, text string) {
		t.Helper()
		if err := k.note(t.Context(), to, id, text); err != nil {
			t.Fatal(err)
		}
	}
	note(toW, "p1", "before")
	mustRun(t, "snapshot", "create", "before", "--server", w.grpc)
	note(toW, "p1", "a mistake")
	note(toW, "p2", "another")
	w.stop(t)
	data, old := filepath.Join(c.dir, "w"), filepath.Join(c.dir, "old")
	if err := os.CopyFS(old, os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "snapshot", "restore", "before", "--data", data, "--force")
	out := mustRun(t, append([]string{"catalog", "keep", "--data", data}, c.keepFlags()...)...)
	if !strings.Contains(out, "keeps what") {
		t.Error(out)
	}
	w = c.writer("w")
	toW = c.dial(w.grpc)
	if one, two := k.noteOf(toW, "p1"), k.noteOf(toW, "p2"); one != "before" || two != "" {
		t.Errorf("after the snapshot was kept, the notes are %q and %q", one, two)
	}
	note(toW, "p3", "after")
	b := c.writer("b")
	mustRun(t, "catalog", "take-over", "--catalog-writer-file", c.mark, "--writer", "b")
	toB := c.dial(b.grpc)
	k.first(toB, "p4")
	if one, three := k.noteOf(toB, "p1"), k.noteOf(toB, "p3"); one != "before" || three != "after" {
		t.Errorf("an empty directory has the notes %q and %q", one, three)
	}
	b.stop(t)
	w.stop(t)
	// The directory as it was before it was given up has taken another way.
	mustRun(t, "catalog", "take-over", "--catalog-writer-file", c.mark, "--writer", "w")
	args := append([]string{"serve", "--server-name", "w", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--catalog-role", "writer", "--data", old}, c.flags...)
	cmd := program(c, args...)
	said := new(bytes.Buffer)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(said.String(), "catalog keep") {
			t.Errorf("the old directory: %v\n%s", err, said)
		}
	case <-time.After(time.Minute):
		cmd.Process.Kill()
		<-ended
		t.Errorf("the old directory is served\n%s", said)
	}
}

// keepFlags are those of catalog keep.
func (c *cluster) keepFlags() (flags []string) {
	for i := 0; i < len(c.flags); i += 2 {
		if c.flags[i] != "--threads" {
			flags = append(flags, c.flags[i], c.flags[i+1])
		}
	}
	return flags
}

// A writer that was halted gets nothing acknowledged in the library once another one came,
// also where each has a writer file of its own and no file tells them of each other.
func TestClusterTwoFiles(t *testing.T) {
	c := newCluster(t)
	k := &kept{cluster: c, notes: map[string]string{}, tried: map[string]string{}}
	a := c.writer("a")
	toA := c.dial(a.grpc)
	if err := errors.Join(k.feed(t.Context(), toA, "ada"), k.note(t.Context(), toA, "p0", "first")); err != nil {
		t.Fatal(err)
	}
	a.cmd.Process.Signal(syscall.SIGSTOP)
	other := *c
	other.flags = slices.Clone(c.flags)
	other.flags[slices.Index(other.flags, c.mark)] = filepath.Join(c.dir, "another")
	b := other.writer("b")
	toB := c.dial(b.grpc)
	for i := range 20 {
		if err := k.note(t.Context(), toB, fmt.Sprint("b", i), "of b"); err != nil {
			t.Fatal(err)
		}
	}
	a.cmd.Process.Signal(syscall.SIGCONT)
	lone := &kept{cluster: c, notes: map[string]string{}, tried: map[string]string{}}
	for i := range 20 {
		if err := lone.note(t.Context(), toA, fmt.Sprint("a", i), "of a"); err == nil {
			t.Errorf("the writer that was replaced acknowledged change %d", i)
		}
		if err := k.note(t.Context(), toB, fmt.Sprint("c", i), "of b"); err != nil {
			t.Fatal(err)
		}
	}
	k.check(toB)
}
