// Package embed turns text into vectors: it puts title and abstract together,
// tokenises, queues, runs the model on every core, pools and normalises.
//
// One Embedder serves the whole process. All methods are safe for concurrent
// use. Every route shares one queue with two classes: interactive work starts
// at once on all cores, bulk work fills the cores that are left and yields.
// Texts are only ever run together with texts of the same number of tokens, so
// nothing is padded, and the same text gives the same vector, bit for bit,
// whatever else is in the queue.
//
// What runs the model is handed in as a [Runtime]; embed/onnx is the one that
// programs use.
package embed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"akin/internal/embed/token"
	"akin/internal/model"
	"akin/internal/paper"
)

// Role says what a text is; a model may want another prefix for each.
type Role int

// The roles.
const (
	Document Role = iota
	Query
)

// Class says who waits for the work.
type Class int

// The classes. Interactive work is refused when the queue is full; bulk work
// waits for a place.
const (
	Interactive Class = iota
	Bulk
)

// Options say what to do with the texts of one call.
type Options struct {
	Role  Role
	Class Class
	// RefuseLong makes a text of too many tokens an error of reason
	// TEXT_TOO_LONG instead of embedding its first tokens.
	RefuseLong bool
	// Raw leaves out the role's prefix.
	Raw bool
}

// Embedding is the vector of one text.
type Embedding struct {
	// Vector is float32 [dim], unit length.
	Vector []float32
	// Tokens were embedded, [CLS] and [SEP] included.
	Tokens int
	// Truncated says that the text had more.
	Truncated bool
}

// Timing says where the time of a call went.
type Timing struct {
	// Queue is the longest wait of a text, Tokenize the time for all texts,
	// Inference the longest run that a text was part of.
	Queue, Tokenize, Inference time.Duration
}

// Embedder embeds. Make it with Open, and Close it.
type Embedder struct {
	space     paper.Space
	computed  string
	manifest  *model.Manifest
	tokenizer *token.Tokenizer
	graph     Graph
	sessions  []Session // of graph
	queue     *queue
	// places counts tokens in flight, by class.
	places [2]*semaphore.Weighted
	limit  int64
}

// Space gives the space that vectors belong to.
func (e *Embedder) Space() paper.Space { return e.space }

// Computed gives the precision that vectors are computed in: that of the space, or
// float32 for bf16 where there are no matrix units.
func (e *Embedder) Computed() string { return e.computed }

// License gives the model's SPDX licence expression, Source its hub address.
func (e *Embedder) License() string { return e.manifest.License }

// Source gives the address where the model is published.
func (e *Embedder) Source() string { return e.manifest.Source }

// ExactTokens says whether texts get the token ids that the model was trained
// with, for certain: see [token.Tokenizer.Exact].
func (e *Embedder) ExactTokens() bool { return e.tokenizer.Exact() }

// Text puts title and abstract together as the space's template says.
func (e *Embedder) Text(title, abstract string) string {
	return Join(e.manifest.Template, title, abstract)
}

// Tokens are the tokens of a text, [CLS] and [SEP] included. Pieces and Offsets
// (byte offsets into the text as it was given) are there if they were asked
// for.
type Tokens struct {
	IDs       []int64
	Truncated bool
	Pieces    []string
	Offsets   [][2]int
}

// Tokenize gives the tokens of a text, cut after maxTokens if that is not 0. It
// is a pure function of the text and does not wait in the queue.
func (e *Embedder) Tokenize(text string, maxTokens int, detail bool) (Tokens, error) {
	enc, err := e.tokenizer.Encode(text, token.Options{MaxTokens: maxTokens, WithPieces: detail, WithOffsets: detail})
	return Tokens{IDs: enc.IDs, Truncated: enc.Truncated, Pieces: enc.Pieces, Offsets: enc.Offsets}, err
}

// CheckLength is the error of reason TEXT_TOO_LONG for a text that Embed with
// these options would cut, or nil.
func (e *Embedder) CheckLength(field, text string, opt Options) error {
	text = e.prefix(opt) + text
	enc, err := e.tokenizer.Encode(text, token.Options{MaxTokens: e.space.MaxTokens, CountAll: true})
	if err != nil || !enc.Truncated {
		return err
	}
	return e.tooLong(field, enc.Tokens)
}

