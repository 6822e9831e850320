// Package engine holds akin's use cases: searching, finding similar papers,
// recommending, importing, and keeping papers. It knows neither transport nor
// storage: Models make vectors, a catalog.Catalog keeps papers and finds
// neighbours, and both are given to New. A call names its collection, and what
// embeds for it is the model of that collection's space.
//
// What a query finds goes through the stages of find.go, each in a file of its
// name. What a catalog may lack is asked for in capability.go alone.
//
// An Engine is safe for concurrent use. Every error that a caller caused is a
// *paper.Error with a kind.
package engine

import (
	"context"
	"sync"
	"time"

	"akin/internal/catalog"
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
	MaxExclude       = 20_000 // papers that are no results
	MaxBatch         = 1_000
	MaxEmbedInputs   = 256
	MaxTokenizeBytes = 16 << 20
	DefaultListSize  = 100
	pageTTL          = 10 * time.Minute
)

// PageTTL is how long a page token of a query holds, if there is room to keep the
// list.
const PageTTL = pageTTL

// Engine runs the use cases.
type Engine struct {
	models  Models
	catalog catalog.Catalog // nil on a server that only embeds

	pages      *pins
	sentences  *sentenceCache
	references references
	usuals     *usuals
	// comparing has a place for the one call of FindDuplicates that may run.
	comparing chan struct{}

	turns  Turns
	stages Stages // nil tells nobody

	// writing serialises read-change-write of papers.
	writing sync.Mutex
}

// Turns gives each group of a stream its turn among those of the others.
type Turns interface {
	// Turn waits as long as ctx allows; done ends the turn.
	Turn(ctx context.Context, class string, units int) (done func(), err error)
}

// New makes an Engine over models and a catalog; both stay the caller's to
// close. Without a catalog (nil) only Embed works. The groups of streams take
// turns; with nil they are worked on as they come.
func New(models Models, c catalog.Catalog, turns Turns) *Engine {
	return &Engine{
		turns: turns, models: models, catalog: c,
		pages: newPins(), sentences: newSentenceCache(), references: newReferences(), usuals: newUsuals(),
		comparing: make(chan struct{}, 1),
	}
}

// DefaultSpace is the space of texts that are embedded for no collection.
func (e *Engine) DefaultSpace() paper.Space { return e.models.Default().Space() }

// Info describes a collection as it is now.
func (e *Engine) Info(ctx context.Context, collection string) (catalog.Info, error) {
	a, err := e.ask(ctx, collection)
	if err != nil {
		return catalog.Info{}, err
	}
	defer a.close()
	return a.info, nil
}

// Indexes tells what a collection is found by, as far as its catalog tells.
func (e *Engine) Indexes(ctx context.Context, collection string) ([]catalog.IndexState, error) {
	a, err := e.ask(ctx, collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	return a.indexes(), nil
}

// needCatalog is the error of a server that only embeds.
func (e *Engine) needCatalog() error {
	if e.catalog != nil {
		return nil
	}
	return unsupported("this server only embeds: it was started without a data directory")
}

// unsupported is the error for what this server cannot do.
func unsupported(message string) error {
	return &paper.Error{Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported, Message: message}
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
