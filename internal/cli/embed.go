package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/grpc/status"

	"akin/internal/app"
	"akin/internal/client"
	"akin/internal/ingest"
	"akin/internal/job"
	"akin/internal/vecfile"
	akinv1 "akin/proto/akin/v1"
)

// embeddingsName is the name of the vectors' files, without suffix.
const embeddingsName = "embeddings"

type embedCommand struct {
	Paths []string `arg:"" help:"Files and folders; - is standard input."`
	Out   string   `help:"Directory to write to; made if it is missing." type:"path" required:"" placeholder:"DIR"`
	inputFlags
	outputFlags
	Shard     string `help:"Embed only the I-th of N parts; the other parts are for other machines." placeholder:"I/N"`
	Cache     string `help:"Directory that keeps every text's vector, so that nothing is embedded twice (default: OUT/cache)." type:"path" placeholder:"DIR"`
	KeepCache bool   `help:"Keep the cache when all is done." default:"true" negatable:""`
	DryRun    bool   `help:"Read, look into the cache, time a sample, and say how long it would take."`
	Server    string `help:"Embed on a server instead of in this process." env:"AKIN_SERVER" placeholder:"HOST:PORT"`
	JSON      bool   `name:"json" help:"Print the manifest, or the estimate, as JSON at the end."`
}

// outputFlags say what to write.
type outputFlags struct {
	Write []string `help:"Formats to write: npy, parquet, jsonl, fvecs (default: npy when embedding, jsonl when exporting)." placeholder:"FORMAT,…"`
	DType string   `name:"dtype" help:"Numbers of .npy files: float32 or float16." enum:"float32,float16" default:"float32"`
}

func (f outputFlags) output(dir, name string, dimension int, fingerprint string) vecfile.Options {
	opt := vecfile.Options{Dir: dir, Name: name, Formats: f.Write, Dimension: dimension, Half: f.DType == "float16"}
	if dimension > 0 {
		opt.Metadata = map[string]string{vecfile.SpaceKey: fingerprint, vecfile.DimensionKey: fmt.Sprint(dimension)}
	}
	return opt
}

// Help shows examples.
func (embedCommand) Help() string {
	return `Examples:
  akin embed papers.jsonl --out vectors
  akin embed snapshot.json.gz --out vectors --write npy,parquet --shard 1/4
  python3 -c 'import numpy; print(numpy.load("vectors/embeddings.npy").shape)'

Writes embeddings.npy (float32, one row a paper in input order, duplicates
kept), ids.txt and manifest.json; other formats with --write. What is embedded
is kept in OUT/cache at once: run again after an interruption, or on a corpus
that has grown, and only what is missing is embedded. Rows that cannot be used
go to DIR/quarantine.jsonl, and the exit code is 3.`
}

// Run embeds.
func (c embedCommand) Run(e *environment) (err error) {
	c.Write = orDefault(c.Write, vecfile.NPY)
	quarantinePath := cmp.Or(c.Quarantine, filepath.Join(c.Out, "quarantine.jsonl"))
	if err := c.check(c.Paths, quarantinePath); err != nil {
		return err
	}
	shard, err := job.ParseShard(c.Shard)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("make the output directory: %w", err)
	}
	cacheDir := cmp.Or(c.Cache, filepath.Join(c.Out, "cache"))
	if c.Server == "" {
		e.config.Precision = c.precision(e.config, cacheDir, shard)
	}
	cl, err := c.client(e)
	if err != nil {
		return err
	}
	model, err := cl.Embed.GetModel(e.ctx, &akinv1.GetModelRequest{})
	if err != nil {
		return err
	}
	cache, err := job.OpenCache(cacheDir, model.GetSpace().GetFingerprint(), int(model.GetSpace().GetDimension()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	run := job.Config{
		Inputs: c.Paths, Read: c.reading(e), Shard: shard, Cache: cache, Embedder: remote{cl},
	}
	if c.DryRun {
		return c.estimate(e, run)
	}
	m, err := c.run(e, run, model.GetSpace(), quarantinePath)
	if err != nil {
		return err
	}
	if !c.KeepCache {
		if err := cache.Remove(); err != nil {
			return err
		}
	}
	return c.finish(e, m)
}

// precision is what the job goes on in: what is named, or else what it began in, as
// its cache and its manifest say. A new job of several shards, whose machines may
// differ, is of float32; any other is of what this machine does best.
func (c embedCommand) precision(config app.Config, cache string, shard job.Shard) string {
	if config.Precision != "" && config.Precision != app.Auto {
		return config.Precision
	}
	var began []string
	last := ""
	if m, err := vecfile.ReadManifest(c.Out); err == nil {
		last = m.Fingerprint
	}
	for _, name := range app.Precisions() {
		if name == app.Auto {
			continue
		}
		space, err := app.SpaceOf(config, name)
		if err != nil {
			continue // what is wrong with the model is said when it is opened
		}
		if space.Fingerprint() == last {
			return name
		}
		if job.HasCache(cache, space.Fingerprint()) {
			began = append(began, name)
		}
	}
	switch {
	case len(began) > 0:
		return began[0]
	case shard.Of > 1:
		return app.Precisions()[1]
	default:
		return app.Auto
	}
}

func orDefault(list []string, value string) []string {
	if len(list) == 0 {
		return []string{value}
	}
	return list
}

func (c embedCommand) client(e *environment) (*client.Client, error) {
	if c.Server != "" {
		return e.connect(target{Server: c.Server}, false)
	}
	return e.start(e.config)
}

// run does the job and commits its files, the manifest last.
func (c embedCommand) run(e *environment, config job.Config, space *akinv1.Space, quarantinePath string) (_ *vecfile.Manifest, err error) {
	inputs, err := ingest.Walk(c.Paths)
	if err != nil {
		return nil, err
	}
	config.Output, err = vecfile.Create(c.output(c.Out, embeddingsName, int(space.GetDimension()), space.GetFingerprint()))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, config.Output.Abandon()) }()
	config.Quarantine, err = newQuarantine(quarantinePath)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, config.Quarantine.Close()) }()
	display := e.newJobDisplay(inputs)
	config.Read.Meter = &display.meter
	config.Read.Notes, config.Read.Streams = new(ingest.Notes), new(ingest.Streams)
	config.Progress = display.show
	result, err := job.Run(e.ctx, config)
	display.finish()
	if errors.Is(err, job.ErrInterrupted) {
		fmt.Fprintf(e.errOut, "akin: interrupted; %s embedded in this run, and all of it is kept: run the same command again to go on from there\n", plural(display.last.Embedded, "text"))
	}
	if err != nil {
		return nil, err
	}
	if err := config.Quarantine.Close(); err != nil {
		return nil, err
	}
	files, err := config.Output.Commit()
	if err != nil {
		return nil, err
	}
	m, err := c.manifest(config, result, space, inputs, files)
	if err != nil {
		return nil, err
	}
	c.summary(e, config, result, files)
	return m, m.Write(c.Out)
}

