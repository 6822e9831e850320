package engine

import "context"

// Stages is told of the parts of queries: "candidates" finds papers, "hydrate" reads
// those of a page. Its method is safe for concurrent use.
type Stages interface {
	// Stage begins a part; end ends it.
	Stage(ctx context.Context, name string) (inner context.Context, end func())
}

// Watch tells of the parts of queries from now on. It comes before the first call.
func (e *Engine) Watch(s Stages) { e.stages = s }

// stage begins a part of a query, if somebody is told of it.
func (e *Engine) stage(ctx context.Context, name string) (inner context.Context, end func()) {
	if e.stages == nil {
		return ctx, func() {}
	}
	return e.stages.Stage(ctx, name)
}

// CacheFigures say what a cache was asked for since the start, and what it holds.
type CacheFigures struct {
	Hits, Misses, Bytes uint64
}

// SentenceCache gives the figures of the cache of sentences.
func (e *Engine) SentenceCache() CacheFigures {
	c := e.sentences
	c.mu.Lock()
	defer c.mu.Unlock()
	return CacheFigures{Hits: c.hits, Misses: c.misses, Bytes: uint64(c.size)}
}
