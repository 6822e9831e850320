package filter

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
)

// shape writes a structure in one form for both parsers: chains of AND and of
// OR flat, negations as "!", words as they are.
func (s *syntax) shape() string {
	parts := make([]string, 0, len(s.kids))
	for _, kid := range s.kids {
		parts = append(parts, kid.shape())
	}
	switch s.kind {
	case syntaxAnd:
		return join("AND", parts)
	case syntaxOr:
		return join("OR", parts)
	case syntaxNot:
		return "!" + parts[0]
	case syntaxBare:
		return fmt.Sprintf("%q", s.value.text)
	}
	if s.arg != nil {
		return fmt.Sprintf("%q %s %s", s.path.text, s.op, s.arg.shape())
	}
	return fmt.Sprintf("%q %s %q", s.path.text, s.op, s.value.text)
}

// join flattens (a AND (b AND c)), which mean one thing however they nest.
func join(op string, parts []string) string {
	return "(" + strings.Join(parts, " "+op+" ") + ")"
}

// flat gives the parts of nested calls of the same operator.
func flat(e *expr.Expr, functions ...string) []*expr.Expr {
	call := e.GetCallExpr()
	if call == nil || !slices.Contains(functions, call.GetFunction()) {
		return []*expr.Expr{e}
	}
	var all []*expr.Expr
	for _, arg := range call.GetArgs() {
		all = append(all, flat(arg, functions...)...)
	}
	return all
}

// referenceShape is shape for the other parser's tree; ok is false where it
// has what is no part of akin's language, functions and numbers in other forms.
func referenceShape(e *expr.Expr) (shape string, ok bool) {
	chain := func(op string, functions ...string) (string, bool) {
		var parts []string
		for _, kid := range flat(e, functions...) {
			part, ok := referenceShape(kid)
			if !ok {
				return "", false
			}
			parts = append(parts, part)
		}
		return join(op, parts), true
	}
	switch call := e.GetCallExpr(); {
	case call == nil:
		text, ok := plain(e)
		return fmt.Sprintf("%q", text), ok
	case call.GetFunction() == filtering.FunctionAnd, call.GetFunction() == filtering.FunctionFuzzyAnd:
		return chain("AND", filtering.FunctionAnd, filtering.FunctionFuzzyAnd)
	case call.GetFunction() == filtering.FunctionOr:
		return chain("OR", filtering.FunctionOr)
	case call.GetFunction() == filtering.FunctionNot && len(call.GetArgs()) == 1:
		s, ok := referenceShape(call.GetArgs()[0])
		return "!" + s, ok
	case filtering.TokenType(call.GetFunction()).IsComparator():
		path, ok := plain(call.GetArgs()[0])
		value, ok2 := referenceShape(call.GetArgs()[1])
		return fmt.Sprintf("%q %s %s", path, call.GetFunction(), value), ok && ok2
	}
	return "", false
}

// plain gives the text of a name, a path or a string.
func plain(e *expr.Expr) (string, bool) {
	switch k := e.GetExprKind().(type) {
	case *expr.Expr_IdentExpr:
		return k.IdentExpr.GetName(), true
	case *expr.Expr_SelectExpr:
		of, ok := plain(k.SelectExpr.GetOperand())
		return of + "." + k.SelectExpr.GetField(), ok
	case *expr.Expr_ConstExpr:
		s, ok := k.ConstExpr.GetConstantKind().(*expr.Constant_StringValue)
		if !ok {
			return "", false
		}
		return s.StringValue, true
	}
	return "", false
}

// normal is our structure with chains as flat as the reference's.
func normal(s *syntax) *syntax {
	out := *s
	out.kids = nil
	for _, kid := range s.kids {
		kid = normal(kid)
		if kid.kind == s.kind && (s.kind == syntaxAnd || s.kind == syntaxOr) {
			out.kids = append(out.kids, kid.kids...)
		} else {
			out.kids = append(out.kids, kid)
		}
	}
	if s.arg != nil {
		out.arg = normal(s.arg)
	}
	return &out
}

// agree holds our structure to that of go.einride.tech/aip/filtering for a text
// that both read.
func agree(t *testing.T, text string) {
	t.Helper()
	var parser filtering.Parser
	parser.Init(text)
	parsed, err := parser.Parse()
	if err != nil {
		return
	}
	want, ok := referenceShape(parsed.GetExpr())
	if !ok {
		return
	}
	s, err := read(text)
	if err != nil {
		// Refused on purpose: limits, words that are most likely operators, and
		// what is no value in a list of values.
		for _, why := range []string{"deeper than", "more than", "in capitals", "in the parentheses after", "a list of values can stand"} {
			if strings.Contains(err.Error(), why) {
				return
			}
		}
		t.Errorf("%s: the reference reads %s, here it is a fault: %v", text, want, err)
		return
	}
	if got := normal(s).shape(); got != want {
		t.Errorf("%s:\n\tgot  %s\n\twant %s", text, got, want)
	}
}

func TestStructureIsThatOfTheReferenceParser(t *testing.T) {
	for _, text := range []string{
		`a`, `a b`, `a AND b`, `a b AND c OR d e`, `NOT a OR b`, `-a`, `-(a OR b) AND c`, `NOT (a b)`, `a = b`, `a.b.c : "d e"`, `m."x y".z != c`,
		`x = (a OR b)`, `x:(a b AND c OR NOT d)`, `"a b" OR c`, `m.k:*`, `a=b c<d e>=f`, `(((a)))`, "a\n\tAND  b", `x = a.b`, `(a AND b) AND (c AND (d OR (e OR f)))`,
		`New York Giants OR Yankees`, `a < b AND (c >= "d" OR NOT e:f)`,
	} {
		if _, err := read(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		agree(t, text)
	}
}