func (c embedCommand) manifest(
	config job.Config, result *job.Result, space *akinv1.Space, inputs []string, files []vecfile.Committed,
) (*vecfile.Manifest, error) {
	m, err := newManifest(space)
	if err != nil {
		return nil, err
	}
	m.Shard, m.InputSHA256, m.Rows, m.Truncated = config.Shard.String(), result.InputDigest, result.Rows, result.Truncated
	m.Deleted, m.Quarantined, m.Unread = result.Deleted, config.Quarantine.Count(), config.Read.Notes.Unread()
	for _, path := range inputs {
		if sum, ok := config.Read.Streams.Sum(path); ok { // what is read once
			m.Inputs = append(m.Inputs, vecfile.Input{Name: filepath.Base(path), SHA256: sum})
			continue
		}
		sum, err := vecfile.DigestFile(path)
		if err != nil {
			return nil, fmt.Errorf("write manifest: %w", err)
		}
		m.Inputs = append(m.Inputs, vecfile.Input{Name: filepath.Base(path), SHA256: sum})
	}
	m.Wrote(files)
	return m, nil
}

// newManifest begins the manifest of vectors of a space.
func newManifest(space *akinv1.Space) (*vecfile.Manifest, error) {
	raw, err := json.Marshal(space)
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	return &vecfile.Manifest{
		Program: "akin " + Version, Space: raw, Fingerprint: space.GetFingerprint(), Dimension: int(space.GetDimension()), Inputs: []vecfile.Input{},
	}, nil
}

func (c embedCommand) summary(e *environment, config job.Config, result *job.Result, files []vecfile.Committed) {
	fmt.Fprintf(e.errOut, "%s in %s: %d embedded, the others from the cache", plural(result.Rows, "paper"), c.Out, result.Embedded)
	if !slices.ContainsFunc(files, func(f vecfile.Committed) bool { return !f.Unchanged }) {
		fmt.Fprint(e.errOut, "; the files are unchanged")
	}
	if result.Truncated > 0 {
		fmt.Fprintf(e.errOut, "; %d longer than the model reads, cut", result.Truncated)
	}
	if result.Deleted > 0 {
		fmt.Fprintf(e.errOut, "; %d deleted at the source, left out", result.Deleted)
	}
	if n := config.Quarantine.Count(); n > 0 {
		fmt.Fprintf(e.errOut, "; %s quarantined in %s", plural(n, "row"), config.Quarantine.Path())
	}
	fmt.Fprintln(e.errOut)
	e.quarantined(config.Quarantine)
	e.sayNotes(config.Read.Notes)
}

func (c embedCommand) finish(e *environment, m *vecfile.Manifest) error {
	if c.JSON {
		if err := e.printJSON(m); err != nil {
			return err
		}
	}
	if m.Quarantined > 0 {
		return errPartial
	}
	return nil
}

// remote embeds through the API.
type remote struct{ client *client.Client }

// Embed implements job.Embedder.
func (r remote) Embed(ctx context.Context, next func(context.Context) (job.Text, error), got func(job.Answer) error) error {
	return r.client.EmbedStream(ctx,
		func(ctx context.Context) (*akinv1.EmbedStreamRequest, error) {
			text, err := next(ctx)
			if err != nil {
				return nil, err
			}
			return &akinv1.EmbedStreamRequest{Role: akinv1.Role_ROLE_DOCUMENT, Input: &akinv1.EmbedInput{
				Input: &akinv1.EmbedInput_Paper{Paper: &akinv1.Text{Title: text.Title, Abstract: text.Abstract}},
			}}, nil
		},
		func(resp *akinv1.EmbedStreamResponse) error {
			var a job.Answer
			if resp.GetError() != nil {
				a.Err = errors.New(explain(status.FromProto(resp.GetError()).Err(), nil))
				return got(a)
			}
			v := resp.GetEmbedding()
			a.Vector = job.Vector{Values: v.GetVector(), Tokens: int(v.GetTokens()), Truncated: v.GetTruncated()}
			return got(a)
		})
}
