package local_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
)

// While groups of a large import come, scans answer; when it is over, a graph of all is
// built, and answers the same, also after a start.
func TestNoGraphDuringImport(t *testing.T) {
	dir := t.TempDir()
	c, log, closeAll := openWith(t, dir, func(*local.Config) {})
	for group := range 3 {
		var changes []catalog.Mutation
		for n := range 300 {
			changes = append(changes, put(group*300+n, 1))
		}
		apply(t, c, changes...)
	}
	if strings.Contains(log.String(), "building the graph") {
		t.Error("a graph is built while groups come")
	}
	want := answersOf(t, c)
	for end := time.Now().Add(5 * time.Minute); !strings.Contains(log.String(), "the graph answers now"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no graph is built when the import is over: %s", log)
		}
	}
	if n := strings.Count(log.String(), "building the graph"); n != 1 || !strings.Contains(log.String(), "papers=900") {
		t.Errorf("it was built %d times: %s", n, log)
	}
	if got := answersOf(t, c); got != want {
		t.Errorf("the graph answers %s; scans answered %s", got, want)
	}
	closeAll()
	c, _, closeAll = openWith(t, dir, func(*local.Config) {})
	defer closeAll()
	if got := answersOf(t, c); got != want {
		t.Errorf("after a start: %s, want %s", got, want)
	}
}

// Closing does not wait for the end of an import.
func TestCloseDuringImport(t *testing.T) {
	c, _, closeAll := openWith(t, t.TempDir(), func(*local.Config) {})
	var changes []catalog.Mutation
	for n := range 300 {
		changes = append(changes, put(n, 1))
	}
	apply(t, c, changes...)
	closeAll()
}

func answersOf(t *testing.T, c *local.Catalog) string {
	t.Helper()
	var out strings.Builder
	for n := 0; n < 900; n += 31 {
		for _, h := range nearest(t, c, put(n, 1).Vector, false).Hits[:1] {
			fmt.Fprint(&out, h.ID, " ")
		}
	}
	return out.String()
}
