package dedup

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"akin/internal/paper"
	"akin/internal/splitmix"
)

const abstract = "We study how vectors of abstracts can be compared when two papers describe one work, and show on real data that words in common are the better evidence. A small edit must leave a signature almost as it was, whatever the edit is."

func authors(names ...string) (out []paper.Author) {
	for _, n := range names {
		out = append(out, paper.Author{Name: n})
	}
	return out
}

func TestCompare(t *testing.T) {
	base := paper.Paper{ID: "a", Title: "Comparing the abstracts of versions of papers", Abstract: abstract, Authors: authors("Ada Lovelace", "Karl Sandström")}
	edit := func(f func(p *paper.Paper)) paper.Paper {
		p := base.Clone()
		p.ID = "b"
		f(&p)
		return p
	}
	far := "An unrelated account of seabirds that nest on cliffs in the north and of what they feed their young during long summers without any night at all."
	for _, tc := range []struct {
		name   string
		a, b   paper.Paper
		cosine float64
		want   Reason
	}{
		{"arXiv versions in ids", paper.Paper{ID: "arXiv:2112.09118", Title: "One"}, paper.Paper{ID: "arXiv:2112.09118v2", Title: "Two"}, 0, SameArxivID},
		{"arXiv id in a field and a DOI", paper.Paper{ID: "x", ArxivID: "2112.09118v1", Title: "One"}, paper.Paper{ID: "y", DOI: "10.48550/arXiv.2112.09118", Title: "Two"}, 0, SameArxivID},
		{"old arXiv ids", paper.Paper{ID: "x", ArxivID: "math.GT/0309136"}, paper.Paper{ID: "oai:arXiv.org:x", ArxivID: "https://arxiv.org/abs/math/0309136v3"}, 0, SameArxivID},
		{"other arXiv ids", paper.Paper{ID: "arXiv:2112.09118"}, paper.Paper{ID: "arXiv:2112.09119"}, 1, None},
		{"numbers that are no arXiv ids", paper.Paper{ID: "2112.09118"}, paper.Paper{ID: "2112.09118v2"}, 1, None},
		{"DOIs", paper.Paper{ID: "x", DOI: "10.1000/ABC"}, paper.Paper{ID: "doi:10.1000/abc"}, 0, SameDOI},
		{"DOI as an address", paper.Paper{ID: "x", DOI: "https://doi.org/10.1000/ABC"}, paper.Paper{ID: "y", DOI: "10.1000/abc"}, 0, SameDOI},
		{"no ids", paper.Paper{ID: "x"}, paper.Paper{ID: "y"}, 1, None},
		{"title and author", base, edit(func(p *paper.Paper) {
			p.Title, p.Abstract, p.Authors = "COMPARING the abstracts of versions of papers.", far, authors("K. Sandstrom")
		}), 0.75, SameTitle},
		{"title and author, other works", base, edit(func(p *paper.Paper) { p.Abstract = far }), 0.6, None},
		{"title of others, other works", base, edit(func(p *paper.Paper) { p.Abstract, p.Authors = far, authors("Grace Hopper") }), 0.75, None},
		{"title of others, near", base, edit(func(p *paper.Paper) { p.Abstract, p.Authors = far, authors("Grace Hopper") }), 0.9, SameTitle},
		{"extended abstract", base, edit(func(p *paper.Paper) { p.Title += " (Extended Abstract)"; p.Abstract = far }), 0.9, SameTitle},
		{"one without an abstract", base, edit(func(p *paper.Paper) { p.Abstract = "" }), 0.3, SameTitle},
		{"one without abstract and authors", base, edit(func(p *paper.Paper) { p.Abstract, p.Authors = "", nil }), 0.3, SameTitle},
		{"no vector", base, edit(func(p *paper.Paper) { p.Abstract, p.Authors = "", nil }), nan(), None},
		{"editorials", paper.Paper{ID: "x", Title: "Editorial", Authors: authors("Ada Lovelace")}, paper.Paper{ID: "y", Title: "Editorial", Authors: authors("Ada Lovelace")}, 1, None},
		{"introductions", edit(func(p *paper.Paper) { p.Title = "Introduction" }), edit(func(p *paper.Paper) { p.ID, p.Title, p.Abstract, p.Authors = "c", "Introduction", far, nil }), 0.5, None},
		{"summaries, though near", edit(func(p *paper.Paper) { p.Title, p.Authors = "Summary", nil }), edit(func(p *paper.Paper) { p.ID, p.Title, p.Abstract, p.Authors = "c", "Summary", far, nil }), 0.92, None},
		{"text of one author", base, edit(func(p *paper.Paper) {
			p.Title, p.Abstract = "On versions", strings.Replace(abstract, "real", "synthetic", 1)
		}), 0.97, SimilarText},
		{"text, but not near", base, edit(func(p *paper.Paper) { p.Title = "On versions" }), 0.9, None},
		{"text of others under another title", base, edit(func(p *paper.Paper) { p.Title, p.Authors = "Spelling of birds", authors("Grace Hopper") }), 0.97, None},
		{"text of nobody under nearly the title", edit(func(p *paper.Paper) { p.Authors = nil }), edit(func(p *paper.Paper) { p.ID, p.Title, p.Authors = "c", "Comparing abstracts of versions of papers", nil }), 0.97, SimilarText},
		{"a name with a sign, another text", base, edit(func(p *paper.Paper) {
			p.Title, p.Abstract = "COMPARING++ the abstracts of versions of papers", far
		}), 0.75, None},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := KeyOf(&tc.a), KeyOf(&tc.b)
			for _, pair := range [][2]*Key{{&a, &b}, {&b, &a}} {
				m, ok := Compare(pair[0], pair[1], MinSimilarity, func() float64 { return tc.cosine })
				if ok != (tc.want != None) || ok && m.Reason != tc.want {
					t.Errorf("got %+v, %v; want reason %d", m, ok, tc.want)
				}
			}
		})
	}
}

