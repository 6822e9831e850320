package lexical

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", ""},
		{"  graph   networks ", "words(graph   networks)"},
		{`"graph neural networks" -survey`, "phrase(graph neural networks) not(survey)"},
		{`deep "two words"more -"not this" pre*`, "phrase(two words) not(not this) prefix(pre) words(deep  more)"},
		{`“curved marks”`, "phrase(curved marks)"},
		{`an "unbalanced mark`, `words(an "unbalanced mark)`},
		{`"" -"" x`, "phrase() not() words(x)"},
		{"self-supervised -- - -* a*", "words(self-supervised -- - -* a*)"},
		{"don't-stop f*o **", "words(don't-stop f*o **)"},
		{"-self-supervised -9", "not(self-supervised) not(9)"},
	} {
		var got []string
		for _, c := range parse(tc.text, ModeSearch) {
			got = append(got, fmt.Sprintf("%s(%s)", []string{"words", "phrase", "prefix", "not"}[c.kind], c.text))
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%q:\n got %s\nwant %s", tc.text, s, tc.want)
		}
	}
	if c := parse(`-a "b"`, ModeText); len(c) != 1 || c[0].kind != clauseWords {
		t.Errorf("a pasted text has a syntax: %v", c)
	}
}

func TestSplit(t *testing.T) {
	for _, tc := range []struct{ text, asked, excluded string }{
		{"image  segmentation", "image  segmentation", ""},
		{"image segmentation -medical", "image segmentation", "-medical"},
		{`image -medical  segmentation -"clinical scans"`, "image segmentation", `-medical -"clinical scans"`},
		{`"graph neural net*" transf* -surv*`, "graph neural net transf", "-surv*"},
		{"self-supervised C++ A* a - b", "self-supervised C++ A* a - b", ""},
		{`“curved marks” and an "unbalanced`, `curved marks and an "unbalanced`, ""},
		{"-medical", "", "-medical"},
		{`"" -x`, "", "-x"},
		{" ", " ", ""},
	} {
		if asked, excluded := Split(tc.text); asked != tc.asked || excluded != tc.excluded {
			t.Errorf("%q asks for %q and excludes %q, want %q and %q", tc.text, asked, excluded, tc.asked, tc.excluded)
		}
	}
}

func TestOperators(t *testing.T) {
	for _, tc := range []struct {
		text       string
		some, long bool
	}{
		{"", false, false},
		{"graph neural networks", false, false},
		{`graph "neural networks" -survey`, true, false},
		{`  "neural networks"  `, true, false},
		{"transf* for graphs", true, false},
		{"state-of-the-art A* search - a survey", false, false},
		{"one two three four five six seven eight nine ten eleven twelve -x", true, false},
		{"one two three four five six seven eight nine ten eleven twelve thirteen -x", true, true},
		{`one two three four five six seven eight nine ten eleven twelve "and many more in quotation marks"`, true, false},
		{`What is the role of "transfer" in learning?`, true, true},
		{"a title -x\nand an abstract", true, true},
		{"graph -survey\n", true, false},
		{"“curved marks” are operators.", true, true},
		{`an unbalanced "mark`, false, false},
	} {
		if some, long := Operators(tc.text); some != tc.some || long != tc.long {
			t.Errorf("%q: operators %v, long %v", tc.text, some, long)
		}
	}
}

