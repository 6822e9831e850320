package lexical

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// What lies in a mapped file answers as it did in memory, also while segments are merged
// away and their mappings go.
func TestMapped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	x := busy(t, 6000)
	if err := x.Save(dir, "1"); err != nil {
		t.Fatal(err)
	}
	y, _, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { y.Close() })
	compareIndexes(t, x, y)
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil && !strings.Contains(string(maps), dir) {
		t.Error("no segment is mapped")
	}
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := y.View().Search(t.Context(), Query{Text: `"w1 w2" w3 w7 w200`, K: 20}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 4 {
		for o := range 40 {
			if _, err := y.Delete(uint32(i*100 + o)); err != nil {
				t.Error(err)
			}
			if _, err := x.Delete(uint32(i*100 + o)); err != nil {
				t.Error(err)
			}
		}
		if err := y.Compact(); err != nil {
			t.Error(err)
		}
		if err := y.Save(dir, "2"); err != nil {
			t.Error(err)
		}
		runtime.GC()
		runtime.GC()
	}
	close(stop)
	readers.Wait()
	compareIndexes(t, x, y)
	if gone, _ := filepath.Glob(filepath.Join(dir, "segment-*")); len(gone) != 1 {
		t.Errorf("%d files of segments, of which one is left", len(gone))
	}
}