// What papers are to each other that match: pairs as they were found in a collection of
// conference papers, and what tells sequels apart.
func TestKind(t *testing.T) {
	long := strings.Repeat(abstract+" ", 2)
	at := func(title, venue string, year int) paper.Paper {
		p := paper.Paper{Title: title, Abstract: long, Authors: authors("Ada Lovelace", "Karl Sandström"), Venue: venue}
		p.PublishDate.Year = year
		return p
	}
	for _, tc := range []struct {
		name string
		a, b paper.Paper
		want Kind
	}{
		{"one record twice", at("Comparing the abstracts of papers", "ACL", 2018), at("Comparing the Abstracts of Papers", "ACL", 2018), SameWork},
		{"the same in another year", at("Comparing the abstracts of papers", "ACL", 2018), at("Comparing the Abstracts of Papers", "", 2017), SameWork},
		{"extended abstract", at("Comparing the abstracts of papers", "ACL", 2018), at("Comparing the abstracts of papers (Extended Abstract)", "IJCAI", 2019), Version},
		{"video", at("Comparing the abstracts of papers", "IROS", 2010), at("Comparing the abstracts of papers — Video contribution", "IROS", 2010), Version},
		{"erratum", at("Comparing the abstracts of papers", "ACL", 2018), at("Erratum to: Comparing the abstracts of papers", "ACL", 2020), Version},
		{"retracted", at("Comparing the abstracts of papers", "ACL", 2018), at("RETRACTED ARTICLE: Comparing the abstracts of papers", "ACL", 2018), Version},
		{"v2", at("Comparing the abstracts of papers", "", 2018), at("Comparing the abstracts of papers v2", "", 2020), Version},
		{"version 2", at("Comparing the abstracts of papers", "", 2018), at("Comparing the abstracts of papers, version 2", "", 2018), Version},
		{"renamed on the way", at("Learning Gaussian Policies from Smoothed Action Value Functions", "ICLR", 2018), at("Smoothed Action Value Functions for Learning Gaussian Policies", "ICML", 2018), Version},
		{"renamed in another year", at("Learning Gaussian policies from smoothed values", "CoRR", 2017), at("Smoothed values for learning Gaussian policies", "ICML", 2018), Version},
		{"subtitle in another year", at("Autonomous carriers of hot metal", "ICRA", 2007), at("Autonomous carriers of hot metal: navigation and manipulation", "IROS", 2008), Version},
		{"for nearly the same", at("Convergence of gradient methods for linearized control", "ICLR", 2018), at("Convergence of gradient methods for the linear regulator", "ICML", 2018), Version},
		{"withdrawn", at("Withdrawn", "ICLR", 2018), at("Improving conditional networks by stepwise evaluation", "ICLR", 2018), SameAbstract},
		{"two and three", at("Cooperative control of two snake robots", "ICRA", 2006), at("Cooperative Control of Three Snake Robots", "IROS", 2006), Sequel},
		{"parts", at("Comparing the abstracts of papers, Part I: words", "ACL", 2018), at("Comparing the abstracts of papers, Part II: vectors", "ACL", 2018), Sequel},
		{"parts by letter", at("Comparing the abstracts of papers, Part A: words", "ACL", 2018), at("Comparing the abstracts of papers, Part B: vectors", "ACL", 2018), Sequel},
		{"a name with a sign", at("AbsNet: comparing the abstracts of papers", "ACL", 2018), at("AbsNet++: comparing the abstracts of papers", "ACL", 2018), Sequel},
		{"a star", at("ABS: comparing the abstracts of papers", "ACL", 2018), at("ABS*: comparing the abstracts of papers", "ACL", 2018), Sequel},
		{"a footnote", at("Comparing the abstracts of PAPERS", "ACL", 2018), at("Comparing the abstracts of PAPERS*", "ACL", 2018), SameWork},
		{"second part", at("Comparing the abstracts of papers", "ACL", 2018), at("Comparing the abstracts of papers II", "ACL", 2018), Sequel},
		{"editions", at("The 2nd edition of the shared task on words", "ACL", 2018), at("The third edition of the shared task on words", "ACL", 2018), Sequel},
		{"years", at("Overview of the 2018 task on words", "CLEF", 2018), at("Overview of the 2019 task on words", "CLEF", 2019), Sequel},
		{"numbers of sets", at("Robust networks on CIFAR-10", "ICLR", 2020), at("Robust networks on CIFAR-100", "ICLR", 2020), Sequel},
		{"for something else", at("Contrastive pretraining for speech", "ICLR", 2020), at("Contrastive pretraining for proteins", "ICLR", 2020), Sequel},
		{"the next year's", at("Evaluation of clock activity in membranes", "IROS", 2011), at("Control of clock activity in membranes", "ICRA", 2012), Sequel},
		{"years that nobody knows", at("Evaluation of clock activity in membranes", "IROS", 0), at("Control of clock activity in membranes", "ICRA", 2012), Version},
		{"one DOI, other numbers", withDOI(at("Robust networks on CIFAR-10", "ICLR", 2020)), withDOI(at("Robust networks on CIFAR-100", "ICLR", 2020)), Version},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := KeyOf(&tc.a), KeyOf(&tc.b)
			for _, pair := range [][2]*Key{{&a, &b}, {&b, &a}} {
				if m, ok := Compare(pair[0], pair[1], MinSimilarity, func() float64 { return .99 }); !ok || m.Kind != tc.want {
					t.Errorf("got %+v, %v; want kind %d", m, ok, tc.want)
				}
			}
		})
	}
}