// prefix is what the space puts before a text of the role.
func (e *Embedder) prefix(opt Options) string {
	switch {
	case opt.Raw:
		return ""
	case opt.Role == Query:
		return e.manifest.QueryPrefix
	default:
		return e.manifest.DocumentPrefix
	}
}

// Embed embeds texts, in their order. It returns at once with ctx's error when
// the caller gives up; texts that did not start by then cost nothing. When one
// text fails, all of them fail.
func (e *Embedder) Embed(ctx context.Context, texts []string, opt Options) ([]Embedding, Timing, error) {
	var timing Timing
	if len(texts) == 0 {
		return nil, timing, nil
	}
	begin := time.Now()
	jobs, tokens, err := e.tokenize(ctx, texts, opt)
	timing.Tokenize = time.Since(begin)
	if err != nil {
		return nil, timing, err
	}
	weight := min(tokens, e.limit)
	if err := e.admit(ctx, opt.Class, weight); err != nil {
		return nil, timing, err
	}
	defer e.places[opt.Class].Release(weight)
	if err := e.queue.run(ctx, opt.Class, jobs); err != nil {
		return nil, timing, err
	}
	out := make([]Embedding, len(jobs))
	for i, j := range jobs {
		out[i] = Embedding{Vector: j.vector, Tokens: len(j.ids), Truncated: j.truncated}
		timing.Queue = max(timing.Queue, j.waited)
		timing.Inference = max(timing.Inference, j.ran)
	}
	return out, timing, nil
}

func (e *Embedder) tokenize(ctx context.Context, texts []string, opt Options) (jobs []*job, tokens int64, err error) {
	prefix := e.prefix(opt)
	jobs = make([]*job, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		enc, err := e.tokenizer.Encode(prefix+text, token.Options{MaxTokens: e.space.MaxTokens, CountAll: opt.RefuseLong})
		if err != nil {
			return nil, 0, fmt.Errorf("tokenise text %d: %w", i, err)
		}
		if enc.Truncated && opt.RefuseLong {
			return nil, 0, e.tooLong(fmt.Sprintf("inputs[%d]", i), enc.Tokens)
		}
		jobs[i] = &job{ids: enc.IDs, truncated: enc.Truncated}
		tokens += int64(len(enc.IDs))
	}
	return jobs, tokens, nil
}

func (e *Embedder) tooLong(field string, n int) error {
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonTextTooLong, Message: "text is too long",
		Violations: []paper.Violation{{
			Field:       field,
			Description: fmt.Sprintf("has %d tokens; the limit is %d; shorten it, or allow truncation", n, e.space.MaxTokens),
		}},
		Metadata: map[string]string{"tokens": fmt.Sprint(n), "limit": fmt.Sprint(e.space.MaxTokens)},
	}
}

func (e *Embedder) admit(ctx context.Context, class Class, weight int64) error {
	if class == Bulk {
		return e.places[Bulk].Acquire(ctx, weight)
	}
	if e.places[Interactive].TryAcquire(weight) {
		return nil
	}
	return &paper.Error{
		Kind: paper.Exhausted, Reason: paper.ReasonQueueFull,
		Message:    fmt.Sprintf("the embedding queue is full (limit %d tokens); try again later", e.limit),
		RetryAfter: e.queue.drainTime(e.limit),
		Metadata:   map[string]string{"limit_tokens": fmt.Sprint(e.limit)},
	}
}

// Close waits for what is running, refuses what still waits, and frees the
// model.
func (e *Embedder) Close() error {
	if e.queue != nil {
		e.queue.close()
	}
	return e.closeModel()
}

func (e *Embedder) closeModel() error {
	var errs []error
	for _, s := range slices.Backward(e.sessions) { // the second may stand on the first
		errs = append(errs, s.Close())
	}
	e.sessions = nil
	if e.graph != nil {
		errs = append(errs, e.graph.Close())
		e.graph = nil
	}
	return errors.Join(errs...)
}
