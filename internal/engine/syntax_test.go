package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"akin/internal/engine"
)

// What phrases leave empty is answered without them, unless somebody insists, and the
// answer says so; an exclusion stays.
func TestLoosened(t *testing.T) {
	r := newRig(t, ladder(4)...)
	long := strings.Repeat("unheard ", 13)
	for _, test := range []struct {
		query     string
		mode      engine.Mode
		syntax    engine.Syntax
		operators engine.Operators
		want      string
	}{
		{"own2x1", engine.Hybrid, engine.SyntaxAuto, engine.NoOperators, "p02 p01 p03 p04"},
		{`"own2x1"`, engine.Hybrid, engine.SyntaxAuto, engine.OperatorsCounted, "p02"},
		{`"own2x1 alpha"`, engine.Hybrid, engine.SyntaxOn, engine.OperatorsCounted, ""},
		{`"own2x1 alpha"`, engine.Hybrid, engine.SyntaxAuto, engine.PhrasesDropped, "p02 p01 p03 p04"},
		{`"own2x1 unheard" -own3x1`, engine.Hybrid, engine.SyntaxAuto, engine.PhrasesDropped, "p02 p01 p04"},
		{`"own2x1 unheard" -alpha`, engine.Lexical, engine.SyntaxAuto, engine.OperatorsCounted, ""},
		{`"own2x1" -alpha`, engine.Hybrid, engine.SyntaxAuto, engine.OperatorsCounted, ""},
		{"own2x1 -alph*", engine.Hybrid, engine.SyntaxAuto, engine.OperatorsCounted, ""},
		{"own2x1 -alph*", engine.Lexical, engine.SyntaxAuto, engine.OperatorsCounted, ""},
		{"own2x1 -alpha", engine.Semantic, engine.SyntaxOn, engine.OperatorsCounted, ""},
		{"own2x1 -alpha", engine.Semantic, engine.SyntaxAuto, engine.OperatorsCounted, ""},
		{"alpha -own2x1 -own3x1", engine.Semantic, engine.SyntaxAuto, engine.OperatorsCounted, "p01 p04"},
		{`"unheard unseen"`, engine.Lexical, engine.SyntaxAuto, engine.OperatorsCounted, ""},
		{`"unheard own2x1" -own3x1`, engine.Lexical, engine.SyntaxOff, engine.OperatorsIgnored, "p02 p03"},
		{long + `"own2x1 unheard" -own3x1`, engine.Lexical, engine.SyntaxAuto, engine.OperatorsRaised, "p02 p03"},
		{`The "own2x1 unheard" of -own3x1.`, engine.Lexical, engine.SyntaxAuto, engine.OperatorsRaised, "p02 p03"},
		{long + `"own2x1 unheard" -own3x1`, engine.Lexical, engine.SyntaxOn, engine.OperatorsCounted, ""},
		{"own2x1" + strings.Repeat(` "phrase"`, 300) + ".", engine.Lexical, engine.SyntaxAuto, engine.OperatorsRaised, "p02"},
	} {
		got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: test.query, Mode: test.mode, Syntax: test.syntax}))
		r.same(fmt.Sprint(test.query, " by ", test.mode, " with ", test.syntax), []any{found(got.Results), got.Operators}, []any{test.want, test.operators})
	}
	// A filter that leaves nothing is not the operators' doing.
	got := r.search(`"own2x1 alpha"`, engine.Hybrid, engine.ResultOptions{Filter: "venue = Nowhere"})
	r.same("under a filter", []any{found(got.Results), got.Operators}, []any{"", engine.OperatorsCounted})
	// Later pages say it as well.
	first := r.search(`"own2x1 alpha"`, engine.Hybrid, engine.ResultOptions{PageSize: 3})
	next := r.search(`"own2x1 alpha"`, engine.Hybrid, engine.ResultOptions{PageSize: 3, PageToken: first.NextPageToken})
	r.same("the next page", []any{found(next.Results), next.Operators}, []any{"p04", engine.PhrasesDropped})
}
