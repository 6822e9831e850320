package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"akin/internal/client"
	"akin/internal/job"
	"akin/internal/rpc/wire"
	"akin/internal/vecfile"
	akinv1 "akin/proto/akin/v1"
)

// exportName is the name of the files without vectors; those with vectors are
// called as akin embed calls them.
const exportName = "papers"

type exportCommand struct {
	Out string `help:"Directory to write to; made if it is missing." type:"path" required:"" placeholder:"DIR"`
	target
	outputFlags
	Vectors bool   `help:"Write vectors too."`
	Filter  string `help:"Only papers that an AIP-160 filter keeps." placeholder:"TEXT"`
}

// Help shows examples.
func (exportCommand) Help() string {
	return `Examples:
  akin export --data papers --out backup
  akin export --server localhost:7411 --out vectors --vectors --write npy,parquet

Writes papers.jsonl, in order of id, which akin import reads; other formats with
--write. With --vectors the files are called embeddings and hold the vectors.
All papers are as they were at one sequence number, which is printed, whatever
is written meanwhile. The files appear when they are whole.`
}

// Run exports.
func (c exportCommand) Run(e *environment) (err error) {
	name := exportName
	if c.Vectors {
		name = embeddingsName
	}
	c.Write = orDefault(c.Write, vecfile.JSONL)
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("make the output directory: %w", err)
	}
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	m := new(vecfile.Manifest) // without vectors, it is not written
	if c.Vectors {
		model, err := cl.Embed.GetModel(e.ctx, &akinv1.GetModelRequest{})
		if err != nil {
			return err
		}
		if m, err = newManifest(model.GetSpace()); err != nil {
			return err
		}
	}
	set, err := vecfile.Create(c.output(c.Out, name, m.Dimension, m.Fingerprint))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Abandon()) }()
	sequence, err := c.write(e, cl, set, m)
	if err != nil {
		return err
	}
	files, err := set.Commit()
	if err != nil {
		return err
	}
	if c.Vectors {
		m.Rows = set.Rows()
		m.Wrote(files)
		if err := m.Write(c.Out); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.out, "%s exported at sequence %d into %s\n", plural(set.Rows(), "paper"), sequence, c.Out)
	return nil
}

// write writes what the server sends, and gives the sequence that it is of.
func (c exportCommand) write(e *environment, cl *client.Client, set *vecfile.Set, m *vecfile.Manifest) (sequence uint64, err error) {
	stream, err := cl.Papers.ExportPapers(e.ctx, &akinv1.ExportPapersRequest{Filter: c.Filter, IncludeVectors: c.Vectors})
	if err != nil {
		return 0, err
	}
	progress := e.newProgress("exporting")
	defer progress.finish()
	digest := job.NewInputDigest()
	for {
		group, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			m.InputSHA256 = digest.String()
			return sequence, nil
		}
		if err != nil {
			return 0, err
		}
		sequence = group.GetSequence()
		for _, p := range group.GetPapers() {
			record := wire.FromPaper(p.GetPaper())
			row := &vecfile.Row{Paper: &record, Vector: p.GetVector()}
			if c.Vectors {
				row.Tokens, row.Truncated = int(p.GetPaper().GetTokenCount()), p.GetPaper().GetTruncated()
			}
			if row.Truncated {
				m.Truncated++
			}
			digest.Add(&record)
			if err := set.Write(row); err != nil {
				return 0, err
			}
		}
		progress.total = int(group.GetTotalSize())
		progress.set(set.Rows(), "")
	}
}
