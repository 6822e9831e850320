package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/catalog/weaviate"
	"akin/internal/mandate"
	"akin/internal/paper"
	"akin/internal/rpc"
)

// The roles of a server over a cluster.
const (
	// Reader only reads.
	Reader = "reader"
	// Writer writes, if it is the one that the writer file names, and reads until then.
	Writer = "writer"
)

// Roles are the settings of Cluster.Role, the default first.
func Roles() []string { return []string{Reader, Writer} }

// The settings of Cluster.Consistency.
const (
	quorumWrites = "quorum"
	allWrites    = "all"
)

// Cluster says which cluster keeps the papers. The zero value of a field means its
// default; without an address they are in the data directory.
type Cluster struct {
	// Address is weaviate://host:port:grpcport,…
	Address string
	// TLS encrypts the connections; CA has the authorities that vouch for the nodes, beside
	// none of this machine's.
	TLS bool
	CA  string
	// Key is what the nodes ask for; empty sends none.
	Key string
	// Shards and Replicas are those of what is created.
	Shards, Replicas int
	// Consistency is when a write is acknowledged: "quorum", the default, or "all".
	Consistency string
	// Timeout bounds what is asked of the cluster.
	Timeout time.Duration
	// Prefix begins the names of the classes.
	Prefix string
	// Role is one of Roles.
	Role string
	// WriterFile is the file that says which server writes; a Writer needs one.
	WriterFile string
	// Server is the name of this one there; the host's by default.
	Server string
}

// catalogFile says, in a data directory, that its papers are in a cluster.
const catalogFile = "catalog.json"

const catalogFormat = "akin.catalog.v1"

// weaviateIndex is what a server calls its index whose papers are in a cluster.
const weaviateIndex = "weaviate"

// errTurn says that another server writes now, or this one: the server is opened anew.
var errTurn = errors.New("who writes has changed")

// clustering fills in what is empty, and says what is wrong with it.
func (c *Config) clustering() (errs []error) {
	k := &c.Cluster
	fault := func(setting, format string, args ...any) {
		errs = append(errs, Fault{setting, fmt.Sprintf(format, args...)})
	}
	if k.Address == "" {
		for _, s := range []struct {
			setting string
			given   bool
		}{
			{"catalog-tls", k.TLS},
			{"catalog-ca", k.CA != ""},
			{"catalog-key-file", k.Key != ""},
			{"catalog-writer-file", k.WriterFile != ""},
			{"catalog-role", k.Role == Writer},
		} {
			if s.given {
				fault(s.setting, "is of a cluster, and --catalog names none; add --catalog weaviate://HOST:PORT,…, or leave it out")
			}
		}
		return errs
	}
	k.Role, k.Consistency = cmp.Or(k.Role, Reader), cmp.Or(k.Consistency, quorumWrites)
	nodes, err := weaviate.ParseAddresses(k.Address)
	if err != nil {
		fault("catalog", "is wrong: %v", err)
	}
	seen := make(map[string]bool)
	for _, n := range nodes {
		if seen[n.HTTP] {
			fault("catalog", "names %s twice; name each node once", n.HTTP)
		}
		seen[n.HTTP] = true
	}
	if k.Consistency != quorumWrites && k.Consistency != allWrites {
		fault("catalog-consistency", "is %.40q; write quorum (a write survives the loss of a node) or all (it is also found at once on all of them, "+
			"and refused while one is away); one replica alone would lose what was acknowledged", k.Consistency)
	}
	if k.Timeout < 0 || k.Timeout > 10*time.Minute || k.Timeout > 0 && k.Timeout < time.Second {
		fault("catalog-timeout", "is %v; it must be from 1s to 10m (0 means 30s)", k.Timeout)
	}
	if len(nodes) > 0 {
		// What is left is said of shards, replicas and prefix.
		check := weaviate.Config{Nodes: nodes, Shards: k.Shards, Replicas: k.Replicas, Prefix: k.Prefix}.Check()
		for _, setting := range []string{"shards", "replicas", "prefix"} {
			if check != nil && strings.Contains(check.Error(), setting) {
				fault("catalog-"+setting, "is wrong: %v", check)
			}
		}
	}
	return append(errs, k.roles()...)
}

// roles says what is wrong with who writes.
func (k *Cluster) roles() (errs []error) {
	switch {
	case k.Role != Reader && k.Role != Writer:
		errs = append(errs, Fault{"catalog-role", fmt.Sprintf("is %.40q; it is one of %v", k.Role, Roles())})
	case k.Role == Writer && k.WriterFile == "":
		errs = append(errs, Fault{"catalog-writer-file", "is missing, which a writer needs: the cluster cannot keep out a writer that was replaced, so who writes " +
			"is marked in a file; name one that all servers which may write see"})
	}
	if k.Server == "" {
		k.Server, _ = os.Hostname()
	}
	if err := mandate.CheckName(k.Server); err != nil && k.Role == Writer {
		errs = append(errs, Fault{"server-name", "is wrong: " + err.Error()})
	}
	return errs
}

