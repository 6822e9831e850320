package access

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAudit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "audit.jsonl")
	on := false
	a := NewAudit(path, func() bool { return on }, slog.New(slog.DiscardHandler))
	a.Record(&Event{Action: "early"})
	if _, err := os.Stat(path); err == nil {
		t.Error("it is written before it is wanted")
	}
	on = true
	e := Event{Time: start, Action: "x", Result: "OK"}
	e.By(&Caller{Owner: "ann", KeyID: "k", Key: "lab", Address: "192.0.2.1:5"})
	for range 12 {
		e.Name("p", strings.Repeat("x", 1000))
	}
	a.Record(&e)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got Event
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.Papers != 24 || len(got.IDs) != 10 || len(got.IDs[1]) != longestAudited || got.Owner != "ann" || got.Address != "192.0.2.1:5" {
		t.Errorf("%s", raw)
	}

	if err := os.Rename(path, path+".1"); err != nil { // as logrotate does
		t.Fatal(err)
	}
	a.Record(&Event{Action: "to the old one"})
	if err := a.Reopen(); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { a.Record(&Event{Action: "together"}) })
	}
	group.Wait()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	old, _ := os.ReadFile(path + ".1")
	now, _ := os.ReadFile(path)
	if strings.Count(string(old), "\n") != 2 || strings.Count(string(now), "together\",\"result\":\"\"}\n") != 50 {
		t.Errorf("moved away:\n%s\nnow:\n%s", old, now)
	}
	var none *Audit
	none.Record(&Event{})
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}

// What cannot be written is said, and harms nothing else.
func TestAuditWithoutRoom(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	a := NewAudit(dir, nil, slog.New(slog.NewTextHandler(&log, nil)))
	a.Record(&Event{Action: "x"})
	a.Record(&Event{Action: "y"})
	if strings.Count(log.String(), "level=ERROR") != 1 {
		t.Errorf("logged %q", &log)
	}
}