// TestMarked holds that phrases in a long text raise papers, and that nothing is
// needed, left out or refused.
func TestMarked(t *testing.T) {
	x, err := New(Options{SegmentPapers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for i, text := range []string{
		"transfer learning of robots", "robots that learn to transfer", "a survey of robots", "transfer by learning of robots", "the rest",
	} {
		if err := x.Upsert(uint32(i), text, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	scores := func(text string, mode Mode) map[uint32]float64 {
		got, err := x.View().Search(t.Context(), Query{Text: text, Mode: mode, K: 10})
		if err != nil {
			t.Fatal(err)
		}
		out := map[uint32]float64{}
		last := math.Inf(1)
		for _, h := range got.Hits {
			if h.Score > last {
				t.Errorf("%q: out of order: %v", text, got.Hits)
			}
			out[h.Ordinal], last = h.Score, h.Score
		}
		return out
	}
	text := `robots, with "transfer learning" and -survey, and “nobody wrote this”`
	plain, marked := scores(text, ModeText), scores(text, ModeMarked)
	if len(plain) != 4 || len(marked) != 4 {
		t.Fatalf("plain %v, marked %v", plain, marked)
	}
	for i, want := range map[uint32]float64{0: 1 + raiseShare, 1: 1, 2: 1, 3: 1} {
		if got := marked[i] / plain[i]; math.Abs(got-want) > 1e-9 {
			t.Errorf("paper %d is raised %v times, want %v", i, got, want)
		}
	}
	r, err := x.View().Read(Query{Text: text, Mode: ModeMarked, K: 1})
	if err != nil {
		t.Fatal(err)
	}
	others, err := r.Score(t.Context(), []uint32{0, 2, 4, 99})
	if err != nil || others[0] != marked[0] || others[1] != marked[2] || others[2] != 0 || others[3] != 0 {
		t.Errorf("scored by themselves: %v %v, %v", others, marked, err)
	}
	if may, err := r.Allows(t.Context(), []uint32{0, 2, 4}); err != nil || !slices.Equal(may, []bool{true, true, true}) {
		t.Errorf("allowed: %v %v", may, err)
	}
	// However many phrases there are, none is too many.
	if got := scores(strings.Repeat(`"transfer learning" "robots" "" "`+strings.Repeat("word ", 50)+`" `, 500), ModeMarked); len(got) != 4 {
		t.Errorf("many phrases: %v", got)
	}
}

// TestSpellings asks in one spelling for what is written in the other.
func TestSpellings(t *testing.T) {
	x, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for i, text := range []string{
		"Modelling behaviour of coloured fibres", "Modeling behavior of colored fibers", "Optimisation by analysing labelled tumours", "Four hours of rest",
		"TNFα in œdema", "Eﬃcient pre-training", "the alpha-helix",
	} {
		if err := x.Upsert(uint32(i), text, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string][]uint32{
		"color fiber": {0, 1}, "colour fibre": {0, 1}, `"behavior of colored"`: {0, 1}, `"behaviour of coloured"`: {0, 1}, "optimizing": {2}, "tumor": {2}, "analyze": {2},
		`"labeled tumor"`: {2}, "fours": {3}, "edema": {4}, "efficient pretraining": {5}, "α": {6}, "behaviour -modeling": nil,
	} {
		got, err := x.View().Search(t.Context(), Query{Text: query, K: 10})
		if err != nil {
			t.Fatal(err)
		}
		var ids []uint32
		for _, h := range got.Hits {
			ids = append(ids, h.Ordinal)
		}
		slices.Sort(ids)
		if !slices.Equal(ids, want) {
			t.Errorf("%s finds %v, want %v", query, ids, want)
		}
	}
}

// TestWords asks in the ways of people for words that a plain analyser loses.
func TestWords(t *testing.T) {
	texts := []string{
		"Whegs™ robots with a Kinect®", "Ownership types for C++ programs", "Undefined behaviour in C programs",
		"A garbage collector for C# programs", "مُدُن ذَكِيَّة", "שְׁגִיאֹת", "L'évaluation d’un modèle", "小化妆包的研究",
		"On the phrase to be or not to be", "The engine is not working", "The engine was working",
		"Gadolinium probes", "Probing language models", "A* search and IDA*", "The .NET framework", "A net of nodes", "PointNet++ and PointNet",
		"Functional programs in F#", "정보 검색", "To be at sea",
	}
	x, err := New(Options{SegmentPapers: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for i, text := range texts {
		title, abstract := text, ""
		if i%2 == 1 {
			title, abstract = abstract, title
		}
		if err := x.Upsert(uint32(i), title, abstract, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		query string
		want  []uint32
	}{
		{"whegs", []uint32{0}},
		{"kinect", []uint32{0}},
		{`"C++"`, []uint32{1}},
		{`"C"`, []uint32{2}},
		{`"c#"`, []uint32{3}},
		{"programs -C++", []uint32{2, 3, 17}},
		{"programs -C", []uint32{1, 3, 17}},
		{"programs -f#", []uint32{1, 2, 3}},
		{"C++", []uint32{1}},
		{"a*", []uint32{13}},
		{".net", []uint32{14}},
		{"net", []uint32{15}},
		{`"PointNet++"`, []uint32{16}},
		{"pointnet", []uint32{16}},
		{"مدن ذكية", []uint32{4}},
		{"שגיאת", []uint32{5}},
		{"évaluation", []uint32{6}},
		{"evaluation", []uint32{6}},
		{`"évaluation d'un modele"`, []uint32{6}},
		{"modele -evaluation", []uint32{12}},
		{"包", []uint32{7}},
		{"究", []uint32{7}},
		{`"妆"`, []uint32{7}},
		{"化妆包", []uint32{7}},
		{"보", []uint32{18}},
		{`"to be or not to be"`, []uint32{8}},
		{`"to be"`, []uint32{8, 19}},
		{`"not working"`, []uint32{9}},
		{`"was working"`, []uint32{10}},
		{`working -"not working"`, []uint32{10}},
		{"working -not", []uint32{10}},
		{"gadolinium -prob*", nil},
		{"models gadolinium -prob*", []uint32{6}},
		{"language gadolinium -gado*", []uint32{12}},
		{`"language mod*"`, []uint32{12}},
		{`programs -"undefined behav*"`, []uint32{1, 3, 17}},
		{`"language xyz*"`, nil},
		{"programs -xyz*", []uint32{1, 2, 3, 17}},
		{"-segmentation", nil},
	} {
		r, err := x.Search(t.Context(), Query{Text: tc.query, K: 100})
		if err != nil {
			t.Fatal(err)
		}
		var got []uint32
		for _, h := range r.Hits {
			got = append(got, h.Ordinal)
		}
		slices.Sort(got)
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: found %v, want %v", tc.query, got, tc.want)
		}
		scores, err := x.Score(t.Context(), Query{Text: tc.query}, got)
		if err != nil || slices.Contains(scores, 0) {
			t.Errorf("%s: what was found has the scores %v, %v", tc.query, scores, err)
		}
	}
}

func FuzzSearch(f *testing.F) {
	x := fill(f, []abstract{{"arXiv:2112.09118", "Graph neural networks", "We train networks -- pre-training helps."}, {"b", "信息检索", "Retrieval"}}, Options{})
	for _, s := range []string{`"a b" -c d*`, `-"`, `"`, "2112.09118", "信*", "\xff*", "networks networks", `"graph neural" -train`, `"the pre*" -net* -"of the"`, "C++ 信 l'a*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, mode := range []Mode{ModeSearch, ModeText} {
			q := Query{Text: text, Mode: mode, K: 3}
			r, err := x.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			scores, err := x.Score(t.Context(), q, []uint32{0, 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range r.Hits {
				if scores[h.Ordinal] != h.Score {
					t.Fatalf("%q: searched %v, scored %v", text, h, scores[h.Ordinal])
				}
			}
		}
	})
}
