package catalogtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// told writes mentions for a test: field, words of the text, values, papers and texts.
func (s *suite) told(teller catalog.Mentions, text string) string {
	s.Helper()
	found, err := teller.Mentions(s.Context(), text)
	if err != nil {
		s.Fatal(err)
	}
	slices.SortFunc(found, func(a, b catalog.Mention) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(a.Field, b.Field))
	})
	var out []string
	for _, m := range found {
		whole := ""
		if m.Whole {
			whole = "!"
		}
		out = append(out, fmt.Sprintf("%d%s %s=%s %d/%d", m.Field, whole, text[m.Start:m.End], strings.Join(m.Values, "|"), m.Papers, m.Texts))
	}
	return strings.Join(out, "; ")
}

// mentions finds the names of a collection in texts, in other spellings as well.
func mentions(s *suite, of func() catalog.Mentions) {
	given := library()
	given[0].Paper.Authors = []paper.Author{{Name: "Zdeněk Quibblewick"}, {Name: "J. van der Frobish"}}
	given[0].Paper.Venue = "ZORP"
	given[1].Paper.Venue = "International Symposium on Gadget Theory"
	given[2].Paper.Title += " quibblewick"
	s.apply(given...)
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"nobody here", ""},
		{"quibblewick", "1 quibblewick=Zdeněk Quibblewick 1/1"},
		{"on QUIBBLEWICK's", "1 QUIBBLEWICK=Zdeněk Quibblewick 1/1"},
		{"Zdenek Quibblewick", "1! Zdenek Quibblewick=Zdeněk Quibblewick 1/0; 1 Zdenek=Zdeněk Quibblewick 1/0; 1 Quibblewick=Zdeněk Quibblewick 1/1"},
		{"Quibblewick, Z.", "1! Quibblewick, Z=Zdeněk Quibblewick 1/0; 1 Quibblewick=Zdeněk Quibblewick 1/1"},
		{"x. quibblewick", "1 quibblewick=Zdeněk Quibblewick 1/1"},
		{"van der Frobish", "1! van der Frobish=J. van der Frobish 1/0; 1 van=J. van der Frobish 1/0; 1! der Frobish=J. van der Frobish 1/0; " +
			"1 der=J. van der Frobish 1/0; 1 Frobish=J. van der Frobish 1/0"},
		{"zorp 2010", "2! zorp=ZORP 1/0; 3! 2010=2010 1/0"},
		{"ZORP2010", "2! ZORP=ZORP 1/0; 3! 2010=2010 1/0"},
		{"ZORP'10", "2! ZORP=ZORP 1/0; 3! 10=2010 1/0"},
		{"10 ZORP 1066", "2! ZORP=ZORP 1/0"},
		{"ISGT", "2! ISGT=International Symposium on Gadget Theory 1/0"},
		{strings.Repeat("zorp ", 100), ""},
	} {
		s.same(test.text, s.told(of(), test.text), test.want)
	}
	for word, want := range map[string]string{
		"quibblewik": "quibblewick", "Qiubblewick": "quibblewick", "quibblewick": "", "quibblexxck": "", "zdenk": "zdenek", "xdenek": "",
	} {
		near, err := of().NearNames(s.Context(), word)
		if err != nil {
			s.Fatal(err)
		}
		var words []string
		for _, n := range near {
			words = append(words, n.Word)
		}
		s.same("near "+word, strings.Join(words, " "), want)
	}
	kept, err := of().Keeps(s.Context(), []string{"venue = ZORP", ""}, catalog.Refs("p01", "p00", "nobody"))
	if err != nil {
		s.Fatal(err)
	}
	s.same("kept", kept, [][]bool{{false, true, false}, {true, true, false}})
	_, err = of().Keeps(s.Context(), []string{"("}, catalog.Refs("p01"))
	s.onFilter("Keeps", err)
}

// mentionsChange follows what is imported, changed and deleted.
func mentionsChange(s *suite, of func() catalog.Mentions) {
	given := library()
	given[0].Paper.Authors = []paper.Author{{Name: "Ana Frobish"}}
	given[0].Paper.Venue = "Annals of Old Gadgets"
	s.apply(given...)
	s.same("new", s.told(of(), "Frobish"), "1 Frobish=Ana Frobish 1/0")
	s.same("new, by its initials", s.told(of(), "AOG"), "2! AOG=Annals of Old Gadgets 1/0")
	given[0].Paper.Authors[0].Name = "Ana Quux"
	given[0].Paper.Venue = ""
	s.apply(given[0])
	s.same("changed", s.told(of(), "Frobish AOG"), "")
	s.same("in its place", s.told(of(), "Quux"), "1 Quux=Ana Quux 1/0")
	s.apply(catalog.Mutation{Paper: paper.Paper{ID: "p00"}, Delete: true})
	s.same("deleted", s.told(of(), "Quux"), "")
}
