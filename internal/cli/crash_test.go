package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"akin/internal/client"
	"akin/internal/crashtest"
	akinv1 "akin/proto/akin/v1"
)

// ledger is what writers were told, paper by paper: what must be there after a kill.
type ledger struct {
	mu sync.Mutex
	// acknowledged is the version of each paper that was acknowledged last, 0 for
	// one that is not there; pending are those that may be there instead.
	acknowledged map[string]int
	pending      map[string]map[int]bool
	sequence     uint64
	calls        int
}

// begin notes what a call may do.
func (l *ledger) begin(versions map[string]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, v := range versions {
		if l.pending[id] == nil {
			l.pending[id] = map[int]bool{}
		}
		l.pending[id][v] = true
	}
}

// done notes that a call was acknowledged. No two calls that run at a time are for
// the same paper.
func (l *ledger) done(versions map[string]int, sequence uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, v := range versions {
		l.acknowledged[id] = v
		delete(l.pending, id)
	}
	l.sequence = max(l.sequence, sequence)
	l.calls++
}

// versioned is a paper that says which version it is.
func versioned(id string, version int) *akinv1.Paper {
	return &akinv1.Paper{Id: id, Title: fmt.Sprintf("%s version%d", id, version), Metadata: map[string]string{"version": strconv.Itoa(version)}}
}

// write upserts and deletes papers of its own until the server is gone.
func (l *ledger) write(ctx context.Context, c *client.Client, writer int, random *rand.Rand) {
	for ctx.Err() == nil {
		versions := map[string]int{}
		for range 1 + random.IntN(6) {
			versions[fmt.Sprintf("w%d-%d", writer, random.IntN(40))] = 1 + random.IntN(3)
		}
		remove := random.IntN(4) == 0
		if remove {
			for id := range versions {
				versions[id] = 0
			}
		}
		l.begin(versions)
		var sequence uint64
		ids := slices.Sorted(maps.Keys(versions))
		if remove {
			resp, err := c.Papers.BatchDeletePapers(ctx, &akinv1.BatchDeletePapersRequest{Ids: ids})
			if err != nil {
				return
			}
			sequence = resp.GetSequence()
		} else {
			req := new(akinv1.BatchUpsertPapersRequest)
			for _, id := range ids {
				req.Papers = append(req.Papers, versioned(id, versions[id]))
			}
			resp, err := c.Papers.BatchUpsertPapers(ctx, req)
			if err != nil {
				return
			}
			sequence = resp.GetSequence()
		}
		l.done(versions, sequence)
	}
}

// settle compares what a data directory holds with the ledger, which then goes on
// from what it holds, and gives what is wrong.
func (l *ledger) settle(have map[string]int, sequence uint64) (faults []string) {
	if sequence < l.sequence {
		faults = append(faults, fmt.Sprintf("the sequence went back from %d to %d", l.sequence, sequence))
	}
	all := map[string]bool{}
	for id := range l.acknowledged {
		all[id] = true
	}
	for id := range l.pending {
		all[id] = true
	}
	for id := range have {
		all[id] = true
	}
	for id := range all {
		if v := have[id]; v != l.acknowledged[id] && !l.pending[id][v] {
			faults = append(faults, fmt.Sprintf("%s has version %d; acknowledged is %d, possible are %v", id, v, l.acknowledged[id], l.pending[id]))
		}
		l.acknowledged[id] = have[id]
	}
	clear(l.pending)
	return faults
}

// held gives the versions of the papers of a data directory, and its sequence.
func held(t *testing.T, data string) (have map[string]int, sequence uint64) {
	t.Helper()
	have = map[string]int{}
	for line := range strings.Lines(mustRun(t, "list", "--data", data, "--json")) {
		for _, p := range unmarshal(t, line, new(akinv1.ListPapersResponse)).GetPapers() {
			version, err := strconv.Atoi(p.GetMetadata()["version"])
			if err != nil || p.GetTitle() != versioned(p.GetId(), version).GetTitle() {
				t.Errorf("paper %s is torn: %v", p.GetId(), p)
			}
			have[p.GetId()] = version
		}
	}
	info := unmarshal(t, mustRun(t, "info", "--data", data, "--json"), new(akinv1.GetServerInfoResponse))
	if int(info.GetPaperCount()) != len(have) {
		t.Errorf("%d papers are counted, %d are there", info.GetPaperCount(), len(have))
	}
	return have, info.GetSequence()
}

