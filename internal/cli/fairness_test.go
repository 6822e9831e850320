package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// What one key, at full speed and in every way that is dear, does to the searches of
// another: make bench-fairness. AKIN_BENCH_SECONDS is how long each part takes, and
// AKIN_BENCH_CONCURRENCY how many calls the noisy key may have under way (0: any).
func TestFairness(t *testing.T) {
	if os.Getenv("AKIN_BENCH") == "" {
		t.Skip("a measurement: run make bench-fairness")
	}
	data := filepath.Join(t.TempDir(), "data")
	b := &overload{t: t, server: serve(t, data), during: benchSeconds(30 * time.Second)}
	b.clients = []*client.Client{b.dial()}
	b.load()
	secrets := make(map[string]string)
	for _, name := range []string{"noisy", "calm"} {
		out := filepath.Join(t.TempDir(), name)
		args := []string{"key", "create", name, "--data", data, "--scopes", "read,write", "--out", out}
		if most := os.Getenv("AKIN_BENCH_CONCURRENCY"); most != "" && name == "noisy" {
			args = append(args, "--concurrency", most)
		}
		mustRun(t, args...)
		secrets[name] = secretIn(t, out)
	}
	eventually(t, "keys are asked for", func() bool {
		_, err := b.clients[0].Search.Search(t.Context(), &akinv1.SearchRequest{Query: "x"})
		return err != nil
	})
	calm := b.dialWith(secrets["calm"])
	b.open(2, []*client.Client{calm}) // warm
	alone, _ := b.open(4, []*client.Client{calm})
	t.Log("| beside a search 4 times a second | p50 | p99 | of p99 alone | refused |")
	t.Logf("| nobody | %v | %v | | %.1f %% |", alone.p(50), alone.p(99), alone.share(8))
	for _, noise := range b.noises(secrets["noisy"]) {
		ctx, stop := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				for ctx.Err() == nil {
					noise.ask(ctx)
				}
			})
		}
		time.Sleep(2 * time.Second)
		beside, _ := b.open(4, []*client.Client{calm})
		stop()
		wait.Wait()
		t.Logf("| %s | %v | %v | %.2f | %.1f %% |", noise.name, beside.p(50), beside.p(99), float64(beside.p(99))/float64(alone.p(99)), beside.share(8))
	}
}

// dialWith connects with a key.
func (b *overload) dialWith(secret string) *client.Client {
	keyed := func(ctx context.Context) context.Context {
		return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+secret)
	}
	conn, err := grpc.NewClient(b.server.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, resp any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return invoke(keyed(ctx), method, req, resp, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return open(keyed(ctx), desc, cc, method, opts...)
		}))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	return client.New(conn)
}

// noise is something that one caller asks again and again, eight at once.
type noise struct {
	name string
	ask  func(ctx context.Context)
}

func (b *overload) noises(secret string) []noise {
	noisy := b.dialWith(secret)
	likes := make([]*akinv1.Example, 0, 5000)
	for _, p := range b.papers[:min(5000, len(b.papers))] {
		likes = append(likes, &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: p.GetId()}})
	}
	phrases := strings.Repeat(`"of the" `, 200)
	imported := func(ctx context.Context) {
		stream, err := noisy.Papers.ImportPapers(ctx)
		if err != nil {
			return
		}
		for i := range 64 {
			p := &akinv1.Paper{Title: b.question(), Abstract: strings.Repeat("a sentence of an abstract. ", 40)}
			if stream.Send(&akinv1.ImportPapersRequest{Index: uint64(i), Paper: p}) != nil {
				return
			}
		}
		stream.CloseSend()
		for {
			if _, err := stream.Recv(); err != nil {
				return
			}
		}
	}
	overHTTP := func(ctx context.Context) {
		body, _ := json.Marshal(map[string]string{"query": phrases})
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.server.http+"/v1/search", bytes.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		pauseIf(ctx, err != nil || resp.StatusCode != http.StatusOK)
	}
	return []noise{
		{"searches", func(ctx context.Context) {
			_, err := noisy.Search.Search(ctx, &akinv1.SearchRequest{Query: b.question()})
			pauseIf(ctx, err != nil)
		}},
		{fmt.Sprintf("recommendations from %d examples", len(likes)), func(ctx context.Context) {
			_, err := noisy.Search.Recommend(ctx, &akinv1.RecommendRequest{Positive: likes})
			pauseIf(ctx, err != nil)
		}},
		{"searches of 200 phrases", func(ctx context.Context) {
			_, err := noisy.Search.Search(ctx, &akinv1.SearchRequest{Query: phrases, Mode: akinv1.Mode_MODE_LEXICAL})
			pauseIf(ctx, err != nil)
		}},
		{"the same over HTTP", overHTTP},
		{"imports", imported},
	}
}

// pauseIf is what a caller does at least who was refused.
func pauseIf(ctx context.Context, refused bool) {
	if !refused {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(100 * time.Millisecond):
	}
}

func benchSeconds(usual time.Duration) time.Duration {
	var n int
	if _, err := fmt.Sscan(os.Getenv("AKIN_BENCH_SECONDS"), &n); err != nil || n <= 0 {
		return usual
	}
	return time.Duration(n) * time.Second
}
