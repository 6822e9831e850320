package filter

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"akin/internal/paper"
	"akin/internal/text/unify"
)

// Small vocabularies, so that random filters meet random records.
var (
	someNames  = []string{"Ada Lovelace", "ada lovelace", "Alan Turing", "Erik Sandström", "Grace Hopper"}
	someCats   = []string{"cs.CL", "cs.LG", "stat.ML", ""}
	someVenues = []string{"", "ICML", "icml", "NeurIPS", "Graph Drawing"}
	someTexts  = []string{"", "Graph neural networks", "Dense retrieval of papers", "graphs"}
	someDates  = []paper.Date{{}, {Year: 2023}, {Year: 2024}, {Year: 2024, Month: 1}, {Year: 2024, Month: 1, Day: 1}, {Year: 2024, Month: 3, Day: 17}, {Year: 2023, Month: 12, Day: 31}}
	someListed = append([]paper.Date{{Month: 3, Day: 17}, {Month: 1, Day: 1}}, someDates[1:]...)
	someKeys   = []string{"pages", "note", "my key"}
	someValues = []string{"", "12", "7", "12.0", "Best Paper", "best"}
	someTimes  = []time.Time{{}, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 3, 17, 10, 0, 0, 1500, time.UTC)}
)

func drawRecord(t *rapid.T) *paper.Record {
	pick := func(from []string) string { return rapid.SampledFrom(from).Draw(t, "value") }
	some := func(from []string) []string { return rapid.SliceOfN(rapid.SampledFrom(from), 0, 3).Draw(t, "values") }
	r := &paper.Record{Paper: paper.Paper{
		ID: pick([]string{"a", "b", "c"}), Title: pick(someTexts), Abstract: pick(someTexts), Categories: some(someCats), Venue: pick(someVenues),
		PublishDate: rapid.SampledFrom(someDates).Draw(t, "date"), ListedDates: rapid.SliceOfN(rapid.SampledFrom(someListed), 0, 2).Draw(t, "listed"),
		DOI: pick([]string{"", "10.1/X", "10.1/y"}), Language: pick([]string{"", "en", "EN", "de"}), URLs: some([]string{"https://a.org/b"}),
		Signals: map[string]float64{}, Metadata: map[string]string{},
	}, Truncated: rapid.Bool().Draw(t, "truncated")}
	for _, name := range some(someNames) {
		r.Authors = append(r.Authors, paper.Author{Name: name, ORCID: pick([]string{"", "0000-000x"})})
	}
	for _, key := range some(someKeys) {
		r.Metadata[key] = pick(someValues)
		r.Signals[key] = rapid.SampledFrom([]float64{-1, 0, 1.5, 12}).Draw(t, "signal")
	}
	r.CreateTime = rapid.SampledFrom(someTimes).Draw(t, "created")
	r.UpdateTime = rapid.SampledFrom(someTimes).Draw(t, "updated")
	return r
}

func drawComparison(t *rapid.T) string {
	pick := func(from ...string) string { return rapid.SampledFrom(from).Draw(t, "part") }
	equality := pick("=", "!=", ":")
	order := pick("=", "!=", ":", "<", "<=", ">", ">=")
	quoted := func(from []string) string { return fmt.Sprintf("%q", pick(append([]string{"*"}, from...)...)) }
	date := pick("2023", "2024", "2024-01", "2024-01-01", "2024-03", "2024-03-17", "2023-12-31")
	key := fmt.Sprintf("%q", pick(append([]string{"none"}, someKeys...)...))
	return pick(
		pick("graph", "graph*", "papers", `"dense retrieval"`, `"neural networks"`),
		pick("title", "abstract")+":"+pick("graph", "graph*", "*", "networks"),
		pick("title", "venue", "author", "language")+pick("=", "!=")+pick(`"G*"`, `"*s"`, `"*a*"`, `"e*"`, `"*L"`),
		"category"+equality+pick("cs.CL", "cs.*", "*", `"*.ML"`, "cs.XX"), "venue"+equality+quoted(someVenues[1:]), "author"+equality+quoted(someNames), "author:"+pick("love*", `"ada love*"`, `"lovelace ada"`, "sandstr*", "a*"),
		"language"+equality+pick("en", "de", "*"), "doi"+equality+pick("10.1/x", "*"), "id"+equality+pick("a", "b", "*"), "orcid"+equality+pick("0000-000X", "*"), "url"+equality+pick("a.org", "*"),
		"date"+order+date, "listed_date"+order+date, "listed_date"+equality+"--03-17", "date:*", "listed_date:*", "year"+order+pick("2023", "2024", "2023.5"), "year:*",
		"truncated"+equality+pick("true", "false"), pick("create_time", "update_time")+order+pick(date, `"2024-03-17T10:00:00.000001Z"`),
		pick("create_time:*", "update_time=*"), "signals."+key+order+pick("-1", "0", "1.5", "12", "3"), pick("signals", "metadata")+":"+key, "metadata."+key+pick("=", "!=")+quoted(someValues),
		"metadata."+key+":"+pick("best", "paper", "*", "12"), "metadata."+key+pick("<", "<=", ">", ">=", "=", "!=")+pick("12", "7", `"12"`, `"A"`),
	)
}

