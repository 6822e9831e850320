package cli

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"akin/internal/client"
	"akin/internal/ingest"
	"akin/internal/job"
	"akin/internal/paper"
	"akin/internal/vecfile"
	akinv1 "akin/proto/akin/v1"
)

// pairedVectors are the vectors of an import's rows, in the order of the rows.
// A nil one has none.
type pairedVectors struct {
	vectors *vecfile.Vectors
	shard   job.Shard
	foreign *foreignVectors // instead of these
}

// openVectors opens the vectors, if there are to be any, and makes sure that
// they were made of the very rows that will be imported.
func (c importCommand) openVectors(e *environment) (_ *pairedVectors, err error) {
	if c.Vectors == "" && c.VectorIDs != "" {
		return nil, errors.New("--vector-ids has the ids of vectors; name these with --vectors")
	}
	if c.Vectors == "" {
		return nil, nil //nolint:nilnil // the server embeds
	}
	files, err := ingest.Walk(c.Paths)
	if err != nil {
		return nil, err
	}
	if !ingest.Rereadable(files) {
		return nil, errors.New("--vectors reads the papers twice, which standard input and pipes do not allow; save them to a file first")
	}
	vectors, err := vecfile.Open(c.Vectors)
	if paper.KindOf(err) == paper.Invalid && foreignPath(c.Vectors, err) || err != nil && c.VectorIDs != "" || isFile(c.Vectors) {
		foreign, err := c.openForeign()
		if err != nil {
			return nil, err
		}
		return &pairedVectors{foreign: foreign}, nil
	}
	if err != nil {
		return nil, err
	}
	p := &pairedVectors{vectors: vectors}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.shard, err = job.ParseShard(vectors.Manifest.Shard); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Vectors, err)
	}
	digest := job.NewInputDigest()
	for row, err := range ingest.Papers(e.ctx, c.Paths, c.options()) {
		if e.ctx.Err() != nil {
			return nil, e.ctx.Err()
		}
		if err == nil && !row.Deleted && p.shard.Has(row.Paper.ID) {
			digest.Add(&row.Paper)
		}
	}
	if digest.String() != vectors.Manifest.InputSHA256 {
		return nil, fmt.Errorf("the vectors in %s were made of other papers than these files hold; run `akin embed` on the same files again, which embeds only what is new, and import then", c.Vectors)
	}
	return p, nil
}

// attach puts the next vector into a request. It says to skip a row of another
// shard, for which there is none.
func (p *pairedVectors) attach(req *akinv1.ImportPapersRequest, cleaned bool) (skip bool, err error) {
	if p == nil {
		return false, nil
	}
	if p.foreign != nil {
		return false, p.foreign.attach(req, cleaned)
	}
	if !p.shard.Has(req.GetPaper().GetId()) {
		return true, nil
	}
	id, vector, err := p.vectors.Next()
	if errors.Is(err, io.EOF) || err == nil && id != req.GetPaper().GetId() {
		return false, fmt.Errorf("the files changed while they were read: paper %q has no vector where it should be; run the import again", req.GetPaper().GetId())
	}
	req.Vector, req.Space = vector, p.vectors.Manifest.Fingerprint
	return false, err
}

func (p *pairedVectors) close() error {
	switch {
	case p == nil:
		return nil
	case p.foreign != nil:
		return p.foreign.close()
	}
	return p.vectors.Close()
}

// verify makes sure that vectors of another program are those of the model.
func (p *pairedVectors) verify(e *environment, cl *client.Client, rows iter.Seq2[ingest.Row, error]) error {
	if p == nil || p.foreign == nil {
		return nil
	}
	return p.foreign.verify(e, cl, rows)
}

// isFile says that a path is a file.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
