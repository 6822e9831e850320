package cli

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sync/errgroup"

	"akin/internal/client"
	"akin/internal/ingest"
	akinv1 "akin/proto/akin/v1"
)

// Names of what the job writes.
const (
	vectorsFile  = "embeddings.npy"
	idsFile      = "ids.txt"
	jobManifest  = "manifest.json"
	jobFormat    = "akin.embeddings.v1"
	embedBatch   = 64
	embedBatches = 4 // under way at once
)

type embedCommand struct {
	Paths []string `arg:"" help:"Files and folders."`
	Out   string   `help:"Directory to write to; made if it is missing." type:"path" required:"" placeholder:"DIR"`
	inputFlags
	Server string `help:"Embed on a server instead of in this process." env:"AKIN_SERVER" placeholder:"HOST:PORT"`
	JSON   bool   `name:"json" help:"Print the manifest as JSON at the end."`
}

// Help shows examples.
func (embedCommand) Help() string {
	return `Examples:
  akin embed papers.jsonl --out vectors
  python3 -c 'import numpy; print(numpy.load("vectors/embeddings.npy").shape)'

Writes embeddings.npy (float32, one row a paper in input order, duplicates
kept), ids.txt and manifest.json. Run again on unchanged input it embeds
nothing. Rows that cannot be used go to DIR/quarantine.jsonl, and the exit code
is 3.`
}

// embedManifest says what the vectors are made of.
type embedManifest struct {
	Format      string            `json:"format"`
	Program     string            `json:"program"`
	Space       json.RawMessage   `json:"space"`
	Fingerprint string            `json:"space_fingerprint"`
	Rows        int               `json:"rows"`
	Truncated   int               `json:"truncated"`
	Quarantined int               `json:"quarantined"`
	InputSHA256 string            `json:"input_sha256"`
	Files       map[string]string `json:"files_sha256"`
}

// Run embeds.
func (c embedCommand) Run(e *environment) error {
	path := cmp.Or(c.Quarantine, filepath.Join(c.Out, "quarantine.jsonl"))
	if err := c.check(c.Paths, path); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("make the output directory: %w", err)
	}
	var cl *client.Client
	var err error
	if c.Server != "" {
		cl, err = e.connect(target{Server: c.Server}, false)
	} else {
		cl, err = e.start(e.config)
	}
	if err != nil {
		return err
	}
	model, err := cl.Embed.GetModel(e.ctx, &akinv1.GetModelRequest{})
	if err != nil {
		return err
	}
	done, err := c.current(e.ctx, model.GetSpace().GetFingerprint())
	if err != nil {
		return err
	}
	if done != nil {
		fmt.Fprintf(e.errOut, "unchanged: %d papers are embedded already; nothing to do\n", done.Rows)
		return c.finish(e, done)
	}
	quarantine, err := newQuarantine(path)
	if err != nil {
		return err
	}
	job := &embedJob{
		env: e, client: cl, command: c, space: model.GetSpace(), quarantine: quarantine, input: sha256.New(),
		progress: e.newProgress("embedding", func() (int, error) { return countRows(e.ctx, c.Paths, c.options()) }),
	}
	m, err := job.run()
	job.progress.finish()
	if err = errors.Join(err, job.quarantine.Close()); err != nil {
		return err
	}
	fmt.Fprintf(e.errOut, "%s embedded into %s", plural(m.Rows, "paper"), c.Out)
	if m.Truncated > 0 {
		fmt.Fprintf(e.errOut, "; %d longer than the model reads, cut", m.Truncated)
	}
	if job.passed > 0 {
		fmt.Fprintf(e.errOut, "; %s of deleted papers passed over", plural(job.passed, "row"))
	}
	if m.Quarantined > 0 {
		fmt.Fprintf(e.errOut, "; %s quarantined in %s", plural(m.Quarantined, "row"), path)
	}
	fmt.Fprintln(e.errOut)
	return c.finish(e, m)
}

func (c embedCommand) finish(e *environment, m *embedManifest) error {
	if c.JSON {
		b, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("print manifest: %w", err)
		}
		fmt.Fprintln(e.out, string(b))
	}
	if m.Quarantined > 0 {
		return errPartial
	}
	return nil
}

// current gives the manifest of an earlier run over the same input in the same
// space whose files are whole, or nil.
func (c embedCommand) current(ctx context.Context, fingerprint string) (*embedManifest, error) {
	raw, err := os.ReadFile(filepath.Join(c.Out, jobManifest))
	if err != nil {
		return nil, nil //nolint:nilnil // no earlier run
	}
	m := new(embedManifest)
	if err := json.Unmarshal(raw, m); err != nil || m.Format != jobFormat || m.Fingerprint != fingerprint {
		return nil, nil //nolint:nilnil // not a manifest of such a run: embed anew
	}
	for name, want := range m.Files {
		if have, err := digestFile(filepath.Join(c.Out, name)); err != nil || have != want {
			return nil, nil //nolint:nilnil // its output is gone or damaged: embed anew
		}
	}
	input, rows, bad := sha256.New(), 0, 0
	for row, err := range ingest.Papers(ctx, c.Paths, c.options()) {
		var rejected *ingest.RejectedError
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &rejected), err != nil:
			bad++
		case row.Deleted:
		default:
			addInput(input, &row)
			rows++
		}
	}
	if hex.EncodeToString(input.Sum(nil)) != m.InputSHA256 || rows != m.Rows || bad != m.Quarantined {
		return nil, nil //nolint:nilnil // the input changed
	}
	return m, nil
}

