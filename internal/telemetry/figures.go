package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources are asked for figures at each scrape. A nil one has none. They must be quick
// and may be asked by several goroutines at once.
type Sources struct {
	// Queues are what waits, by class: calls, batches, texts to embed.
	Queues func() []Queue
	// Batches are the runs of the model.
	Batches func() Batches
	// Caches are those that have been asked.
	Caches func() []Cache
	// Collections are what there is to find.
	Collections func() []Collection
	// Fetched is what sources of papers have brought.
	Fetched func() []Fetched
	// Store is the state of what is on disk.
	Store func() (Store, bool)
}

// Queue is what waits for its turn.
type Queue struct {
	// Name is of a fixed set: "calls", "batches", "embed_interactive", "embed_bulk".
	Name string
	// Waiting and Running are how many there are; Oldest is for how long the first of
	// those that wait does.
	Waiting, Running int
	Oldest           time.Duration
	// Admitted, Refused and GaveUp are since the start.
	Admitted, Refused, GaveUp uint64
}

// Batches are the runs of the model since the start.
type Batches struct {
	Runs, Texts, Tokens uint64
	// Limit is how many tokens a run may have.
	Limit int
}

// Cache is what was asked of a cache since the start.
type Cache struct {
	Name         string
	Hits, Misses uint64
	// Bytes is what it holds; 0 where that is not known.
	Bytes uint64
}

// Collection is what a collection has.
type Collection struct {
	Name     string
	Papers   uint64
	Sequence uint64
	// Index names the kind of index that answers, and IndexBytes is what the files of
	// indexes take.
	IndexBytes uint64
	// Written is when a change was last acknowledged, Newest when the newest paper
	// came; zero where that is not known.
	Written, Newest time.Time
}

// Store is the state of what is on disk.
type Store struct {
	Writable, Damaged bool
	// DiskBytes is what the store takes, FreeBytes what its disk has left.
	DiskBytes, FreeBytes uint64
	// Snapshots is how many states of the store are held open.
	OpenSnapshots int
	// Commits are since the opening.
	Commits uint64
	// What Pebble says of itself.
	Levels                        []Level
	ReadAmplification             int
	MemTableBytes                 uint64
	WALBytes                      uint64
	Compactions, Flushes          uint64
	CompactionDebt                uint64
	RunningCompactions            int
	BlockHits, BlockMisses        uint64
	BlockBytes                    uint64
	BytesWritten, BytesIngestedTo uint64
}

// Level is a level of the tree of tables.
type Level struct {
	Tables int
	Bytes  uint64
}

// Watch asks sources for their figures from now on. It may be called once.
func (t *Telemetry) Watch(s Sources) error { return t.registry.Register(newFigures(s)) }

