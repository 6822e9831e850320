package filter

import (
	"testing"
	"time"

	"akin/internal/paper"
)

func sample() *paper.Record {
	return &paper.Record{
		Paper: paper.Paper{
			ID: "arXiv:2112.09118", Title: "Unsupervised Dense Retrieval with Contrastive Learning",
			Abstract:   "State-of-the-art graphs of Αΐσθησις; 検索モデル for 3D data. ΣΟΦΟΣ!",
			Authors:    []paper.Author{{Name: "Ada Lovelace", ORCID: "0000-0002-1825-009X"}, {Name: "Erik Sandström"}},
			Categories: []string{"cs.IR", "cs.CL"}, Venue: "NeurIPS", PublishDate: paper.Date{Year: 2021, Month: 12, Day: 16},
			ListedDates: []paper.Date{{Month: 3, Day: 17}, {Year: 2022, Month: 1, Day: 3}},
			DOI:         "10.1000/XYZ.1", ArxivID: "2112.09118", URLs: []string{"https://github.com/x/y"}, Language: "en-US",
			Signals:  map[string]float64{"upvotes": 12, "delta": -1.5, "a b": 1},
			Metadata: map[string]string{"pages": "12", "note": "Best Paper", "my key": "v", "a.b": "dotted", "empty": "", "track": "B2"},
		},
		CreateTime: time.Date(2024, 3, 17, 10, 0, 0, 500_000, time.UTC), UpdateTime: time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC),
		Truncated: true,
	}
}

