package cli

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	akinv1 "akin/proto/akin/v1"
)

func TestParseExamples(t *testing.T) {
	may := &timestamppb.Timestamp{Seconds: 1714521600} // 2024-05-01
	byID := func(id string, weight float64, at *timestamppb.Timestamp) *akinv1.Example {
		return &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: id}, Weight: weight, Time: at}
	}
	for _, c := range []struct {
		text string
		want []*akinv1.Example
	}{
		{"a\nb c\t2\r\n\nd\t\t2024-05-01\n", []*akinv1.Example{byID("a", 0, nil), byID("b c", 2, nil), byID("d", 0, may)}},
		{"\xef\xbb\xbfa\t2\r\n", []*akinv1.Example{byID("a", 2, nil)}},
		{"\xff\xfea\x00\n\x00", []*akinv1.Example{byID("a", 0, nil)}},
		{"\xef\xbb\xbf{\"id\":\"a\"}", []*akinv1.Example{byID("a", 0, nil)}},
		{"{\"id\":\"a\",\"weight\":0.5,\"time\":\"2024-05-01T00:00:00Z\"}\n{\"title\":\"t\"}", []*akinv1.Example{
			byID("a", .5, may), {Example: &akinv1.Example_Text{Text: &akinv1.Text{Title: "t"}}},
		}},
	} {
		got, err := parseExamples(strings.NewReader(c.text), "f")
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%q: %v, %v", c.text, got, err)
			continue
		}
		for i := range got {
			if !proto.Equal(got[i], c.want[i]) {
				t.Errorf("%q: %v, want %v", c.text, got[i], c.want[i])
			}
		}
	}
	for _, c := range []struct{ text, want string }{
		{"", "f holds no examples"},
		{"a\tb\n", `f:1: weight "b" is not a number`},
		{"a\t0\n", "f:1: weight is 0; it must be above 0 and at most 1000"},
		{"a\tNaN\n", "f:1: weight is NaN"},
		{"a\n\nb\t1\tyesterday\n", `f:3: time "yesterday" is neither a day, such as 2024-05-01`},
		{"a\t1\t2024-05-01\tx\n", "f:1: has 4 fields; wanted are id, weight and day"},
		{"{\"id\":\"a\",\"wieght\":1}\n", "f:1: wanted is an object of id"},
		{"{\"id\":\"a\",\"title\":\"t\"}\n", "f:1: give either id, or title and abstract"},
		{"{\"id\":\"a\"} {}\n", "f:1: there is more than one object"},
		{"{\"id\":\"a\"}\nb\n", "f:2: wanted is an object"},
		{strings.Repeat("a", maxExampleLine+1), "f:1: read a line"},
		{strings.Repeat("a\n", mostExamples+1), fmt.Sprintf("f:%d: there are more than %d examples", mostExamples+1, mostExamples)},
	} {
		if _, err := parseExamples(strings.NewReader(c.text), "f"); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.40q: %v; want %q", c.text, err, c.want)
		}
	}
}

// Whatever a file of examples holds, each that is read says what it is, and has a
// weight and a time that the API takes.
func FuzzParseExamples(f *testing.F) {
	f.Add("a\t2\t2024-05-01\n")
	f.Add("{\"id\":\"a\",\"weight\":1e3,\"time\":\"2024-05-01T00:00:00Z\"}\n")
	f.Add("\x00\t\t9999-12-31")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseExamples(strings.NewReader(text), "f")
		if err != nil {
			return
		}
		for _, x := range got {
			if x.GetPaperId() == "" && x.GetText() == nil || x.GetWeight() < 0 || x.GetWeight() > 1000 || x.GetTime() != nil && x.GetTime().CheckValid() != nil {
				t.Errorf("%q gave %v", text, x)
			}
		}
	})
}
