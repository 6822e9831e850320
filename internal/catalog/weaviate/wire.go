package weaviate

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"akin/internal/paper"
)

const (
	// maxMessage bounds what one answer of the cluster may weigh.
	maxMessage = 64 << 20
	// restFor is how long a node that failed is asked last.
	restFor = 5 * time.Second
	// rounds is how often all nodes are asked, with ever longer pauses.
	rounds = 5
)

// node is a server of the cluster.
type node struct {
	http string
	conn *grpc.ClientConn
	pb.WeaviateClient
	// failed is when a call last found it dead, in Unix nanoseconds.
	failed atomic.Int64
	// unready says that it told so, or nothing, when it was last asked. A node that starts
	// answers before it has its papers, as if there were none.
	unready atomic.Bool
}

// wire asks the nodes of a cluster. Every call may be repeated: where one node fails,
// the next one is asked.
type wire struct {
	config Config
	token  string // of this process
	nodes  []*node
	http   *http.Client
	turn   atomic.Uint32
	whole  health
	// unsure counts writes of which it is not known that all replicas took them whole.
	unsure atomic.Uint64
	// tear gives the context of the first try of a write; tests end it in the midst. nil
	// leaves it as it is.
	tear func(context.Context) (context.Context, context.CancelFunc)

	ctx     context.Context //nolint:containedctx // the life of what goes on by itself
	stop    context.CancelFunc
	probing sync.WaitGroup
}

// connect dials with a configuration that somebody gave.
func connect(config Config) (*wire, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	return dial(config)
}

func dial(config Config) (*wire, error) {
	w := &wire{config: config, token: rand.Text()}
	transport := insecure.NewCredentials()
	if config.TLS != nil {
		transport = credentials.NewTLS(config.TLS.Clone())
	}
	dialer := &net.Dialer{Timeout: config.Try}
	w.http = &http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: tlsOf(config), MaxIdleConnsPerHost: 2 * parallel,
		IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}}
	for _, a := range config.Nodes {
		conn, err := grpc.NewClient(a.GRPC, grpc.WithTransportCredentials(transport),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("weaviate: %s: %w", a.GRPC, err), w.close())
		}
		w.nodes = append(w.nodes, &node{http: a.HTTP, conn: conn, WeaviateClient: pb.NewWeaviateClient(conn)})
	}
	w.ctx, w.stop = context.WithCancel(context.Background())
	for _, n := range w.nodes {
		w.background(func(ctx context.Context) { w.probe(ctx, n) })
	}
	return w, nil
}

// background does something until close, which waits for it.
func (w *wire) background(f func(context.Context)) {
	w.probing.Go(func() { f(w.ctx) })
}

// probeEvery is how often a node is asked whether it is ready. To start takes longer.
const probeEvery = time.Second

// probe asks a node whether it is ready, until the end.
func (w *wire) probe(ctx context.Context, n *node) {
	ask := func() {
		at, done := context.WithTimeout(ctx, w.config.Try)
		_, err := w.send(at, n, http.MethodGet, "/.well-known/ready", nil)
		done()
		n.unready.Store(err != nil)
	}
	ask()
	every(ctx, probeEvery, ask)
}

// every does something again and again, the first time after d, until the end.
func every(ctx context.Context, d time.Duration, do func()) {
	ticks := time.NewTicker(d)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			do()
		}
	}
}

func tlsOf(config Config) *tls.Config {
	if config.TLS == nil {
		return nil
	}
	return config.TLS.Clone()
}

func (w *wire) close() error {
	if w.stop != nil {
		w.stop()
		w.probing.Wait()
	}
	w.http.CloseIdleConnections()
	var err error
	for _, n := range w.nodes {
		err = errors.Join(err, n.conn.Close())
	}
	return err
}

// order gives the nodes that are ready in turn, those that failed lately last; all, if
// none is ready.
func (w *wire) order() []*node {
	from := int(w.turn.Add(1))
	var good, bad, last []*node
	now := time.Now().UnixNano()
	for i := range w.nodes {
		n := w.nodes[(from+i)%len(w.nodes)]
		switch {
		case n.unready.Load():
			last = append(last, n)
		case now-n.failed.Load() < int64(restFor):
			bad = append(bad, n)
		default:
			good = append(good, n)
		}
	}
	if good = append(good, bad...); len(good) > 0 {
		return good
	}
	return last
}

// errAnother says that another node may do better.
var errAnother = errors.New("another node may do better")

// try calls f for one node after the other until one answers. f joins errAnother to the
// error of a node that could not.
func (w *wire) try(ctx context.Context, f func(ctx context.Context, n *node) error) error {
	ctx, cancel := context.WithTimeout(ctx, w.config.Timeout)
	defer cancel()
	var last error
	for round := range rounds {
		for _, n := range w.order() {
			at, done := context.WithTimeout(ctx, w.config.Try)
			err := f(at, n)
			done()
			if err == nil || ctx.Err() == nil && !errors.Is(err, errAnother) && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			if ctx.Err() != nil {
				return w.given(ctx, errors.Join(err, last))
			}
			n.failed.Store(time.Now().UnixNano())
			last = err
		}
		select {
		case <-ctx.Done():
			return w.given(ctx, last)
		case <-time.After(100 * time.Millisecond << round):
		}
	}
	return w.unavailable(last)
}

