package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

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
	dimension, fingerprint := 0, ""
	if c.Vectors {
		model, err := cl.Embed.GetModel(e.ctx, &akinv1.GetModelRequest{})
		if err != nil {
			return err
		}
		dimension, fingerprint = int(model.GetSpace().GetDimension()), model.GetSpace().GetFingerprint()
	}
	set, err := vecfile.Create(c.output(c.Out, name, dimension, fingerprint))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Abandon()) }()
	stream, err := cl.Papers.ExportPapers(e.ctx, &akinv1.ExportPapersRequest{Filter: c.Filter, IncludeVectors: c.Vectors})
	if err != nil {
		return err
	}
	var sequence uint64
	progress := e.newProgress("exporting", nil)
	for {
		group, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			progress.finish()
			return err
		}
		sequence = group.GetSequence()
		if progress.bar != nil {
			progress.bar.ChangeMax(int(group.GetTotalSize()))
		}
		for _, p := range group.GetPapers() {
			record := wire.FromPaper(p.GetPaper())
			row := &vecfile.Row{Paper: &record, Vector: p.GetVector(), Tokens: int(p.GetPaper().GetTokenCount()), Truncated: p.GetPaper().GetTruncated()}
			if !c.Vectors {
				row.Tokens = 0
			}
			if err := set.Write(row); err != nil {
				return err
			}
		}
		if progress.bar != nil {
			progress.set(set.Rows(), "")
		}
	}
	progress.finish()
	if _, err := set.Commit(); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s exported at sequence %d into %s\n", plural(set.Rows(), "paper"), sequence, c.Out)
	return nil
}
