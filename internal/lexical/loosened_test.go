package lexical

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestLoosened(t *testing.T) {
	for text, want := range map[string]string{
		`graph nets`: "", `-"a b" graph`: "", `graph* -nets`: "", ``: "",
		`"graph nets"`:                     "graph nets",
		`graph* "neural nets" -deep*`:      "graph* neural nets -deep*",
		`"neural -nets" -"deep nets"`:      `neural nets -"deep nets"`,
		`“neural "deep" nets*” x`:          "neural deep nets x",
		`"A* search" "C++" -"A* planning"`: `A* search C++ -"A* planning"`,
	} {
		if got := Loosened(text); got != want {
			t.Errorf("%s becomes %q, want %q", text, got, want)
		}
	}
}

// A query without its phrases needs none, and excludes what it did.
func TestLoosenedExcludesTheSame(t *testing.T) {
	part := rapid.SampledFrom([]string{`"`, "“", "”", "-", "*", "a", "graph", "net", "+", "#", " ", "\n", "\u00a0", "C"})
	rapid.Check(t, func(t *rapid.T) {
		var text string
		for _, p := range rapid.SliceOfN(part, 0, 24).Draw(t, "query") {
			text += p
		}
		loose := Loosened(text)
		if loose == "" {
			return
		}
		kinds := func(text string, kind clauseKind) (out []string) {
			for _, c := range parse(text, ModeSearch) {
				if c.kind == kind {
					out = append(out, c.text)
				}
			}
			return out
		}
		if got := kinds(loose, clausePhrase); len(got) > 0 {
			t.Fatalf("%q becomes %q, which has the phrases %q", text, loose, got)
		}
		if got, want := kinds(loose, clauseNot), kinds(text, clauseNot); !slices.Equal(got, want) {
			t.Fatalf("%q becomes %q, which excludes %q and not %q", text, loose, got, want)
		}
	})
}
