package app

import (
	"context"
	"slices"

	"akin/internal/courier"
	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/notify"
)

// digestFeeds are the feeds that digests tell of.
type digestFeeds struct{ feeds *courier.Courier }

// Feed implements notify.Feeds.
func (d digestFeeds) Feed(ctx context.Context, owner, name string) (feed.Feed, error) {
	st, err := d.feeds.Get(ctx, owner, name)
	return st.Feed, err
}

// Items implements notify.Feeds.
func (d digestFeeds) Items(ctx context.Context, owner, name string, after uint64, limit int) ([]feed.Item, error) {
	_, items, err := d.feeds.Items(ctx, owner, name, after, false, limit)
	return items, err
}

// digestSources says what the sources of a collection last delivered; they are opened
// after digests.
type digestSources struct{ app *App }

// Deliveries implements notify.Sources.
func (d digestSources) Deliveries(ctx context.Context, collection string) (all []notify.Delivery, err error) {
	if d.app.sources == nil {
		return nil, nil
	}
	for _, s := range d.app.sources.Deliveries(ctx, collection) {
		all = append(all, notify.Delivery{Source: s.Source, Time: s.Time, Sentence: s.Sentence})
	}
	return all, nil
}

// digestSpeaker finds the sentences that speak for papers as items of feeds have them.
type digestSpeaker struct{ feeds *courier.Courier }

// Speaks implements notify.Speaker.
func (d digestSpeaker) Speaks(ctx context.Context, f *feed.Feed, papers []string) (map[string]string, error) {
	out := map[string]string{}
	for some := range slices.Chunk(papers, engine.MaxEvidence) {
		items := make([]feed.Item, len(some))
		for i := range some {
			items[i].PaperID = some[i]
		}
		if err := d.feeds.Explain(ctx, f, items); err != nil {
			return out, err
		}
		found, err := d.feeds.Evidence(ctx, f, items)
		if err != nil {
			return out, err
		}
		for i := range found {
			if len(found[i]) > 0 {
				out[some[i]] = found[i][0].Text
			}
		}
	}
	return out, nil
}
