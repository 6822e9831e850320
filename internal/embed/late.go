package embed

import (
	"fmt"
	"log/slog"
	"sync"
)

// lateSession is a session that is opened when it is first needed: each has matrices of
// its own, about half of the model's file, and a server that few ask needs one session
// alone. It may be run from several goroutines at once. Where it cannot be opened any
// more, because the files were replaced meanwhile or memory is short, another one
// stands for it, which gives the same vectors, and closing it closes nothing.
type lateSession struct {
	open    func() (Session, error)
	instead Session
	log     *slog.Logger

	once    sync.Once // guards opened
	opened  Session   // or instead
	ownable bool      // opened is not instead
}

func (s *lateSession) get() Session {
	s.once.Do(func() {
		var err error
		if s.opened, err = s.open(); err != nil {
			s.log.Warn("the second session of the model could not be opened: imports and many queries at once share the first, and take longer; "+
				"a restart tries again", "error", err)
			s.opened = s.instead
			return
		}
		s.ownable = true
	})
	return s.opened
}

// Run implements Session.
func (s *lateSession) Run(ids []int64, batch, tokens int) (out []float32, dim int, err error) {
	return s.get().Run(ids, batch, tokens)
}

// Close implements Session.
func (s *lateSession) Close() error {
	s.once.Do(func() {}) // it is not opened any more
	if !s.ownable {
		return nil
	}
	return s.opened.Close()
}

// openAgain opens a session of the graph if its files are still those that were
// verified.
func (e *Embedder) openAgain(config Config, was source, threads int) (Session, error) {
	now, err := e.verify(config.ModelDir, config.Precision, config.Matrix != nil)
	if err != nil {
		return nil, err
	}
	if now != was {
		return nil, fmt.Errorf("the model in %s is another one than when it was opened", config.ModelDir)
	}
	return e.graph.Open(threads)
}
