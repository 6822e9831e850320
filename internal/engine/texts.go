package engine

import (
	"context"
	"fmt"
	"strings"

	"akin/internal/embed"
	"akin/internal/paper"
)

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
	return e.models.Default().Embed(ctx, texts, opt)
}

// textOf checks an input and gives the text to embed.
func (e *Engine) textOf(field string, in Input) (string, error) {
	if in.Paper == nil {
		return in.Plain, checkText(field, in.Plain, paper.MaxAbstractBytes)
	}
	if err := in.Paper.check(field); err != nil {
		return "", err
	}
	return e.models.Default().Text(in.Paper.Title, in.Paper.Abstract), nil
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
		tokens, err := e.models.Default().Tokenize(text, maxTokens, detail)
		if err != nil {
			return nil, fmt.Errorf("tokenise text %d: %w", i, err)
		}
		out[i] = tokens
	}
	return out, nil
}
