package lexical

import (
	"slices"
	"strings"
	"testing"
)

// A query is looked for by the terms that Analyse gives, and by those that its neighbours
// make, which are the ones that an index counts for it.
func TestAnalyseQuery(t *testing.T) {
	for text, joined := range map[string][]string{
		"transformer based model of the data": {"transformerbased", "basedmodel"},
		"zero-shot depth":                     {"zeroshot", "zeroshot", "shotdepth"},
		"deep":                                nil,
		"BERT 2":                              nil,
		"":                                    nil,
		strings.Repeat("word by word ", 9):    nil, // too long for that
	} {
		var others, beside []string
		for _, token := range AnalyseQuery(text) {
			if word := text[token.Start:token.End]; token.Joined {
				beside = append(beside, token.Term)
			} else if others = append(others, token.Term); stem(string(fold(word, folded{}).text)) != token.Term {
				t.Errorf("%q: %q stands for %q", text, word, token.Term)
			}
		}
		var want []string
		for _, token := range Analyse(text) {
			if !token.Joined {
				want = append(want, token.Term)
			}
		}
		if !slices.Equal(others, want) {
			t.Errorf("%q: the words are %q, want %q", text, others, want)
		}
		for i, word := range joined {
			joined[i] = stem(word)
		}
		slices.Sort(beside)
		slices.Sort(joined)
		if !slices.Equal(beside, joined) {
			t.Errorf("%q: joined are %q, want %q", text, beside, joined)
		}
	}
}

// What a query is looked for by in an index counts as often as AnalyseQuery says.
func TestAnalyseQueryIsThePlan(t *testing.T) {
	x, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	const text = "zero-shot transformer based depth"
	if err := x.Upsert(1, text+" zeroshot transformerbased", "baseddepth shottransformer", nil); err != nil {
		t.Fatal(err)
	}
	v := x.View()
	p, err := v.plan(Query{Text: text, Mode: ModeText}, new(searcher))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, token := range AnalyseQuery(text) {
		if token.Joined {
			counts[token.Term] += joinedWeight
		} else {
			counts[token.Term]++
		}
	}
	for i := range p.terms {
		term := v.Terms([]uint32{p.terms[i].id})[0]
		if counts[term] != p.terms[i].count {
			t.Errorf("%s counts %v in the index, and %v without", term, p.terms[i].count, counts[term])
		}
		delete(counts, term)
	}
	if len(counts) > 0 {
		t.Errorf("an index does not look for %v", counts)
	}
}
