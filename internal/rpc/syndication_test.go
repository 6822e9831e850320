package rpc_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/rpc/rpctest"
	"akin/internal/share"
	akinv1 "akin/proto/akin/v1"
)

// Whoever has the address of a feed reads it, until it is replaced or the feed deleted.
func TestFeedAddresses(t *testing.T) {
	s := rpctest.Serve(t, rpctest.Options{PublicURL: "https://papers.example.org"})
	c := s.Client.Syndication
	if _, err := s.Client.Papers.BatchUpsertPapers(t.Context(), &akinv1.BatchUpsertPapersRequest{Papers: []*akinv1.Paper{{Id: "a", Title: "Graph networks"}}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if _, err := s.Client.Feeds.CreateFeed(t.Context(), &akinv1.CreateFeedRequest{Feed: &akinv1.Feed{Name: name, Authors: []string{"Ada Lovelace"}}}); err != nil {
			t.Fatal(err)
		}
	}
	address := func(name string) *akinv1.FeedAddress {
		t.Helper()
		at, err := c.GetFeedAddress(t.Context(), &akinv1.GetFeedAddressRequest{Feed: name})
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	one, all := address("one"), address("-")
	if one.GetAtomUrl() != "https://papers.example.org/feeds/"+one.GetToken()+"/atom.xml" || one.GetOpmlUrl() != "" || address("one").GetToken() != one.GetToken() {
		t.Errorf("%v", one)
	}
	if !strings.HasSuffix(all.GetOpmlUrl(), all.GetToken()+"/feeds.opml") || all.GetAtomUrl() != "" {
		t.Errorf("%v", all)
	}
	read := func(token string) (*akinv1.ReadAddressedFeedResponse, error) {
		return c.ReadAddressedFeed(t.Context(), &akinv1.ReadAddressedFeedRequest{Token: token})
	}
	got, err := read(one.GetToken())
	if err != nil || got.GetFeed().GetName() != "one" || got.GetFeed().GetAuthors() != nil {
		t.Errorf("%v, %v", got, err)
	}
	list, err := c.ReadAddressedList(t.Context(), &akinv1.ReadAddressedListRequest{Token: all.GetToken()})
	if err != nil || len(list.GetFeeds()) != 2 || list.GetFeeds()[0].GetToken() != one.GetToken() {
		t.Errorf("%v, %v", list, err)
	}
	// One token is no other.
	if _, err := read(all.GetToken()); status.Code(err) != codes.NotFound {
		t.Errorf("the list read as a feed: %v", err)
	}
	if _, err := c.ReadAddressedList(t.Context(), &akinv1.ReadAddressedListRequest{Token: one.GetToken()}); status.Code(err) != codes.NotFound {
		t.Errorf("a feed read as the list: %v", err)
	}
	if _, err := c.ReplaceFeedAddress(t.Context(), &akinv1.ReplaceFeedAddressRequest{Feed: "one"}); err != nil {
		t.Error(err)
	}
	for _, token := range []string{one.GetToken(), "", "x/../y", strings.Repeat("A", 900)} {
		if _, err := read(token); status.Code(err) != codes.NotFound || reasonOf(err) != share.ReasonAddress {
			t.Errorf("%.20q: %v", token, err)
		}
	}
	// A feed of the same name is not the one that was deleted.
	two := address("two")
	if _, err := s.Client.Feeds.DeleteFeed(t.Context(), &akinv1.DeleteFeedRequest{Name: "two"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client.Feeds.CreateFeed(t.Context(), &akinv1.CreateFeedRequest{Feed: &akinv1.Feed{Name: "two", Authors: []string{"Ada Lovelace"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := read(two.GetToken()); status.Code(err) != codes.NotFound || address("two").GetToken() == two.GetToken() {
		t.Errorf("%v", err)
	}
	if _, err := c.GetFeedAddress(t.Context(), &akinv1.GetFeedAddressRequest{Feed: "none"}); status.Code(err) != codes.NotFound {
		t.Errorf("%v", err)
	}
	if _, err := c.ReadAddressedFeed(t.Context(), &akinv1.ReadAddressedFeedRequest{Token: two.GetToken(), PageSize: -1}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("%v", err)
	}
}

func TestFeedsHaveNoAddresses(t *testing.T) {
	s := rpctest.Serve(t, rpctest.Options{})
	if _, err := s.Client.Syndication.GetFeedAddress(t.Context(), &akinv1.GetFeedAddressRequest{Feed: "-"}); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "--public-url") {
		t.Errorf("%v", err)
	}
}
