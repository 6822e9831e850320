package wire

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

func full() *akinv1.Paper {
	return &akinv1.Paper{
		Id: "a", Title: "t", Abstract: "b", Authors: []*akinv1.Author{{Name: "n", Orcid: "0000-0002-1825-0097"}}, Categories: []string{"c"},
		Venue: "v", PublishDate: &date.Date{Year: 2020, Month: 2, Day: 3}, ListedDates: []*date.Date{{Month: 5, Day: 6}}, Doi: "10.1/x",
		ArxivId: "2001.00001", Urls: []string{"u"}, Language: "en", Signals: map[string]float64{"s": .5}, Metadata: map[string]string{"k": "w"},
	}
}

// Every field that callers set survives the way in and out.
func TestPapersThereAndBack(t *testing.T) {
	want := full()
	fields := want.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.Number() < 20 && !want.ProtoReflect().Has(f) {
			t.Errorf("this test leaves %s out", f.Name())
		}
	}
	in := FromPaper(want)
	if got := ToPaper(&in); !proto.Equal(got, want) {
		t.Errorf("%v became %v", want, got)
	}
	nothing := FromPaper(nil)
	if got := ToPaper(&nothing); !proto.Equal(got, &akinv1.Paper{}) {
		t.Errorf("nothing became %v", got)
	}
	if in.Categories[0] = "changed"; want.GetCategories()[0] != "c" {
		t.Error("the message changed with the paper")
	}
}

// A record has what akin adds, in fields that the paper alone does not have.
func TestRecords(t *testing.T) {
	day := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	r := &paper.Record{Paper: FromPaper(full()), Revision: 7, CreateTime: day, UpdateTime: day.Add(time.Hour), ContentDigest: paper.Digest{1}, TokenCount: 9, Truncated: true}
	r.Title = "Preface"
	got := ToRecord(r)
	fields := got.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); !got.ProtoReflect().Has(f) {
			t.Errorf("%s is not set", f.Name())
		}
	}
	bare := ToPaper(&r.Paper)
	got.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if output := f.Number() >= 20; output == bare.ProtoReflect().Has(f) {
			t.Errorf("%s of the paper alone", f.Name())
		}
		return true
	})
	if got.GetUpdateTime().AsTime() != day.Add(time.Hour) || got.GetContentDigest() != r.ContentDigest.String() {
		t.Errorf("it is %v", got)
	}
}

func TestDates(t *testing.T) {
	for _, d := range []paper.Date{{}, {Year: 2020}, {Year: 2020, Month: 2}, {Year: 2020, Month: 2, Day: 3}, {Month: 2, Day: 3}} {
		if got := ToDate(d); FromDate(got) != d || (got == nil) != d.IsZero() {
			t.Errorf("%v became %v", d, got)
		}
	}
}

// A space's wire form has all that makes two spaces differ, or its fingerprint has.
func TestSpaces(t *testing.T) {
	s := paper.Space{Model: "m", ModelDigest: "d", TokenizerDigest: "k", Pooling: "mean", Template: "{title}", MaxTokens: 5, Dimension: 3, Precision: "float32"}
	got := ToSpace(s)
	fields := got.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); !got.ProtoReflect().Has(f) {
			t.Errorf("%s is not set", f.Name())
		}
	}
	other := s
	other.Pooling = "cls"
	if got.GetFingerprint() == ToSpace(other).GetFingerprint() {
		t.Error("two spaces have one fingerprint")
	}
}
