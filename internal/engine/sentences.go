package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/sentence"
)

// Field is a part of a paper's text.
type Field int

// The fields.
const (
	TitleField Field = iota + 1
	AbstractField
)

// Passage is a sentence of a paper or of a text.
type Passage struct {
	Field Field
	// Start and End are its bytes in the field.
	Start, End int
	Text       string
}

// sentences are those of one text, with their vectors.
type sentences struct {
	// passages are in order: the title, which counts as one or more sentences,
	// first.
	passages []Passage
	// vectors are parallel to passages, float32 [dim] each, unit length.
	vectors [][]float32
}

// bytes is what it takes in memory, nearly.
func (s *sentences) bytes() int {
	n := 128
	for i, p := range s.passages {
		n += 96 + len(p.Text) + 4*len(s.vectors[i])
	}
	return n
}

// abstract gives the sentences of the abstract alone, or those of the title
// where there is none.
func (s *sentences) abstract() *sentences {
	at := slices.IndexFunc(s.passages, func(p Passage) bool { return p.Field == AbstractField })
	if at <= 0 {
		return s
	}
	return &sentences{passages: s.passages[at:], vectors: s.vectors[at:]}
}

// keptSentences bounds the sentences that a cache keeps, in bytes: those of
// about 4,000 papers.
const keptSentences = 64 << 20

// readTexts is how many texts are read at a time, and readGroup how many sentences
// are embedded at a time.
const (
	readTexts = 16
	readGroup = 64
)

// sentenceKey names the sentences of a text, or a query, in a space.
type sentenceKey struct {
	space  string // its fingerprint
	digest paper.Digest
}

// sentenceCache keeps sentences that were read lately, of all spaces. It is safe for
// concurrent use.
type sentenceCache struct {
	mu   sync.Mutex // guards what follows
	kept *simplelru.LRU[sentenceKey, *sentences]
	size int
	// hits and misses count what was asked for.
	hits, misses uint64
}

func newSentenceCache() *sentenceCache {
	c := new(sentenceCache)
	// The limit is in bytes: remember leaves nothing for a count to do.
	c.kept, _ = simplelru.NewLRU(keptSentences, func(_ sentenceKey, s *sentences) { c.size -= s.bytes() })
	return c
}

func (c *sentenceCache) recall(key sentenceKey) *sentences {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.kept.Get(key)
	if ok {
		c.hits++
	} else {
		c.misses++
	}
	return s
}

// remember keeps sentences, and lets go of those that were not read for longest.
func (c *sentenceCache) remember(key sentenceKey, s *sentences) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept.Contains(key) { // two requests read it at the same time
		return
	}
	c.kept.Add(key, s)
	for c.size += s.bytes(); c.size > keptSentences; {
		c.kept.RemoveOldest()
	}
}

// reader embeds the sentences of texts into one space, through a cache. It is safe
// for concurrent use.
type reader struct {
	model Embedder
	space string // the fingerprint of the model's
	cache *sentenceCache
}

func newReader(model Embedder, cache *sentenceCache) *reader {
	return &reader{model: model, space: model.Space().Fingerprint(), cache: cache}
}

func (r *reader) key(digest paper.Digest) sentenceKey { return sentenceKey{r.space, digest} }

// read gives the sentences of texts, parallel to them. The new ones are embedded
// together.
func (r *reader) read(ctx context.Context, texts []Text) ([]*sentences, error) {
	digests := make([]paper.Digest, len(texts))
	known := make(map[paper.Digest]*sentences, len(texts))
	var fresh []paper.Digest
	for i, t := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		digests[i] = paper.EmbedDigest(t.Title, t.Abstract)
		if known[digests[i]] != nil {
			continue
		}
		s := r.cache.recall(r.key(digests[i]))
		if s == nil {
			s = &sentences{passages: split(t)}
			fresh = append(fresh, digests[i])
		}
		known[digests[i]] = s
	}
	if err := r.embed(ctx, fresh, known); err != nil {
		return nil, err
	}
	out := make([]*sentences, len(texts))
	for i, d := range digests {
		out[i] = known[d]
	}
	return out, nil
}

// split finds the sentences of a text. What they say is copied, so that a kept
// sentence does not hold the abstract.
func split(t Text) []Passage {
	var out []Passage
	for _, s := range sentence.Split(t.Title) {
		out = append(out, Passage{TitleField, s.Start, s.End, strings.Clone(s.Of(t.Title))})
	}
	for _, s := range sentence.Split(t.Abstract) {
		out = append(out, Passage{AbstractField, s.Start, s.End, strings.Clone(s.Of(t.Abstract))})
	}
	return out
}

// embed gives fresh texts their vectors and keeps them, a few texts at a time, so
// that who gives up and asks again finds what was read.
func (r *reader) embed(ctx context.Context, fresh []paper.Digest, known map[paper.Digest]*sentences) error {
	for some := range slices.Chunk(fresh, readTexts) {
		if err := r.embedSome(ctx, some, known); err != nil {
			return err
		}
	}
	return nil
}

// embedSome embeds sentences of about the same length together, which are run
// together, and few at a time, so that other queries get a turn in between.
func (r *reader) embedSome(ctx context.Context, fresh []paper.Digest, known map[paper.Digest]*sentences) error {
	type place struct {
		of *sentences
		at int
	}
	var places []place
	for _, d := range fresh {
		s := known[d]
		s.vectors = make([][]float32, len(s.passages))
		for i := range s.passages {
			places = append(places, place{s, i})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Compare(len(a.of.passages[a.at].Text), len(b.of.passages[b.at].Text))
	})
	for group := range slices.Chunk(places, readGroup) {
		texts := make([]string, len(group))
		for i, p := range group {
			texts[i] = p.of.passages[p.at].Text
		}
		got, _, err := r.model.Embed(ctx, texts, embed.Options{Role: embed.Document})
		if err != nil {
			return err
		}
		for i, p := range group {
			p.of.vectors[p.at] = slices.Clone(got[i].Vector) // not a part of the group's array
		}
	}
	for _, d := range fresh {
		r.cache.remember(r.key(d), known[d])
	}
	return nil
}

// query gives the vector of a search's text.
func (r *reader) query(ctx context.Context, text string) ([]float32, error) {
	if s := r.cache.recall(r.key(queryDigest(text))); s != nil {
		return s.vectors[0], nil
	}
	got, _, err := r.model.Embed(ctx, []string{text}, embed.Options{Role: embed.Query})
	if err != nil {
		return nil, err
	}
	r.keepQuery(text, got[0].Vector)
	return got[0].Vector, nil
}

// keepQuery keeps the vector of a search's text, which query then gives.
func (r *reader) keepQuery(text string, vector []float32) {
	r.cache.remember(r.key(queryDigest(text)), &sentences{passages: make([]Passage, 1), vectors: [][]float32{vector}})
}

func queryDigest(text string) paper.Digest {
	return paper.Digest(sha256.Sum256([]byte("akin.query.v1\n" + text)))
}
