package source_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/source"
	"akin/internal/source/sourcetest"
)

// papers is a collection in memory.
type papers struct {
	mu     sync.Mutex
	all    map[string]paper.Paper
	writes map[string]int // revisions by id
	refuse func(paper.Paper) error
	broken error
	hook   func()
}

func newPapers() *papers {
	return &papers{all: make(map[string]paper.Paper), writes: make(map[string]int)}
}

func (p *papers) Import(ctx context.Context, _ string, next func(context.Context) (engine.Incoming, error), ack func(engine.Acknowledged) error) error {
	a := engine.Acknowledged{}
	for {
		in, err := next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		a.Papers = append(a.Papers, in)
	}
	p.mu.Lock()
	if p.broken != nil {
		defer p.mu.Unlock()
		return p.broken
	}
	for _, in := range a.Papers {
		u := engine.Upserted{ID: in.Paper.ID}
		before, there := p.all[in.Paper.ID]
		switch {
		case p.refuse != nil && p.refuse(in.Paper) != nil:
			u.Err = p.refuse(in.Paper)
		case in.Delete && there:
			delete(p.all, in.Paper.ID)
			u.Change = catalog.Deleted
		case in.Delete:
			u.Change = catalog.Missing
		default:
			in.Paper.ListedDates = paper.MergeListedDates(before.ListedDates, in.Paper.ListedDates)
			u.Change = catalog.Unchanged
			if !there {
				u.Change = catalog.Created
			} else if !reflect.DeepEqual(before, in.Paper) {
				u.Change = catalog.Updated
			}
			if u.Change != catalog.Unchanged {
				p.writes[in.Paper.ID]++
			}
			p.all[in.Paper.ID] = in.Paper
		}
		a.Results = append(a.Results, u)
	}
	hook := p.hook
	p.mu.Unlock()
	if hook != nil {
		hook()
	}
	return ack(a)
}

func (p *papers) setHook(hook func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = hook
}

func (p *papers) GetEach(_ context.Context, _ string, ids []string, visit func(int, *paper.Record) bool, missing func(int)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, id := range ids {
		if found, ok := p.all[id]; ok {
			visit(i, &paper.Record{Paper: found.Clone()})
		} else {
			missing(i)
		}
	}
	return nil
}

func (p *papers) ids() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.all))
}

func (p *papers) get(id string) paper.Paper {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[id]
}

// network is HTTP without a network, in which each host is a handler.
type network struct {
	mu    sync.Mutex
	hosts map[string]http.Handler
	// asked is when requests began, by host; busy how many are under way, most the most.
	asked      map[string][]time.Time
	busy, most int
	down       bool
}

func newNetwork() *network {
	return &network{hosts: make(map[string]http.Handler), asked: make(map[string][]time.Time)}
}

// sync orders what a test and the handlers write, for the race detector: between two
// calls, each sees what the other did.
func (n *network) sync() {
	n.mu.Lock()
	defer n.mu.Unlock()
}

func (n *network) handle(host string, h http.HandlerFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[host] = h
}

func (n *network) times(host string) []time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.asked[host])
}

func (n *network) setDown(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
}

// one is a listener of one connection.
type one struct {
	conn net.Conn
	done chan struct{}
	once sync.Once
}

func (o *one) Accept() (net.Conn, error) {
	if c := o.conn; c != nil {
		o.conn = nil
		return c, nil
	}
	<-o.done
	return nil, net.ErrClosed
}
func (o *one) Close() error   { o.once.Do(func() { close(o.done) }); return nil }
func (o *one) Addr() net.Addr { return &net.TCPAddr{} }

func (n *network) dial(_ context.Context, _, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	n.mu.Lock()
	handler, down := n.hosts[host], n.down
	n.mu.Unlock()
	if handler == nil || down {
		return nil, fmt.Errorf("connect to %s: connection refused", host)
	}
	client, server := net.Pipe()
	l := &one{conn: server, done: make(chan struct{})}
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n.mu.Lock()
			n.asked[host] = append(n.asked[host], time.Now())
			n.busy++
			n.most = max(n.most, n.busy)
			n.mu.Unlock()
			defer func() {
				n.mu.Lock()
				n.busy--
				n.mu.Unlock()
			}()
			handler.ServeHTTP(w, r)
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed || state == http.StateHijacked {
				l.Close()
			}
		},
	}
	s.SetKeepAlivesEnabled(false)
	go s.Serve(l)
	return client, nil
}

// rig is a manager over a made-up network.
type rig struct {
	t      testing.TB
	net    *network
	papers *papers
	book   source.Book
	m      *source.Manager
	// readOnly is why papers cannot be changed.
	readOnly atomic.Pointer[error]
	settings source.Settings
}

func newRig(t testing.TB, sources ...source.Config) *rig {
	r := &rig{t: t, net: newNetwork(), papers: newPapers(), book: sourcetest.NewMemory()}
	r.readOnly.Store(new(error))
	r.settings = source.Settings{Sources: sources, Hosts: []string{"added.example"}}
	return r
}

// open makes a manager; start has it follow its sources.
func (r *rig) open(start bool) *rig {
	r.t.Helper()
	m, err := source.New(context.Background(), source.Options{
		Book: r.book, Papers: r.papers, Settings: r.settings, Version: "test", Dial: r.net.dial,
		Writable: func() error { return *r.readOnly.Load() },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.m = m
	if start {
		m.Start()
	}
	return r
}

func (r *rig) close() {
	r.t.Helper()
	if err := r.m.Close(); err != nil {
		r.t.Error(err)
	}
}

// run runs a source once.
func (r *rig) run(name string) source.Run {
	r.t.Helper()
	run, err := r.m.RunNow(r.t.Context(), name)
	if err != nil {
		r.t.Fatalf("run %s: %v", name, err)
	}
	return run
}

// fails runs a source that does not come to an end, and gives why.
func (r *rig) fails(name string) error {
	r.t.Helper()
	_, err := r.m.RunNow(r.t.Context(), name)
	if err == nil {
		r.t.Fatalf("run %s: no error", name)
	}
	return err
}

func (r *rig) status(name string) source.Status {
	r.t.Helper()
	s, err := r.m.Get(name)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// inBubble runs a test with a clock of its own, which begins on 1 January 2000.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t)
		time.Sleep(time.Minute) // servers notice that nobody is there any more
	})
}
