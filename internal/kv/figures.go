package kv

import (
	"syscall"
	"time"
)

// Figures say how a database is: what it takes, and what it has done since it was
// opened. They cost little, and may be asked for at any time before Close.
type Figures struct {
	Writable, Damaged bool
	// DiskBytes is what the files take, FreeBytes what the disk has left for this user;
	// FreeBytes is 0 where that cannot be known.
	DiskBytes, FreeBytes uint64
	// OpenSnapshots is how many acknowledged states are held open, the current one
	// among them.
	OpenSnapshots int
	// Commits are all of the database's, and Written is when the last one since the
	// opening was acknowledged; zero if there was none.
	Commits uint64
	Written time.Time
	// Levels are those of Pebble's tree, from the top.
	Levels            []LevelFigures
	ReadAmplification int
	MemTableBytes     uint64
	WALBytes          uint64
	// Compactions and Flushes have ended; CompactionDebt is how many bytes are left to
	// compact, as estimated.
	Compactions, Flushes uint64
	CompactionDebt       uint64
	RunningCompactions   int
	// BytesWritten is what flushes and compactions wrote.
	BytesWritten uint64
	// What the cache of blocks was asked for, and has.
	CacheHits, CacheMisses, CacheBytes uint64
}

// LevelFigures are of one level of the tree.
type LevelFigures struct {
	Tables int
	Bytes  uint64
}

// Figures gives the figures as they are now; zero ones once the database is closing.
func (db *DB) Figures() Figures {
	if err := db.inflight.enter(); err != nil {
		return Figures{}
	}
	defer db.inflight.leave()
	m := db.pebble.Metrics()
	total := m.Total()
	f := Figures{
		Writable: db.Refusal() == nil, Damaged: db.Damage() != nil,
		DiskBytes: m.DiskSpaceUsage(), FreeBytes: freeOf(db.dir),
		ReadAmplification: m.ReadAmp(), MemTableBytes: m.MemTable.Size, WALBytes: m.WAL.PhysicalSize,
		Compactions: uint64(m.Compact.Count), Flushes: uint64(m.Flush.Count),
		CompactionDebt: m.Compact.EstimatedDebt, RunningCompactions: int(m.Compact.NumInProgress),
		BytesWritten: total.TableBytesFlushed + total.TableBytesCompacted,
		CacheHits:    uint64(m.BlockCache.Hits), CacheMisses: uint64(m.BlockCache.Misses), CacheBytes: uint64(m.BlockCache.Size),
	}
	for i := range m.Levels {
		f.Levels = append(f.Levels, LevelFigures{Tables: int(m.Levels[i].TablesCount), Bytes: uint64(m.Levels[i].TablesSize)})
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	f.OpenSnapshots = len(db.live)
	f.Commits, f.Written = db.current.history.Point().Commit, db.written
	return f
}

// freeOf is what the disk of a directory has left for this user, in bytes.
func freeOf(dir string) uint64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0
	}
	return s.Bavail * uint64(s.Bsize)
}
