package syndicate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"akin/internal/syndicate"
)

// What a reader of others finds in a feed is what was written, and it finds nothing wrong.
func TestPythonFeedparser(t *testing.T) {
	python := os.Getenv("AKIN_PYTHON")
	if python == "" {
		t.Skip("AKIN_PYTHON does not name a Python with feedparser: run make test-python")
	}
	f := feed(3)
	body, err := syndicate.Atom(f)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "../../testdata/reference/read_feed.py")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(body), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Bozo, Version, ID, Title string
		Updated                  []int
		Links                    [][2]string
		Entries                  []struct {
			ID, Title, Link, Content string
			Authors, Tags            []string
			Updated, Published       []int
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if got.Bozo != "" || got.Version != "atom10" || got.ID != f.ID || len(got.Entries) != 3 || !slices.Contains(got.Links, [2]string{"self", f.Self}) {
		t.Errorf("%+v", got)
	}
	for i, e := range got.Entries {
		want := f.Entries[i]
		if e.ID != want.ID || e.Link != want.URL || len(e.Authors) != 2 || len(e.Tags) != 2 || len(e.Updated) != 9 || e.Updated[4] != i || len(e.Published) != 9 {
			t.Errorf("%+v", e)
		}
		if !strings.Contains(e.Content, "<p>") || !strings.Contains(e.Content, "漢字 🙂") || !strings.Contains(e.Content, want.URL) {
			t.Errorf("%s", e.Content)
		}
	}
}
