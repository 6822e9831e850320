package cli

import (
	"fmt"
	"time"

	"akin/internal/app"
)

// clusterConnection says how to speak to a cluster, and what is created there.
type clusterConnection struct {
	CatalogTLS         bool          `name:"catalog-tls" help:"Speak TLS with the cluster, whose certificates are from an authority of this machine." env:"AKIN_CATALOG_TLS" group:"Cluster:"`
	CatalogCA          string        `name:"catalog-ca" help:"Speak TLS with the cluster, whose certificates are from an authority in this file." type:"path" env:"AKIN_CATALOG_CA" placeholder:"FILE" group:"Cluster:"`
	CatalogKeyFile     string        `name:"catalog-key-file" help:"File with the API key that the cluster asks for. AKIN_CATALOG_KEY may have it instead." type:"path" env:"AKIN_CATALOG_KEY_FILE" placeholder:"FILE" secret:"catalog-key" group:"Cluster:"`
	CatalogShards      int           `name:"catalog-shards" help:"Shards of collections that are created (default: 3)." env:"AKIN_CATALOG_SHARDS" placeholder:"N" group:"Cluster:"`
	CatalogReplicas    int           `name:"catalog-replicas" help:"Replicas of collections that are created, and those that there must be (default: 3; 1 survives the loss of no node, and 2 do neither)." env:"AKIN_CATALOG_REPLICAS" placeholder:"N" group:"Cluster:"`
	CatalogConsistency string        `name:"catalog-consistency" help:"When a write is acknowledged: quorum, or all, which refuses writes while a node is away." env:"AKIN_CATALOG_CONSISTENCY" placeholder:"NAME" group:"Cluster:"`
	CatalogTimeout     time.Duration `name:"catalog-timeout" help:"How long the cluster is asked, with repetitions, before a call fails." default:"30s" env:"AKIN_CATALOG_TIMEOUT" placeholder:"TIME" group:"Cluster:"`
	CatalogPrefix      string        `name:"catalog-prefix" help:"What the names of the cluster's classes begin with (default: Akin)." env:"AKIN_CATALOG_PREFIX" placeholder:"NAME" group:"Cluster:"`
}

// connection is what the flags say, with the files that others should not read.
func (f *clusterConnection) connection() (to app.Cluster, secrets []string, err error) {
	if f.CatalogKeyFile != "" {
		secrets = append(secrets, f.CatalogKeyFile)
	}
	key, err := secret("catalog-key-file", f.CatalogKeyFile, "AKIN_CATALOG_KEY")
	return app.Cluster{
		TLS: f.CatalogTLS, CA: f.CatalogCA, Key: key, Shards: f.CatalogShards, Replicas: f.CatalogReplicas,
		Consistency: f.CatalogConsistency, Timeout: f.CatalogTimeout, Prefix: f.CatalogPrefix,
	}, secrets, err
}

// clusterFlags say which cluster keeps the papers of a server.
type clusterFlags struct {
	Catalog string `help:"Keep papers in a cluster of Weaviate, instead of the data directory: weaviate://HOST:PORT,… with all nodes; HOST:PORT:GRPCPORT where gRPC is not on port 50051." env:"AKIN_CATALOG" placeholder:"URL" group:"Cluster:"`
	clusterConnection
	CatalogRole       string `name:"catalog-role" help:"reader, or writer: the one server that changes papers, matches feeds and sends digests. Of several writers, the one that the writer file names; the others read." enum:",reader,writer" default:"" env:"AKIN_CATALOG_ROLE" placeholder:"NAME" group:"Cluster:"`
	CatalogWriterFile string `name:"catalog-writer-file" help:"File that says which server writes, where all servers see it; readers need none, but can name the writer with it." type:"path" env:"AKIN_CATALOG_WRITER_FILE" placeholder:"FILE" group:"Cluster:"`
	ServerName        string `name:"server-name" help:"Name of this server in the writer file (default: the host's)." env:"AKIN_SERVER_NAME" placeholder:"NAME" group:"Cluster:"`
}

func (f *clusterFlags) cluster(config *app.Config) error {
	to, secrets, err := f.connection()
	if err != nil {
		return err
	}
	to.Address, to.Role, to.WriterFile, to.Server = f.Catalog, f.CatalogRole, f.CatalogWriterFile, f.ServerName
	config.Secrets, config.Cluster = append(config.Secrets, secrets...), to
	return nil
}

