package rpc

import (
	"context"
	"slices"

	"akin/internal/courier"
	"akin/internal/feed"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/share"
	akinv1 "akin/proto/akin/v1"
)

const (
	// addressedPage and maxAddressedPage are how many items a feed has that is read by its
	// address.
	addressedPage    = 60
	maxAddressedPage = 100
)

// syndicationService is SyndicationService over the feeds that a server keeps.
type syndicationService struct {
	akinv1.UnimplementedSyndicationServiceServer
	server *Server
}

// ShareFeeds lets feeds have addresses, below the server's public one, which no slash
// ends. It comes before GRPC and Guarded; the shares stay the caller's.
func (s *Server) ShareFeeds(shares *share.Shares, public string) { s.shares, s.public = shares, public }

// kept gives what keeps addresses, and feeds.
func (s *syndicationService) kept() (*share.Shares, *courier.Courier, error) {
	if s.server.shares == nil || s.server.feeds == nil {
		return nil, nil, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
			Message: "feeds have no addresses on this server: it does not know the one under which it is reached; start it with --public-url",
		}
	}
	return s.server.shares, s.server.feeds, nil
}

// GetFeedAddress implements SyndicationService.
func (s *syndicationService) GetFeedAddress(ctx context.Context, req *akinv1.GetFeedAddressRequest) (*akinv1.FeedAddress, error) {
	return s.address(ctx, req.GetFeed(), false)
}

// ReplaceFeedAddress implements SyndicationService.
func (s *syndicationService) ReplaceFeedAddress(ctx context.Context, req *akinv1.ReplaceFeedAddressRequest) (*akinv1.FeedAddress, error) {
	return s.address(ctx, req.GetFeed(), true)
}

// address gives the address of a feed of the caller's, or of the list of all.
func (s *syndicationService) address(ctx context.Context, name string, anew bool) (*akinv1.FeedAddress, error) {
	if name != library.Any {
		if err := feed.CheckName("feed", name); err != nil {
			return nil, err
		}
	}
	shares, feeds, err := s.kept()
	if err != nil {
		return nil, err
	}
	owner, err := ownerOf(ctx)
	if err != nil {
		return nil, err
	}
	id := share.All
	if name != library.Any {
		of := feedService{server: s.server}
		if _, _, err := of.about(ctx, "feed", name); err != nil {
			return nil, err
		}
		st, err := feeds.Get(ctx, owner, name)
		if err != nil {
			return nil, err
		}
		id = st.ID
	}
	token, err := shares.Token(ctx, owner, id, anew)
	if err != nil {
		return nil, err
	}
	out, base := &akinv1.FeedAddress{Token: token}, s.server.public+"/feeds/"+token
	if id == share.All {
		out.OpmlUrl = base + "/feeds.opml"
	} else {
		out.AtomUrl, out.JsonUrl = base+"/atom.xml", base+"/feed.json"
	}
	return out, nil
}

// ReadAddressedFeed implements SyndicationService.
func (s *syndicationService) ReadAddressedFeed(ctx context.Context, req *akinv1.ReadAddressedFeedRequest) (*akinv1.ReadAddressedFeedResponse, error) {
	size := int(req.GetPageSize())
	switch {
	case size < 0:
		return nil, paper.InvalidField("page_size", "is %d; it must not be negative (0 means %d, at most %d)", size, addressedPage, maxAddressedPage)
	case size == 0:
		size = addressedPage
	}
	size = min(size, maxAddressedPage)
	shown := shownItems{papers: true}
	if err := shown.check(req.GetReadMask(), size); err != nil {
		return nil, err
	}
	if err := checkToken(req.GetToken()); err != nil {
		return nil, err
	}
	shares, feeds, err := s.kept()
	if err != nil {
		return nil, err
	}
	owner, id, err := shares.Read(ctx, req.GetToken())
	if err != nil {
		return nil, err
	}
	all, err := feeds.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(st feed.State) bool { return st.ID == id })
	if at < 0 {
		return nil, noSuchAddress()
	}
	f, items, err := feeds.ItemsOf(ctx, owner, all[at].Name, 0, true, size)
	if err != nil {
		return nil, err
	}
	of := feedService{server: s.server}
	resp := &akinv1.ReadAddressedFeedResponse{Feed: addressed(&all[at])}
	resp.Items, err = of.items(ctx, &f, items, shown)
	return resp, err
}

// maxToken bounds the token of an address, in bytes.
const maxToken = 1_000

func checkToken(token string) error {
	if len(token) > maxToken {
		return paper.InvalidField("token", "has %d bytes; the limit is %d", len(token), maxToken)
	}
	return nil
}

// noSuchAddress is for the address of a feed that was deleted, or of the list of all where
// that of a feed is needed, and the other way round.
func noSuchAddress() error {
	return &paper.Error{Kind: paper.NotFound, Reason: share.ReasonAddress, Message: "this address leads to no feed any more: the feed was deleted"}
}

// addressed is what whoever has the address of a feed sees of it.
func addressed(st *feed.State) *akinv1.Feed {
	return &akinv1.Feed{Name: st.Name, DisplayName: st.DisplayName, CreateTime: toTime(st.CreateTime), UpdateTime: toTime(st.UpdateTime)}
}

// ReadAddressedList implements SyndicationService.
func (s *syndicationService) ReadAddressedList(ctx context.Context, req *akinv1.ReadAddressedListRequest) (*akinv1.ReadAddressedListResponse, error) {
	if err := checkToken(req.GetToken()); err != nil {
		return nil, err
	}
	shares, feeds, err := s.kept()
	if err != nil {
		return nil, err
	}
	owner, id, err := shares.Read(ctx, req.GetToken())
	if err != nil {
		return nil, err
	}
	if id != share.All {
		return nil, noSuchAddress()
	}
	all, err := feeds.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	resp := new(akinv1.ReadAddressedListResponse)
	for i := range all {
		token, err := shares.Token(ctx, owner, all[i].ID, false)
		if err != nil {
			return nil, err
		}
		resp.Feeds = append(resp.Feeds, &akinv1.AddressedFeed{Feed: addressed(&all[i]), Token: token})
	}
	return resp, nil
}
