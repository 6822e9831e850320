package filter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"akin/internal/filter"
	"akin/internal/paper"
)

// spelt writes a filter as another engine might.
func spelt(t *testing.T, text string) string {
	t.Helper()
	f, err := filter.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	join := func(sign string) func([]string) string {
		return func(parts []string) string { return "(" + strings.Join(parts, sign) + ")" }
	}
	out, err := filter.Translate(f, join(" & "), join(" | "), func(c filter.Comparison) (string, error) {
		sign := map[bool]string{true: "!"}[c.Negated] + c.Field
		if c.Key != "" {
			sign += "." + c.Key
		}
		switch {
		case c.Present:
			return sign + "?", nil
		case c.Exact != nil:
			return sign + "=" + *c.Exact, nil
		case c.Days != nil:
			return fmt.Sprint(sign, *c.Days), nil
		case c.Times != nil:
			return fmt.Sprint(sign, *c.Times), nil
		case c.Numbers != nil:
			return fmt.Sprint(sign, *c.Numbers), nil
		case c.Words != nil:
			return fmt.Sprint(sign, ":", strings.Join(c.Words, "_"), map[bool]string{true: "*"}[c.Open]), nil
		}
		return "", c.Fault("no")
	})
	if err != nil {
		return err.Error()
	}
	return out
}

func TestTranslate(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"venue = ALPHA":                    "venue=alpha",
		"category = cs.CL AND year > 2019": "(category=cs.CL & year[2019.0000000000002 +Inf])",
		"NOT (venue = a OR language:*)":    "(!venue=a & !language?)",
		"title:Graph":                      "title:graph",
		`venue:"Annual Mee*"`:              "venue:annual_mee*",
		"graph":                            "(title:graph | abstract:graph)",
		"date = 2024":                      "date[1036288 1036703]",
		"metadata.kind = x":                "metadata.kind=x",
		"signals:votes":                    "signals.votes?",
		"signals.votes > 3":                "signals.votes[3.0000000000000004 +Inf]",
		`url = "http*"`:                    "request is not valid: filter at column 1: no",
		`venue = a OR venue = "*b"`:        "request is not valid: filter at column 14: no",
	} {
		if got := spelt(t, text); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

// What Translate says of a condition, and Values and Words of a record, decide as Match.
func TestTranslatedMeaning(t *testing.T) {
	r := &paper.Record{Paper: paper.Paper{
		ID: "a", Title: "Graphs, and their Föhn", Venue: "ÀLPHA", Categories: []string{"cs.CL", "math.GT"}, Language: "en",
		Authors: []paper.Author{{Name: "Ada Lovelace"}}, Metadata: map[string]string{"kind": "review"}, Signals: map[string]float64{"votes": 3},
	}}
	values := filter.Values(r)
	for _, text := range []string{
		"venue = àlpha", "venue = alpha", "category = cs.CL", "category = cs.cl", "author = 'ada lovelace'", "metadata.kind = review",
		"metadata.kind = Review", "id = a", "id = A", "language = EN", "truncated = false", "truncated = true",
		"title:föhn", "title:fohn", "title:graph", "author:lovelace", "signals:votes", "signals:likes", "metadata:kind", "doi:*",
	} {
		f, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		is := func(c filter.Comparison, value *string) bool {
			return slices.ContainsFunc(values, func(v filter.Value) bool {
				return v.Field == c.Field && v.Key == c.Key && (value == nil || v.Value == *value)
			})
		}
		got, err := filter.Translate(f, nil, nil, func(c filter.Comparison) (bool, error) {
			if c.Words != nil {
				words := filter.Words(strings.Join(filter.WordFields(r)[c.Field], " "))
				return slices.Contains(words, c.Words[0]), nil
			}
			return is(c, c.Exact), nil
		})
		if err != nil || got != f.Match(r) {
			t.Errorf("%s: %v, %v; Match says %v", text, got, err, f.Match(r))
		}
	}
}