func drawFilter(t *rapid.T, depth int) string {
	if depth == 0 {
		return drawComparison(t)
	}
	sub := func() string { return drawFilter(t, rapid.IntRange(0, depth-1).Draw(t, "depth")) }
	switch rapid.IntRange(0, 5).Draw(t, "shape") {
	case 0:
		return "NOT (" + sub() + ")"
	case 1:
		return "(" + sub() + " OR " + sub() + " OR " + sub() + ")"
	case 2:
		return sub() + " " + sub()
	case 3:
		return "-(" + sub() + " AND " + sub() + ")"
	case 4:
		return "(" + sub() + ") AND (" + sub() + ")"
	}
	return drawComparison(t)
}

// The ordinals lie around the border of two pages, and at the end of the range.
func drawOrdinal(t *rapid.T) uint32 {
	return rapid.SampledFrom([]uint32{0, 1, 2, 3, 65534, 65535, 65536, 65537, 1 << 30, 1<<32 - 2, 1<<32 - 1}).Draw(t, "ordinal")
}

// Whatever was put in, replaced and deleted: the bitmap, decided further by
// Match where it is not exact, is what Match says of every record.
func TestIndexIsMatchOnEveryRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, records := NewIndex(), make(map[uint32]*paper.Record)
		for range rapid.IntRange(0, 40).Draw(t, "writes") {
			ordinal := drawOrdinal(t)
			if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
				x.Delete(ordinal)
				delete(records, ordinal)
			} else {
				records[ordinal] = drawRecord(t)
				x.Upsert(ordinal, records[ordinal])
			}
		}
		for range 5 {
			compare(t, x, records, drawFilter(t, 3))
		}
		compare(t, x, records, "")
		holdsAll(t, x, records)
		other := drawRecord(t)
		for ordinal, r := range records { // what looks otherwise is not held
			r.Title, other.Title, r.Abstract, other.Abstract = "", "", "", "" // not kept
			if same := reflect.DeepEqual(attributesOf(r), attributesOf(other)); x.Holds(ordinal, other) && !same {
				t.Fatalf("%v is taken for %v", other, r)
			}
		}
		audit(t, x)
	})
}

// holdsAll sees that the index says it holds every record, and no other.
func holdsAll(t failer, x *Index, records map[uint32]*paper.Record) {
	t.Helper()
	for ordinal, r := range records {
		if !x.Holds(ordinal, r) {
			t.Fatalf("%v, at %d, is not held", r, ordinal)
		}
		if x.Holds(ordinal+7, r) && records[ordinal+7] == nil {
			t.Fatalf("a paper that is not there is held")
		}
	}
}

