package weaviate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/catalog/weaviate"
	"akin/internal/paper"
)

// control runs a command of the script that started the cluster.
func control(t *testing.T, args ...string) {
	t.Helper()
	script := os.Getenv("AKIN_TEST_CLUSTER_CONTROL")
	if script == "" {
		t.Skip("nodes cannot be killed: make test-cluster sets AKIN_TEST_CLUSTER_CONTROL to the script that does it")
	}
	if out, err := exec.Command(script, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// load writes to a catalog, and reads what was acknowledged, all the time.
type load struct {
	*testing.T
	c *weaviate.Catalog

	mu    sync.Mutex // guards acked
	acked []string   // ids in the order in which they were acknowledged

	reads, failedReads, writes, failedWrites atomic.Int64
	slowestRead, slowestWrite                atomic.Int64 // nanoseconds
}

const perGroup = 5

// write applies groups, each until it is acknowledged.
func (l *load) write(done <-chan struct{}) {
	for n := 0; ; n++ {
		var group []catalog.Mutation
		for i := range perGroup {
			id := n*perGroup + i
			group = append(group, put(fmt.Sprintf("w%06d", id), fmt.Sprintf("paper%d survey", id), id))
		}
		for acked := false; !acked; {
			select {
			case <-done:
				return
			default:
			}
			began := time.Now()
			if _, _, err := l.c.Apply(l.Context(), paper.DefaultCollection, group); err != nil {
				l.failedWrites.Add(1)
				l.Logf("a group was not acknowledged after %v: %v", time.Since(began).Round(time.Millisecond), err)
				continue
			}
			raise(&l.slowestWrite, time.Since(began))
			acked = true
		}
		l.writes.Add(1)
		l.mu.Lock()
		for i := range group {
			l.acked = append(l.acked, group[i].Paper.ID)
		}
		l.mu.Unlock()
	}
}

func raise(most *atomic.Int64, d time.Duration) {
	for old := most.Load(); int64(d) > old && !most.CompareAndSwap(old, int64(d)); old = most.Load() {
	}
}

// read asks for a paper that was acknowledged, by id, by vector and by words.
func (l *load) read(done <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		l.mu.Lock()
		var id string
		if len(l.acked) > 0 {
			id = l.acked[(n*7919)%len(l.acked)]
		}
		l.mu.Unlock()
		if id == "" {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		began := time.Now()
		err := l.ask(id, n%3)
		raise(&l.slowestRead, time.Since(began))
		if l.reads.Add(1); err != nil {
			l.failedReads.Add(1)
			l.Logf("a read failed after %v: %v: %v", time.Since(began).Round(time.Millisecond), err, errors.Unwrap(err))
		}
	}
}

func (l *load) ask(id string, way int) error {
	v, err := l.c.View(l.Context(), paper.DefaultCollection)
	if err != nil {
		return err
	}
	defer v.Close()
	switch way {
	case 0:
		records, err := v.Get(l.Context(), catalog.Refs(id))
		if err == nil && records[0] == nil {
			l.Errorf("%s was acknowledged and is not there", id)
		}
		return err
	case 1:
		_, err = v.Nearest(l.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: put(id, "x", 1).Vector, K: 10}}})
	default:
		_, err = v.Hybrid(l.Context(), catalog.Hybrid{Words: catalog.Words{Text: "survey"}, K: 10})
	}
	return err
}

// checkAll looks at every write that was acknowledged, one by one, by a quorum.
func (l *load) checkAll() {
	v, err := l.c.View(l.Context(), paper.DefaultCollection)
	if err != nil {
		l.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	defer v.Close()
	lost := 0
	for _, id := range l.acked {
		records, err := v.Get(l.Context(), catalog.Refs(id))
		if err != nil {
			l.Fatalf("%v: %v", err, errors.Unwrap(err))
		}
		if records[0] == nil || records[0].ID != id {
			lost++
		}
	}
	listed := 0
	for _, err := range v.List(l.Context(), catalog.Listing{}) {
		if err != nil {
			l.Fatalf("%v: %v", err, errors.Unwrap(err))
		}
		listed++
	}
	if lost > 0 || listed != int(v.Info().Papers) {
		l.Errorf("%d of %d acknowledged papers are lost; %d are listed of %d", lost, len(l.acked), listed, v.Info().Papers)
	}
}

// awaitCount waits until a node has, by itself, all papers.
func (l *load) awaitCount(node int) time.Duration {
	began := time.Now()
	v, err := l.c.View(l.Context(), paper.DefaultCollection)
	if err != nil {
		l.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	defer v.Close()
	var last int64
	for time.Since(began) < 5*time.Minute {
		ctx, cancel := context.WithTimeout(l.Context(), 5*time.Second)
		n, err := weaviate.CountAt(ctx, l.c, paper.DefaultCollection, node)
		cancel()
		if last = n; err == nil && n == int64(v.Info().Papers) {
			return time.Since(began)
		}
		time.Sleep(250 * time.Millisecond)
	}
	l.Errorf("node %d has %d of %d papers after five minutes", node, last, v.Info().Papers)
	return 0
}

// TestNodes does something to a node under load, and undoes it: no read fails, and nothing
// that was acknowledged is lost.
func TestNodes(t *testing.T) {
	const node = 1
	for _, test := range []struct {
		name     string
		do, undo string
		short    bool
	}{
		{"killed", "kill", "start", true},
		{"cut off from the others", "cut", "heal", false},
		{"halted", "pause", "resume", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if testing.Short() && !test.short {
				t.Skip("make test-cluster does this")
			}
			l := &load{T: t, c: open(t, catalogtest.Space(), func(c *weaviate.Config) { c.Shards = 3 })}
			done := make(chan struct{})
			var busy sync.WaitGroup
			busy.Go(func() { l.write(done) })
			busy.Go(func() { l.read(done) })
			busy.Go(func() { l.read(done) })
			defer func() { // whatever fails, the next test has a whole cluster
				select {
				case <-done:
				default:
					close(done)
					busy.Wait()
				}
			}()
			time.Sleep(5 * time.Second)
			before := l.reads.Load()
			control(t, test.do, fmt.Sprint(node))
			time.Sleep(20 * time.Second)
			during := l.reads.Load() - before
			began := time.Now()
			control(t, test.undo, fmt.Sprint(node))
			back := time.Since(began)
			time.Sleep(5 * time.Second)
			close(done)
			busy.Wait()
			caughtUp := time.Duration(0) // of the slowest; any of them may have missed a write
			for n := range nodes(t) {
				caughtUp = max(caughtUp, l.awaitCount(n))
			}
			l.checkAll()
			t.Logf("%d reads (%d while the node was away), %d failed, slowest %v; %d groups acknowledged, %d tries failed, slowest %v; %d papers checked one by one; "+
				"the node was back after %v, and had all papers %v after the load ended", l.reads.Load(), during, l.failedReads.Load(),
				time.Duration(l.slowestRead.Load()).Round(time.Millisecond), l.writes.Load(), l.failedWrites.Load(),
				time.Duration(l.slowestWrite.Load()).Round(time.Millisecond), len(l.acked), back.Round(time.Millisecond), caughtUp.Round(time.Millisecond))
			if l.failedReads.Load() > 0 || during == 0 || l.writes.Load() == 0 {
				t.Errorf("%d reads failed", l.failedReads.Load())
			}
		})
	}
}