func withDOI(p paper.Paper) paper.Paper {
	p.DOI = "10.1/x"
	return p
}

// Marks of a title are no words of it, and numbers are found in whatever form.
func TestTitle(t *testing.T) {
	for title, want := range map[string]string{
		"Learning from video": "learning from video", "Erratum: A b c": "a b c", "Retracted: A b": "retracted a b", "A b c v2": "a b c", "A b v2": "a b v2",
		"Correction of motion in pictures": "correction of motion in pictures", "Erratum to: A b c (extended abstract)": "a b c", "": "",
	} {
		var words []string
		eachWord(title, func(w []byte) { words = append(words, string(w)) })
		if left, _ := withoutMarks(words); strings.Join(left, " ") != want {
			t.Errorf("%q without marks is %q, want %q", title, left, want)
		}
	}
	for word, want := range map[string]string{"two": "2", "2nd": "2", "second": "2", "ii": "2", "ten": "10", "cifar10": "10", "x": "", "i": "", "word": "", "2019": "2019"} {
		if got, ok := numberOf(word, false); ok != (want != "") || ok && got != want {
			t.Errorf("the number of %q is %q, %v", word, got, ok)
		}
	}
	if got, ok := numberOf("v", true); got != "5" || !ok {
		t.Errorf("part v is %q", got)
	}
}