// attributesOf is what an index can tell two records apart by: the values of each
// field, as a set, folded.
func attributesOf(r *paper.Record) map[string]any {
	all := map[string]any{"date": r.PublishDate, "created": r.CreateTime, "updated": r.UpdateTime, "metadata": r.Metadata, "signals": r.Signals}
	for _, a := range NewIndex().fixed {
		values := map[string]bool{}
		for _, value := range texts(r, a.field, "") {
			if a.ids == nil {
				value = ""
			}
			values[a.field.same(value)] = true
		}
		all[a.name] = values
	}
	for key, value := range r.Metadata {
		all["metadata."+key] = unify.Fold(value)
	}
	delete(all, "metadata")
	return all
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func compare(t failer, x *Index, records map[uint32]*paper.Record, text string) {
	t.Helper()
	f, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	got, exact := x.Bitmap(f)
	for _, ordinal := range got.ToArray() {
		if r := records[ordinal]; r == nil {
			t.Fatalf("%s: ordinal %d is not live", text, ordinal)
		} else if !exact && !f.Match(r) {
			got.Remove(ordinal)
		}
	}
	want := roaring.New()
	for ordinal, r := range records {
		if f.Match(r) {
			want.Add(ordinal)
		}
	}
	if !got.Equals(want) {
		t.Fatalf("%s (exact: %v):\n\tgot  %v\n\twant %v", text, exact, got, want)
	}
}

// audit deletes everything and sees that nothing is left.
func audit(t failer, x *Index) {
	t.Helper()
	for _, ordinal := range x.live.ToArray() {
		x.Delete(ordinal)
	}
	terms := 0
	for _, term := range x.terms {
		if term != nil {
			terms++
		}
	}
	for _, a := range x.fixed {
		if terms += a.ids.len() + int(a.present.GetCardinality()); a.names != nil {
			terms += len(a.names.words) - len(a.names.free)
		}
	}
	if left := x.rows.len() + x.dates.len() + x.created.len() + x.updated.len() + terms + x.Len(); left != 0 || len(x.free) != len(x.terms) || len(x.attributes) != len(x.fixed) {
		t.Fatalf("an empty index still has %d things, %d of %d places free, and attributes %v", left, len(x.free), len(x.terms), x.attributes)
	}
}

// Many papers, so that postings become bitmaps, rows are walked, and scans
// narrow.
func TestIndexOfManyPapers(t *testing.T) {
	x, records := NewIndex(), make(map[uint32]*paper.Record)
	for i := range uint32(3000) {
		r := &paper.Record{Paper: paper.Paper{
			Title: someTexts[i%3+1], Categories: []string{someCats[i%3], fmt.Sprintf("rare.%d", i/10)}, Venue: someVenues[i%5],
			Authors: []paper.Author{{Name: fmt.Sprintf("Author %d", i/3)}, {Name: someNames[i%5]}}, PublishDate: paper.Date{Year: 1990 + int(i%30), Month: 1 + int(i%12)},
			Signals: map[string]float64{"stars": float64(i)}, Metadata: map[string]string{"n": fmt.Sprint(i % 7), "wide": fmt.Sprint(i), "long": fmt.Sprintf("%0*d", i%80, i%3)},
		}}
		records[i*40] = r
		x.Upsert(i*40, r)
	}
	if x.attributes["metadata.wide"].ids != nil || x.attributes["metadata.long"].ids != nil || x.attributes["metadata.n"].ids == nil {
		t.Error("metadata of many or long values is kept, or metadata of few is not")
	}
	texts := []string{
		`category = cs.CL`, `category = rare.7 AND date >= 2000`, `category = rare.7 author:turing`, `author:"author 7*"`, `author:auth*`, `author:"author 77" category = rare.23`, `author = "author 7*"`, `author = "author 7*" category = rare.2`, `author:turing`, `venue = icml -category = cs.LG`, `signals.stars > 2990`,
		`signals.stars > 100 year < 1995`, `metadata.n = 3`, `metadata.n > 4 category = "rare.1*"`, `metadata.wide = 77`, `NOT metadata.wide = 77`, `metadata.long:*`, `NOT metadata.long = 1`, `dense category = rare.9`,
		`metadata.absent = 1`, `NOT metadata.absent:*`, `category = nowhere AND dense`, `metadata.wide > 2000 OR venue = neurips`,
	}
	for _, text := range texts {
		compare(t, x, records, text)
	}
	for i := range uint32(2000) {
		x.Delete(i * 60)
		delete(records, i*60)
	}
	for _, text := range texts {
		compare(t, x, records, text)
	}
	holdsAll(t, x, records)
	audit(t, x)
}

// Names beyond the limit are answered with a superset, also after others went.
func TestKeysBeyondTheLimit(t *testing.T) {
	x, records := NewIndex(), make(map[uint32]*paper.Record)
	for i := range uint32(2 * MaxKeys) {
		records[i] = &paper.Record{Paper: paper.Paper{Metadata: map[string]string{fmt.Sprintf("k%d", i): "v"}, Signals: map[string]float64{"stars": float64(i)}}}
		x.Upsert(i, records[i])
	}
	for i := range uint32(10) {
		x.Delete(i)
		delete(records, i)
	}
	for _, text := range []string{`metadata.k20 = v`, `metadata.k2000 = v`, `NOT metadata.k2000:*`, `metadata.k3:*`, `metadata.never = v`, `signals.stars > 2000`, `signals.none > 1`} {
		compare(t, x, records, text)
	}
	holdsAll(t, x, records)
	if n := len(x.keyed); n != MaxKeys {
		t.Errorf("%d names are kept, want %d", n, MaxKeys)
	}
}

func TestBitmapIsTheCallersOwn(t *testing.T) {
	x, records := NewIndex(), make(map[uint32]*paper.Record)
	for i := range uint32(100) {
		records[i] = sample()
		x.Upsert(i, records[i])
	}
	for _, text := range []string{"", "category = cs.CL", "category = (cs.CL OR cs.IR)", "author:lovelace", "venue:*", "metadata.pages > 3", "doi = x", "retrieval", "NOT venue = x", "year > 2000", "signals.upvotes > 1", "category:c*"} {
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		bm, _ := x.Bitmap(f)
		bm.Clear()
		compare(t, x, records, text)
		compare(t, x, records, "")
	}
}

func TestFacet(t *testing.T) {
	x := NewIndex()
	for i := range uint32(10) {
		r := &paper.Record{Paper: paper.Paper{Venue: []string{"ICML", "icml", "NeurIPS", ""}[i%4], Categories: []string{"cs.CL", "cs.CL", fmt.Sprintf("c%d", i%2)}, PublishDate: paper.Date{Year: 2020 + int(i%3)}}}
		x.Upsert(i, r)
	}
	for _, c := range []struct {
		field  string
		within *roaring.Bitmap
		limit  int
		want   []Count
	}{
		{"venue", nil, 0, []Count{{"ICML", 6}, {"NeurIPS", 2}}},
		{"venue", roaring.BitmapOf(2, 3, 0, 77), 0, []Count{{"ICML", 1}, {"NeurIPS", 1}}},
		{"category", nil, 2, []Count{{"cs.CL", 10}, {"c0", 5}}},
		{"year", nil, 5000, []Count{{"2020", 4}, {"2021", 3}, {"2022", 3}}},
		{"year", roaring.New(), 0, nil},
		{"language", nil, 0, nil},
	} {
		got, err := x.Facet(c.field, c.within, c.limit)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("facet %s within %v: %v, %v, want %v", c.field, c.within, got, err, c.want)
		}
	}
	if _, err := x.Facet("title", nil, 0); paper.KindOf(err) != paper.Invalid {
		t.Errorf("facet title: %v, want kind Invalid", err)
	}
	if _, err := x.Facet("venue", nil, -1); paper.KindOf(err) != paper.Invalid {
		t.Errorf("limit -1: %v, want kind Invalid", err)
	}
}