// config is that of the catalog. Its files are read now.
func (k *Cluster) config() (weaviate.Config, error) {
	nodes, err := weaviate.ParseAddresses(k.Address)
	if err != nil {
		return weaviate.Config{}, err
	}
	c := weaviate.Config{
		Nodes: nodes, Key: k.Key, Prefix: k.Prefix, Shards: k.Shards, Replicas: k.Replicas, Timeout: k.Timeout, AllReplicas: k.Consistency == allWrites,
	}
	if k.TLS || k.CA != "" {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if k.CA != "" {
		raw, err := os.ReadFile(k.CA)
		if err != nil {
			return c, Fault{"catalog-ca", fmt.Sprintf("names a file that cannot be read: %v", err)}
		}
		c.TLS.RootCAs = x509.NewCertPool()
		if !c.TLS.RootCAs.AppendCertsFromPEM(raw) {
			return c, Fault{"catalog-ca", fmt.Sprintf("names %s, which has no certificate in PEM", k.CA)}
		}
	}
	return c, nil
}

// writer names who writes, as far as is known.
func (k *Cluster) writer() string {
	if k.WriterFile == "" {
		return ""
	}
	m, err := mandate.Read(k.WriterFile)
	if err != nil || m == nil {
		return ""
	}
	return m.String()
}

// openCluster opens the model and the catalog of a cluster, and what is kept beside it, if
// this server writes.
func (a *App) openCluster(ctx context.Context) (engineModel, catalog.Catalog, rpc.About, error) {
	k := &a.config.Cluster
	none := rpc.About{}
	config, err := k.config()
	if err != nil {
		return nil, nil, none, err
	}
	config.Log, config.Writer = a.log, k.writer
	if config.Key != "" && config.TLS == nil {
		a.log.Warn("the key of the cluster is sent in clear; --catalog-tls hides it")
	}
	there, err := weaviate.Look(ctx, config)
	if err != nil {
		return nil, nil, none, err
	}
	if config.Epoch, err = a.begin(ctx, &config, there); err != nil {
		return nil, nil, none, err
	}
	if config.Epoch == 0 && there == nil {
		return nil, nil, none, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonCollectionUnknown,
			Message: "the cluster has no collection yet, and this server does not write; start the one that does first (--catalog-role writer)",
		}
	}
	var kept *kept
	if there != nil {
		kept = a.config.followSpace(there.Space)
	}
	model, about, err := a.openModel(kept)
	if err != nil {
		return nil, nil, none, err
	}
	config.Space = model.Space()
	c, err := weaviate.Open(ctx, config)
	if err != nil {
		return nil, nil, none, err
	}
	a.onClose(c.Close)
	about.Index, about.Started, about.Without = weaviateIndex, time.Now(), a.withoutPapers
	about.NoMaps = "maps are made of the vectors of all papers, which are in a cluster"
	about.Writable = func() error { return c.Writable(context.Background()) }
	if config.Epoch == 0 || a.config.Data == "" {
		return model, c, about, nil
	}
	if err := a.openAside(ctx, c, config.Epoch); err != nil {
		return nil, nil, none, err
	}
	return model, clusterWithStore{c, local.SnapshotSource{Store: a.store, Dir: a.config.snapshots(), Program: a.config.Version}}, about, nil
}

// withoutPapers says why a server over a cluster keeps nothing beside papers.
func (a *App) withoutPapers() string {
	k := &a.config.Cluster
	if a.writes {
		return "its papers are in a cluster, and it was started without a data directory (--data) for what is kept beside them"
	}
	if w := k.writer(); w != "" {
		return "its papers are in a cluster of which it only reads; ask the server that writes, " + w
	}
	return "its papers are in a cluster of which it only reads; ask the server that writes"
}

// settle is how long after the mark changed hands a request of the writer before may still
// be on its way to the cluster, from a process of which nobody knows that it has ended.
const settle = 5 * time.Second

