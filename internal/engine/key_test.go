package engine

import (
	"reflect"
	"testing"
	"time"
)

// Whatever shapes a list is in the key of its request: each field of each request,
// and of what it is made of, changes the key, unless it is tagged as one that does
// not shape the list.
func TestEveryFieldIsInTheKey(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 8, 9, 10, time.UTC)
	for _, request := range []any{
		SearchRequest{},
		SimilarRequest{},
		SimilarRequest{PaperIDs: []string{"a", "b"}, Text: &Text{Title: "t", Abstract: "a"}, ResultOptions: ResultOptions{MinScore: new(float64)}},
		RecommendRequest{Positive: []Example{{PaperID: "a"}, {Text: &Text{Title: "t"}, Weight: 2, Time: now}}, Negative: []Example{{PaperID: "b"}}},
	} {
		v := reflect.New(reflect.TypeOf(request)).Elem()
		v.Set(reflect.ValueOf(request))
		before := keyOf(v.Interface())
		each(t, v.Type().Name(), v, false, func(path string, tagged bool) {
			if same := keyOf(v.Interface()) == before; same != tagged {
				t.Errorf("%s: the key is the same %v, want %v", path, same, tagged)
			}
		})
		if keyOf(v.Interface()) != before {
			t.Fatalf("%s: the test did not put back what it changed", v.Type())
		}
	}
}

// each changes every field within a value, one at a time, calls changed, and puts it
// back.
func each(t *testing.T, path string, v reflect.Value, tagged bool, changed func(path string, tagged bool)) {
	t.Helper()
	try := func(path string, to reflect.Value) {
		before := reflect.New(v.Type()).Elem()
		before.Set(v)
		v.Set(to)
		changed(path, tagged)
		v.Set(before)
	}
	if at, ok := v.Interface().(time.Time); ok {
		try(path, reflect.ValueOf(at.Add(time.Nanosecond)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			each(t, path+"."+f.Name, v.Field(i), tagged || f.Tag.Get("key") == unkeyed, changed)
		}
	case reflect.Pointer:
		if v.IsNil() {
			try(path+" set", reflect.New(v.Type().Elem()))
		} else {
			try(path+" unset", reflect.Zero(v.Type()))
			each(t, path, v.Elem(), tagged, changed)
		}
	case reflect.Slice:
		try(path+" with one more", reflect.Append(v, reflect.Zero(v.Type().Elem())))
		for i := range v.Len() {
			each(t, path, v.Index(i), tagged, changed)
		}
	case reflect.String:
		try(path, reflect.ValueOf(v.String()+"x").Convert(v.Type()))
	case reflect.Bool:
		try(path, reflect.ValueOf(!v.Bool()).Convert(v.Type()))
	case reflect.Int:
		try(path, reflect.ValueOf(v.Int()+1).Convert(v.Type()))
	case reflect.Float64:
		try(path, reflect.ValueOf(v.Float()+.5).Convert(v.Type()))
	case reflect.Func:
		try(path, reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value { return nil }))
	default:
		t.Errorf("%s is a %s, which keyOf does not know: teach it, or tag the field", path, v.Kind())
	}
}

// What two texts are together does not hide where one ends, and what is nothing does
// not count as something.
func TestKeysDiffer(t *testing.T) {
	seen := make(map[requestKey]int)
	for i, request := range []any{
		SearchRequest{Query: "ab"},
		SearchRequest{Query: "a", Collection: "b"},
		SearchRequest{Collection: "ab"},
		SimilarRequest{},
		SimilarRequest{PaperIDs: []string{"ab"}},
		SimilarRequest{PaperIDs: []string{"a", "b"}},
		SimilarRequest{PaperIDs: []string{"a", "", "b"}},
		SimilarRequest{Text: &Text{}},
		SimilarRequest{Text: &Text{Title: "a", Abstract: "b"}},
		SimilarRequest{Text: &Text{Title: "ab"}},
		SimilarRequest{ResultOptions: ResultOptions{MinScore: new(float64)}},
		RecommendRequest{},
		RecommendRequest{Positive: make([]Example, 1)},
		RecommendRequest{Negative: make([]Example, 1)},
		RecommendRequest{Positive: []Example{{PaperID: "a"}}},
		RecommendRequest{Positive: []Example{{Text: &Text{Title: "a"}}}},
	} {
		key := keyOf(request)
		if other, ok := seen[key]; ok {
			t.Errorf("request %d has the key of request %d", i, other)
		}
		seen[key] = i
	}
	zone := time.FixedZone("east", 3600)
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	if keyOf(RecommendRequest{Positive: []Example{{Time: at}}}) != keyOf(RecommendRequest{Positive: []Example{{Time: at.In(zone)}}}) {
		t.Error("one time in two zones is two requests")
	}
}

// The stages stand in the order in which their effects must come.
func TestStages(t *testing.T) {
	var names []string
	for _, s := range stages() {
		names = append(names, s.name)
	}
	want := []string{"candidates", "leave out", "recency", "cut", "versions", "rerank", "diversify", "group"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("the stages are %v, want %v", names, want)
	}
}
