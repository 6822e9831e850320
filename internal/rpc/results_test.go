package rpc

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"akin/internal/engine"
	akinv1 "akin/proto/akin/v1"
)

// respond copies fields by name from a search's response: all that the two other
// responses have are in it, of the same kind.
func TestResponsesShareTheirFields(t *testing.T) {
	all := new(akinv1.SearchResponse).ProtoReflect().Descriptor().Fields()
	for _, m := range []proto.Message{new(akinv1.SimilarResponse), new(akinv1.RecommendResponse)} {
		fields := m.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			its := all.ByName(f.Name())
			if its == nil || its.Kind() != f.Kind() || its.Cardinality() != f.Cardinality() || kindOf(its) != kindOf(f) {
				t.Errorf("%s: a search's response has no such field: respond must be told of it", f.FullName())
			}
		}
	}
}

func kindOf(f protoreflect.FieldDescriptor) protoreflect.FullName {
	if m := f.Message(); m != nil {
		return m.FullName()
	}
	if e := f.Enum(); e != nil {
		return e.FullName()
	}
	return ""
}

// optionsOf reads all options that the three requests share: one that only some of
// them have is no shared one, and none is passed over.
func TestRequestsShareTheirOptions(t *testing.T) {
	requests := []proto.Message{new(akinv1.SearchRequest), new(akinv1.SimilarRequest), new(akinv1.RecommendRequest)}
	shared := requests[0].ProtoReflect().Descriptor().Fields()
	before, _, err := optionsOf(t.Context(), new(akinv1.SearchRequest))
	if err != nil {
		t.Fatal(err)
	}
	for i := range shared.Len() {
		f := shared.Get(i)
		if f.Name() == "collection" || requests[1].ProtoReflect().Descriptor().Fields().ByName(f.Name()) == nil ||
			requests[2].ProtoReflect().Descriptor().Fields().ByName(f.Name()) == nil {
			continue
		}
		req := new(akinv1.SearchRequest)
		switch f.Kind() { //nolint:exhaustive // requests have no others
		case protoreflect.BoolKind: // an optional one says something by being false
			req.ProtoReflect().Set(f, protoreflect.ValueOfBool(!f.HasPresence()))
		case protoreflect.Int32Kind:
			req.ProtoReflect().Set(f, protoreflect.ValueOfInt32(1))
		case protoreflect.DoubleKind:
			req.ProtoReflect().Set(f, protoreflect.ValueOfFloat64(.5))
		case protoreflect.StringKind:
			req.ProtoReflect().Set(f, protoreflect.ValueOfString("x"))
		case protoreflect.EnumKind:
			req.ProtoReflect().Set(f, protoreflect.ValueOfEnum(1))
		default:
			continue // the read mask, which shapes messages
		}
		after, _, err := optionsOf(t.Context(), req)
		before.Fits, after.Fits = nil, nil
		if err != nil || same(before, after) {
			t.Errorf("%s has no part in the options: %v", f.Name(), err)
		}
	}
}

// same compares options without what cannot be compared.
func same(a, b engine.ResultOptions) bool {
	if (a.MinScore == nil) != (b.MinScore == nil) {
		return false
	}
	a.MinScore, b.MinScore = nil, nil
	return reflect.DeepEqual(a, b)
}

func TestLimitsInSentences(t *testing.T) {
	for want, l := range map[string]engine.Limit{
		"The collection holds no papers.":                           {Reason: engine.LimitCollection},
		"The collection holds 1 paper.":                             {Reason: engine.LimitCollection, Kept: 1},
		"The filter keeps none of 12,345 papers.":                   {Reason: engine.LimitFilter, Removed: 12345},
		"The filter keeps 2 of 5 papers; `year = 2` keeps 3.":       {Reason: engine.LimitFilter, Removed: 3, Kept: 2, Part: "year = 2", PartKept: 3},
		"By 2020-01-01, 1 of 3 papers had appeared; 1 has no date.": {Reason: engine.LimitAsOf, Value: "2020-01-01", Removed: 2, Kept: 1, Undated: 1},
		"By 2020-01-01, none of 1 paper had appeared.":              {Reason: engine.LimitAsOf, Value: "2020-01-01", Removed: 1},
		"Of 4 papers, 2 have a word of the query.":                  {Reason: engine.LimitWords, Removed: 2, Kept: 2},
		"Of 4 papers, none has a word of the query; no paper of the collection has x, y.": {
			Reason: engine.LimitWords, Removed: 4, Value: "x y", Unknown: []string{"x", "y"},
		},
		`Of 4 papers, 1 has the phrase "a b".`:               {Reason: engine.LimitPhrase, Value: "a b", Removed: 3, Kept: 1},
		`Of 4 papers, 3 have "a", which the query excludes.`: {Reason: engine.LimitExclusion, Value: "a", Removed: 3, Kept: 1},
		"The query's own paper is left out.":                 {Reason: engine.LimitExamples, Removed: 1, Kept: 3},
		"The query's own 2 papers are left out.":             {Reason: engine.LimitExamples, Removed: 2},
		"Of 1 candidate, 1 has a cosine below 0.5; the best of them has 0.4321.": {
			Reason: engine.LimitMinScore, Value: "0.5", Removed: 1, BestRefused: .43211,
		},
		"As versions of other papers, 2 papers are left out.": {Reason: engine.LimitVersions, Removed: 2, Kept: 3},
		"With 1 a group, 2 of 5 left out.":                    {Reason: engine.LimitGroupSize, Value: "1", Removed: 2, Kept: 3},
		"As they were deleted or changed since the list was made, paper is left out; ask for the first page again for a new list.": {Reason: engine.LimitChanged, Removed: 1},
		"The query only says what to leave out: there is nothing to look for; add words without a - before them.":                  {Reason: engine.LimitUnasked, Value: "-x", Removed: 4},
	} {
		if got := detail(&l); got != want {
			t.Errorf("%+v: %q, want %q", l, got, want)
		}
		if limitReasons[l.Reason] == 0 {
			t.Errorf("reason %d has no name in the API", l.Reason)
		}
	}
}