type catalogCommand struct {
	Writer   writerCommand   `cmd:"" help:"Show which server writes to the cluster."`
	TakeOver takeOverCommand `cmd:"" help:"Make another server the one that writes."`
	Keep     keepCommand     `cmd:"" help:"Make the cluster keep the libraries, feeds, digests and sources of a data directory."`
}

// writerFile is the file that servers share.
type writerFile struct {
	CatalogWriterFile string `name:"catalog-writer-file" help:"File that says which server writes." type:"path" env:"AKIN_CATALOG_WRITER_FILE" placeholder:"FILE" required:""`
	JSON              bool   `name:"json" help:"Print JSON."`
}

type writerCommand struct{ writerFile }

// Run shows the mark.
func (c writerCommand) Run(e *environment) error {
	m, err := app.WriterOf(c.CatalogWriterFile)
	if err != nil {
		return err
	}
	if c.JSON {
		return e.printJSON(m)
	}
	if m == nil {
		fmt.Fprintln(e.out, "no server has written yet")
		return nil
	}
	state := "has not begun yet"
	switch {
	case m.Acting == m.Epoch && m.Ended < m.Epoch:
		state = "began"
	case m.Ended == m.Epoch:
		state = "has ended"
	}
	fmt.Fprintf(e.out, "%s, epoch %d, since %s; it %s\n", m, m.Epoch, m.Since.UTC().Format(time.RFC3339), state)
	return nil
}

type takeOverCommand struct {
	writerFile
	Writer string `help:"Name of the server that is to write (its --server-name)." required:"" placeholder:"NAME"`
}

// Help says what happens.
func (takeOverCommand) Help() string {
	return `The server of that name, which runs with --catalog-role writer, begins to write
within seconds; the one before reads from then on, also if it was halted and goes on
later. What is kept beside papers (libraries, feeds, digests, sources) it takes from the
cluster, into its data directory, which may be empty. What it does not find there are
files: give both servers the same --secret-file, which has what reads the addresses of
digests.`
}

// Run passes the mark on.
func (c takeOverCommand) Run(e *environment) error {
	before, after, err := app.TakeOver(c.CatalogWriterFile, c.Writer, time.Now())
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		return e.printJSON(after)
	case before != nil && before.Epoch == after.Epoch:
		fmt.Fprintf(e.out, "%s is the writer already\n", after)
	case before != nil:
		fmt.Fprintf(e.out, "%s is to write, and %s no more (epoch %d)\n", after, before.Writer, after.Epoch)
	default:
		fmt.Fprintf(e.out, "%s is to write (epoch %d)\n", after, after.Epoch)
	}
	return nil
}

type keepCommand struct {
	Data    string `help:"Data directory, which no server may be using." type:"path" required:"" env:"AKIN_DATA" placeholder:"DIR"`
	Catalog string `help:"The cluster: weaviate://HOST:PORT,…" required:"" env:"AKIN_CATALOG" placeholder:"URL"`
	writerFile
	clusterConnection
}

// Help says what happens.
func (keepCommand) Help() string {
	return `A server that writes to a cluster keeps libraries, feeds, digests and sources there, and
has a copy in its data directory. This command makes what the directory has, such as
that of a restored snapshot, what the cluster keeps, and gives up what that had. Other
servers that may write need an empty data directory then.

It needs no server; one that writes to the cluster ends.

Example:
  akin snapshot restore before --data beside
  akin catalog keep --data beside --catalog weaviate://10.0.0.1:8080 --catalog-writer-file /shared/akin.writer`
}

// Run hands over.
func (c keepCommand) Run(e *environment) error {
	config := e.config
	var err error
	if config.Cluster, _, err = c.connection(); err != nil {
		return err
	}
	config.Data, config.Cluster.Address, config.Cluster.WriterFile = c.Data, c.Catalog, c.CatalogWriterFile
	kept, err := app.KeepBeside(e.ctx, config, e.log)
	if err != nil {
		return e.placed(err)
	}
	if c.JSON {
		return e.printJSON(map[string]any{"bytes": kept.Bytes, "change": kept.Number})
	}
	fmt.Fprintf(e.out, "the cluster keeps what %s has beside papers: %d bytes\n", oneLine(c.Data), kept.Bytes)
	return nil
}