// A server that is killed while several clients write has, after each kill, what it
// acknowledged, whole, and nothing that nobody asked for; akin verify finds nothing.
func TestCrashServer(t *testing.T) {
	if testing.Short() {
		t.Skip("kills and restarts")
	}
	seed := crashtest.Seed(t)
	data := filepath.Join(t.TempDir(), "data")
	l := &ledger{acknowledged: map[string]int{}, pending: map[string]map[int]bool{}}
	total := crashtest.Rounds(t, 2)
	for round := range total {
		s := serve(t, data)
		c, err := client.Dial(s.grpc)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for w := range 3 {
			random := rand.New(rand.NewPCG(seed, uint64(10*round+w)))
			writers.Go(func() { l.write(ctx, c, w, random) })
		}
		// After some acknowledgements rather than some time.
		want := l.calls + 3 + rand.New(rand.NewPCG(seed, uint64(round))).IntN(20)
		for reached := false; !reached; time.Sleep(time.Millisecond) {
			l.mu.Lock()
			reached = l.calls >= want
			l.mu.Unlock()
		}
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		s.cmd.Wait()
		cancel()
		writers.Wait()
		c.Close()
		if code, out, errOut := run(t, "", "verify", "--data", data); code != 0 {
			t.Fatalf("round %d: akin verify: exit code %d\n%s%s", round, code, out, errOut)
		}
		have, sequence := held(t, data)
		for _, fault := range l.settle(have, sequence) {
			t.Errorf("round %d: %s", round, fault)
		}
	}
	t.Logf("%d kills, %d acknowledged calls, %d papers at the end, sequence %d: nothing lost, nothing torn", total, l.calls, len(l.acknowledged), l.sequence)
}

// A data directory that is copied while a server writes to it opens, with what was
// acknowledged before the copy began, or is refused by name: never with less.
func TestCrashCopy(t *testing.T) {
	if testing.Short() {
		t.Skip("copies a running directory")
	}
	opened, refused := 0, 0
	for round := range crashtest.Rounds(t, 1) {
		dir := t.TempDir()
		data, copied := filepath.Join(dir, "data"), filepath.Join(dir, "copy")
		l := &ledger{acknowledged: map[string]int{}, pending: map[string]map[int]bool{}}
		s := serve(t, data)
		c, err := client.Dial(s.grpc)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		writers.Go(func() { l.write(ctx, c, 0, rand.New(rand.NewPCG(7, uint64(round)))) })
		var before uint64
		for before == 0 {
			time.Sleep(5 * time.Millisecond)
			l.mu.Lock()
			before = l.sequence
			l.mu.Unlock()
		}
		missed := copyFiles(t, data, copied)
		cancel()
		writers.Wait()
		c.Close()
		s.stop(t)
		if missed > 0 {
			t.Logf("round %d: %d files went while they were copied", round, missed)
		}
		code, out, errOut := run(t, "", "info", "--data", copied, "--json")
		if code != 0 {
			refused++
			if !strings.Contains(errOut, copied) {
				t.Errorf("round %d: a refusal that does not say of what: %q", round, errOut)
			}
			continue
		}
		opened++
		info := new(akinv1.GetServerInfoResponse)
		if unmarshal(t, out, info); info.GetSequence() < before {
			t.Errorf("round %d: the copy is at sequence %d; %d was acknowledged before", round, info.GetSequence(), before)
		}
	}
	t.Logf("%d copies opened with all that was acknowledged before, %d were refused by name", opened, refused)
}

// copyFiles copies the files of a directory that is in use, as cp -r would, and says
// how many were gone when their turn came.
func copyFiles(t *testing.T, from, to string) (missed int) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missed++
			return nil
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			missed++
			return nil
		}
		return errors.Join(err, os.WriteFile(target, raw, 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
	return missed
}

// TestLedger: the judge of the tests above sees what is wrong.
func TestLedger(t *testing.T) {
	for name, have := range map[string]map[string]int{
		"lost": {"b": 2}, "another version": {"a": 3, "b": 2}, "what nobody asked for": {"a": 1, "b": 2, "c": 1}, "another pending one": {"a": 1, "b": 1},
	} {
		l := &ledger{acknowledged: map[string]int{"a": 1, "b": 2}, pending: map[string]map[int]bool{"b": {0: true}}, sequence: 3}
		if faults := l.settle(have, 3); len(faults) != 1 {
			t.Errorf("%s: %q", name, faults)
		}
	}
}
