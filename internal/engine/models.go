package engine

import (
	"context"

	"akin/internal/embed"
	"akin/internal/paper"
)

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

// Model is what texts are embedded with.
type Model interface {
	Embedder
	Tokenizer
}

// Models gives the models that an Engine has.
type Models interface {
	// For gives what embeds into a space, that of a collection. It costs little: a
	// query asks for it more than once. An error of reason SPACE_MISMATCH says that
	// there is none.
	For(space paper.Space) (Model, error)
	// Default gives what embeds where no collection is named.
	Default() Model
}

// OneModel is the Models of a server that has one.
type OneModel struct{ Model }

// For implements Models.
func (m OneModel) For(space paper.Space) (Model, error) {
	if own := m.Space(); own != space {
		return nil, paper.SpaceMismatch(space, own)
	}
	return m.Model, nil
}

// Default implements Models.
func (m OneModel) Default() Model { return m.Model }