func TestMatch(t *testing.T) {
	r := sample()
	for _, c := range []struct {
		want  bool
		texts []string
	}{
		{true, []string{
			// Words.
			`retrieval`, `"dense retrieval"`, `title:"DENSE retrieval"`, `title:retriev*`, `abstract:"state of the art"`, `state-of-the-art`,
			`abstract:graph*`, `σοφος`, `αΐσθησισ`, `検索`, `モデル`, `3D`, `abstract:3D`, `dense learning`, `-sparse`, `NOT sparse`, `title = "unsupervised dense*"`,
			// Text.
			`id = arXiv:2112.09118`, `id=arXiv:*`, `id != x`, `author = "ada lovelace"`, `author:lovelace`, `author:"Lovelace"`, `author = "ada*"`,
			`author = "*SANDSTRÖM"`, `orcid = 0000-0002-1825-009x`, `orcid = "https://orcid.org/0000-0002-1825-009X"`, `category = cs.CL`, `category:"cs.IR"`,
			`category = "cs.*"`, `category != cs.LG`, `category:(cs.LG OR cs.CL)`, `category = (cs.IR AND cs.CL)`, `category = (NOT cs.LG)`, `venue = neurips`, `venue = (ICML OR NeurIPS)`,
			`doi = 10.1000/xyz.1`, `doi = "https://doi.org/10.1000/xyz.1"`, `arxiv_id = 2112.09118`, `url:github.com`, `url = https://github.com/x/y`,
			`language = EN-us`, `language = "en*"`, `venue:*`, `venue = *`,
			// Numbers and booleans.
			`year = 2021`, `year >= 2021`, `year < 2021.5`, `year:2021`, `year != 2020`, `year:*`, `truncated = true`, `truncated:true`, `truncated != false`,
			`signals.upvotes > 11.5`, `signals.upvotes = 1.2e1`, `signals.delta = -1.5`, `signals.delta = (-1.5 OR 2)`, `signals:upvotes`, `signals.upvotes:*`, `signals."a b" = 1`,
			`signals.none != 3`, `NOT signals:none`,
			// Dates and times.
			`date = 2021`, `date = 2021-12`, `date = "2021-12-16"`, `date:2021`, `date > 2020`, `date >= 2021-12-16`, `date <= 2021`, `date < 2022`, `date > 2021-12-15`, `date < 2021-12-17`, `date:*`,
			`listed_date = --03-17`, `listed_date = 2022`, `listed_date > 2021`, `listed_date <= 2022-01-03`, `listed_date != 2023`, `listed_date:*`,
			`create_time > "2024-03-17T10:00:00Z"`, `create_time = 2024-03-17`, `create_time < "2024-03-17T12:00:01+02:00"`, `create_time = "2024-03-17T10:00:00.0005Z"`, `update_time >= 2024-04`, `update_time:*`,
			// Metadata.
			`metadata.pages = 12`, `metadata.pages = 12.0`, `metadata.pages > 9`, `metadata.pages < "9"`, `metadata.note = "Best Paper"`, `metadata.note:paper`, `metadata."my key" = v`, `metadata:"my key"`,
			`metadata.a.b = dotted`, `metadata."a.b":*`, `metadata.empty = ""`, `metadata.empty:*`, `metadata.note >= "Best"`, `metadata.track > B1`, `metadata.track = "B*"`, `metadata.none != x`, `NOT metadata.none:*`,
			// Structure: OR binds more tightly than AND.
			`year = 2021 OR year = 2020 AND venue = neurips`, `year = 2021 AND venue = ICML OR venue = NeurIPS`, `NOT (year = 2020 OR venue = ICML)`, `-(year = 2020)`, `NOT(year = 2020)`, `NOT NOT year = 2021`,
			`(year = 2021)`, "year=2021\tvenue=neurips\n",
		}},
		{false, []string{
			`transformers`, `title:retriev`, `graph`, `"retrieval dense"`, `abstract:retrieval`, `title = "Unsupervised"`, `-retrieval`, `dense sparse`, `索検`,
			`id = ARXIV:2112.09118`, `id != arXiv:2112.09118`, `author = lovelace`, `author = "Ada"`, `author:love`, `author != "ada lovelace"`, `category = CS.CL`, `category:cs`, `category = "*.LG"`,
			`category = (cs.CL AND cs.LG)`, `NOT category = (cs.LG OR cs.CL)`, `venue:neur`, `NOT venue:*`, `venue != *`, `language = en`,
			`year < 2021`, `year > 2021`, `year != 2021`, `truncated = false`, `signals.none < 3`, `signals.upvotes < 12`, `signals.upvotes != 12`, `signals:none`,
			`date = 2021-11`, `date > 2021`, `date > 2021-12-16`, `date < 2021-12-16`, `date != 2021`, `listed_date = --03-18`, `listed_date > 2022-01`, `listed_date < 2022`, `listed_date != --03-17`,
			`create_time = "2024-03-17T10:00:00Z"`, `create_time < 2024-03-17`, `create_time > 2024-03-17`, `update_time < 2024-04`,
			`metadata.pages > 12`, `metadata.note = "best paper"`, `metadata.note > 1`, `metadata.none:*`, `metadata.empty:x OR metadata.none = ""`, `metadata.track > B2`,
			`year = 2021 OR year = 2020 AND venue = ICML`, `(year = 2020)`,
		}},
	} {
		for _, text := range c.texts {
			f, err := Parse(text)
			if err != nil {
				t.Errorf("%s: %v", text, err)
			} else if f.Match(r) != c.want {
				t.Errorf("%s: %v, want %v", text, !c.want, c.want)
			}
		}
	}
}

