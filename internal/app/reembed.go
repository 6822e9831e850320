package app

import (
	"context"
	"errors"
	"log/slog"

	"akin/internal/catalog/local"
	"akin/internal/engine"
	"akin/internal/model"
	"akin/internal/store"
)

// Reembed embeds the papers of a data directory anew, into the space of the
// configured model, without a server. It may be interrupted and run again.
// progress gets how many papers are done and how many there are. It reports
// whether there was anything to do.
func Reembed(ctx context.Context, config Config, log *slog.Logger, progress func(done, total int)) (did bool, err error) {
	if config, err = config.withDefaults(); err != nil {
		return false, err
	}
	if config.Precision == Auto { // another precision is for whoever names it
		config.Precision = model.Float32
	}
	if err := unfilled(config.Data); err != nil {
		return false, err
	}
	a := &App{config: config, log: log}
	defer func() { err = errors.Join(err, a.Close()) }()
	s, err := store.Open(config.Data, store.Options{Logger: log, Beside: beside()})
	if err != nil {
		return false, err
	}
	a.onClose(s.Close)
	embedder, _, err := a.openEmbedder()
	if err != nil {
		return false, err
	}
	m, err := local.NewMigration(ctx, s, embedder.Space())
	if err != nil || m == nil {
		return false, err
	}
	defer func() {
		if err == nil {
			err = a.config.keep(embedder.Space())
		}
	}()
	missing := 0
	for _, err := range m.Missing(ctx) {
		if err != nil {
			return false, err
		}
		missing++
	}
	return true, engine.Reembed(ctx, embedder, m, func(done int) { progress(m.Papers-missing+done, m.Papers) })
}
