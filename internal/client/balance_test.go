package client

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	akinv1 "akin/proto/akin/v1"
)

// well is a server that counts its calls, and says how it is.
type well struct {
	server *grpc.Server
	health *health.Server
	calls  atomic.Int64
}

func listen(t *testing.T, address string) (*well, string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	w := &well{server: grpc.NewServer(), health: health.NewServer()}
	akinv1.RegisterPaperServiceServer(w.server, &scripted{getting: func(context.Context, *akinv1.GetPaperRequest) (*akinv1.Paper, error) {
		w.calls.Add(1)
		return new(akinv1.Paper), nil
	}})
	healthpb.RegisterHealthServer(w.server, w.health)
	go w.server.Serve(l)
	t.Cleanup(w.server.Stop)
	return w, l.Addr().String()
}

// Servers are asked in turn; one that stops in order, and comes back, costs no call.
func TestBalance(t *testing.T) {
	a, first := listen(t, "127.0.0.1:0")
	b, second := listen(t, "127.0.0.1:0")
	c, err := Dial(first + ", " + second + "," + second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask := func(n int) {
		t.Helper()
		for range n {
			if _, err := c.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "x"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	until := func(what string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !done(); ask(1) {
			if time.Now().After(end) {
				t.Fatalf("not %s: %d and %d calls", what, a.calls.Load(), b.calls.Load())
			}
		}
	}
	until("both", func() bool { return a.calls.Load() > 0 && b.calls.Load() > 0 })
	a.health.Shutdown()
	until("the second alone", func() bool {
		before := a.calls.Load()
		ask(8)
		return a.calls.Load() == before
	})
	a.server.GracefulStop()
	ask(20)
	again, _ := listen(t, first)
	until("the first again", func() bool { return again.calls.Load() > 0 })
	b.health.Shutdown()
	b.server.GracefulStop()
	ask(20)
}

func TestBalanceRefuses(t *testing.T) {
	for _, address := range []string{"127.0.0.1:1,", ",", "127.0.0.1:1,x", "127.0.0.1:1,:2"} {
		if c, err := Dial(address); err == nil || !strings.Contains(err.Error(), "HOST:PORT,HOST:PORT") {
			t.Errorf("%q: %v, %v", address, c, err)
		}
	}
	if _, err := DialSecure("127.0.0.1:1,10.0.0.1:2", Security{Token: "x"}); err == nil || !strings.Contains(err.Error(), "clear") {
		t.Errorf("a key goes to another machine in clear: %v", err)
	}
}