// Spellings of one text are equal, and words are those of searches.
func TestUnicode(t *testing.T) {
	composed := &paper.Record{Paper: paper.Paper{
		ID: "é", Title: "Poincaré embeddings in C++, of 10 µm", Venue: "Zürich", Authors: []paper.Author{{Name: "Paul Erdős"}}, Categories: []string{"naïve"},
		Metadata: map[string]string{"city": "Zürich"}, URLs: []string{"https://x.org/é"},
	}}
	decomposed := &paper.Record{Paper: paper.Paper{
		ID: "e\u0301", Title: "Poincare\u0301 embeddings in C++, of 10 \u03bcm", Venue: "Zu\u0308\u00adrich", Authors: []paper.Author{{Name: "Paul \u200bErdo\u030bs"}},
		Categories: []string{"nai\u0308ve"}, Metadata: map[string]string{"city": "Zu\u0308rich"}, URLs: []string{"https://x.org/e\u0301"},
	}}
	x := NewIndex()
	x.Upsert(1, composed)
	x.Upsert(2, decomposed)
	for text, want := range map[string]bool{
		`title:poincaré`: true, "title:poincare\u0301": true, `title:poincare`: true, `title:embed*`: true, "embed\u00addings": true,
		`venue = "Zürich"`: true, "venue = \"Zu\u0308rich\"": true, `venue = "zürich"`: true, `venue = "Zurich"`: false, `venue:zurich`: true, `venue = "zür*"`: true,
		`author:erdős`: true, `author:erdos`: true, `author:erd*`: true, `author = "Paul Erdős"`: true, `author = "Paul Erdos"`: false,
		`category = naïve`: true, "category = nai\u0308ve": true, `category = Naïve`: false, `category = "na*"`: true,
		`id = é`: true, "id = e\u0301": true, `url = "https://x.org/é"`: true, `url:e`: true,
		`metadata.city = "Zürich"`: true, `metadata.city > "Zuz"`: true, `metadata.city = "zürich"`: false,
		`title:"c++"`: true, `title:C`: false, `title:"C#"`: false, `title:"in c++ of"`: true, `title:μm`: true,
	} {
		f, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if a, b := f.Match(composed), f.Match(decomposed); a != want || b != want {
			t.Errorf("%s: composed %v, decomposed %v, want %v", text, a, b, want)
		}
		if got, exact := x.Bitmap(f); exact && (got.GetCardinality() == 2) != want {
			t.Errorf("%s: the index has %v", text, got)
		}
	}
	if counts, err := x.Facet("venue", nil, 0); err != nil || len(counts) != 1 || counts[0].Papers != 2 {
		t.Errorf("venues: %v, %v", counts, err)
	}
	x.Delete(1)
	x.Delete(2)
	if counts, err := x.Facet("venue", nil, 0); err != nil || len(counts) != 0 {
		t.Errorf("venues of no papers: %v, %v", counts, err)
	}
}

// In scripts in which spaces don't show the words, what is looked for is found inside
// of what stands together: letter by letter, with their marks.
func TestScriptsWithoutSpaces(t *testing.T) {
	for title, queries := range map[string]map[string]bool{
		"정보검색을 위한 GPT모델": {"정보": true, "검색": true, `"정보 검색"`: true, "색정": false, "gpt": true, "모델": true},
		"ວິໄຈພາສາ":       {"ພາສາ": true, "ວໄ": false, "ວິ": true},
		"วิจัยภาษา":      {"ภาษา": true, "วจ": false, "จัย": true},
		"ស្រាវជ្រាវ":     {"ជ្រា": true, "សរ": false},
		"သုတေသန":         {"တေ": true, "တ": false},
		"データ構造か゚":        {"ータ": true, "データ": true, "デタ": false, "構造": true},
	} {
		record := &paper.Record{Paper: paper.Paper{ID: "a", Title: title}}
		for query, want := range queries {
			f, err := Parse("title:" + query)
			if err != nil {
				t.Errorf("%s: %v", query, err)
				continue
			}
			if got := f.Match(record); got != want {
				t.Errorf("title:%s in %q is %v, want %v", query, title, got, want)
			}
		}
	}
}

