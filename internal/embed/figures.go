package embed

import "time"

// Figures say how the queue is, and what was run since the start.
type Figures struct {
	Interactive, Bulk ClassFigures
	// Runs of the model, with how many texts and tokens; a run of several texts has at
	// most LimitTokens.
	Runs, Texts, Tokens uint64
	LimitTokens         int
}

// ClassFigures are of what waits of a class, in texts.
type ClassFigures struct {
	Waiting int
	// Oldest is for how long the first of them does.
	Oldest time.Duration
}

// Figures gives the figures as they are now. It costs little.
func (e *Embedder) Figures() Figures { return e.queue.figures() }

func (q *queue) figures() Figures {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := Figures{Interactive: waitingOf(q.interactive), Bulk: waitingOf(q.bulk), LimitTokens: groupTokens}
	f.Runs, f.Texts, f.Tokens = q.runs, q.texts, q.tokens
	return f
}

func waitingOf(jobs []*job) (f ClassFigures) {
	if f.Waiting = len(jobs); f.Waiting > 0 {
		f.Oldest = time.Since(jobs[0].enqueued) // in order of arrival
	}
	return f
}
