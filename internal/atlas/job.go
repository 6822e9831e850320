package atlas

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"time"

	"akin/internal/catalog"
	"akin/internal/layout"
	"akin/internal/paper"
	"akin/internal/splitmix"
)

const (
	// keptName is under what a catalog keeps a map.
	keptName = "map"
	// batch is how many vectors are read at once.
	batch = 256
)

// job makes the map of a collection, or follows the collection with it.
type job struct {
	catalog    catalog.Catalog
	collection string
	log        *slog.Logger
	work       layout.Work
}

// listed is a paper of the collection as a map needs it.
type listed struct {
	ref      paper.Ref
	key      layout.Key
	title    string
	category string
	venue    string
	year     int
}

// run gives the chart of the collection as it is now. before is the newest that there
// is, or nil.
func (j job) run(ctx context.Context, before *Chart) (*Chart, error) {
	begin := time.Now()
	view, err := j.catalog.View(ctx, j.collection)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	papers, err := j.list(ctx, view)
	if err != nil {
		return nil, err
	}
	old, saved := j.known(view, before)
	how := "followed"
	next, err := j.follow(ctx, view, papers, old)
	if err == nil && next == nil {
		how = "made"
		next, err = j.remake(ctx, view, papers)
	}
	if err != nil {
		return nil, err
	}
	if next != old || !saved {
		j.keep(view, next)
	}
	j.log.Info("the map is ready", "collection", j.collection, "papers", len(papers), "how", how, "seconds", time.Since(begin).Seconds())
	return newChart(view.Info(), papers, next), nil
}

// known gives the map that there is, from memory or as it is kept, and whether it is
// kept; nil if there is none.
func (j job) known(view catalog.View, before *Chart) (m *layout.Map, saved bool) {
	if before != nil {
		return before.source, true
	}
	keeper, ok := view.(catalog.Derived)
	if !ok {
		return nil, false
	}
	data, _ := keeper.Kept(keptName)
	if data == nil {
		return nil, false
	}
	m, err := layout.Decode(data)
	if err != nil {
		j.log.Warn("the kept map cannot be read, and is made anew", "collection", j.collection, "error", err)
		return nil, false
	}
	return m, true
}

// keep keeps a map where the catalog can. A failure costs nothing but the time to make
// it anew at the next start.
func (j job) keep(view catalog.View, m *layout.Map) {
	keeper, ok := view.(catalog.Derived)
	if !ok {
		return
	}
	stamp, err := keeper.Stamp()
	if err == nil {
		err = keeper.Keep(keptName, stamp, m.Encode())
	}
	if err != nil {
		j.log.Warn("the map could not be saved", "collection", j.collection, "error", err)
	}
}

// list reads the papers of the map, in order of their ids.
func (j job) list(ctx context.Context, view catalog.View) ([]listed, error) {
	below := uint64(math.MaxUint64)
	if n := uint64(view.Info().Papers); n > layout.MaxPapers {
		// A little less, for a lot is not exact.
		below = uint64(float64(layout.MaxPapers) * 0.98 / float64(n) * math.MaxUint64)
	}
	var out []listed
	for r, err := range view.List(ctx, catalog.Listing{}) {
		if err != nil {
			return nil, err
		}
		key := layout.Key{ID: digest(r.ID), Text: binary.LittleEndian.Uint64(r.EmbedDigest[:])}
		if splitmix.Mix(key.ID) > below {
			continue
		}
		if len(out) == layout.MaxPapers {
			break
		}
		p := listed{ref: r.Ref(), key: key, title: r.Title, venue: r.Venue, year: r.PublishDate.Year}
		if len(r.Categories) > 0 {
			p.category = r.Categories[0]
		}
		out = append(out, p)
	}
	return out, nil
}

func digest(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}

// remake lays all papers out.
func (j job) remake(ctx context.Context, view catalog.View, papers []listed) (*layout.Map, error) {
	codes := &layout.Codes{Dimension: view.Info().Space.Dimension}
	told := make([]layout.Paper, len(papers))
	for from := 0; from < len(papers); from += batch {
		if err := j.work.Pause(ctx); err != nil {
			return nil, err
		}
		some := papers[from:min(from+batch, len(papers))]
		vectors, err := view.Vectors(ctx, refsOf(some))
		if err != nil {
			return nil, err
		}
		for i, v := range vectors {
			if v == nil {
				return nil, fmt.Errorf("paper %q is listed, and has no vector", some[i].ref.ID)
			}
			codes.Add(v)
			told[from+i] = layout.Paper{Key: some[i].key, Title: some[i].title}
		}
	}
	return layout.Make(ctx, told, codes, j.work)
}

func refsOf(papers []listed) []paper.Ref {
	out := make([]paper.Ref, len(papers))
	for i := range papers {
		out[i] = papers[i].ref
	}
	return out
}

// follow gives the old map with the papers that are there now: the old one itself if
// nothing has changed, and nil if too much has, or there is no old one.
func (j job) follow(ctx context.Context, view catalog.View, papers []listed, old *layout.Map) (*layout.Map, error) {
	if old == nil {
		return nil, nil //nolint:nilnil // said above
	}
	at := make(map[layout.Key]int, len(old.Keys))
	for i, k := range old.Keys {
		at[k] = i
	}
	next := &layout.Map{Built: old.Built, Groups: append([]layout.Group(nil), old.Groups...)}
	var come []int
	for i, p := range papers {
		o, ok := at[p.key]
		next.Keys = append(next.Keys, p.key)
		if !ok {
			come = append(come, i)
			next.Points, next.Clusters = append(next.Points, layout.Point{}), append(next.Clusters, 0)
			continue
		}
		next.Points, next.Clusters = append(next.Points, old.Points[o]), append(next.Clusters, old.Clusters[o])
	}
	gone := len(old.Keys) - (len(papers) - len(come))
	if len(come) == 0 && gone == 0 {
		return old, nil
	}
	next.Changed = old.Changed + uint32(len(come)+gone)
	if next.Stale() || len(old.Groups) == 0 {
		return nil, nil //nolint:nilnil // said above
	}
	if err := j.place(ctx, view, papers, come, next); err != nil {
		return nil, err
	}
	next.Relabel()
	return next, nil
}

// place finds places for papers that came, by their neighbours that have one.
func (j job) place(ctx context.Context, view catalog.View, papers []listed, come []int, m *layout.Map) error {
	placed := make(map[string]int, len(papers))
	for i, p := range papers {
		placed[p.ref.ID] = i
	}
	for _, i := range come {
		delete(placed, papers[i].ref.ID)
	}
	for n, i := range come {
		if err := j.work.Pause(ctx); err != nil {
			return err
		}
		vectors, err := view.Vectors(ctx, []paper.Ref{papers[i].ref})
		if err != nil {
			return err
		}
		found, err := view.Nearest(ctx, catalog.Nearest{Probes: []catalog.Probe{{Vector: vectors[0], K: 2 * layout.K}}})
		if err != nil {
			return err
		}
		var points []layout.Point
		var clusters []uint8
		for _, h := range found.Hits {
			if o, ok := placed[h.ID]; ok && len(points) < layout.K {
				points, clusters = append(points, m.Points[o]), append(clusters, m.Clusters[o])
			}
		}
		m.Points[i], m.Clusters[i] = layout.PlaceOf(points), layout.ClusterOf(clusters)
		j.work.Progress(layout.Placing, float64(n+1)/float64(len(come)))
	}
	return nil
}
