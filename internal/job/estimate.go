package job

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"akin/internal/ingest"
)

// sampleTexts is how many texts an estimate embeds.
const sampleTexts = 96

// Estimate says what a run would do.
type Estimate struct {
	// Rows would be written; Rejected rows would go to the quarantine.
	Rows     int `json:"rows"`
	Rejected int `json:"rejected"`
	// Missing is how many of the rows have a text that is not in the cache,
	// equal texts counted as often as they stand there.
	Missing int `json:"missing"`
	// PerSecond is how many of a sample of these were embedded a second, and
	// Seconds how long all would take. 0 where nothing is missing.
	PerSecond float64 `json:"papers_per_second"`
	Seconds   float64 `json:"seconds"`
}

// Plan reads the input, looks into the cache and times a sample, which goes into
// the cache like everything that is embedded.
func Plan(ctx context.Context, config Config) (*Estimate, error) {
	var e Estimate
	sample := make([]pending, 0, sampleTexts)
	random := rand.New(rand.NewPCG(1, 2))
	for row, err := range ingest.Papers(ctx, config.Inputs, config.Read) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch it := newItem(row, err); {
		case !it.in(config.Shard), it.rejected == nil && row.Deleted:
			continue
		case it.rejected != nil:
			e.Rejected++
			continue
		}
		e.Rows++
		k := keyOf(&row.Paper)
		_, found, err := config.Cache.get(k)
		if err != nil {
			return nil, err
		}
		if found {
			continue
		}
		e.Missing++
		// Reservoir sampling (Vitter 1985, algorithm R).
		if p := (pending{row: &row, key: k}); len(sample) < sampleTexts {
			sample = append(sample, p)
		} else if i := random.IntN(e.Missing); i < sampleTexts {
			sample[i] = p
		}
	}
	if e.Missing == 0 {
		return &e, nil
	}
	begin := time.Now()
	if err := config.embedSample(ctx, sample); err != nil {
		return nil, err
	}
	e.PerSecond = float64(len(sample)) / time.Since(begin).Seconds()
	e.Seconds = float64(e.Missing) / e.PerSecond
	return &e, nil
}

func (c Config) embedSample(ctx context.Context, sample []pending) error {
	sent, answered := 0, 0
	err := c.Embedder.Embed(ctx, func(context.Context) (Text, error) {
		if sent == len(sample) {
			return Text{}, io.EOF
		}
		p := sample[sent].row.Paper
		sent++
		return Text{p.Title, p.Abstract}, nil
	}, func(a Answer) error {
		if answered == len(sample) {
			return errors.New("the embedder gave more answers than there were texts")
		}
		k := sample[answered].key
		answered++
		if a.Err != nil {
			return nil //nolint:nilerr // a run would quarantine it
		}
		return c.Cache.put(k, a.Vector)
	})
	return err
}
