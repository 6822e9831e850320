package rpc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// hasty is a pace for what does not come: that is found out soon. What comes, comes to a
// patient one, however busy the machine is.
func hasty() Pace   { return Pace{Grace: 50 * time.Millisecond, Bodies: 1 << 20} }
func patient() Pace { return Pace{Grace: 5 * time.Minute, Bodies: 1 << 20} }

func gateway(t *testing.T, pace Pace) *httptest.Server {
	t.Helper()
	_, conn := guarded(t, Bounds{Timeouts: DefaultTimeouts()})
	g, err := NewGateway(t.Context(), conn, GatewayOptions{Pace: pace}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	return s
}

// say sends a request by hand and gives the answer; the connection stays open on
// this side.
func say(t *testing.T, s *httptest.Server, request string) (*http.Response, string, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body), conn
}

const head = "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

// A body that does not come, or comes drop by drop, is not waited for; neither is
// one that is cut short, or too large.
func TestBodies(t *testing.T) {
	slow, whole := gateway(t, hasty()), gateway(t, patient())
	for _, c := range []struct {
		name, request string
		status        int
		words         string
	}{
		{"nothing comes", head + "Content-Length: 100000\r\n\r\n{", http.StatusRequestTimeout, "1 bytes of the body were here; the limit is 50ms"},
		{"a chunk does not come", head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", http.StatusRequestTimeout, "BODY_TOO_SLOW"},
		{"bad chunks", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", http.StatusBadRequest, "BAD_BODY"},
		{"too large, as it says", head + fmt.Sprintf("Content-Length: %d\r\n\r\n", MaxMessageBytes+1), http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE"},
		{"more than there is room for", head + "Content-Length: 2000000\r\n\r\n" + strings.Repeat("x", 1<<20+40<<10), http.StatusTooManyRequests, "QUEUE_FULL"},
		{"a whole one", head + "Content-Length: 2\r\n\r\n{}", http.StatusBadRequest, "is empty; give some text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := whole
			if c.status == http.StatusRequestTimeout {
				s = slow
			}
			resp, body, conn := say(t, s, c.request) //nolint:bodyclose // closed in say
			if resp.StatusCode != c.status || !strings.Contains(body, c.words) {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
			if c.name == "a whole one" {
				return
			}
			conn.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Error("the connection stays open")
			}
		})
	}
}

// The bytes of bodies are counted while they are held, and not afterwards.
func TestBodiesAreReleased(t *testing.T) {
	b := bodies{pace: patient()}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", 100_000)))
	release, refused := b.read(httptest.NewRecorder(), r)
	if refused != nil || b.held.Load() != 100_000 {
		t.Fatalf("%v, %d bytes are held", refused, b.held.Load())
	}
	if got, err := io.ReadAll(r.Body); err != nil || len(got) != 100_000 || r.ContentLength != 100_000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	release()
	if n := b.held.Load(); n != 0 {
		t.Errorf("%d bytes are held in the end", n)
	}
	r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", MaxMessageBytes+1)))
	b.pace.Bodies = 2 * MaxMessageBytes
	if _, refused := b.read(httptest.NewRecorder(), r); refused == nil || refused.reason != "BODY_TOO_LARGE" {
		t.Errorf("%+v", refused)
	}
	if n := b.held.Load(); n != 0 {
		t.Errorf("%d bytes are held in the end", n)
	}
}

// A client that takes nothing of its answer is cut off; one that is slow is not.
func TestSlowReaderOverHTTP(t *testing.T) {
	const size, patience = 1 << 20, time.Minute
	for name, pause := range map[string]time.Duration{"takes nothing": time.Hour, "is slow": patience / 20} {
		synctest.Test(t, func(t *testing.T) {
			ended := make(chan error, 1)
			var took time.Duration
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				began := time.Now()
				_, err := newPacedWriter(w, patience).Write(make([]byte, size))
				took = time.Since(began)
				ended <- err
			})}
			l := bufconn.Listen(4 << 10)
			go server.Serve(l)
			defer server.Close()
			conn, err := l.DialContext(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
			for some := make([]byte, 8<<10); len(ended) == 0; {
				time.Sleep(pause)
				conn.SetReadDeadline(time.Now().Add(time.Second))
				conn.Read(some)
			}
			err = <-ended
			if pause > patience && (err == nil || took > patience) || pause < patience && (err != nil || took < 2*patience) {
				t.Errorf("who %s: %v after %v", name, err, took)
			}
		})
	}
}

// noting is a connection that notes for whom it is called.
type noting struct{ said []string }

func (n *noting) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	md, _ := metadata.FromOutgoingContext(ctx)
	n.said = md.Get(remoteKey)
	return status.Error(codes.Unavailable, "only noted")
}

func (n *noting) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, n.Invoke(ctx, "", nil, nil)
}

// The gateway says for whom it calls, whatever its client says.
func TestGatewaySaysForWhomItCalls(t *testing.T) {
	n := &noting{}
	g, err := NewGateway(t.Context(), n, GatewayOptions{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"/v1/search", `{"query":"x"}`}, {"/v1/embeddings", `{"input":"x","model":"default"}`}, {"/v1/recommend", "{}"}} {
		r := httptest.NewRequest(http.MethodPost, c[0], strings.NewReader(c[1]))
		r.Host, r.RemoteAddr = "localhost", "192.0.2.1:99"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Grpc-Metadata-Akin-Remote", "198.51.100.7:1")
		n.said = nil
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code == http.StatusServiceUnavailable && (len(n.said) == 0 || n.said[len(n.said)-1] != "192.0.2.1:99") {
			t.Errorf("%s is called for %q", c[0], n.said)
		}
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", c[0], w.Code, w.Body)
		}
	}
}
