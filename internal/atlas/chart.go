package atlas

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"akin/internal/catalog"
	"akin/internal/layout"
	"akin/internal/paper"
)

const (
	// maxValues is how many categories, or venues, have codes of their own.
	maxValues = 254
	// maxYears is how many years have: the latest.
	maxYears = 254
	// samples is how many papers of a cluster are named with it.
	samples = 8
	// MaxPapers is how many papers of a chart can be asked for at once.
	MaxPapers = 1_000
)

// Chart is what is shown of a map. Its papers have numbers, from 0, in the order of
// their places. It never changes.
type Chart struct {
	// Sequence is the state of the collection that it shows, Total how many papers that
	// has, and Tag tells the chart from all others.
	Sequence uint64
	Total    uint32
	Tag      string
	// Points are the places: layout.Pack.
	Points []byte
	// Categories, Venues, Clusters and Years are codes, a byte a paper. Code 0 of the first two is
	// none, or one that is too rare to have a code, others are one more than a place in
	// CategoryNames and VenueNames, the most frequent first. Clusters are places in
	// Groups. A year is FirstYear plus the code minus 1; code 0 is none, or earlier.
	Categories, Venues, Clusters, Years []byte
	CategoryNames, VenueNames           []Value
	FirstYear                           int
	Groups                              []layout.Group
	// Samples are numbers of some papers of each group.
	Samples [][]uint32

	refs   []paper.Ref
	number map[string]uint32 // by id
	source *layout.Map
}

// Value is a category or a venue.
type Value struct {
	Name   string
	Papers uint32
}

// Len is how many papers are on the chart.
func (c *Chart) Len() int { return len(c.refs) }

func newChart(info catalog.Info, papers []listed, m *layout.Map) *Chart {
	order := layout.Order(m.Points)
	c := &Chart{
		Sequence: info.Sequence, Total: info.Papers, Points: layout.Pack(m.Points, order), Groups: m.Groups, source: m,
		refs: make([]paper.Ref, len(order)), number: make(map[string]uint32, len(order)), Clusters: make([]byte, len(order)),
	}
	categories, venues, years := make([]string, len(order)), make([]string, len(order)), make([]int, len(order))
	for n, i := range order {
		p := &papers[i]
		c.refs[n], c.number[p.ref.ID], c.Clusters[n] = p.ref, uint32(n), m.Clusters[i]
		categories[n], venues[n], years[n] = p.category, p.venue, p.year
	}
	c.Categories, c.CategoryNames = coded(categories)
	c.Venues, c.VenueNames = coded(venues)
	c.Years, c.FirstYear = codedYears(years)
	c.Samples = samplesOf(c.Clusters, c.Groups)
	c.Tag = c.tag()
	return c
}

// coded gives values codes, the most frequent first. Those that differ in case are one,
// in the spelling that comes first.
func coded(values []string) ([]byte, []Value) {
	counts := make(map[string]*Value)
	for _, v := range values {
		if v == "" {
			continue
		}
		folded := strings.ToLower(v)
		if counts[folded] == nil {
			counts[folded] = &Value{Name: v}
		}
		x := counts[folded]
		x.Name, x.Papers = min(x.Name, v), x.Papers+1
	}
	folded := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b].Papers, counts[a].Papers), cmp.Compare(a, b))
	})
	folded = folded[:min(len(folded), maxValues)]
	code, names := make(map[string]byte), make([]Value, len(folded))
	for i, f := range folded {
		code[f], names[i] = byte(i+1), *counts[f]
	}
	out := make([]byte, len(values))
	for i, v := range values {
		out[i] = code[strings.ToLower(v)]
	}
	return out, names
}

func codedYears(years []int) (codes []byte, first int) {
	last := 0
	for _, y := range years {
		last = max(last, y)
		if y > 0 && (first == 0 || y < first) {
			first = y
		}
	}
	first = max(first, last-maxYears+1)
	codes = make([]byte, len(years))
	for i, y := range years {
		if y >= first && y > 0 {
			codes[i] = byte(y - first + 1)
		}
	}
	return codes, first
}

// tag is a digest of all that a caller sees of the chart, and of its papers' ids.
func (c *Chart) tag() string {
	h := sha256.New()
	part := func(b []byte) {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	for _, b := range [][]byte{c.Points, c.Categories, c.Venues, c.Clusters, c.Years} {
		part(b)
	}
	fmt.Fprint(h, c.CategoryNames, c.VenueNames, c.FirstYear, c.Groups, c.Total)
	for _, r := range c.refs {
		part([]byte(r.ID))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Refs names the papers of some numbers, parallel to them. There are at most MaxPapers.
func (c *Chart) Refs(numbers []uint32) ([]paper.Ref, error) {
	if len(numbers) > MaxPapers {
		return nil, paper.InvalidField("numbers", "has %d entries; at most %d papers can be asked for at once", len(numbers), MaxPapers)
	}
	out := make([]paper.Ref, len(numbers))
	for i, n := range numbers {
		if uint64(n) >= uint64(len(c.refs)) {
			return nil, paper.InvalidField(fmt.Sprintf("numbers[%d]", i), "is %d; the map has papers 0 to %d", n, len(c.refs)-1)
		}
		out[i] = c.refs[n]
	}
	return out, nil
}

// Number gives a paper's, if it is on the chart.
func (c *Chart) Number(id string) (uint32, bool) {
	n, ok := c.number[id]
	return n, ok
}

// samplesOf gives the numbers of some papers of each cluster, spread over it.
func samplesOf(clusters []byte, groups []layout.Group) [][]uint32 {
	out, seen := make([][]uint32, len(groups)), make([]uint64, len(groups))
	for n, c := range clusters {
		size := uint64(groups[c].Papers)
		wanted := min(size, samples)
		// The paper is drawn where the count of those that should be passes a whole number.
		if seen[c]*wanted/size != (seen[c]+1)*wanted/size {
			out[c] = append(out[c], uint32(n))
		}
		seen[c]++
	}
	return out
}
