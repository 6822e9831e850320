package app_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/app"
	"akin/internal/paper"
)

// Each fault of a cluster's settings is said, with the setting.
func TestClusterFaults(t *testing.T) {
	good := func() app.Cluster {
		return app.Cluster{Address: "weaviate://a:8080,b:8080:9", Role: app.Writer, WriterFile: "writer", Server: "a", Consistency: "all", Timeout: time.Minute}
	}
	if err := (app.Config{Cluster: good()}).Check(); err != nil {
		t.Error(err)
	}
	for _, test := range []struct {
		setting, words string
		change         func(*app.Cluster)
	}{
		{"catalog", "weaviate://host:port", func(c *app.Cluster) { c.Address = "http://a:8080" }},
		{"catalog", "host:port:grpcport", func(c *app.Cluster) { c.Address = "weaviate://a:8080,b" }},
		{"catalog", "names a:8080 twice", func(c *app.Cluster) { c.Address = "weaviate://a:8080,b:1,a:8080:7" }},
		{"catalog-shards", "1 to 1024", func(c *app.Cluster) { c.Shards = -1 }},
		{"catalog-replicas", "2 cannot lose one", func(c *app.Cluster) { c.Replicas = 2 }},
		{"catalog-prefix", "capital letter", func(c *app.Cluster) { c.Prefix = "akin" }},
		{"catalog-consistency", "lose what was acknowledged", func(c *app.Cluster) { c.Consistency = "one" }},
		{"catalog-timeout", "from 1s", func(c *app.Cluster) { c.Timeout = time.Millisecond }},
		{"catalog-timeout", "from 1s", func(c *app.Cluster) { c.Timeout = -time.Second }},
		{"catalog-role", "[reader writer]", func(c *app.Cluster) { c.Role = "leader" }},
		{"catalog-writer-file", "is missing", func(c *app.Cluster) { c.WriterFile = "" }},
		{"server-name", "no name of a server", func(c *app.Cluster) { c.Server = "a b" }},
		{"catalog-role", "names none", func(c *app.Cluster) { *c = app.Cluster{Role: app.Writer} }},
		{"catalog-ca", "names none", func(c *app.Cluster) { *c = app.Cluster{CA: "file"} }},
		{"catalog-key-file", "names none", func(c *app.Cluster) { *c = app.Cluster{Key: "x"} }},
	} {
		c := good()
		test.change(&c)
		err := (app.Config{Cluster: c}).Check()
		said := false
		for _, f := range app.FaultsOf(err) {
			said = said || f.Setting == test.setting && strings.Contains(f.Message, test.words)
		}
		if !said {
			t.Errorf("--%s, %q: %v", test.setting, test.words, err)
		}
	}
}

// A directory whose papers are in a cluster is not served without it.
func TestDirectoryOfACluster(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "catalog.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), app.Config{Data: dir, Create: true}, slog.New(slog.DiscardHandler))
	if paper.KindOf(err) != paper.FailedPrecondition || !strings.Contains(err.Error(), "--catalog") {
		t.Errorf("%v, %v", a, err)
	}
}

// The mark is shown and passed on by the names of servers.
func TestTakeOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "writer")
	if m, err := app.WriterOf(path); m != nil || err != nil {
		t.Errorf("%v, %v", m, err)
	}
	now := time.Unix(1, 0).UTC()
	if before, after, err := app.TakeOver(path, "b", now); before != nil || after.Writer != "b" || err != nil {
		t.Errorf("%v, %v, %v", before, after, err)
	}
	if before, after, err := app.TakeOver(path, "c", now); before == nil || before.Writer != "b" || after.Writer != "c" || after.Epoch <= before.Epoch || err != nil {
		t.Errorf("%v, %v, %v", before, after, err)
	}
}
