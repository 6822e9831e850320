package rpc

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// A server that cannot write, or found damage, is ready, and says so with the
// reason, over HTTP and gRPC.
func TestHealthSaysWhatIsRefused(t *testing.T) {
	var writable, damage error
	s := NewServer(nil, About{
		Writable: func() error { return writable },
		Damage:   func() error { return damage },
	}, Bounds{Timeouts: DefaultTimeouts()}, slog.New(slog.DiscardHandler))
	g := s.GRPC()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go g.Serve(l) //nolint:errcheck // stopped below
	t.Cleanup(func() {
		g.Stop()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	gw := newTestGateway(t, conn)
	const full = "the disk is full – free some space"
	for _, c := range []struct {
		name             string
		writable, damage error
		want             string
	}{
		{"well", nil, nil, `{"status":"SERVING","writes":{"status":"SERVING"},"data":{"status":"SERVING"}}`},
		{"full", errors.New(full), nil, `{"status":"SERVING","writes":{"status":"NOT_SERVING","reason":"` + full + `"},"data":{"status":"SERVING"}}`},
		{"damaged", nil, errors.New("a\nb"), `{"status":"SERVING","writes":{"status":"SERVING"},"data":{"status":"NOT_SERVING","reason":"a\nb"}}`},
	} {
		writable, damage = c.writable, c.damage
		resp, err := http.Get(gw.URL + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || strings.TrimSpace(string(b)) != c.want {
			t.Errorf("%s: %d %s, %v", c.name, resp.StatusCode, b, err)
		}
	}
	writable = errors.New("no")
	var header metadata.MD
	got, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: WritesHealth}, grpc.Header(&header))
	if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING || len(header.Get(reasonKey)) != 1 {
		t.Errorf("%v, %v, %v", got, header, err)
	}
}

func newTestGateway(t *testing.T, conn grpc.ClientConnInterface) *httptest.Server {
	t.Helper()
	g, err := NewGateway(t.Context(), conn, GatewayOptions{Pace: patient()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	return s
}
