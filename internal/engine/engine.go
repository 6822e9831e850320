// Package engine holds akin's use cases: searching, finding similar papers,
// recommending, importing, and keeping papers. It knows neither transport nor
// storage: an Embedder makes vectors, a Catalog keeps papers and finds
// neighbours, and both are given to New.
//
// An Engine is safe for concurrent use. Every error that a caller caused is a
// *paper.Error with a kind.
package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Limits of requests.
const (
	MaxQueryBytes   = 64 << 10
	MaxPageSize     = 1_000
	DefaultPageSize = 10
	// MaxResults is how many results paging can reach. It is also the depth to
	// which candidates are found, whatever the page size, so that pages of any
	// size cut the same list.
	MaxResults       = 1_000
	MaxQueryPapers   = 100
	MaxExamples      = 5_000
	MaxExampleTexts  = 1_000 // of a list of examples; each is embedded
	MaxExampleWeight = 1_000
	MaxBatch         = 1_000
	MaxEmbedInputs   = 256
	MaxTokenizeBytes = 16 << 20
	DefaultListSize  = 100
	pageTTL          = 10 * time.Minute
	maxPinnedLists   = 2_000
)

// PageTTL is how long a page token of a query holds.
const PageTTL = pageTTL

// Embedder makes vectors. Its methods are safe for concurrent use.
type Embedder interface {
	Embed(ctx context.Context, texts []string, opt embed.Options) ([]embed.Embedding, embed.Timing, error)
	Text(title, abstract string) string
	Space() paper.Space
}

// Tokenizer gives tokens without embedding.
type Tokenizer interface {
	Tokenize(text string, maxTokens int, detail bool) (embed.Tokens, error)
	// CheckLength is the error of reason TEXT_TOO_LONG for a text that would
	// be cut, or nil.
	CheckLength(field, text string, opt embed.Options) error
}

// Model is what an Engine embeds with.
type Model interface {
	Embedder
	Tokenizer
}

// Papers reads papers.
type Papers interface {
	// Get gives the papers of those ids that are there, in any order.
	Get(ctx context.Context, collection string, ids []string) ([]paper.Record, error)
	// List gives up to limit papers with ids above after that a filter keeps, in
	// order of id.
	List(ctx context.Context, collection, filter, after string, limit int) ([]paper.Record, error)
	Stats(ctx context.Context, collection string) (catalog.Stats, error)
	// CountValues counts papers by the values of a field, among those that a
	// filter keeps.
	CountValues(ctx context.Context, collection, field, filter string, limit int) ([]catalog.ValueCount, error)
	// Export opens the papers at one sequence that a filter keeps; the caller
	// closes it.
	Export(ctx context.Context, collection, filter string) (*catalog.Export, error)
}

// Writer changes papers.
type Writer interface {
	// Apply makes the changes durable, all or none, and visible to queries, and
	// gives the sequence number reached and one outcome a mutation.
	Apply(ctx context.Context, collection string, changes []catalog.Mutation) ([]catalog.Outcome, uint64, error)
}

// Finder finds neighbours.
type Finder interface {
	Neighbors(ctx context.Context, collection string, query catalog.Neighbors) (catalog.Found, error)
	// Blend gives what is near a vector or has a query's words.
	Blend(ctx context.Context, collection string, query catalog.Blend) (*catalog.Blended, error)
	// Matches tells which words of a query papers have.
	Matches(ctx context.Context, collection string, words catalog.Words, ordinals []uint32) ([][]catalog.Match, error)
	// Recall gives the union of what is near several vectors, with theirs.
	Recall(ctx context.Context, collection string, query catalog.Neighbors, probes []catalog.Probe) (catalog.Recalled, error)
	// Background gives n papers that stand for the collection, with their vectors.
	Background(ctx context.Context, collection string, n int) (catalog.Recalled, error)
	// Terms gives the tf-idf vectors of those ids that are there.
	Terms(ctx context.Context, collection string, ids []string) (map[string][]rank.Term, error)
	// Vectors gives the vectors of those ids that are there.
	Vectors(ctx context.Context, collection string, ids []string) (map[string][]float32, error)
}

// Deduplicator tells which papers count as one.
type Deduplicator interface {
	// Collapse takes out of a list what counts as one with an earlier hit or with
	// one of the own papers, and gives what the hits that are left stand for.
	Collapse(ctx context.Context, collection string, hits []rank.Hit, own []string) ([]rank.Hit, map[string][]catalog.Collapsed, error)
	// Duplicates opens the papers that a filter keeps; the caller closes it.
	Duplicates(ctx context.Context, collection, filter string) (*catalog.Duplicates, error)
}

// Namer tells which papers requests mean.
type Namer interface {
	// Identify gives the ids of what names mean, parallel to them; "" is none.
	Identify(ctx context.Context, collection string, names []string) ([]string, error)
	// SameTexts says which papers have one of some texts (title, abstract).
	SameTexts(ctx context.Context, collection string, texts [][2]string, ordinals []uint32) ([]bool, error)
	// Allowed says which papers a query's phrases and exclusions allow.
	Allowed(ctx context.Context, collection string, words catalog.Words, ordinals []uint32) ([]bool, error)
}

// Catalog is what an Engine works on.
type Catalog interface {
	Papers
	Namer
	Writer
	Finder
	Describer
	Contents
	Sifter
	Sampler
	Deduplicator
}

