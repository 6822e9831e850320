package harvest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"akin/internal/harvest"
	"akin/internal/ingest"
)

// record is one record of the repository of the tests.
type record struct {
	id, day string
	deleted bool
}

// repository speaks OAI-PMH: lists by day, in pages, with tokens that it
// forgets when it is told to.
type repository struct {
	mu       sync.Mutex
	records  []record
	pageSize int
	epoch    int // of tokens; those of another one have expired
	asked    int
	// before is called with the number of each question and may answer it.
	before func(n int, w http.ResponseWriter) bool
}

func (r *repository) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.before != nil && r.before(r.asked, w) {
		return
	}
	fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-01-31T00:00:00Z</responseDate>`)
	defer fmt.Fprint(w, `</OAI-PMH>`)
	q := req.URL.Query()
	switch q.Get("verb") {
	case "Identify":
		fmt.Fprint(w, `<Identify><repositoryName>test</repositoryName><earliestDatestamp>2026-01-01T00:00:00Z</earliestDatestamp></Identify>`)
	case "ListRecords":
		r.list(w, q.Get("resumptionToken"), q.Get("from"), q.Get("until"), q.Get("metadataPrefix"))
	default:
		fmt.Fprint(w, `<error code="badVerb">no</error>`)
	}
}

func (r *repository) list(w http.ResponseWriter, token, from, until, prefix string) {
	at := 0
	if token != "" {
		parts := strings.Split(token, "|")
		if len(parts) != 4 || parts[0] != strconv.Itoa(r.epoch) {
			fmt.Fprint(w, `<error code="badResumptionToken">expired</error>`)
			return
		}
		at, _ = strconv.Atoi(parts[1])
		from, until, prefix = parts[2], parts[3], "arXiv"
	}
	if prefix != "arXiv" {
		fmt.Fprint(w, `<error code="cannotDisseminateFormat">only arXiv</error>`)
		return
	}
	var found []record
	for _, rec := range r.records {
		if rec.day >= from && rec.day <= until {
			found = append(found, rec)
		}
	}
	if len(found) == 0 {
		fmt.Fprint(w, `<error code="noRecordsMatch">none</error>`)
		return
	}
	fmt.Fprint(w, `<ListRecords>`)
	end := min(at+r.pageSize, len(found))
	for _, rec := range found[at:end] {
		status := ""
		if rec.deleted {
			status = ` status="deleted"`
		}
		fmt.Fprintf(w, `<record><header%s><identifier>oai:arXiv.org:%s</identifier><datestamp>%s</datestamp></header>`, status, rec.id, rec.day)
		if !rec.deleted {
			fmt.Fprintf(w, `<metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>%s</id><created>%s</created><authors><author><keyname>Person</keyname><forenames>A.</forenames></author></authors><title>Paper %s</title><categories>cs.CL</categories><abstract>About it.</abstract></arXiv></metadata>`, rec.id, rec.day, rec.id)
		}
		fmt.Fprint(w, `</record>`)
	}
	if end < len(found) {
		fmt.Fprintf(w, `<resumptionToken completeListSize="%d" cursor="%d">%d|%d|%s|%s</resumptionToken>`, len(found), at, r.epoch, end, from, until)
	} else if at > 0 {
		fmt.Fprint(w, `<resumptionToken/>`)
	}
	fmt.Fprint(w, `</ListRecords>`)
}

func newRepository() *repository {
	r := &repository{pageSize: 4}
	for i := range 60 {
		r.records = append(r.records, record{id: fmt.Sprintf("2601.%05d", i), day: fmt.Sprintf("2026-01-%02d", 1+i/3), deleted: i%10 == 9})
	}
	return r
}

// collection reads what was fetched as an import does: the last word counts.
func collection(t *testing.T, dir string) (papers, deleted []string) {
	t.Helper()
	have := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "records-*.xml.gz"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	if len(files) == 0 {
		return nil, nil
	}
	for row, err := range ingest.Papers(t.Context(), files, ingest.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		have[row.Paper.ID] = !row.Deleted
	}
	for id, there := range have {
		if there {
			papers = append(papers, id)
		} else {
			deleted = append(deleted, id)
		}
	}
	slices.Sort(papers)
	slices.Sort(deleted)
	return papers, deleted
}

func (r *repository) want() (papers, deleted []string) {
	for _, rec := range r.records {
		if rec.deleted {
			deleted = append(deleted, "arXiv:"+rec.id)
		} else {
			papers = append(papers, "arXiv:"+rec.id)
		}
	}
	return papers, deleted
}

func check(t *testing.T, r *repository, dir string) {
	t.Helper()
	papers, deleted := collection(t, dir)
	wantPapers, wantDeleted := r.want()
	if !slices.Equal(papers, wantPapers) || !slices.Equal(deleted, wantDeleted) {
		t.Errorf("%d papers and %d deletions, want %d and %d", len(papers), len(deleted), len(wantPapers), len(wantDeleted))
	}
}

func TestRun(t *testing.T) {
	r := newRepository()
	server := httptest.NewServer(r)
	defer server.Close()
	config := harvest.Config{BaseURL: server.URL, Dir: filepath.Join(t.TempDir(), "out"), Until: "2026-01-31"}
	done, err := harvest.Run(t.Context(), config)
	if err != nil || done.Records != 60 || done.Deleted != 6 {
		t.Fatalf("%+v, %v", done, err)
	}
	check(t, r, config.Dir)
	// What is new since is fetched the next time, and not all again.
	r.records = append(r.records, record{id: "2601.90000", day: "2026-01-31"}, record{id: "2601.00003", day: "2026-01-31", deleted: true})
	r.records = slices.Delete(r.records, 3, 4) // a record has one datestamp
	if done, err = harvest.Run(t.Context(), config); err != nil || done.Records != 2 {
		t.Errorf("again: %+v, %v", done, err)
	}
	papers, deleted := collection(t, config.Dir)
	if !slices.Contains(papers, "arXiv:2601.90000") || !slices.Contains(deleted, "arXiv:2601.00003") {
		t.Errorf("what is new is missing: %v %v", papers, deleted)
	}
}

// Whatever goes wrong, the harvest ends up with all records.
func TestFaults(t *testing.T) {
	t.Run("tokens expire", func(t *testing.T) {
		r := newRepository()
		r.before = func(n int, _ http.ResponseWriter) bool {
			if n%4 == 0 && n < 30 {
				r.epoch++
			}
			return false
		}
		run(t, r)
	})
	t.Run("come back later", func(t *testing.T) {
		r := newRepository()
		r.before = func(n int, w http.ResponseWriter) bool {
			if n%5 != 0 {
				return false
			}
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		run(t, r)
	})
	t.Run("interrupted", func(t *testing.T) {
		r := newRepository()
		server := httptest.NewServer(r)
		defer server.Close()
		config := harvest.Config{BaseURL: server.URL, Dir: t.TempDir(), Until: "2026-01-31"}
		for tries := 0; ; tries++ {
			ctx, cancel := context.WithCancel(t.Context())
			r.before = func(n int, _ http.ResponseWriter) bool {
				if n%3 == 0 {
					cancel()
				}
				return false
			}
			_, err := harvest.Run(ctx, config)
			cancel()
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) || tries > 60 {
				t.Fatal(err)
			}
		}
		check(t, r, config.Dir)
		if r.asked > 60 {
			t.Errorf("%d questions for %d records: it began from the beginning again and again", r.asked, len(r.records))
		}
	})
}

func run(t *testing.T, r *repository) {
	t.Helper()
	server := httptest.NewServer(r)
	defer server.Close()
	config := harvest.Config{BaseURL: server.URL, Dir: t.TempDir(), Until: "2026-01-31", Days: 5}
	if _, err := harvest.Run(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	check(t, r, config.Dir)
}

func TestRefusals(t *testing.T) {
	r := newRepository()
	server := httptest.NewServer(r)
	defer server.Close()
	dir := t.TempDir()
	for want, config := range map[string]harvest.Config{
		"url is \"ftp":            {BaseURL: "ftp://x", Dir: dir},
		"from is \"yesterday\"":   {BaseURL: server.URL, Dir: dir, From: "yesterday"},
		"cannotDisseminateFormat": {BaseURL: server.URL, Dir: dir, Prefix: "other", From: "2026-01-01"},
		"it answered 404":         {BaseURL: server.URL + "/none", Dir: t.TempDir()},
	} {
		if strings.Contains(want, "404") {
			missing := httptest.NewServer(http.NotFoundHandler())
			defer missing.Close()
			config.BaseURL = missing.URL
		}
		if _, err := harvest.Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := harvest.Run(t.Context(), harvest.Config{BaseURL: server.URL, Dir: dir, Set: "cs"}); err == nil || !strings.Contains(err.Error(), "name another directory") {
		t.Errorf("another set into one directory: %v", err)
	}
}
