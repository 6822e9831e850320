package app

import (
	"context"
	"strings"

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

// digestSpeaker finds the sentences that speak for papers as a search finds evidence.
type digestSpeaker struct{ engine *engine.Engine }

// Speaks implements notify.Speaker.
func (d digestSpeaker) Speaks(ctx context.Context, f *feed.Feed, papers []string) (map[string]string, error) {
	out := map[string]string{}
	for len(papers) > 0 {
		some := papers[:min(len(papers), engine.MaxEvidence)]
		papers = papers[len(some):]
		options := engine.ResultOptions{Filter: anyOf(some), PageSize: len(some), Evidence: true, KeepVersions: true}
		answer, err := d.ask(ctx, f, options)
		if err != nil || answer == nil {
			return out, err
		}
		for i := range answer.Results {
			if r := &answer.Results[i]; len(r.Evidence) > 0 {
				out[r.Record.ID] = r.Evidence[0].Text
			}
		}
	}
	return out, nil
}

// ask finds papers by what a feed looks for; nil for feeds that look for no text.
func (d digestSpeaker) ask(ctx context.Context, f *feed.Feed, options engine.ResultOptions) (*engine.Answer, error) {
	switch {
	case f.Query.Text != "":
		return d.engine.Search(ctx, engine.SearchRequest{Collection: f.Collection, Query: f.Query.Text, Mode: engine.Semantic, ResultOptions: options})
	case f.Query.PaperID != "":
		return d.engine.Similar(ctx, engine.SimilarRequest{
			Collection: f.Collection, PaperIDs: []string{f.Query.PaperID}, Mode: engine.Semantic, ResultOptions: options,
		})
	}
	return nil, nil //nolint:nilnil // there is nothing to ask
}

// anyOf is a filter that keeps papers by their ids.
func anyOf(ids []string) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = `id = "` + quote.Replace(id) + `"`
	}
	return strings.Join(parts, " OR ")
}
