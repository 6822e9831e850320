package cli

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"

	"akin/internal/client"
	"akin/internal/ingest"
	"akin/internal/job"
	"akin/internal/vecfile"
	akinv1 "akin/proto/akin/v1"
)

const (
	// comparedRows is how many vectors of another program are compared at least, or
	// all if there are fewer.
	comparedRows = 200
	// leastCosine is what each must reach: half precision does, int8 does not.
	leastCosine = 0.9999
)

// foreignVectors are vectors that another program made with the same model.
type foreignVectors struct {
	vectors *vecfile.Foreign
	path    string
	space   string
	// compared were checked; without are papers that have no vector there, cleaned those
	// whose vector is of another text.
	compared, without, cleaned int
}

// openForeign opens vectors that have no manifest of akin's.
func (c importCommand) openForeign() (*foreignVectors, error) {
	v, err := vecfile.OpenForeign(c.Vectors, c.VectorIDs)
	if err != nil {
		return nil, err
	}
	return &foreignVectors{vectors: v, path: c.Vectors}, nil
}

// foreignPath says that a path holds vectors of another program: a file, or a directory
// without a manifest of akin's, but with vectors.
func foreignPath(path string, notOurs error) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return true
	}
	return notOurs != nil && vecfile.HasVectors(path)
}

// verify compares the vectors of papers spread over the whole input with what the
// model says of them.
func (f *foreignVectors) verify(e *environment, cl *client.Client, rows iter.Seq2[ingest.Row, error]) error {
	model, err := cl.Embed.GetModel(e.ctx, &akinv1.GetModelRequest{})
	if err != nil {
		return err
	}
	space := model.GetSpace()
	if int(space.GetDimension()) != f.vectors.Dimension {
		return fmt.Errorf("the vectors in %s have %d numbers, those of the model %s have %d: they were made by another; import without --vectors to embed the papers", f.path, f.vectors.Dimension, space.GetModel(), space.GetDimension())
	}
	sample, err := f.sample(e.ctx, rows)
	if err != nil {
		return err
	}
	if len(sample) == 0 {
		return fmt.Errorf("none of the papers has a vector in %s: their ids differ; --map id=COLUMN says which column has the ids", f.path)
	}
	below, lowest, at := 0, 2.0, ""
	i, got := 0, 0
	err = remote{cl}.Embed(e.ctx, func(context.Context) (job.Text, error) {
		if i == len(sample) {
			return job.Text{}, io.EOF
		}
		i++
		return job.Text{Title: sample[i-1].title, Abstract: sample[i-1].abstract}, nil
	}, func(a job.Answer) error {
		s := sample[got]
		got++
		if a.Err != nil {
			return a.Err
		}
		have, err := f.vectors.Vector(s.id)
		if err != nil {
			return err
		}
		cosine := vecfile.Cosine(have, a.Values)
		if cosine < leastCosine {
			below++
		}
		if cosine < lowest {
			lowest, at = cosine, s.id
		}
		return nil
	})
	if err != nil {
		return err
	}
	if below > 0 {
		return fmt.Errorf("the vectors in %s are not those of the model %s: of %d papers that were compared, %d have a cosine below %g, the lowest %.6f (%s); import without --vectors to embed the papers", f.path, space.GetModel(), got, below, leastCosine, lowest, at)
	}
	f.space, f.compared = space.GetFingerprint(), got
	fmt.Fprintf(e.errOut, "%s compared with the model %s: the lowest cosine is %.6f\n", plural(got, "vector"), space.GetModel(), lowest)
	return nil
}

// comparedPaper is a paper whose vector is compared.
type comparedPaper struct{ id, title, abstract string }

// sample takes papers that have vectors, and the text that those were made of, evenly spread over an input whose length
// nobody knows: every k-th, and k doubles whenever there are too many.
func (f *foreignVectors) sample(ctx context.Context, rows iter.Seq2[ingest.Row, error]) ([]comparedPaper, error) {
	var sample []comparedPaper
	step, n := 1, 0
	for row, err := range rows {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil || row.Deleted || row.Cleaned {
			continue
		}
		v, err := f.vectors.Vector(row.Paper.ID)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		if n++; (n-1)%step != 0 {
			continue
		}
		sample = append(sample, comparedPaper{row.Paper.ID, row.Paper.Title, row.Paper.Abstract})
		if len(sample) == 2*comparedRows {
			for i := range comparedRows {
				sample[i] = sample[2*i]
			}
			sample, step = sample[:comparedRows], 2*step
		}
	}
	return sample, nil
}

// attach puts a paper's vector into a request. Without one, and where it is not of the
// text that is imported, the server embeds it.
func (f *foreignVectors) attach(req *akinv1.ImportPapersRequest, cleaned bool) error {
	v, err := f.vectors.Vector(req.GetPaper().GetId())
	if err != nil {
		return err
	}
	if v == nil {
		f.without++
		return nil
	}
	if cleaned {
		f.cleaned++
		return nil
	}
	req.Vector, req.Space = v, f.space
	return nil
}

func (f *foreignVectors) close() error { return f.vectors.Close() }

// summary says how many papers had no vector.
func (f *foreignVectors) summary(w io.Writer) {
	if f.without > 0 {
		fmt.Fprintf(w, "%s without a vector in %s: embedded\n", plural(f.without, "paper"), f.path)
	}
	if f.cleaned > 0 {
		fmt.Fprintf(w, "%s had markup in the text, which is taken out, so that the vector is of another text: embedded\n", plural(f.cleaned, "paper"))
	}
}
