package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/rpc"
)

// lazyModel is a model that is verified and opened when something is embedded or
// tokenised for the first time: reading papers needs neither the memory nor the
// time. Its methods are safe for concurrent use.
type lazyModel struct {
	space paper.Space
	open  func() (*embed.Embedder, func() error, error)

	mu     sync.Mutex // guards what follows
	opened *embed.Embedder
	done   func() error // once it is opened
	err    error        // final
}

// get gives the model, opened.
func (m *lazyModel) get() (*embed.Embedder, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.opened == nil && m.err == nil {
		m.opened, m.done, m.err = m.open()
		if m.err == nil && m.opened.Space() != m.space {
			m.err = errors.Join(paper.SpaceMismatch(m.space, m.opened.Space()), m.done())
			m.opened = nil
		}
		if m.err != nil && paper.KindOf(m.err) == paper.Internal {
			// It is the caller's own process: what is wrong may be said.
			m.err = &paper.Error{Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported, Message: m.err.Error(), Cause: m.err}
		}
	}
	return m.opened, m.err
}

// Space gives the space that the vectors belong to.
func (m *lazyModel) Space() paper.Space { return m.space }

// Text puts title and abstract together as the space's template says.
func (m *lazyModel) Text(title, abstract string) string {
	return embed.Join(m.space.Template, title, abstract)
}

// Embed implements engine.Embedder.
func (m *lazyModel) Embed(ctx context.Context, texts []string, opt embed.Options) ([]embed.Embedding, embed.Timing, error) {
	if len(texts) == 0 { // a group of an import that only takes papers back
		return nil, embed.Timing{}, nil
	}
	e, err := m.get()
	if err != nil {
		return nil, embed.Timing{}, err
	}
	return e.Embed(ctx, texts, opt)
}

// Tokenize implements engine.Tokenizer.
func (m *lazyModel) Tokenize(text string, maxTokens int, detail bool) (embed.Tokens, error) {
	e, err := m.get()
	if err != nil {
		return embed.Tokens{}, err
	}
	return e.Tokenize(text, maxTokens, detail)
}

// CheckLength implements engine.Tokenizer.
func (m *lazyModel) CheckLength(field, text string, opt embed.Options) error {
	e, err := m.get()
	if err != nil {
		return err
	}
	return e.CheckLength(field, text, opt)
}

// Close closes the model, if it was opened.
func (m *lazyModel) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.opened == nil {
		return nil
	}
	err := m.done()
	m.opened, m.err = nil, errors.New("the model is closed")
	return err
}

// openModel gives what the server embeds with: opened at once, or, where the
// configuration allows it and the data directory says what its vectors are,
// when it is needed.
func (a *App) openModel(kept *kept) (engineModel, rpc.About, error) {
	if !a.config.LazyModel || kept == nil {
		return a.openEmbedder()
	}
	if kept.explicit { // it may be another one than the directory's
		at, err := a.config.resolve()
		if err != nil {
			return nil, rpc.About{}, err
		}
		config, _ := a.config.embedConfig(at)
		about, err := embed.Describe(config)
		if err != nil {
			return nil, rpc.About{}, err
		}
		if about.Space != kept.space {
			return nil, rpc.About{}, paper.SpaceMismatch(kept.space, about.Space)
		}
		a.warnOfTokenizer(about.ExactTokens, at)
	}
	warn := !kept.explicit
	m := &lazyModel{space: kept.space, open: func() (*embed.Embedder, func() error, error) {
		at, err := a.config.resolve()
		if err != nil {
			return nil, nil, err
		}
		e, done, err := a.openSaying(at)
		if err == nil && warn {
			a.warnOfTokenizer(e.ExactTokens(), at)
		}
		return e, done, err
	}}
	a.onClose(m.Close)
	about := rpc.About{Version: a.config.Version}
	if at, err := a.config.resolve(); err == nil {
		about.License, about.Source = at.manifest.License, at.manifest.Source
	}
	return m, about, nil
}

// ownModel opens a model that is closed when it is not needed any more.
func ownModel(config embed.Config) (*embed.Embedder, func() error, error) {
	e, err := embed.Open(config)
	if err != nil {
		return nil, nil, err
	}
	return e, e.Close, nil
}

// openEmbedder verifies and opens the model.
func (a *App) openEmbedder() (*embed.Embedder, rpc.About, error) {
	at, err := a.config.resolve()
	if err != nil {
		return nil, rpc.About{}, err
	}
	embedder, done, err := a.openSaying(at)
	if err != nil {
		return nil, rpc.About{}, err
	}
	a.onClose(done)
	a.warnOfTokenizer(embedder.ExactTokens(), at)
	return embedder, rpc.About{
		Version: a.config.Version, License: at.manifest.License, Source: at.manifest.Source,
	}, nil
}

func (a *App) warnOfTokenizer(exact bool, at resolved) {
	if !exact {
		// Nothing fails because of it: rankings are only worse than they should be.
		a.log.Warn(fmt.Sprintf("the tokenizer of model %s is not BERT's WordPiece: its token ids may differ "+
			"from those of Hugging Face tokenizers, which the model was trained with, and so may its vectors", at.manifest.Name))
	}
}