// figures is a collector of Sources.
type figures struct {
	sources Sources
	fetched fetchedDescs

	waiting, running, oldest, queued      *prometheus.Desc
	runs, runTexts, runTokens, runLimit   *prometheus.Desc
	asked, cached                         *prometheus.Desc
	papers, sequence, indexBytes          *prometheus.Desc
	written, newest                       *prometheus.Desc
	writable, damaged, disk, free, views  *prometheus.Desc
	commits, tables, levelBytes, amplify  *prometheus.Desc
	memTable, wal, compactions, flushes   *prometheus.Desc
	debt, runningCompactions, bytesOnDisk *prometheus.Desc
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

func newFigures(s Sources) *figures {
	return &figures{
		sources: s,
		fetched: newFetchedDescs(),
		waiting: desc("queue_waiting", "What waits for its turn.", "queue"),
		running: desc("queue_running", "What has its turn.", "queue"),
		oldest:  desc("queue_oldest_wait_seconds", "For how long the first of what waits does.", "queue"),
		queued:  desc("queue_calls_total", "What came, by what became of it.", "queue", "outcome"),

		runs:      desc("embed_batches_total", "Runs of the model."),
		runTexts:  desc("embed_batch_texts_total", "Texts in runs of the model."),
		runTokens: desc("embed_batch_tokens_total", "Tokens in runs of the model; over runs and their limit, how full they are."),
		runLimit:  desc("embed_batch_limit_tokens", "How many tokens a run of several texts may have."),

		asked:  desc("cache_requests_total", "What caches were asked for.", "cache", "result"),
		cached: desc("cache_bytes", "What caches hold, where that is known.", "cache"),

		papers:     desc("collection_papers", "Papers of a collection.", "collection"),
		sequence:   desc("collection_sequence", "The last change of a collection.", "collection"),
		indexBytes: desc("index_file_bytes", "What the files of indexes take.", "collection"),
		written:    desc("collection_last_write_timestamp_seconds", "When a change was last acknowledged.", "collection"),
		newest:     desc("collection_newest_paper_timestamp_seconds", "When the newest paper came.", "collection"),

		writable: desc("store_writable", "1 while papers can be changed."),
		damaged:  desc("store_damaged", "1 once a file was found damaged."),
		disk:     desc("store_disk_bytes", "What the store takes on its disk."),
		free:     desc("store_disk_free_bytes", "What the disk of the data directory has left."),
		views:    desc("store_open_snapshots", "States of the store that are held open."),
		commits:  desc("store_commits_total", "Batches that were made durable."),
		tables:   desc("store_level_tables", "Tables of a level of the store.", "level"),

		levelBytes:         desc("store_level_bytes", "Bytes of a level of the store.", "level"),
		amplify:            desc("store_read_amplification", "Tables that a read may have to look into."),
		memTable:           desc("store_memtable_bytes", "What is in tables in memory."),
		wal:                desc("store_wal_bytes", "What the write-ahead log takes."),
		compactions:        desc("store_compactions_total", "Compactions that have ended."),
		flushes:            desc("store_flushes_total", "Flushes that have ended."),
		debt:               desc("store_compaction_debt_bytes", "What compactions still have to do, as estimated."),
		runningCompactions: desc("store_compactions_running", "Compactions under way."),
		bytesOnDisk:        desc("store_written_bytes_total", "Bytes that flushes and compactions wrote."),
	}
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range f.fetched.all() {
		to <- d
	}
	for _, d := range []*prometheus.Desc{
		f.waiting, f.running, f.oldest, f.queued, f.runs, f.runTexts, f.runTokens, f.runLimit, f.asked, f.cached,
		f.papers, f.sequence, f.indexBytes, f.written, f.newest, f.writable, f.damaged, f.disk, f.free, f.views, f.commits,
		f.tables, f.levelBytes, f.amplify, f.memTable, f.wal, f.compactions, f.flushes, f.debt, f.runningCompactions, f.bytesOnDisk,
	} {
		to <- d
	}
}

// out hands metrics on.
type out chan<- prometheus.Metric

func (o out) gauge(d *prometheus.Desc, v float64, labels ...string) {
	o <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (o out) counter(d *prometheus.Desc, v uint64, labels ...string) {
	o <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func (o out) time(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		o.gauge(d, float64(at.UnixMilli())/1e3, labels...)
	}
}

func (o out) truth(d *prometheus.Desc, yes bool) {
	v := 0.0
	if yes {
		v = 1
	}
	o.gauge(d, v)
}

// Collect implements prometheus.Collector.
func (f *figures) Collect(to chan<- prometheus.Metric) {
	o := out(to)
	if f.sources.Queues != nil {
		for _, q := range f.sources.Queues() {
			f.queue(o, q)
		}
	}
	if f.sources.Batches != nil {
		b := f.sources.Batches()
		o.counter(f.runs, b.Runs)
		o.counter(f.runTexts, b.Texts)
		o.counter(f.runTokens, b.Tokens)
		o.gauge(f.runLimit, float64(b.Limit))
	}
	if f.sources.Caches != nil {
		for _, c := range f.sources.Caches() {
			f.cache(o, c)
		}
	}
	if f.sources.Collections != nil {
		for _, c := range f.sources.Collections() {
			f.collection(o, c)
		}
	}
	if f.sources.Fetched != nil {
		for _, s := range f.sources.Fetched() {
			f.fetched.collect(o, s)
		}
	}
	if f.sources.Store != nil {
		if s, ok := f.sources.Store(); ok {
			f.store(o, s)
		}
	}
}

func (f *figures) queue(o out, q Queue) {
	o.gauge(f.waiting, float64(q.Waiting), q.Name)
	o.gauge(f.running, float64(q.Running), q.Name)
	o.gauge(f.oldest, q.Oldest.Seconds(), q.Name)
	o.counter(f.queued, q.Admitted, q.Name, "admitted")
	o.counter(f.queued, q.Refused, q.Name, "refused")
	o.counter(f.queued, q.GaveUp, q.Name, "gave_up")
}

func (f *figures) cache(o out, c Cache) {
	o.counter(f.asked, c.Hits, c.Name, "hit")
	o.counter(f.asked, c.Misses, c.Name, "miss")
	if c.Bytes > 0 {
		o.gauge(f.cached, float64(c.Bytes), c.Name)
	}
}

func (f *figures) collection(o out, c Collection) {
	o.gauge(f.papers, float64(c.Papers), c.Name)
	o.gauge(f.sequence, float64(c.Sequence), c.Name)
	o.gauge(f.indexBytes, float64(c.IndexBytes), c.Name)
	o.time(f.written, c.Written, c.Name)
	o.time(f.newest, c.Newest, c.Name)
}

func (f *figures) store(o out, s Store) {
	o.truth(f.writable, s.Writable)
	o.truth(f.damaged, s.Damaged)
	o.gauge(f.disk, float64(s.DiskBytes))
	o.gauge(f.free, float64(s.FreeBytes))
	o.gauge(f.views, float64(s.OpenSnapshots))
	o.counter(f.commits, s.Commits)
	for i, l := range s.Levels {
		level := string(rune('0' + i))
		o.gauge(f.tables, float64(l.Tables), level)
		o.gauge(f.levelBytes, float64(l.Bytes), level)
	}
	o.gauge(f.amplify, float64(s.ReadAmplification))
	o.gauge(f.memTable, float64(s.MemTableBytes))
	o.gauge(f.wal, float64(s.WALBytes))
	o.counter(f.compactions, s.Compactions)
	o.counter(f.flushes, s.Flushes)
	o.gauge(f.debt, float64(s.CompactionDebt))
	o.gauge(f.runningCompactions, float64(s.RunningCompactions))
	o.counter(f.bytesOnDisk, s.BytesWritten)
	f.cache(o, Cache{Name: "store_blocks", Hits: s.BlockHits, Misses: s.BlockMisses, Bytes: s.BlockBytes})
}
