package lexical

import (
	"reflect"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

func TestExplain(t *testing.T) {
	x, err := New(Options{SegmentPapers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for i, title := range []string{"graph neural networks", "neural graph matching", "graph theory", "bread", "wine"} {
		if err := x.Upsert(uint32(i), title, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		text  string
		words bool
		want  []Step
	}{
		{"bread xylophone Xylophone the", true, []Step{{Kind: StepWords, Unknown: []string{"xylophone", "Xylophone"}, Left: 1}}},
		{`graph "neural networks" -theory`, true, []Step{
			{Kind: StepWords, Left: 3},
			{Kind: StepPhrase, Text: "neural networks", Left: 1},
			{Kind: StepExclusion, Text: "theory", Left: 1},
		}},
		{`graph -neural -zebra "zebra crossing"`, false, []Step{
			{Kind: StepExclusion, Text: "neural", Left: 2}, // of those that are kept
			{Kind: StepPhrase, Text: "zebra crossing"},
		}},
		{"graph", false, nil},
	} {
		got, err := x.Explain(t.Context(), Query{Text: c.text, Keep: roaring.BitmapOf(0, 1, 2, 3)}, c.words)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.text, got, err, c.want)
		}
	}
}
