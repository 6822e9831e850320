package rpc_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/rpc/rpctest"
	"akin/internal/source"
	akinv1 "akin/proto/akin/v1"
)

// feedOf serves a feed with some papers.
func feedOf(t *testing.T, titles ...string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>t</title>`)
		for i, title := range titles {
			fmt.Fprintf(w, `<item><title>%s</title><description>On %s.</description><link>https://doi.org/10.1000/%d</link></item>`, title, title, i)
		}
		fmt.Fprint(w, `</channel></rss>`)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestSources(t *testing.T) {
	feed := feedOf(t, "Graphs", "Trees", "")
	fixed := source.Config{Name: "fixed", Kind: source.Feed, URL: feed.URL + "/fixed"}
	s := rpctest.Serve(t, rpctest.Options{Sources: source.Settings{Sources: []source.Config{fixed}, Hosts: []string{"127.0.0.1"}}})
	c, ctx := s.Client, t.Context()
	made, err := c.Sources.CreateSource(ctx, &akinv1.CreateSourceRequest{Source: &akinv1.Source{
		Name: "mine", Kind: akinv1.SourceKind_SOURCE_KIND_FEED, Url: feed.URL + "/feed", Every: durationpb.New(2 * time.Hour),
	}})
	if err != nil || made.GetCollection() != "papers" || made.GetInterval().AsDuration() != 3*time.Second || made.GetState().GetLast() != "it has not run yet" {
		t.Fatalf("%v, %v", made, err)
	}
	list, err := c.Sources.ListSources(ctx, new(akinv1.ListSourcesRequest))
	if err != nil || len(list.GetSources()) != 2 || !list.GetSources()[0].GetFromConfiguration() || list.GetSources()[1].GetName() != "mine" {
		t.Errorf("%v, %v", list, err)
	}
	o, err := c.Sources.RunSource(ctx, &akinv1.RunSourceRequest{Name: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	run := new(akinv1.SourceRun)
	if err := c.Follow(ctx, o, run, nil); err != nil || run.GetCounts().GetNew() != 2 || run.GetCounts().GetRefused() != 1 || run.GetOutcome() != "brought" || !run.GetRequested() {
		t.Fatalf("%v, %v", run, err)
	}
	if p, err := c.Papers.GetPaper(ctx, &akinv1.GetPaperRequest{Id: "doi:10.1000/0"}); err != nil || p.GetTitle() != "Graphs" {
		t.Errorf("%v, %v", p, err)
	}
	refused, err := c.Sources.ListSourceRefusals(ctx, &akinv1.ListSourceRefusalsRequest{Name: "mine"})
	if err != nil || len(refused.GetRefusals()) != 1 || refused.GetRefusals()[0].GetReason() != "the entry has no title" {
		t.Errorf("%v, %v", refused, err)
	}
	runs, err := c.Sources.ListSourceRuns(ctx, &akinv1.ListSourceRunsRequest{Name: "mine"})
	if err != nil || len(runs.GetRuns()) != 1 || runs.GetRuns()[0].GetMessage() != "2 new, 1 refused" {
		t.Errorf("%v, %v", runs, err)
	}
	changed, err := c.Sources.UpdateSource(ctx, &akinv1.UpdateSourceRequest{
		Source: &akinv1.Source{Name: "mine", Url: "http://127.0.0.1:1/"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"every"}},
	})
	if err != nil || changed.GetEvery().AsDuration() != time.Hour || changed.GetUrl() != feed.URL+"/feed" || changed.GetState().GetTotal().GetNew() != 2 {
		t.Errorf("%v, %v", changed, err)
	}
	if paused, err := c.Sources.PauseSource(ctx, &akinv1.PauseSourceRequest{Name: "fixed"}); err != nil || !paused.GetState().GetPaused() {
		t.Errorf("%v, %v", paused, err)
	}
	resp, err := http.Get(s.URL + "/v1/sources/mine")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); !strings.Contains(string(body), `"new":"2"`) {
		t.Errorf("%s", body)
	}
	if _, err := c.Sources.DeleteSource(ctx, &akinv1.DeleteSourceRequest{Name: "mine"}); err != nil {
		t.Error(err)
	}
	if _, err := c.Sources.GetSource(ctx, &akinv1.GetSourceRequest{Name: "mine"}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
}

func TestSourceErrors(t *testing.T) {
	fixed := source.Config{Name: "fixed", Kind: source.Feed, URL: "https://feeds.example/"}
	c := rpctest.Serve(t, rpctest.Options{Sources: source.Settings{Sources: []source.Config{fixed}, Hosts: []string{"good.example"}}}).Client
	create := func(s *akinv1.Source) error {
		_, err := c.Sources.CreateSource(t.Context(), &akinv1.CreateSourceRequest{Source: s})
		return err
	}
	feed := akinv1.SourceKind_SOURCE_KIND_FEED
	for name, try := range map[string]struct {
		err  error
		code codes.Code
		want string
	}{
		"nothing":            {create(nil), codes.InvalidArgument, "source.name"},
		"all faults at once": {create(&akinv1.Source{Name: "A b", Kind: feed, Url: "x", Sets: []string{"a"}, OverlapDays: 1}), codes.InvalidArgument, "source.sets"},
		"another host":       {create(&akinv1.Source{Name: "x", Kind: feed, Url: "https://evil.example/"}), codes.FailedPrecondition, "source-hosts"},
		"a name that is taken": {
			create(&akinv1.Source{Name: "fixed", Kind: feed, Url: "https://good.example/"}), codes.FailedPrecondition, "there is a source \"fixed\" already",
		},
		"a folder":    {create(&akinv1.Source{Name: "x", Kind: akinv1.SourceKind_SOURCE_KIND_FOLDER, Path: "/etc"}), codes.InvalidArgument, "only of the configuration"},
		"a bad kind":  {create(&akinv1.Source{Name: "x", Kind: 77, Url: "https://good.example/"}), codes.InvalidArgument, "source.kind"},
		"a bad day":   {create(&akinv1.Source{Name: "x", Kind: feed, Url: "https://good.example/", From: "30.11.2026"}), codes.InvalidArgument, "YYYY-MM-DD"},
		"a bad time":  {create(&akinv1.Source{Name: "x", Kind: feed, Url: "https://good.example/", Every: durationpb.New(-time.Hour)}), codes.InvalidArgument, "source.every"},
		"a short one": {create(&akinv1.Source{Name: "x", Kind: feed, Url: "https://good.example/", Every: durationpb.New(time.Second)}), codes.InvalidArgument, "5m0s"},
	} {
		if status.Code(try.err) != try.code || !strings.Contains(try.err.Error(), try.want) {
			t.Errorf("%s: %v", name, try.err)
		}
	}
	if _, err := c.Sources.UpdateSource(t.Context(), &akinv1.UpdateSourceRequest{Source: &akinv1.Source{Name: "fixed", Url: "https://good.example/"}}); status.Code(err) != codes.FailedPrecondition {
		t.Error(err)
	}
	if _, err := c.Sources.DeleteSource(t.Context(), &akinv1.DeleteSourceRequest{Name: "fixed"}); status.Code(err) != codes.FailedPrecondition {
		t.Error(err)
	}
	if _, err := c.Sources.RunSource(t.Context(), &akinv1.RunSourceRequest{Name: "none"}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
	if _, err := c.Sources.ListSourceRuns(t.Context(), &akinv1.ListSourceRunsRequest{Name: "fixed", PageSize: -1}); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}
