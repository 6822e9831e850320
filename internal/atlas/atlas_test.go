package atlas_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/atlas"
	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/paper"
	"akin/internal/splitmix"
)

const dimension = 16

// vectorOf gives the vector of a paper: one of three subjects, with noise.
func vectorOf(n int) []float32 {
	v, length := make([]float32, dimension), float32(0)
	for i := range v {
		v[i] = float32(splitmix.At(uint64(n), uint64(i))>>40)/(1<<24)*0.3 - 0.15
	}
	v[n%3] += 1
	for _, x := range v {
		length += x * x
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(float64(length)))
	}
	return v
}

func idOf(n int) string { return fmt.Sprintf("p%04d", n) }

func put(n int) catalog.Mutation {
	subject := []string{"graph networks", "protein folding", "speech recognition"}[n%3]
	return catalog.Mutation{
		Paper: paper.Paper{
			ID: idOf(n), Title: fmt.Sprintf("The %s of item%d", subject, n), Abstract: "abstract", Categories: []string{fmt.Sprintf("c%d", n%3)},
			Venue: []string{"Alpha", "alpha", ""}[n%3], PublishDate: paper.Date{Year: 2000 + n%4},
		},
		Vector: vectorOf(n), TokenCount: 3,
	}
}

// rig is an atlas over a catalog in memory.
type rig struct {
	*testing.T
	catalog *catalogtest.Memory
	atlas   *atlas.Atlas
}

func newRig(t *testing.T, papers int) *rig {
	t.Helper()
	r := &rig{T: t, catalog: catalogtest.NewMemory(catalogtest.Space(), catalogtest.Options{})}
	r.add(0, papers)
	r.open()
	return r
}

// open opens the atlas anew, as a start does.
func (r *rig) open() {
	r.Helper()
	if r.atlas != nil {
		if err := r.atlas.Close(); err != nil {
			r.Fatal(err)
		}
	}
	r.atlas = atlas.New(r.catalog, atlas.Options{Follow: time.Nanosecond})
	r.Cleanup(func() { _ = r.atlas.Close() })
}

func (r *rig) add(from, to int) {
	r.Helper()
	var all []catalog.Mutation
	for n := from; n < to; n++ {
		all = append(all, put(n))
	}
	r.apply(all...)
}

func (r *rig) apply(changes ...catalog.Mutation) {
	r.Helper()
	if _, _, err := r.catalog.Apply(r.Context(), paper.DefaultCollection, changes); err != nil {
		r.Fatal(err)
	}
}

// chart waits until the map shows the collection as it is.
func (r *rig) chart() *atlas.Chart {
	r.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Millisecond) {
		s, err := r.atlas.State(r.Context(), paper.DefaultCollection)
		if err != nil {
			r.Fatal(err)
		}
		if s.Chart != nil && s.Chart.Sequence == s.Sequence {
			return s.Chart
		}
		if time.Now().After(deadline) {
			r.Fatalf("there is no map: %+v", s)
		}
	}
}

// places gives each paper's place and cluster, by id.
func places(c *atlas.Chart, ids ...string) string {
	var b strings.Builder
	at := unpack(c.Points)
	for _, id := range ids {
		if n, ok := c.Number(id); ok {
			fmt.Fprintln(&b, id, at[n], c.Clusters[n])
		} else {
			fmt.Fprintln(&b, id, "is not there")
		}
	}
	return b.String()
}

// unpack reads points as a caller does.
func unpack(b []byte) (out []uint32) {
	last, value, shift := uint32(0), uint32(0), 0
	for _, x := range b {
		value |= uint32(x&0x7f) << shift
		shift += 7
		if x < 0x80 {
			last += value
			out, value, shift = append(out, last), 0, 0
		}
	}
	return out
}

func ids(from, to int) (out []string) {
	for n := from; n < to; n++ {
		out = append(out, idOf(n))
	}
	return out
}