// Whole numbers beyond 2^53 are compared to the last digit.
func TestLargeNumbers(t *testing.T) {
	r := &paper.Record{Paper: paper.Paper{
		Metadata: map[string]string{"n": "9007199254740993", "x": "0.1"}, Signals: map[string]float64{"n": 1 << 53, "x": 0.1},
	}}
	for text, want := range map[string]bool{
		`metadata.n > 9007199254740992`: true, `metadata.n = 9007199254740992`: false, `metadata.n = 9007199254740993`: true,
		`metadata.n < 9007199254740994`: true, `metadata.n >= 9007199254740993.0`: true, `metadata.n != 9007199254740992`: true,
		`metadata.n = 9007199254740993e0`: true, `metadata.x = 0.10`: true, `metadata.x = 1e-1`: true, `metadata.n > 9e999`: false,
		`signals.n = 9007199254740992`: true, `signals.n = 9007199254740993`: false, `signals.n != 9007199254740993`: true,
		`signals.n < 9007199254740993`: true, `signals.n >= 9007199254740993`: false, `signals.n <= 9007199254740993`: true,
		`signals.n > 9007199254740991`: true, `signals.n > 9007199254740993`: false, `signals.x = 0.1`: true, `signals.x = 1.0e-1`: true, `signals.x > 0.1`: false,
	} {
		f, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := f.Match(r); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// Blank values say nothing: a field that has no others is not there.
func TestBlankValues(t *testing.T) {
	r := &paper.Record{Paper: paper.Paper{
		Title: "A", Categories: []string{"", " "}, URLs: []string{"\t"}, Authors: []paper.Author{{Name: " "}}, Venue: " ", Language: "\u00a0",
	}}
	x := NewIndex()
	x.Upsert(1, r)
	for _, name := range []string{"category", "url", "author", "venue", "language", "orcid"} {
		f, err := Parse(name + ":*")
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := x.Bitmap(f); f.Match(r) || !got.IsEmpty() {
			t.Errorf("%s:* keeps a paper whose values are blank", name)
		}
	}
}

// A date that is not known to the day is a range of days.
func TestPartialDates(t *testing.T) {
	for _, c := range []struct {
		text                    string
		year, month, day, other bool // of 2024, 2024-03, 2024-03-17, and no date
	}{
		{`date = 2024`, true, true, true, false},
		{`date = 2024-03`, false, true, true, false},
		{`date = 2024-03-17`, false, false, true, false},
		{`date = 2024-01-01`, false, false, false, false},
		{`date >= 2024-01-01`, true, true, true, false},
		{`date > 2024-01-01`, false, true, true, false},
		{`date >= 2024-03`, false, true, true, false},
		{`date >= 2024-03-01`, false, true, true, false},
		{`date >= 2024-03-02`, false, false, true, false},
		{`date > 2024-03`, false, false, false, false},
		{`date <= 2024-03`, true, true, true, false},
		{`date <= 2024-03-01`, true, true, false, false},
		{`date < 2024-03`, true, false, false, false},
		{`date < 2024-03-02`, true, true, false, false},
		{`date < 2024`, false, false, false, false},
		{`date < 2024-01-01`, false, false, false, false},
		{`date <= 2024-01-01`, true, false, false, false},
		{`date > 2023-12`, true, true, true, false},
		{`date != 2024-03`, true, false, false, true},
		{`date:*`, true, true, true, false},
		{`year = 2024`, true, true, true, false},
		{`year != 2024`, false, false, false, true},
	} {
		f, err := Parse(c.text)
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		for date, want := range map[paper.Date]bool{
			{Year: 2024}: c.year, {Year: 2024, Month: 3}: c.month, {Year: 2024, Month: 3, Day: 17}: c.day, {}: c.other,
		} {
			if got := f.Match(&paper.Record{Paper: paper.Paper{PublishDate: date}}); got != want {
				t.Errorf("%s: a paper of %q: %v, want %v", c.text, date, got, want)
			}
		}
	}
}

// A phrase is found where it begins again within itself.
func TestPhrasesThatRepeatThemselves(t *testing.T) {
	for _, c := range []struct {
		phrase, text string
		want         bool
	}{
		{"a b a c", "a b a b a c", true},
		{"a a b", "a a a b", true},
		{"a a b", "a b a a", false},
		{"a b a b*", "a b a c a b a bb", true},
		{"a b a b", "a b a bb", false},
		{"a*", "b ab", true},
		{"x", "", false},
		{"検索", "密検索だ", true},
		{"naïve", "NAÏVE Bayes", true},
		{"v2", "ResNet-v2.", true},
	} {
		if got := phraseOf(c.phrase).in(c.text); got != c.want {
			t.Errorf("%q in %q: %v, want %v", c.phrase, c.text, got, c.want)
		}
	}
}