// A key comes back from its bytes as it was.
func TestKeyBytes(t *testing.T) {
	p := paper.Paper{ID: "arXiv:2112.09118", Title: "Erratum: Networks of 2 kinds for Ünïcode", Abstract: abstract, Authors: authors("Ada Lovelace"), Venue: "ACL"}
	p.PublishDate.Year = 2018
	k := KeyOf(&p)
	raw := k.AppendBinary(nil)
	if got := ReadKey(raw); got != k || len(raw) != KeyBytes || k.numbers == 0 || k.frame == 0 || !k.published || !k.marked || k.year != 2018 {
		t.Errorf("%d bytes: %+v, want %+v", len(raw), got, k)
	}
}

func nan() float64 {
	zero := 0.0
	return zero / zero
}

// The estimate is near the truth, for long texts and short ones.
func TestResemblance(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, words := range []int{30, 60, 200} {
		for _, share := range []float64{0, 0.3, 0.5, 0.8, 1} {
			var off float64
			const rounds = 200
			for range rounds {
				a, b := make([]string, words), make([]string, words)
				for i := range words {
					a[i] = fmt.Sprint(random.Uint64())
					b[i] = a[i]
				}
				for i := int(share * float64(words)); i < words; i++ {
					b[i] = fmt.Sprint(random.Uint64())
				}
				var x, y Key
				x.ofText("", strings.Join(a, " "))
				y.ofText("", strings.Join(b, " "))
				off += resemblance(x.text.agree(&y.text)) - jaccard(a, b)
			}
			if off /= rounds; off < -0.02 || off > 0.02 {
				t.Errorf("%d words, %.0f %% in common: estimates are off by %.3f", words, 100*share, off)
			}
		}
	}
}

// jaccard is the truth about pairs of neighbouring words.
func jaccard(a, b []string) float64 {
	pairs := func(words []string) map[string]bool {
		out := make(map[string]bool)
		for i := 1; i < len(words); i++ {
			out[words[i-1]+" "+words[i]] = true
		}
		return out
	}
	x, y, shared := pairs(a), pairs(b), 0
	for p := range x {
		if y[p] {
			shared++
		}
	}
	return float64(shared) / float64(len(x)+len(y)-shared)
}

// A small edit changes few slots.
func TestSmallEdit(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	words := strings.Fields(abstract)
	for i := range words {
		words[i] = fmt.Sprint(words[i], i)
	}
	whole := keyOfText(words)
	least := slots
	for range 500 {
		edited := slices.Clone(words)
		at := random.IntN(len(edited))
		switch random.IntN(3) {
		case 0:
			edited[at] = "edited"
		case 1:
			edited = slices.Delete(edited, at, at+1)
		default:
			edited = slices.Insert(edited, at, "inserted")
		}
		k := keyOfText(edited)
		least = min(least, whole.text.agree(&k.text))
	}
	if least < leastAgree+slots/8 {
		t.Errorf("one word of %d changed left %d of %d slots", len(words), least, slots)
	}
}

func keyOfText(words []string) (k Key) {
	k.ofText("", strings.Join(words, " "))
	return k
}

