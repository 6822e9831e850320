package weaviate_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/catalog/weaviate"
	"akin/internal/paper"
)

// addressVariable names the cluster that tests may fill, as akin serve --catalog does.
const addressVariable = "AKIN_TEST_CLUSTER"

// nodes are those of a cluster, or the test is skipped.
func nodes(t testing.TB) []weaviate.Address {
	t.Helper()
	text := os.Getenv(addressVariable)
	if text == "" {
		t.Skipf("no cluster to test with: set %s=weaviate://host:port:grpcport,… or run make test-cluster, which starts one", addressVariable)
	}
	out, err := weaviate.ParseAddresses(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var opened atomic.Int64

// open opens an empty catalog of classes of its own, and removes them at the end.
func open(t testing.TB, space paper.Space, change func(*weaviate.Config)) *weaviate.Catalog {
	t.Helper()
	config := weaviate.Config{
		Nodes: nodes(t), Space: space, Epoch: 1, Shards: 1,
		Prefix: fmt.Sprintf("Test%dx%d", time.Now().UnixNano()%1e12, opened.Add(1)),
	}
	if change != nil {
		change(&config)
	}
	if os.Getenv("AKIN_CLUSTER_PREFIX") != "" { // what another run wrote is taken over
		config.Epoch = uint64(time.Now().Unix())
	}
	c, err := weaviate.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if os.Getenv("AKIN_CLUSTER_PREFIX") != "" {
			return // for another run
		}
		dropAtLast(t, func(ctx context.Context) error { return c.DropCollection(ctx, paper.DefaultCollection) })
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// dropAtLast removes what a test made: a cluster whose nodes were killed takes its time to
// change classes again.
func dropAtLast(t testing.TB, drop func(context.Context) error) {
	t.Helper()
	err := drop(context.Background())
	for tries := 0; err != nil && tries < 20; tries++ {
		time.Sleep(time.Second)
		err = drop(context.Background())
	}
	if err != nil {
		t.Error(err)
	}
}

func TestContract(t *testing.T) {
	for _, shards := range []int{1, 3} {
		if shards > 1 && testing.Short() {
			continue
		}
		t.Run(fmt.Sprint(shards, " shards"), func(t *testing.T) {
			catalogtest.Run(t, func(t *testing.T, space paper.Space) catalog.Catalog {
				t.Helper()
				return open(t, space, func(c *weaviate.Config) { c.Shards = shards })
			})
		})
	}
}

func TestParseAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"weaviate://a:8080":                    "[{a:8080 a:50051}]",
		"weaviate://a:8080:9,b:8081, c:1:2":    "[{a:8080 a:9} {b:8081 b:50051} {c:1 c:2}]",
		"weaviate://[::1]:8080:9":              "[{[::1]:8080 [::1]:9}]",
		"weaviate://[::1]:8080":                "[{[::1]:8080 [::1]:50051}]",
		"weaviate://":                          "",
		"weaviate://a":                         "",
		"weaviate://:8080":                     "",
		"weaviate://a:http":                    "",
		"weaviate://a:80/x":                    "",
		"weaviate://user@a:80":                 "",
		"weaviate://a:80,":                     "",
		"http://a:80":                          "",
		"weaviate://a:80:90:100":               "",
		"weaviate://" + strings.Repeat(":", 9): "",
	} {
		got, err := weaviate.ParseAddresses(text)
		if (err != nil) != (want == "") || err == nil && fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}
