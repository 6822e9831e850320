package app

import (
	"context"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"akin/internal/admit"
	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/kv"
	"akin/internal/paper"
	"akin/internal/rpc"
	"akin/internal/store"
	"akin/internal/telemetry"
)

// openTelemetry begins to measure. It is closed after everything that it measures.
func (a *App) openTelemetry() (err error) {
	a.config.Telemetry.Version = a.config.Version
	if a.telemetry, err = telemetry.New(a.config.Telemetry, a.log); err != nil {
		return err
	}
	a.onClose(func() error { return a.telemetry.Close(context.Background()) })
	return nil
}

// watch lets scrapes ask the server's parts for their figures.
func (a *App) watch(e *engine.Engine, bounds rpc.Bounds, model *observedModel, s *store.Store) error {
	return a.telemetry.Watch(telemetry.Sources{
		Queues: func() []telemetry.Queue {
			return append(model.queues(), queueOf("calls", bounds.Calls), queueOf("batches", bounds.Bulk))
		},
		Collections: func() []telemetry.Collection {
			if s == nil {
				return nil
			}
			return a.collections(e, s)
		},
		Store: func() (telemetry.Store, bool) {
			if s == nil {
				return telemetry.Store{}, false
			}
			return storeFigures(s.Figures()), true
		},
	})
}

func queueOf(name string, g *admit.Gate) telemetry.Queue {
	c := g.Counts()
	return telemetry.Queue{
		Name: name, Waiting: c.Waiting, Running: c.Running, Oldest: c.Oldest,
		Admitted: c.Admitted, Refused: c.Refused, GaveUp: c.GaveUp,
	}
}

// collections describes what there is to find.
func (a *App) collections(e *engine.Engine, s *store.Store) []telemetry.Collection {
	ctx, cancel := context.WithTimeout(context.Background(), figuresTimeout)
	defer cancel()
	info, err := e.Info(ctx, "")
	if err != nil {
		return nil
	}
	return []telemetry.Collection{{
		Name: info.Collection, Papers: uint64(info.Papers), Sequence: info.Sequence,
		IndexBytes: bytesBelow(indexesOf(a.config.Data)), Written: a.lastWrite(ctx, s),
	}}
}

// figuresTimeout bounds how long a scrape may take to read.
const figuresTimeout = time.Second

// lastWrite is when a change was last acknowledged: since the start, or else when the
// newest record of the last changes was made. It is zero where nothing says so.
func (a *App) lastWrite(ctx context.Context, s *store.Store) time.Time {
	if at := s.Figures().Written; !at.IsZero() {
		return at
	}
	a.before.Do(func() { a.writtenBefore = lastChange(ctx, s) })
	return a.writtenBefore
}

// lastChange is when the paper was changed that the last change of the log is about.
func lastChange(ctx context.Context, s *store.Store) (at time.Time) {
	snapshot, err := s.Snapshot(paper.DefaultCollection)
	if err != nil {
		return at
	}
	defer snapshot.Close()
	const few = 100
	after := max(snapshot.Sequence(), few) - few
	for change, err := range s.Changes(ctx, paper.DefaultCollection, after) {
		if err != nil || change.Operation != store.Put {
			continue
		}
		if r, err := s.Get(ctx, paper.DefaultCollection, change.ID); err == nil && r.UpdateTime.After(at) {
			at = r.UpdateTime
		}
	}
	return at
}

// bytesBelow is what the files below a directory take. What cannot be read counts
// nothing.
func bytesBelow(dir string) (total uint64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error { // the function gives no errors
		if err != nil || entry.IsDir() {
			return nil //nolint:nilerr // it may be gone by now
		}
		if info, err := entry.Info(); err == nil {
			total += uint64(info.Size())
		}
		return nil
	})
	return total
}

func storeFigures(f kv.Figures) telemetry.Store {
	s := telemetry.Store{
		Writable: f.Writable, Damaged: f.Damaged, DiskBytes: f.DiskBytes, FreeBytes: f.FreeBytes, OpenSnapshots: f.OpenSnapshots,
		Commits: f.Commits, ReadAmplification: f.ReadAmplification, MemTableBytes: f.MemTableBytes, WALBytes: f.WALBytes,
		Compactions: f.Compactions, Flushes: f.Flushes, CompactionDebt: f.CompactionDebt, RunningCompactions: f.RunningCompactions,
		BlockHits: f.CacheHits, BlockMisses: f.CacheMisses, BlockBytes: f.CacheBytes, BytesWritten: f.BytesWritten,
	}
	for _, l := range f.Levels {
		s.Levels = append(s.Levels, telemetry.Level(l))
	}
	return s
}

// observedModel tells of what is embedded. Its methods are safe for concurrent use.
type observedModel struct {
	engineModel
	telemetry *telemetry.Telemetry

	mu sync.Mutex // guards working
	// working are the calls under way, by class.
	working [2]map[*time.Time]struct{}
}

func observeModel(m engineModel, t *telemetry.Telemetry) *observedModel {
	return &observedModel{engineModel: m, telemetry: t, working: [2]map[*time.Time]struct{}{{}, {}}}
}

// Embed implements engine.Embedder.
func (m *observedModel) Embed(ctx context.Context, texts []string, opt embed.Options) ([]embed.Embedding, embed.Timing, error) {
	begin := time.Now()
	class := min(max(opt.Class, embed.Interactive), embed.Bulk)
	m.mu.Lock()
	m.working[class][&begin] = struct{}{}
	m.mu.Unlock()
	out, timing, err := m.engineModel.Embed(ctx, texts, opt)
	m.mu.Lock()
	delete(m.working[class], &begin)
	m.mu.Unlock()
	if err != nil || len(out) == 0 {
		return out, timing, err
	}
	did := telemetry.Embedding{Begin: begin, Tokenize: timing.Tokenize, Queue: timing.Queue, Inference: timing.Inference, Texts: len(out)}
	for _, e := range out {
		did.Tokens += e.Tokens
		if e.Truncated {
			did.Truncated++
		}
	}
	m.telemetry.Embedded(ctx, classNames()[class], did)
	return out, timing, nil
}

// classNames are those of embed.Class, in order.
func classNames() [2]string { return [2]string{"interactive", "bulk"} }

// queues gives the calls of the model that are under way, waits included.
func (m *observedModel) queues() []telemetry.Queue {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []telemetry.Queue
	for class, name := range classNames() {
		q := telemetry.Queue{Name: "embed_" + name, Running: len(m.working[class])}
		for begin := range m.working[class] {
			q.Oldest = max(q.Oldest, time.Since(*begin))
		}
		all = append(all, q)
	}
	return all
}