// genKeys draws papers that have much in common.
func genKeys(t *rapid.T) []Key {
	word := rapid.SampledFrom([]string{"a", "b", "c", "graph", "vector", "paper", "Ünïcode", "数学"})
	texts := rapid.SliceOfN(rapid.Map(rapid.SliceOfN(word, 20, 30), func(w []string) string { return strings.Join(w, " ") }), 1, 4).Draw(t, "texts")
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Key {
		p := paper.Paper{
			ID:       rapid.SampledFrom([]string{"x", "arXiv:2112.09118", "arXiv:2112.09118v2", "doi:10.1/a"}).Draw(t, "id"),
			DOI:      rapid.SampledFrom([]string{"", "", "10.1/A", "10.1/b"}).Draw(t, "doi"),
			Title:    rapid.SampledFrom([]string{"", "Editorial", "One title of more than five words", "Another title of more than five", "One title of more than 6 words", "One title of 7 words"}).Draw(t, "title"),
			Abstract: rapid.SampledFrom(texts).Draw(t, "abstract"),
			Authors:  authors(rapid.SliceOfN(rapid.SampledFrom([]string{"A. One", "B. Two", "C. Three"}), 0, 3).Draw(t, "authors")...),
		}
		if rapid.Bool().Draw(t, "edit") {
			p.Abstract += " edited"
		}
		return KeyOf(&p)
	}), 0, 40).Draw(t, "keys")
}

// Group is what comparing all pairs in order gives, and what shares ids with
// those; every paper is in one group, and Compare is symmetric.
func TestGroupIsComparingAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := genKeys(t)
		seed := rapid.Uint64().Draw(t, "seed")
		cosine := func(i, j int) float64 {
			return 0.6 + 0.4*float64(splitmix.Mix(seed+uint64(min(i, j)*1000+max(i, j)))%1000)/1000
		}
		match := func(i, j int) (Match, bool) {
			return Compare(&keys[i], &keys[j], MinSimilarity, func() float64 { return cosine(i, j) })
		}
		opt := Options{MinSimilarity: MinSimilarity, Apart: rapid.IntRange(0, len(keys)).Draw(t, "apart"), Sequels: rapid.Bool().Draw(t, "sequels")}
		want := make(map[int][]int)
		taken := make([]bool, len(keys))
		for i := range keys {
			for j := i + 1; j < len(keys); j++ {
				m, ok := match(i, j)
				if back, backOK := match(j, i); back != m || backOK != ok {
					t.Fatalf("%d and %d: %v %v, and back %v %v", i, j, m, ok, back, backOK)
				}
			}
			if taken[i] {
				continue
			}
			group := map[int]bool{i: true}
			grow := func(matches func(j int) bool) {
				for j := i + 1; j < len(keys); j++ {
					if !taken[j] && j >= opt.Apart && !group[j] && matches(j) {
						group[j] = true
					}
				}
			}
			grow(func(j int) bool { m, ok := match(i, j); return ok && m.Kind.One() })
			for _, byID := range classes(keys) {
				if slices.ContainsFunc(byID, func(j int) bool { return group[j] }) {
					grow(func(j int) bool { return slices.Contains(byID, j) })
				}
			}
			for j := range keys {
				if j != i && group[j] {
					want[i] = append(want[i], j)
					taken[j] = true
				}
			}
		}
		times := make([]int, len(keys))
		for i, members := range Group(keys, opt, cosine) {
			times[i]++
			var got []int
			for _, m := range members {
				direct, ok := match(i, m.At)
				if m.Kind == Sequel {
					if !opt.Sequels || !ok || direct != m.Match {
						t.Fatalf("%d is a sequel to %d, compared directly %+v", m.At, i, direct)
					}
					continue
				}
				times[m.At]++
				got = append(got, m.At)
				if direct.Kind == Sequel {
					direct.Kind = Version // they have an id in common, through others
				}
				if ok && direct != m.Match || !ok && (m.Reason != SameArxivID && m.Reason != SameDOI) {
					t.Fatalf("%d under %d: %+v, compared directly %+v", m.At, i, m.Match, direct)
				}
			}
			if !slices.Equal(got, want[i]) {
				t.Fatalf("group of %d: %v, want %v", i, got, want[i])
			}
		}
		for i, n := range times {
			if n != 1 {
				t.Fatalf("paper %d is in %d groups", i, n)
			}
		}
	})
}

