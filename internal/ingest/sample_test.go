package ingest

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"akin/internal/paper"
	"akin/internal/paper/titleid"
)

// The sample corpus is what a newcomer meets first: it must read without a
// fault, and where a larger listing is at hand, agree with it in titles,
// authors and years without repeating its abstracts.
func TestSampleCorpus(t *testing.T) {
	byTitle := make(map[string]paper.Paper)
	ids := make(map[string]bool)
	for row, err := range Papers(t.Context(), []string{filepath.Join("..", "..", "testdata", "sample")}, Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		p := row.Paper
		if n := len(strings.Fields(p.Abstract)); n < 80 || len(p.Authors) == 0 || p.Venue == "" || p.PublishDate.Year == 0 {
			t.Errorf("%s: %d words, %d authors, venue %q, year %d", p.ID, n, len(p.Authors), p.Venue, p.PublishDate.Year)
		}
		byTitle[titleid.Normalize(p.Title)], ids[p.ID] = p, true
	}
	if len(byTitle) < 120 || len(ids) != len(byTitle) {
		t.Fatalf("%d titles and %d ids; want at least 120 of each", len(byTitle), len(ids))
	}

	listing := filepath.Join("..", "..", "..", "shared", "data", "abstracts", "abstracts.jsonl.gz")
	if _, err := Walk([]string{listing}); err != nil {
		t.Skip("the larger listing is not beside the repository; titles, authors and years were not compared")
	}
	if raceDetector {
		t.Skip("it reads 87,324 papers; make test compares them without the race detector")
	}
	found := 0
	for row, err := range Papers(t.Context(), []string{listing}, Options{}) {
		if err != nil {
			continue
		}
		mine, ok := byTitle[titleid.Normalize(row.Paper.Title)]
		if !ok {
			continue
		}
		found++
		if mine.PublishDate.Year != row.Paper.PublishDate.Year || mine.Authors[0].Name != row.Paper.Authors[0].Name {
			t.Errorf("%s: %d, %v; the listing says %d, %v", mine.Title, mine.PublishDate.Year, mine.Authors[0], row.Paper.PublishDate.Year, row.Paper.Authors[0])
		}
		if run := commonRun(mine.Abstract, row.Paper.Abstract, 8); run != "" {
			t.Errorf("%s: the abstract repeats the published one: %q", mine.Title, run)
		}
	}
	if found < 10 {
		t.Errorf("only %d of the titles are in the larger listing", found)
	}
}

var notWord = regexp.MustCompile(`[^\pL\pN]+`)

// commonRun gives a run of n words that two texts share, or "".
func commonRun(a, b string, n int) string {
	runs := make(map[string]bool)
	words := notWord.Split(strings.ToLower(b), -1)
	for i := 0; i+n <= len(words); i++ {
		runs[strings.Join(words[i:i+n], " ")] = true
	}
	words = notWord.Split(strings.ToLower(a), -1)
	for i := 0; i+n <= len(words); i++ {
		if run := strings.Join(words[i:i+n], " "); runs[run] {
			return run
		}
	}
	return ""
}