// given is the error of a call that took too long, or that its caller gave up.
func (w *wire) given(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return context.Canceled
	}
	return w.unavailable(err)
}

func (w *wire) unavailable(err error) error {
	return &paper.Error{
		Kind: paper.Unavailable, Reason: ReasonClusterUnavailable, RetryAfter: time.Second, Cause: err,
		Message: fmt.Sprintf("no node of the Weaviate cluster answered within %s; see that at least two of three run (GET /v1/nodes says), then try again", w.config.Timeout),
	}
}

// call asks by gRPC.
func call[Q, A any](ctx context.Context, w *wire, method func(n *node) func(context.Context, Q, ...grpc.CallOption) (A, error), q Q) (out A, err error) {
	err = w.try(ctx, func(ctx context.Context, n *node) error {
		if w.config.Key != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+w.config.Key)
		}
		var err error
		out, err = method(n)(ctx, q)
		return classify(err)
	})
	return out, err
}

// classify says of an error of gRPC whether another node may do better.
func classify(err error) error {
	if err == nil {
		return nil
	}
	var own *paper.Error
	if errors.As(err, &own) {
		return err
	}
	switch status.Code(err) {
	case codes.Unauthenticated, codes.PermissionDenied:
		return denied(err)
	case codes.Canceled:
		return errors.Join(context.Canceled, err)
	}
	return errors.Join(errAnother, err)
}

func denied(err error) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonClusterDenied, Cause: err,
		Message: "the Weaviate cluster refuses akin's key; give one that may read and write akin's classes in the key file of the catalog",
	}
}

// answer is what the cluster says over HTTP.
type answer struct {
	code int
	body []byte
}

// rest asks by HTTP. 2xx, 404 and 422 are answers.
func (w *wire) rest(ctx context.Context, method, path string, body any) (answer, error) {
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return answer{}, fmt.Errorf("weaviate: %s %s: %w", method, path, err)
		}
	}
	var out answer
	err := w.try(ctx, func(ctx context.Context, n *node) error {
		if method != http.MethodGet {
			if err := w.fenced(ctx); err != nil {
				return err
			}
		}
		var err error
		out, err = w.send(ctx, n, method, path, payload)
		return err
	})
	return out, err
}

func (w *wire) send(ctx context.Context, n *node, method, path string, payload []byte) (answer, error) {
	scheme := "http://"
	if w.config.TLS != nil {
		scheme = "https://"
	}
	request, err := http.NewRequestWithContext(ctx, method, scheme+n.http+"/v1"+path, bytes.NewReader(payload))
	if err != nil {
		return answer{}, fmt.Errorf("weaviate: %w", err)
	}
	if payload != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if w.config.Key != "" {
		request.Header.Set("Authorization", "Bearer "+w.config.Key)
	}
	response, err := w.http.Do(request)
	if err != nil {
		return answer{}, errors.Join(errAnother, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxMessage))
	if err != nil {
		return answer{}, errors.Join(errAnother, err)
	}
	a := answer{response.StatusCode, text}
	switch {
	case a.code == http.StatusUnauthorized || a.code == http.StatusForbidden:
		return a, denied(a.fault(method, path))
	case a.code/100 == 2 || a.code == http.StatusNotFound || a.code == http.StatusUnprocessableEntity:
		return a, nil
	case a.code/100 == 5 || a.code == http.StatusBadRequest: // which is also what a node says that starts
		return a, errors.Join(errAnother, a.fault(method, path))
	}
	return a, a.fault(method, path)
}

func (a answer) fault(method, path string) error {
	return fmt.Errorf("weaviate: %s %s: status %d: %.300s", method, path, a.code, a.body)
}

type (
	batchObject   = pb.BatchObject
	batchCall     = func(context.Context, *pb.BatchObjectsRequest, ...grpc.CallOption) (*pb.BatchObjectsReply, error)
	searchCall    = func(context.Context, *pb.SearchRequest, ...grpc.CallOption) (*pb.SearchReply, error)
	aggregateCall = func(context.Context, *pb.AggregateRequest, ...grpc.CallOption) (*pb.AggregateReply, error)
)

// health remembers that a write found a replica missing.
type health struct{ illAt atomic.Int64 }

// illFor is how long writes do not wait for all replicas after one was missing.
const illFor = 15 * time.Second

func (h *health) ill()       { h.illAt.Store(time.Now().UnixNano()) }
func (h *health) well() bool { return time.Now().UnixNano()-h.illAt.Load() > int64(illFor) }