// classes are the papers that share ids, directly or through others.
func classes(keys []Key) (out [][]int) {
	for i := range keys {
		class := []int{i}
		for at := 0; at < len(class); at++ {
			for j := range keys {
				a, b := &keys[class[at]], &keys[j]
				if (a.arxiv != 0 && a.arxiv == b.arxiv || a.doi != 0 && a.doi == b.doi) && !slices.Contains(class, j) {
					class = append(class, j)
				}
			}
		}
		out = append(out, class)
	}
	return out
}

// The order of authors and of words that only differ in case, accents or
// punctuation means nothing; a key is the same each time.
func TestKeyFolds(t *testing.T) {
	a := KeyOf(&paper.Paper{ID: "x", Title: "Poincaré, Embeddings!", Abstract: abstract, Authors: authors("Max Müller", "Ada Lovelace")})
	b := KeyOf(&paper.Paper{ID: "y", Title: "POINCARÉ embeddings", Abstract: strings.ToUpper(abstract), Authors: authors("Lovelace, A.", "M Muller")})
	if a != b {
		t.Errorf("%+v\n%+v", a, b)
	}
}

// Words are those of filters and searches, so that spellings of one title are one; and
// scripts without spaces are all treated alike.
func TestKeyWords(t *testing.T) {
	for _, titles := range [][2]string{
		{"Poincaré embeddings of Łódź", "Poincare embeddings of Lodz"},
		{"eﬃcient sup\u00adport vec\u200btors", "Efficient support vectors"},
		{"정보 검색을 위한 모델", "정보검색을 위한 모델"},
		{"信息检索", "信息 检索"},
		{"ວິໄຈ ພາສາ", "ວິໄຈພາສາ"},
		{"วิจัย ภาษา", "วิจัยภาษา"},
		{"ស្រាវ ជ្រាវ", "ស្រាវជ្រាវ"},
		{"သုတေ သန", "သုတေသန"},
	} {
		a, b := KeyOf(&paper.Paper{Title: titles[0]}), KeyOf(&paper.Paper{Title: titles[1]})
		if a != b || a.title == 0 {
			t.Errorf("%q and %q have the keys\n%+v\n%+v", titles[0], titles[1], a, b)
		}
	}
	if a, b := KeyOf(&paper.Paper{Title: "A tour of C++"}), KeyOf(&paper.Paper{Title: "A tour of C#"}); a.title == b.title {
		t.Error("C++ and C# are one title")
	}
}

func TestLastName(t *testing.T) {
	for name, want := range map[string]string{
		"Ada Lovelace": "lovelace", "Lovelace, Ada": "lovelace", "Karl Sandström": "sandstrom", "": "", "...": "",
		"김철수": "김철수", "김 철수": "김철수", "김, 철수": "김철수", "王小明": "王小明", "Wang Xiaoming (王小明)": "王小明", "王, Xiaoming": "王",
	} {
		if got := lastName(name); got != want {
			t.Errorf("the last name of %q is %q, want %q", name, got, want)
		}
	}
}

// Many papers that match each other are compared with one; of many that share a
// title and nothing else, few last names meet in a hash.
func TestManyAlike(t *testing.T) {
	for _, matching := range []bool{true, false} {
		p := paper.Paper{Title: "A title of more than five words", Abstract: abstract}
		keys := make([]Key, 2000)
		for i := range keys {
			if !matching {
				p.Authors = authors(fmt.Sprint("Author ", i))
				p.Abstract = ""
			}
			keys[i] = KeyOf(&p)
		}
		groups := 0
		for range Group(keys, Options{MinSimilarity: MinSimilarity}, func(int, int) float64 { return 1 }) {
			groups++
		}
		if want := map[bool]int{true: 1, false: len(keys)}[matching]; groups < want*9/10 || groups > want {
			t.Errorf("matching %v: %d groups of %d papers, want %d", matching, groups, len(keys), want)
		}
	}
}

