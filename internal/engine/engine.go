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
	"fmt"
	"strings"
	"sync"
	"time"

	catalog "akin/internal/catalog/local"
	"akin/internal/embed"
	"akin/internal/paper"
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
	MaxExampleTexts  = 200 // of a list of examples; each is embedded
	MaxExampleWeight = 1_000
	MaxBatch         = 1_000
	MaxEmbedInputs   = 256
	MaxTokenizeBytes = 16 << 20
	DefaultListSize  = 100
	pageTTL          = 10 * time.Minute
)

// PageTTL is how long a page token of a query holds, if there is room to keep the
// list.
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

// Catalog is what an Engine works on.
type Catalog interface {
	Writer
	Streams
	Keeper
	// View opens the collection as it is, for one query; the caller closes it.
	View() catalog.View
}

// Writer changes papers.
type Writer interface {
	// Get gives the papers of those ids that are there, as they are now, in any
	// order.
	Get(ctx context.Context, collection string, ids []string) ([]paper.Record, error)
	// Apply makes the changes durable, all or none, and visible to queries, and
	// gives the sequence number reached and one outcome a mutation.
	Apply(ctx context.Context, collection string, changes []catalog.Mutation) ([]catalog.Outcome, uint64, error)
	// Stats describes a collection as it is now.
	Stats(ctx context.Context, collection string) (catalog.Stats, error)
}

// Streams opens papers that are gone through one by one, at one sequence; the
// caller closes what it gets.
type Streams interface {
	// Export opens the papers that a filter keeps.
	Export(ctx context.Context, collection, filter string) (*catalog.Export, error)
	// Duplicates opens the papers that a filter keeps, to be compared.
	Duplicates(ctx context.Context, collection, filter string) (*catalog.Duplicates, error)
}

// Engine runs the use cases.
type Engine struct {
	embedder Model
	catalog  Catalog
	pages    *pins
	reader   *reader

	references references
	// comparing has a place for the one call of FindDuplicates that may run.
	comparing chan struct{}

	turns Turns

	// writing serialises read-change-write of papers.
	writing sync.Mutex
}

// Turns gives each group of a stream its turn among those of the others.
type Turns interface {
	// Turn waits as long as ctx allows; done ends the turn.
	Turn(ctx context.Context, class string, units int) (done func(), err error)
}

// New makes an Engine over an embedder and a catalog; both stay the caller's to
// close. Without a catalog (nil) only Embed works. The groups of streams take
// turns; with nil they are worked on as they come.
func New(embedder Model, c Catalog, turns Turns) *Engine {
	return &Engine{
		turns:    turns,
		embedder: embedder, catalog: c, reader: newReader(embedder),
		pages:      newPins(),
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
