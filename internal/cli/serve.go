package cli

import (
	"errors"
	"fmt"

	"akin/internal/app"
)

// serveFlags are the settings of a server: flags, variables of the environment and
// entries of the configuration file have the same names. What is tagged live can change
// while the server runs.
type serveFlags struct {
	Data           string   `help:"Data directory; made if it is missing." type:"path" env:"AKIN_DATA" placeholder:"DIR"`
	GRPCAddr       string   `name:"grpc-addr" help:"Where to serve gRPC; port 0 picks one." default:"127.0.0.1:7411" env:"AKIN_GRPC_ADDR" placeholder:"HOST:PORT"`
	HTTPAddr       string   `name:"http-addr" help:"Where to serve JSON over HTTP; port 0 picks one, empty for none." default:"127.0.0.1:7412" env:"AKIN_HTTP_ADDR" placeholder:"HOST:PORT"`
	InsecurePublic bool     `help:"Allow addresses beside the loopback ones also without keys or without TLS: whoever reaches them can read, change and erase all papers." env:"AKIN_INSECURE_PUBLIC"`
	HTTPHost       []string `name:"http-host" help:"Host names, beside localhost, that HTTP requests may be sent to." env:"AKIN_HTTP_HOST" placeholder:"NAME"`
	HTTPOrigin     []string `name:"http-origin" help:"Origins, such as https://papers.example.org, whose pages browsers let read what HTTP answers (CORS); * is all. Without it, none." env:"AKIN_HTTP_ORIGIN" placeholder:"ORIGIN"`
	PublicURL      string   `name:"public-url" help:"Address under which readers reach the page, such as https://papers.example.org: links in mails and feeds begin with it, and HTTP requests may be sent to its host." env:"AKIN_PUBLIC_URL" placeholder:"URL"`
	SecretFile     string   `help:"File of the secrets that encrypt addresses and sign links, made at first use (default: secrets.json beside the keys). Back it up apart from the snapshots." type:"path" env:"AKIN_SECRET_FILE" placeholder:"FILE"`
	Index          string   `help:"Index: graph, graph-lvq (its vectors stay in the store: for large collections), exact or coder (the baseline)." enum:"${indexes}" default:"${index}" env:"AKIN_INDEX"`
	clusterFlags
	boundFlags
	accessFlags
	followFlags
	ReadOnly bool `name:"read-only-on-damage" help:"If the data directory is damaged, serve what can be read of it and refuse writes, instead of not starting." env:"AKIN_READ_ONLY_ON_DAMAGE"`
	snapshotsFlag
	mailFlags
	observeFlags
	sourceFlags
}

// serverConfig is what the settings say.
func (f *serveFlags) serverConfig(e *environment) (app.Config, error) {
	config := f.config(e, f.Data)
	config.Create, config.Index = true, f.Index
	f.bound(&config)
	config.GRPCAddr, config.HTTPAddr, config.HTTPHosts = f.GRPCAddr, f.HTTPAddr, f.HTTPHost
	config.HTTPOrigins, config.PublicURL, config.SecretFile = f.HTTPOrigin, f.PublicURL, f.SecretFile
	config.InsecurePublic, config.ReadOnlyOnDamage = f.InsecurePublic, f.ReadOnly
	config.Access = f.access()
	f.follow(&config)
	if f.TLSKey != "" {
		config.Secrets = append(config.Secrets, f.TLSKey)
	}
	f.fetch(&config)
	err := errors.Join(f.mail(&config), f.observe(&config), f.cluster(&config))
	return config, err
}

type serveCommand struct {
	serveFlags
	Hint bool `hidden:"" help:"Print commands to try."`
}

// Validate says what is missing; flags, environment or configuration file may have it.
func (c *serveCommand) Validate() error {
	if c.Data == "" && c.Catalog == "" {
		return errors.New("missing flags: --data=DIR, or --catalog=URL")
	}
	return nil
}

// Help shows examples.
func (serveCommand) Help() string {
	return `Examples:
  akin serve --data papers
  akin serve --data papers --grpc-addr 127.0.0.1:0 --http-addr ''
  akin serve --data papers --grpc-addr 10.0.0.7:7411 --http-addr '' --tls-cert cert.pem --tls-key key.pem
  akin serve --catalog weaviate://10.0.0.1:8080,10.0.0.2:8080,10.0.0.3:8080

The first lines printed are the addresses. Once there is a key (akin key create),
whoever calls over them is asked for one. Addresses beside the loopback ones need
keys and TLS, or --insecure-public. SIGHUP reads keys and certificates again, which
are followed in any case, and begins a new audit log where it was moved away. Stop
with Ctrl-C or SIGTERM: calls under way finish first.`
}

// Run serves until the context ends.
func (c serveCommand) Run(e *environment) error {
	config, err := c.serverConfig(e)
	if err != nil {
		return e.placed(err)
	}
	for _, v := range e.strangers() {
		e.log.Warn("a variable of the environment is no setting of akin, and is ignored", "variable", v.name, "meant", v.meant)
	}
	changes := make(chan app.Change)
	config.Changes = changes
	stop := e.watchSettings(changes)
	err = app.Run(e.ctx, config, e.log, func(a app.Addresses) {
		fmt.Fprintf(e.out, "gRPC  %s\n", a.GRPC)
		if a.HTTP != "" {
			scheme := "http"
			if c.TLSCert != "" {
				scheme = "https"
			}
			fmt.Fprintf(e.out, "HTTP  %s://%s\n", scheme, a.HTTP)
		}
		if a.Admin != "" {
			fmt.Fprintf(e.out, "admin http://%s\n", a.Admin)
		}
		if c.Hint {
			c.hint(e, a)
		}
	})
	stop()
	return e.placed(err)
}

type reembedCommand struct {
	Data string `help:"Data directory; no server may be using it." type:"path" env:"AKIN_DATA" placeholder:"DIR" required:""`
}

// Help says when it is needed.
func (reembedCommand) Help() string {
	return `A data directory belongs to one embedding space: model, tokenizer, text policy,
pooling and precision. When a program would embed into another one, it refuses
the directory; this command takes the directory there. It can be interrupted and
run again, and what was there stays in use until all of it is done.`
}

// Run embeds anew.
func (c reembedCommand) Run(e *environment) error {
	config := e.config
	config.Data = c.Data
	p := e.newProgress("embedding")
	did, err := app.Reembed(e.ctx, config, e.log, func(done, total int) {
		p.total = total
		p.set(done, fmt.Sprintf("embedded %d of %d", done, total))
	})
	p.finish()
	if e.ctx.Err() != nil {
		fmt.Fprintf(e.errOut, "interrupted; go on with: akin reembed --data %s\n", c.Data)
	}
	if err == nil && !did {
		fmt.Fprintln(e.out, "nothing to do: the directory is in this space already")
	}
	return err
}

func (c serveCommand) hint(e *environment, a app.Addresses) {
	flag := ""
	if a.GRPC != defaultServer {
		flag = " --server " + a.GRPC
	}
	fmt.Fprintf(e.out, `
Open http://%[2]s in a browser, or try, in another terminal:
  bin/akin search%[1]s "dense retrieval without labelled data"
  bin/akin similar%[1]s --title "Attention is all you need"
  curl -s http://%[2]s/v1/search?query=graph+neural+networks

Stop with Ctrl-C.
`, flag, a.HTTP)
}
