package paper

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestParseDate(t *testing.T) {
	for text, want := range map[string]Date{
		"": {}, "2021": {Year: 2021}, "2021-12": {2021, 12, 0}, "2021-12-16": {2021, 12, 16},
		"2021-12-16T01:02:03Z": {2021, 12, 16}, "--03-17": {0, 3, 17}, "--02-29": {0, 2, 29},
	} {
		got, err := ParseDate(text)
		if err != nil || got != want {
			t.Errorf("ParseDate(%q) = %v, %v, want %v", text, got, err, want)
		}
		if again, err := ParseDate(got.String()); err != nil || again != got {
			t.Errorf("%v written as %q reads back as %v, %v", got, got, again, err)
		}
	}
	for _, text := range []string{"21", "2021-13", "2021-02-29", "2021-1-x", "x", "--3", "--13-01", "--03-17x", "2021-12-16-1", "-2021"} {
		if got, err := ParseDate(text); KindOf(err) != Invalid {
			t.Errorf("ParseDate(%q) = %v, %v, want kind Invalid", text, got, err)
		}
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	p := Paper{
		ID: "x\n", Abstract: strings.Repeat("a", MaxAbstractBytes+1), Categories: []string{"\xff"},
		PublishDate: Date{0, 3, 17}, Signals: map[string]float64{"n": math.NaN()},
	}
	var e *Error
	if err := p.Validate(); !errors.As(err, &e) || e.Kind != Invalid {
		t.Fatalf("%v, want kind Invalid", err)
	}
	fields := make(map[string]bool)
	for _, v := range e.Violations {
		fields[v.Field] = true
	}
	for _, want := range []string{"id", "abstract", "categories[0]", "publish_date", `signals["n"]`} {
		if !fields[want] {
			t.Errorf("the fault of %s is not named in %v", want, e)
		}
	}
	good := Paper{ID: "arXiv:1/2 % x", Title: "T"}
	if err := good.Validate(); err != nil {
		t.Errorf("a good paper: %v", err)
	}
	empty := Paper{ID: "x", Title: " "}
	if err := empty.Validate(); err == nil || strings.Contains(err.Error(), "title title") {
		t.Errorf("a paper without text: %v", err)
	}
}

func TestMergeListedDates(t *testing.T) {
	a, b := []Date{{0, 3, 17}, {2024, 1, 2}}, []Date{{0, 3, 14}, {0, 3, 17}}
	got := MergeListedDates(a, b)
	want := []Date{{0, 3, 14}, {0, 3, 17}, {2024, 1, 2}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v, want %v", got, want)
	}
	if MergeListedDates(nil, nil) != nil {
		t.Error("nothing merged with nothing is not nil")
	}
}

func TestFingerprintCoversEveryField(t *testing.T) {
	base := Space{"m", "d", "t", "mean", "{title}", "", "", 256, 384, "float32"}
	seen := map[string]int{base.Fingerprint(): -1}
	for i, change := range []func(*Space){
		func(s *Space) { s.Model = "n" }, func(s *Space) { s.ModelDigest = "e" }, func(s *Space) { s.TokenizerDigest = "u" },
		func(s *Space) { s.Pooling = "cls" }, func(s *Space) { s.Template = "{abstract}" }, func(s *Space) { s.QueryPrefix = "q" },
		func(s *Space) { s.DocumentPrefix = "d" }, func(s *Space) { s.MaxTokens = 128 }, func(s *Space) { s.Dimension = 2 },
		func(s *Space) { s.Precision = "int8" },
	} {
		s := base
		change(&s)
		if j, ok := seen[s.Fingerprint()]; ok {
			t.Errorf("changes %d and %d give one fingerprint", i, j)
		}
		seen[s.Fingerprint()] = i
	}
}

// What is empty is nil in a plain paper, what is not stays, and the original is as it was.
func TestPlain(t *testing.T) {
	t.Parallel()
	empty := Paper{
		ID: "a", Authors: []Author{}, Categories: []string{}, ListedDates: []Date{}, URLs: []string{},
		Signals: map[string]float64{}, Metadata: map[string]string{},
	}
	if got := empty.Plain(); !reflect.DeepEqual(got, Paper{ID: "a"}) {
		t.Errorf("%#v", got)
	}
	if empty.Authors == nil || empty.Metadata == nil {
		t.Error("the original was changed")
	}
	full := Paper{
		ID: "a", Authors: []Author{{Name: "A"}}, Categories: []string{"c"}, ListedDates: []Date{{Year: 2026}}, URLs: []string{"u"},
		Signals: map[string]float64{"s": 1}, Metadata: map[string]string{"m": "x"},
	}
	if got := full.Plain(); !reflect.DeepEqual(got, full) {
		t.Errorf("%#v", got)
	}
}