func FuzzKeyOf(f *testing.F) {
	f.Add("arXiv:2112.09118v2", "Title (Extended Abstract)", abstract, "Lovelace, Ada", "2112.09118", "https://doi.org/10.1/x")
	f.Add("x", "数学の本", "\xff\xfe\u0301", ",", "math.GT/0309136v", "10.")
	f.Fuzz(func(t *testing.T, id, title, text, author, arxiv, doi string) {
		p := paper.Paper{ID: id, Title: title, Abstract: text, Authors: authors(author, author), ArxivID: arxiv, DOI: doi}
		k := KeyOf(&p)
		if k != KeyOf(&p) {
			t.Fatal("a key is different each time")
		}
		if k.text.agree(&k.text) != slots || k.titleOverlap(&k) != 1 && k.titleWords > 0 {
			t.Fatalf("a key differs from itself: %+v", k)
		}
		if m, ok := Compare(&k, &k, MinSimilarity, func() float64 { return 1 }); (k.arxiv != 0 || k.doi != 0) && !ok {
			t.Fatalf("a paper does not match itself: %+v", m)
		}
	})
}

func BenchmarkKeyOf(b *testing.B) {
	p := paper.Paper{ID: "arXiv:2112.09118", Title: "A title of some words", Abstract: strings.Repeat(abstract+" ", 5), Authors: authors("Ada Lovelace", "Max Müller")}
	for b.Loop() {
		KeyOf(&p)
	}
}

func BenchmarkGroup1000(b *testing.B) {
	random := rand.New(rand.NewPCG(5, 6))
	keys := make([]Key, 1000)
	for i := range keys {
		words := make([]string, 180)
		for j := range words { // as often as words are in texts on one topic
			words[j] = fmt.Sprint(int(40 / (random.Float64() + 0.01)))
		}
		p := paper.Paper{Title: fmt.Sprint("Paper ", i), Abstract: strings.Join(words, " ")}
		keys[i] = KeyOf(&p)
	}
	b.ReportAllocs()
	for b.Loop() {
		for range Group(keys, Options{MinSimilarity: MinSimilarity}, func(int, int) float64 { return 0.8 }) {
		}
	}
}

// TestKeysAreOfTheirVersion fails when a paper gets another key than programs of the same
// [KeyVersion] give it: files that keep keys would be taken for right. Who changes keys
// raises the version, and puts the sum here that the test prints.
func TestKeysAreOfTheirVersion(t *testing.T) {
	sums := map[int]uint32{4: 0x4665de14}
	var all []byte
	for i, title := range []string{
		"On the Folding of Paper Bridges", "On the Folding of Paper Bridges, Part II", "On the Folding of Paper Bridges: Part B",
		"PaperNet++: Deep Folding for Bridges", "FLD*: Folding with Few Creases (Extended Abstract)", "Ein Brückenbau aus Papier — 2. Auflage",
		"Folding 10,000 bridges with α-creases", "10", "", "“PaperNet++”: Deep Folding for Bridges (FLD*) Again",
	} {
		key := KeyOf(&paper.Paper{
			ID: fmt.Sprintf("k%d", i), Title: title, Abstract: strings.Repeat("We fold "+title+" and find that it holds. ", i%4), DOI: "10.1000/k" + strconv.Itoa(i%3),
			Authors: []paper.Author{{Name: "Ada B. Frobish"}, {Name: "Tervan, Gerd"}}, PublishDate: paper.Date{Year: 2020 + i, Month: 3},
		})
		all = key.AppendBinary(all)
	}
	if got := crc32.ChecksumIEEE(all); got != sums[KeyVersion] {
		t.Errorf("keys of version %d have the sum %#x; those that are known: %#x", KeyVersion, got, sums)
	}
}