// Engine runs the use cases.
type Engine struct {
	embedder Model
	catalog  Catalog
	pages    *expirable.LRU[string, *pinned]
	reader   *reader

	references references
	// comparing has a place for the one call of FindDuplicates that may run.
	comparing chan struct{}

	// writing serialises read-change-write of papers.
	writing sync.Mutex
}

// New makes an Engine over an embedder and a catalog; both stay the caller's to
// close. Without a catalog (nil) only Embed works.
func New(embedder Model, c Catalog) *Engine {
	return &Engine{
		embedder: embedder, catalog: c, reader: newReader(embedder),
		pages:      expirable.NewLRU[string, *pinned](maxPinnedLists, nil, pageTTL),
		references: newReferences(),
		comparing:  make(chan struct{}, 1),
	}
}

// Space gives the space that vectors belong to.
func (e *Engine) Space() paper.Space { return e.embedder.Space() }

// needCatalog is the error of a server that only embeds.
func (e *Engine) needCatalog() error {
	if e.catalog != nil {
		return nil
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
		Message: "this server only embeds: it was started without a data directory",
	}
}

// collectionOf defaults and checks a collection's name.
func collectionOf(name string) (string, error) {
	if name == "" {
		return paper.DefaultCollection, nil
	}
	if err := paper.ValidateCollection(name); err != nil {
		return "", paper.InvalidField("collection", "%v", err)
	}
	return name, nil
}

// Text is a title and an abstract that need not be a paper of the collection.
type Text struct {
	Title    string
	Abstract string
}

// check says whether the text can be embedded.
func (t Text) check(field string) error {
	switch {
	case strings.TrimSpace(t.Title) == "" && strings.TrimSpace(t.Abstract) == "":
		return paper.InvalidField(field, "has neither title nor abstract; give at least one of them")
	case len(t.Title) > paper.MaxTitleBytes:
		return paper.InvalidField(field+".title", "is %d bytes long; the limit is %d; shorten it", len(t.Title), paper.MaxTitleBytes)
	case len(t.Abstract) > paper.MaxAbstractBytes:
		return paper.InvalidField(field+".abstract", "is %d bytes long; the limit is %d; shorten it", len(t.Abstract), paper.MaxAbstractBytes)
	}
	return nil
}

// Input is one thing to embed: a plain text, or a title and abstract.
type Input struct {
	Plain string
	Paper *Text
}

// EmbedTexts embeds inputs without storing anything.
func (e *Engine) EmbedTexts(ctx context.Context, inputs []Input, opt embed.Options) ([]embed.Embedding, embed.Timing, error) {
	if len(inputs) == 0 || len(inputs) > MaxEmbedInputs {
		return nil, embed.Timing{}, paper.InvalidField("inputs", "has %d items; give 1 to %d; send more in several requests", len(inputs), MaxEmbedInputs)
	}
	texts := make([]string, len(inputs))
	for i, in := range inputs {
		text, err := e.textOf(fmt.Sprintf("inputs[%d]", i), in)
		if err != nil {
			return nil, embed.Timing{}, err
		}
		texts[i] = text
	}
	return e.embedder.Embed(ctx, texts, opt)
}

// textOf checks an input and gives the text to embed.
func (e *Engine) textOf(field string, in Input) (string, error) {
	if in.Paper == nil {
		return in.Plain, checkText(field, in.Plain, paper.MaxAbstractBytes)
	}
	if err := in.Paper.check(field); err != nil {
		return "", err
	}
	return e.embedder.Text(in.Paper.Title, in.Paper.Abstract), nil
}

func checkText(field, text string, limit int) error {
	switch {
	case strings.TrimSpace(text) == "":
		return paper.InvalidField(field, "is empty; give some text")
	case len(text) > limit:
		return paper.InvalidField(field, "is %d bytes long; the limit is %d; shorten it", len(text), limit)
	}
	return nil
}

// newToken makes the name of a pinned list. It is random, so that nobody
// guesses another caller's.
func newToken() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Tokenize gives the tokens of texts, [CLS] and [SEP] included, cut after
// maxTokens if that is not 0; with detail, their pieces and offsets too. Empty
// texts are fine.
func (e *Engine) Tokenize(ctx context.Context, texts []string, maxTokens int, detail bool) ([]embed.Tokens, error) {
	if len(texts) == 0 || len(texts) > MaxEmbedInputs {
		return nil, paper.InvalidField("texts", "has %d items; give 1 to %d; send more in several requests", len(texts), MaxEmbedInputs)
	}
	if maxTokens < 0 || maxTokens == 1 {
		return nil, paper.InvalidField("max_tokens", "is %d; it must be 0 (no cut) or at least 2, since [CLS] and [SEP] are tokens", maxTokens)
	}
	total := 0
	for _, text := range texts {
		total += len(text)
	}
	if total > MaxTokenizeBytes {
		return nil, paper.InvalidField("texts", "have %d bytes together; the limit is %d; send them in several requests", total, MaxTokenizeBytes)
	}
	out := make([]embed.Tokens, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		tokens, err := e.embedder.Tokenize(text, maxTokens, detail)
		if err != nil {
			return nil, fmt.Errorf("tokenise text %d: %w", i, err)
		}
		out[i] = tokens
	}
	return out, nil
}
