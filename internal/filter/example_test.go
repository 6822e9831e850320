package filter_test

import (
	"context"
	"fmt"

	"akin/internal/filter"
	"akin/internal/paper"
)

// A filter decides one record, and an index compiles it to the ordinals of all papers
// that it keeps.
func Example() {
	records := []*paper.Record{
		{Paper: paper.Paper{ID: "a", Title: "Graph networks", Categories: []string{"cs.LG"}, PublishDate: paper.Date{Year: 2024, Month: 3}}},
		{Paper: paper.Paper{ID: "b", Title: "Old graphs", Categories: []string{"cs.LG", "math.CO"}, PublishDate: paper.Date{Year: 1998}}},
		{Paper: paper.Paper{ID: "c", Title: "Seabirds", Categories: []string{"q-bio"}}},
	}
	index := filter.NewIndex()
	for ordinal, r := range records {
		index.Upsert(uint32(ordinal), r)
	}
	f, err := filter.Parse(`category = "cs.LG" AND date >= 2000`)
	if err != nil {
		fmt.Println(err)
		return
	}
	view := index.ViewAt(index.Version(), func(_ context.Context, ordinals []uint32) ([]*paper.Record, error) {
		var out []*paper.Record
		for _, o := range ordinals {
			out = append(out, records[o])
		}
		return out, nil
	})
	kept, exact, err := view.Bitmap(context.Background(), f)
	fmt.Println(kept, exact, err, f.Match(records[0]), f.Match(records[1]))
	// Output: {0} true <nil> true false
}

// What cannot be read is an error that names the column and says what to write.
func ExampleParse() {
	_, err := filter.Parse("category == cs.LG")
	fmt.Println(err)
	// Output: request is not valid: filter at column 11: equality is one =, not ==
}

// The conditions of a filter, each a filter of its own, say which one left nothing.
func ExampleFilter_Conjuncts() {
	f, err := filter.Parse(`year >= 2020 AND (venue = ICML OR venue = ICLR) AND NOT author:smith`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range f.Conjuncts() {
		fmt.Println(c)
	}
	// Output:
	// year >= 2020
	// (venue = ICML OR venue = ICLR)
	// NOT author:smith
}