func TestChart(t *testing.T) {
	r := newRig(t, 90)
	c := r.chart()
	if c.Len() != 90 || len(unpack(c.Points)) != 90 || len(c.Categories) != 90 || len(c.Clusters) != 90 || len(c.Years) != 90 {
		t.Fatalf("%d papers, %d points", c.Len(), len(unpack(c.Points)))
	}
	if !slices.IsSorted(unpack(c.Points)) {
		t.Error("the points are not in order")
	}
	if want := []atlas.Value{{"c0", 30}, {"c1", 30}, {"c2", 30}}; !slices.Equal(c.CategoryNames, want) {
		t.Errorf("categories are %v", c.CategoryNames)
	}
	if want := []atlas.Value{{"Alpha", 60}}; !slices.Equal(c.VenueNames, want) {
		t.Errorf("venues are %v", c.VenueNames)
	}
	for n := range 90 {
		at, ok := c.Number(idOf(n))
		if !ok || int(c.Categories[at]) != n%3+1 || c.FirstYear+int(c.Years[at])-1 != 2000+n%4 || (c.Venues[at] == 1) == (n%3 == 2) {
			t.Fatalf("paper %d is %d: category %d, year %d, venue %d", n, at, c.Categories[at], c.Years[at], c.Venues[at])
		}
		records, err := r.atlas.Papers(t.Context(), paper.DefaultCollection, c, []uint32{at})
		if err != nil || records[0].ID != idOf(n) {
			t.Fatalf("number %d is %v, %v", at, records, err)
		}
	}
	sampled := 0
	for i, g := range c.Groups {
		sampled += len(c.Samples[i])
		if g.Name == "" || len(c.Samples[i]) != int(min(8, g.Papers)) {
			t.Errorf("group %+v has the sample %v", g, c.Samples[i])
		}
	}
}

// The same papers give the same map, however they came in.
func TestSameMap(t *testing.T) {
	a, b := newRig(t, 60), newRig(t, 0)
	for n := 59; n >= 0; n-- {
		b.add(n, n+1)
	}
	if x, y := a.chart(), b.chart(); x.Tag != y.Tag || places(x, ids(0, 60)...) != places(y, ids(0, 60)...) {
		t.Error("the maps differ")
	}
}

// New papers find places; the others stay. What went is gone, and what changed its
// text finds another place.
func TestFollow(t *testing.T) {
	r := newRig(t, 100)
	before := r.chart()
	r.add(100, 106)
	after := r.chart()
	if got := places(after, ids(0, 100)...); got != places(before, ids(0, 100)...) {
		t.Error("papers moved when others came")
	}
	for n := 100; n < 106; n++ { // a new paper is in the cluster of its subject
		a, ok := after.Number(idOf(n))
		b, _ := after.Number(idOf(n - 99))
		if !ok || after.Categories[a] == after.Categories[b] && after.Clusters[a] != after.Clusters[b] {
			t.Errorf("paper %d is in cluster %d", n, after.Clusters[a])
		}
	}
	if before.Tag == after.Tag {
		t.Error("another map has the same tag")
	}
	moved := put(1) // now of another subject
	moved.Paper.Title, moved.Vector = "Something else", vectorOf(2)
	r.apply(moved, catalog.Mutation{Paper: paper.Paper{ID: idOf(0)}, Delete: true})
	last := r.chart()
	if _, ok := last.Number(idOf(0)); ok || last.Len() != 105 {
		t.Errorf("%d papers; a deleted one is there: %v", last.Len(), ok)
	}
	if places(last, ids(2, 106)...) != places(after, ids(2, 106)...) || places(last, idOf(1)) == places(after, idOf(1)) {
		t.Error("the changed paper alone should have moved")
	}
}

// After a fifth has changed the map is the one that would have been made from the start.
func TestRemade(t *testing.T) {
	r := newRig(t, 60)
	r.chart()
	r.add(60, 80)
	if x, y := r.chart(), newRig(t, 80).chart(); places(x, ids(0, 80)...) != places(y, ids(0, 80)...) {
		t.Error("the map was not made anew")
	}
}

// A start finds the map as it was kept, with what was placed since it was made.
func TestKept(t *testing.T) {
	r := newRig(t, 100)
	r.chart()
	r.add(100, 104)
	before := r.chart()
	r.open()
	if after := r.chart(); after.Tag != before.Tag {
		t.Error("after a start the map is another")
	}
	fresh := newRig(t, 104).chart()
	if places(fresh, ids(0, 104)...) == places(before, ids(0, 104)...) {
		t.Error("this test shows nothing: a map that is made is the one that was followed")
	}
}

