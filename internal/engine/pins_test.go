package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

func searched(t *testing.T, e *engine.Engine, query, token string) (*engine.Answer, error) {
	t.Helper()
	return e.Search(t.Context(), engine.SearchRequest{Query: query, ResultOptions: engine.ResultOptions{PageSize: 7, PageToken: token}})
}

// manyResults finds more papers than a page has.
const manyResults = "work word60 word100 word59"

// pages reads the list of manyResults to its end.
func pages(t *testing.T, e *engine.Engine, token string) (ids []string) {
	t.Helper()
	for {
		a, err := searched(t, e, manyResults, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range a.Results {
			ids = append(ids, r.Record.ID)
		}
		if token = a.NextPageToken; token == "" {
			return ids
		}
	}
}

func expired(t *testing.T, err error, words string) {
	t.Helper()
	var e *paper.Error
	if !errors.As(err, &e) || e.Reason != paper.ReasonPageTokenExpired || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, not an expired token with %q", err, words)
	}
}

// A list that there is no room to keep is found again for its next page, and the
// token is refused when it came out otherwise meanwhile. Lists that are kept stay.
func TestPinnedMemory(t *testing.T) {
	e := open(t)
	upsert(t, e, corpus(30)...)
	all := pages(t, e, "")
	first, err := searched(t, e, manyResults, "")
	if err != nil || first.NextPageToken == "" {
		t.Fatalf("%q, %v", first.NextPageToken, err)
	}
	_, one := engine.Pinned(e)
	engine.LimitPinned(e, 3*one)
	kept, tokens := 1, []string{first.NextPageToken}
	for i := range 20 {
		a, err := searched(t, e, fmt.Sprint(manyResults, " word", i), "")
		if err != nil || a.NextPageToken == "" {
			t.Fatalf("%q, %v", a.NextPageToken, err)
		}
		if lists, bytes := engine.Pinned(e); bytes > 3*one || lists < kept {
			t.Fatalf("%d lists of %d bytes, the budget is %d", lists, bytes, 3*one)
		}
		tokens = append(tokens, a.NextPageToken)
	}
	if got := pages(t, e, first.NextPageToken); !slices.Equal(got, all[7:]) {
		t.Error("a list that was kept came out otherwise")
	}
	engine.LimitPinned(e, 0)
	loose, err := searched(t, e, manyResults, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := pages(t, e, loose.NextPageToken); !slices.Equal(got, all[7:]) {
		t.Error("a list that was not kept came out otherwise")
	}
	_, err = searched(t, e, manyResults+" more", loose.NextPageToken)
	expired(t, err, "of another request")
	upsert(t, e, paper.Paper{ID: "new", Title: manyResults, Abstract: strings.Repeat(manyResults+" ", 10)})
	_, err = searched(t, e, manyResults, loose.NextPageToken)
	expired(t, err, "changed since")
	if _, err := searched(t, e, manyResults, first.NextPageToken); err != nil {
		t.Errorf("a list that was kept is lost: %v", err)
	}
	for _, bad := range []string{"x", "~x", "~.5", "a.-1", "~0123456789abcdef01234567.7", ".", tokens[0] + "0000"} {
		_, err := searched(t, e, manyResults, bad)
		expired(t, err, "ask for the first page again")
	}
}
