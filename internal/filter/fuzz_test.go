package filter

import (
	"errors"
	"strings"
	"testing"
	"time"

	"akin/internal/paper"
)

// Any text is a filter or a fault with a place; deciding with it never panics,
// and the index agrees with it.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		``, `transformers`, `"graph neural" AND year >= 2020`, `category = (cs.CL OR cs.LG) -author:love*`, `metadata."my key" != 'x\n'`,
		`date < 2024-03-17 OR listed_date = --03-17`, `signals.stars >= -1.5e3`, `NOT (truncated = true)`, `id = arXiv:2112.09118`, `((((`, `a.`, `.5`, `"\`, "\x00", `title:検索*`,
		`create_time > "2024-03-17T10:00:00Z"`, `f(x)`, `- -a`, `metadata.x:*`, `x=(a=(b))`,
	} {
		f.Add(text)
	}
	r := sample()
	x := NewIndex()
	x.Upsert(7, r)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := Parse(text)
		if err != nil {
			var e *paper.Error
			if !errors.As(err, &e) || e.Kind != paper.Invalid || len(e.Violations) != 1 || len(err.Error()) > 1000 {
				t.Fatalf("%q: %v, want a short error of kind Invalid", text, err)
			}
			return
		}
		kept := parsed.Match(r)
		bm, exact := x.Bitmap(parsed)
		if kept && !bm.Contains(7) || exact && bm.Contains(7) != kept {
			t.Fatalf("%q: the index says %v (exact: %v), the record %v", text, bm.Contains(7), exact, kept)
		}
		if len(text) < 200 {
			agree(t, text)
		}
	})
}

// The worst texts within the limit, and the longest record, take no time that
// anybody would notice.
func TestNoTextIsSlow(t *testing.T) {
	fill := func(begin, middle, end string) string {
		return begin + strings.Repeat(middle, (MaxTextBytes-len(begin)-len(end))/len(middle)) + end
	}
	long := strings.Repeat("a ", paper.MaxAbstractBytes/2)
	r := &paper.Record{Paper: paper.Paper{ID: "x", Abstract: long}}
	for _, text := range []string{
		fill("", "(", ""), fill("", "f(", ""), fill("", "f((", ""), fill("", "-", "a"), fill("", "NOT ", "a"), fill("", "a ", ""), fill("", "a.", "a = b"),
		fill("", "a OR ", "a"), fill(`title:"`, "a ", `"`), fill(`title = "`, "*", `"`), fill("", "a=", ""), fill("", "1", ""), fill("", "'", ""), fill("", "a", " = 1"),
		fill(`id = "`, "ü", ``), fill("x=", "(", ""), `"` + long[:2*MaxPhraseWords-2] + ` b"`,
	} {
		start := time.Now()
		if f, err := Parse(text); err == nil {
			f.Match(r)
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%.40s… takes %v", text, took)
		}
	}
}