func TestEmpty(t *testing.T) {
	r := newRig(t, 0)
	if c := r.chart(); c.Len() != 0 || len(c.Groups) != 0 {
		t.Errorf("%d papers in %d groups", c.Len(), len(c.Groups))
	}
	r.add(0, 2)
	if c := r.chart(); c.Len() != 2 {
		t.Errorf("%d papers", c.Len())
	}
}

func TestFind(t *testing.T) {
	r := newRig(t, 30)
	c := r.chart()
	got, missing := c.Locate([]string{idOf(3), "nobody", idOf(3), idOf(7)})
	if missing != 1 || len(got) != 2 || !slices.IsSorted(got) {
		t.Errorf("%v, %d missing", got, missing)
	}
	r.add(30, 33)
	got, missing, err := r.atlas.Filter(t.Context(), paper.DefaultCollection, c.Tag, `category = "c1"`)
	if err != nil || missing != 1 || len(got) != 10 {
		t.Errorf("%v, %d missing, %v", got, missing, err)
	}
	for _, n := range got {
		if c.Categories[n] != 2 {
			t.Errorf("number %d has category %d", n, c.Categories[n])
		}
	}
	var e *paper.Error
	for _, filter := range []string{`category = "c1"`, `category = "none"`} {
		if _, _, err = r.atlas.Filter(t.Context(), paper.DefaultCollection, "other", filter); !errors.As(err, &e) || e.Reason != atlas.ReasonMapChanged {
			t.Errorf("of another map: %v", err)
		}
	}
	if _, err = c.Refs([]uint32{30}); !errors.As(err, &e) || e.Kind != paper.Invalid {
		t.Errorf("a number beyond: %v", err)
	}
	if _, err = c.Refs(make([]uint32, atlas.MaxPapers+1)); !errors.As(err, &e) || e.Kind != paper.Invalid {
		t.Errorf("too many numbers: %v", err)
	}
}

func TestTags(t *testing.T) {
	r := newRig(t, 20)
	var e *paper.Error
	if _, err := r.atlas.Chart(paper.DefaultCollection, ""); !errors.As(err, &e) || e.Reason != atlas.ReasonNoMap {
		t.Errorf("before there is a map: %v", err)
	}
	c := r.chart()
	for tag, want := range map[string]string{"": "", c.Tag: "", "other": atlas.ReasonMapChanged} {
		e = nil
		_, err := r.atlas.Chart(paper.DefaultCollection, tag)
		if errors.As(err, &e) != (want != "") || e != nil && e.Reason != want {
			t.Errorf("tag %q: %v", tag, err)
		}
	}
	if _, err := r.atlas.State(t.Context(), "nowhere"); paper.KindOf(err) != paper.NotFound {
		t.Errorf("a collection that is not there: %v", err)
	}
}

// Close ends what is being made, and nothing begins after it.
func TestClose(t *testing.T) {
	reading := make(chan struct{}, 100)
	m := catalogtest.NewMemory(catalogtest.Space(), catalogtest.Options{Before: func(ctx context.Context, call string) error {
		if call != "Vectors" {
			return nil
		}
		reading <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}})
	if _, _, err := m.Apply(t.Context(), paper.DefaultCollection, []catalog.Mutation{put(1), put(2)}); err != nil {
		t.Fatal(err)
	}
	a := atlas.New(m, atlas.Options{})
	if s, err := a.State(t.Context(), paper.DefaultCollection); err != nil || !s.Working || s.Chart != nil {
		t.Fatalf("%+v, %v", s, err)
	}
	<-reading
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if n := m.OpenViews(); n != 0 {
		t.Errorf("%d views are open", n)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// A failure is said to who asks.
func TestFailure(t *testing.T) {
	fault := errors.New("fault")
	m := catalogtest.NewMemory(catalogtest.Space(), catalogtest.Options{Before: func(_ context.Context, call string) error {
		if call == "List" {
			return fault
		}
		return nil
	}})
	if _, _, err := m.Apply(t.Context(), paper.DefaultCollection, []catalog.Mutation{put(1), put(2)}); err != nil {
		t.Fatal(err)
	}
	a := atlas.New(m, atlas.Options{})
	defer a.Close()
	for {
		s, err := a.State(t.Context(), paper.DefaultCollection)
		if errors.Is(err, fault) {
			break
		}
		if err != nil || s.Chart != nil {
			t.Fatalf("%+v, %v", s, err)
		}
		time.Sleep(time.Millisecond)
	}
}