// begin makes this server the writer, if it is the one that the file names, and gives its
// epoch; 0 for a reader. It follows the file from then on.
func (a *App) begin(ctx context.Context, config *weaviate.Config, there *weaviate.Stored) (epoch uint64, err error) {
	k := &a.config.Cluster
	if k.Role != Writer {
		return 0, nil
	}
	var least uint64
	if there != nil {
		least = there.Epoch
	}
	m, began, prior, err := mandate.Begin(k.WriterFile, k.Server, reachedAt(a.addrs.GRPC, k.Server), least, time.Now())
	if err != nil {
		return 0, err
	}
	if !began {
		a.log.Info("this server reads, and waits to be the writer", "writer", m.String(), "name", k.Server,
			"takes over by", "akin catalog take-over --writer "+k.Server)
		a.followMark(0)
		return 0, nil
	}
	if prior != 0 {
		if err := a.awaitEnd(ctx, m, prior); err != nil {
			return 0, err
		}
	}
	a.writes = true
	a.fence = func() error { return mandate.Check(k.WriterFile, m.Epoch) }
	config.Fence = a.fence
	a.onClose(func() error { return mandate.End(k.WriterFile, m.Epoch) })
	a.followMark(m.Epoch)
	a.log.Info("this server is the writer", "name", k.Server, "epoch", m.Epoch)
	return m.Epoch, nil
}

// reachedAt is where others reach a server that listens on an address: that, or, where it
// listens on all, by its name.
func reachedAt(listens, name string) string {
	host, port, err := net.SplitHostPort(listens)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort(name, port)
	}
	return listens
}

// clustered says that papers are in a cluster.
func (a *App) clustered() bool { return a.config.Cluster.Address != "" }

// rightful says whether this server still writes, if its papers are in a cluster.
func (a *App) rightful() error {
	if a.fence == nil {
		return nil
	}
	return a.fence()
}

// awaitEnd waits until the writer before is known to write no more, or nothing of it can
// be on its way.
func (a *App) awaitEnd(ctx context.Context, m mandate.Mark, prior uint64) error {
	a.log.Info("waiting for the writer before to end", "epoch", prior, "at most", settle)
	tick := time.NewTicker(settle / 50)
	defer tick.Stop()
	for end := time.After(settle); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end:
			return nil
		case <-tick.C:
		}
		now, err := mandate.Read(a.config.Cluster.WriterFile)
		if err == nil && now != nil && now.Ended >= prior {
			return nil
		}
		if err == nil && now != nil && now.Epoch != m.Epoch {
			return mandate.Check(a.config.Cluster.WriterFile, m.Epoch)
		}
	}
}

// followMark ends the server once the mark makes it another one: a reader that is named
// becomes the writer, a writer that was replaced a reader.
func (a *App) followMark(epoch uint64) {
	k := &a.config.Cluster
	done := make(chan struct{})
	a.serving.Go(func() {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			m, err := mandate.Read(k.WriterFile)
			if err != nil || m == nil || m.Epoch == epoch || epoch == 0 && m.Writer != k.Server {
				continue
			}
			turn := errTurn
			if epoch != 0 && m.Writer == k.Server {
				turn = mandate.Check(k.WriterFile, epoch) // another process has its name
			}
			a.log.Info("who writes has changed", "writer", m.String(), "epoch", m.Epoch)
			select {
			case a.failed <- turn:
			default:
			}
			return
		}
	})
	a.onClose(func() error { close(done); return nil })
}

// papersElsewhere refuses a data directory whose papers are in a cluster.
func papersElsewhere(data string) error {
	if _, err := os.Stat(filepath.Join(data, catalogFile)); err != nil {
		return nil //nolint:nilerr // as is usual
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: "PAPERS_IN_CLUSTER",
		Message: fmt.Sprintf("the papers of the data directory %s are in a cluster; serve it with --catalog, and ask that server (--server)", data),
	}
}

// clusterWithStore is the catalog of a cluster whose server keeps other things in a store,
// of which it makes snapshots: papers are not in them.
type clusterWithStore struct {
	*weaviate.Catalog
	from local.SnapshotSource
}

// CreateSnapshot implements catalog.Snapshots.
func (c clusterWithStore) CreateSnapshot(ctx context.Context, name string, progress catalog.Progress) (catalog.Snapshot, error) {
	return local.CreateSnapshot(ctx, c.from, name, progress)
}

// Snapshots implements catalog.Snapshots.
func (c clusterWithStore) Snapshots(context.Context) ([]catalog.Snapshot, error) {
	return local.ListSnapshots(c.from.Dir)
}

// VerifySnapshot implements catalog.Snapshots.
func (c clusterWithStore) VerifySnapshot(ctx context.Context, name string, progress catalog.Progress) (*catalog.Verification, error) {
	return local.VerifySnapshot(ctx, c.from.Dir, name, progress)
}

// WriterOf says what server writes, by the file that servers share; nil if none ever did.
func WriterOf(path string) (*mandate.Mark, error) { return mandate.Read(path) }

// TakeOver makes the server of a name the writer. It gives the mark before, nil if there
// was none, and after.
func TakeOver(path, to string, now time.Time) (before *mandate.Mark, after mandate.Mark, err error) {
	return mandate.Pass(path, to, now)
}
