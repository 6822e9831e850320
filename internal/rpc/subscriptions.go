package rpc

import (
	"context"

	"akin/internal/access"
	"akin/internal/library"
	"akin/internal/notify"
	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

// Subscribe implements DigestService.
func (s *digestService) Subscribe(ctx context.Context, req *akinv1.SubscribeRequest) (*akinv1.SubscribeResponse, error) {
	if _, err := notify.ParseAddress("address", req.GetAddress()); err != nil && len(req.GetAddress()) > 0 {
		return nil, err
	}
	if req.GetCollection() != "" {
		if err := library.CheckName("collection", req.GetCollection()); err != nil {
			return nil, err
		}
	}
	if err := checkEnum("listing", req.GetListing()); err != nil {
		return nil, err
	}
	if err := checkEnum("quiet", req.GetQuiet()); err != nil {
		return nil, err
	}
	schedule, err := fromSchedule("schedule", req.GetSchedule())
	if err != nil {
		return nil, err
	}
	d, err := s.kept()
	if err != nil {
		return nil, err
	}
	caller := ""
	if c := access.CallerOf(ctx); c != nil {
		caller = c.Host
	}
	return &akinv1.SubscribeResponse{}, d.Subscribe(ctx, notify.Subscription{
		Address: req.GetAddress(), Collection: req.GetCollection(), Listing: notify.Listing(req.GetListing()), Schedule: schedule,
		Quiet: notify.Quiet(max(0, req.GetQuiet()-1)), MaxItems: int(req.GetMaxItems()), Caller: caller,
	})
}

// maxMailToken is how long the token of a mail is at most, in bytes.
const maxMailToken = 1_000

// forToken gives what keeps digests for a call with the token of a mail.
func (s *digestService) forToken(token string) (*notify.Digests, error) {
	if n := len(token); n == 0 || n > maxMailToken {
		return nil, paper.InvalidField("token", "has %d bytes; that of a mail has 1 to %d: copy all of the link", n, maxMailToken)
	}
	return s.kept()
}

// ConfirmSubscription implements DigestService.
func (s *digestService) ConfirmSubscription(ctx context.Context, req *akinv1.ConfirmSubscriptionRequest) (*akinv1.SubscriptionNotice, error) {
	d, err := s.forToken(req.GetToken())
	if err != nil {
		return nil, err
	}
	n, err := d.Confirm(ctx, req.GetToken(), req.GetPreview())
	return noticeOf(&n, err)
}

// Unsubscribe implements DigestService.
func (s *digestService) Unsubscribe(ctx context.Context, req *akinv1.UnsubscribeRequest) (*akinv1.SubscriptionNotice, error) {
	d, err := s.forToken(req.GetToken())
	if err != nil {
		return nil, err
	}
	n, err := d.Unsubscribe(ctx, req.GetToken(), notify.Leaving{Preview: req.GetPreview(), Erase: req.GetErase(), All: req.GetAll()})
	return noticeOf(&n, err)
}

func noticeOf(n *notify.Notice, err error) (*akinv1.SubscriptionNotice, error) {
	if err != nil {
		return nil, err
	}
	return &akinv1.SubscriptionNotice{Digest: n.Digest, MaskedAddress: n.Address, Schedule: n.Schedule, Done: n.Done}, nil
}

// Act implements DigestService.
func (s *digestService) Act(ctx context.Context, req *akinv1.ActRequest) (*akinv1.ActResponse, error) {
	d, err := s.forToken(req.GetToken())
	if err != nil {
		return nil, err
	}
	a, err := d.Act(ctx, req.GetToken(), req.GetPreview())
	if err != nil {
		return nil, err
	}
	return &akinv1.ActResponse{
		PaperId: a.PaperID, Title: a.Title, Mark: toMark[a.Mark], PreviousMark: toMark[a.Before], Library: a.Library, Digest: a.Digest, UndoToken: a.Undo,
	}, nil
}
