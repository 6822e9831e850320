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
		Batches: model.batches,
		Caches: func() []telemetry.Cache {
			c := e.SentenceCache()
			return []telemetry.Cache{{Name: "sentences", Hits: c.Hits, Misses: c.Misses, Bytes: c.Bytes}}
		},
		Queues: func() []telemetry.Queue {
			return append(model.queues(), queueOf("calls", bounds.Calls), queueOf("batches", bounds.Bulk))
		},
		Collections: func() []telemetry.Collection {
			if s == nil && !a.clustered() {
				return nil
			}
			return a.collections(e, s)
		},
		Fetched: a.fetched,
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
	c := telemetry.Collection{Name: info.Collection, Papers: uint64(info.Papers), Sequence: info.Sequence}
	if !a.clustered() {
		c.IndexBytes, c.Written = bytesBelow(indexesOf(a.config.Data)), a.lastWrite(ctx, s)
	}
	return []telemetry.Collection{c}
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

	mu sync.Mutex // guards what follows
	// working are the calls under way, and admitted those since the start, by class.
	working  [2]int
	admitted [2]uint64
}

func observeModel(m engineModel, t *telemetry.Telemetry) *observedModel {
	return &observedModel{engineModel: m, telemetry: t}
}

// Embed implements engine.Embedder.
func (m *observedModel) Embed(ctx context.Context, texts []string, opt embed.Options) ([]embed.Embedding, embed.Timing, error) {
	begin := time.Now()
	class := min(max(opt.Class, embed.Interactive), embed.Bulk)
	m.mu.Lock()
	m.working[class]++
	m.admitted[class]++
	m.mu.Unlock()
	out, timing, err := m.engineModel.Embed(ctx, texts, opt)
	m.mu.Lock()
	m.working[class]--
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

// figured is a model that has figures of its queue.
type figured interface{ Figures() embed.Figures }

// figures are those of the model; zero ones as long as it is not open.
func (m *observedModel) figures() embed.Figures {
	if f, ok := m.engineModel.(figured); ok {
		return f.Figures()
	}
	return embed.Figures{}
}

func (m *observedModel) batches() telemetry.Batches {
	f := m.figures()
	return telemetry.Batches{Runs: f.Runs, Texts: f.Texts, Tokens: f.Tokens, Limit: f.LimitTokens}
}

// queues gives what waits for the model, in texts, and the calls of it under way.
func (m *observedModel) queues() []telemetry.Queue {
	f := m.figures()
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []telemetry.Queue
	for class, waits := range [2]embed.ClassFigures{f.Interactive, f.Bulk} {
		all = append(all, telemetry.Queue{
			Name: "embed_" + classNames()[class], Waiting: waits.Waiting, Oldest: waits.Oldest, Running: m.working[class], Admitted: m.admitted[class],
		})
	}
	return all
}