// For the race detector: readers and writers at once, and a reader never sees a
// paper half replaced.
func TestConcurrentUse(t *testing.T) {
	x := NewIndex()
	either, err := Parse(`category = cs.CL AND venue = "ICML" OR venue = "NeurIPS"`)
	if err != nil {
		t.Fatal(err)
	}
	x.Upsert(1, &paper.Record{Paper: paper.Paper{Categories: []string{"cs.CL"}, Venue: "ICML"}})
	then := func(_ context.Context, ordinals []uint32) ([]*paper.Record, error) {
		out := make([]*paper.Record, len(ordinals))
		for i, o := range ordinals {
			if o == 1 {
				out[i] = &paper.Record{Paper: paper.Paper{Categories: []string{"cs.CL"}, Venue: "ICML"}}
			}
		}
		return out, nil
	}
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for w := range uint32(2) {
		writers.Go(func() {
			for i := range 500 {
				x.Upsert(1, &paper.Record{Paper: paper.Paper{Categories: []string{"cs.CL"}, Venue: []string{"ICML", "NeurIPS"}[i%2]}})
				x.Upsert(10+w, sample())
				x.Delete(10 + w)
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				bm, exact, err := x.ViewAt(x.Version(), then).Bitmap(t.Context(), either)
				if err != nil || !exact || !bm.Contains(1) {
					t.Errorf("paper 1 was missed while it was replaced: %v, %v", bm, err)
					return
				}
				if _, err := x.Facet("category", nil, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}
