package filter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// docs/filters.md shows every field, and nothing that does not work.
func TestDocsAreTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "filters.md"))
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```filter"
		case inside:
			examples = append(examples, line)
		case strings.HasPrefix(line, "| `") && strings.Contains(line, "| at column "):
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			_, err := Parse(strings.Trim(cells[0], "`"))
			if want := strings.TrimSuffix(cells[1], " …"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", cells[0], err, want)
			}
		}
	}
	if len(examples) < 30 {
		t.Errorf("%d examples were found", len(examples))
	}
	for _, example := range examples {
		if _, err := Parse(example); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
	for _, f := range fields() {
		name := f.name
		if f.keyed {
			name += ".NAME"
		}
		if !strings.Contains(string(text), "\n| `"+name+"` |") {
			t.Errorf("the field %s has no row", name)
		}
	}
}