// addInput adds to a digest what a row gives to the output: id and text.
func addInput(h hash.Hash, row *ingest.Row) {
	p := &row.Paper
	fmt.Fprintf(h, "%d:%s%d:%s%d:%s", len(p.ID), p.ID, len(p.Title), p.Title, len(p.Abstract), p.Abstract)
}

func digestFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// embedJob embeds files in batches, several under way at once, and writes them
// in the order of the input.
type embedJob struct {
	env        *environment
	client     *client.Client
	command    embedCommand
	space      *akinv1.Space
	quarantine *ingest.Quarantine
	progress   *progress
	input      hash.Hash // of the rows that were read
	truncated  int
	passed     int // rows of deleted papers
}

// batch is a group of rows on its way through the model.
type batch struct {
	ids    []string
	inputs []*akinv1.EmbedInput
	resp   chan *akinv1.EmbedResponse // has room for the answer
}

func (j *embedJob) run() (_ *embedManifest, err error) {
	vectors, err := ingest.NewNPYWriter(filepath.Join(j.command.Out, vectorsFile), int(j.space.GetDimension()))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, vectors.Abandon()) }()
	ids, err := renameio.NewPendingFile(filepath.Join(j.command.Out, idsFile), renameio.WithTempDir(j.command.Out), renameio.WithPermissions(0o644))
	if err != nil {
		return nil, fmt.Errorf("write ids: %w", err)
	}
	defer ids.Cleanup() //nolint:errcheck // only removes what is unfinished
	idLines := bufio.NewWriter(ids)

	group, ctx := errgroup.WithContext(j.env.ctx)
	batches := make(chan *batch, embedBatches)
	group.Go(func() error {
		defer close(batches)
		return j.read(ctx, group, batches)
	})
	group.Go(func() error { return j.write(ctx, batches, vectors, idLines) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := errors.Join(idLines.Flush(), ids.CloseAtomicallyReplace(), vectors.Close()); err != nil {
		return nil, fmt.Errorf("write vectors: %w", err)
	}
	return j.manifest(vectors.Rows())
}

// read forms batches and starts embedding each. The channel's room bounds how
// many are under way.
func (j *embedJob) read(ctx context.Context, group *errgroup.Group, to chan<- *batch) error {
	next := new(batch)
	launch := func() error {
		if len(next.inputs) == 0 {
			return nil
		}
		b := next
		next = new(batch)
		b.resp = make(chan *akinv1.EmbedResponse, 1)
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		group.Go(func() error {
			resp, err := j.client.Embed.Embed(ctx, &akinv1.EmbedRequest{Inputs: b.inputs, Role: akinv1.Role_ROLE_DOCUMENT})
			if err != nil {
				return err
			}
			b.resp <- resp
			return nil
		})
		return nil
	}
	for row, err := range ingest.Papers(ctx, j.command.Paths, j.command.options()) {
		if err != nil {
			if err := reject(j.quarantine, err); err != nil {
				return err
			}
			continue
		}
		if row.Deleted {
			j.passed++
			continue
		}
		addInput(j.input, &row)
		next.ids = append(next.ids, row.Paper.ID)
		next.inputs = append(next.inputs, &akinv1.EmbedInput{Input: &akinv1.EmbedInput_Paper{
			Paper: &akinv1.Text{Title: row.Paper.Title, Abstract: row.Paper.Abstract},
		}})
		if len(next.inputs) == embedBatch {
			if err := launch(); err != nil {
				return err
			}
		}
	}
	return launch()
}

// write writes batches in order as they become ready.
func (j *embedJob) write(ctx context.Context, from <-chan *batch, vectors *ingest.NPYWriter, ids io.Writer) error {
	for b := range from {
		var resp *akinv1.EmbedResponse
		select {
		case resp = <-b.resp:
		case <-ctx.Done():
			return ctx.Err()
		}
		for i, v := range resp.GetEmbeddings() {
			if err := vectors.Write(v.GetVector()); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(ids, b.ids[i]); err != nil {
				return fmt.Errorf("write ids: %w", err)
			}
			if v.GetTruncated() {
				j.truncated++
			}
		}
		if j.progress.bar != nil || j.env.progressOnTerm {
			j.progress.set(vectors.Rows(), fmt.Sprintf("embedded %d", vectors.Rows()))
		}
	}
	return nil
}

// manifest writes the manifest, last of all files: with it the run is whole.
func (j *embedJob) manifest(rows int) (*embedManifest, error) {
	space, err := json.Marshal(j.space)
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	m := &embedManifest{
		Format: jobFormat, Program: "akin " + Version, Space: space, Fingerprint: j.space.GetFingerprint(),
		Rows: rows, Truncated: j.truncated, Quarantined: j.quarantine.Count(),
		InputSHA256: hex.EncodeToString(j.input.Sum(nil)), Files: make(map[string]string),
	}
	for _, name := range []string{vectorsFile, idsFile} {
		if m.Files[name], err = digestFile(filepath.Join(j.command.Out, name)); err != nil {
			return nil, fmt.Errorf("write manifest: %w", err)
		}
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	if err := renameio.WriteFile(filepath.Join(j.command.Out, jobManifest), append(raw, '\n'), 0o644); err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	return m, nil
}
