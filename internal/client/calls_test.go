package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// Only UNAVAILABLE is tried again, four times at most, and what succeeds by then
// is an answer like any other.
func TestRetries(t *testing.T) {
	for code, tries := range map[codes.Code]int{
		codes.Unavailable: 4, codes.ResourceExhausted: 1, codes.Internal: 1, codes.InvalidArgument: 1, codes.NotFound: 1, codes.Unknown: 1,
		codes.DeadlineExceeded: 1, codes.DataLoss: 1, codes.Aborted: 1,
	} {
		asked := 0
		script := &scripted{getting: func(context.Context, *akinv1.GetPaperRequest) (*akinv1.Paper, error) {
			asked++
			return nil, status.Error(code, "no")
		}}
		on(t, script, func(t *testing.T, s *stage) {
			if _, err := s.client.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "a"}); status.Code(err) != code || asked != tries {
				t.Errorf("%v: %v after %d tries, want %d", code, err, asked, tries)
			}
		})
	}
	asked := 0
	script := &scripted{getting: func(_ context.Context, req *akinv1.GetPaperRequest) (*akinv1.Paper, error) {
		if asked++; asked < 4 {
			return nil, status.Error(codes.Unavailable, "not yet")
		}
		return &akinv1.Paper{Id: req.GetId()}, nil
	}}
	on(t, script, func(t *testing.T, s *stage) {
		begin := time.Now()
		got, err := s.client.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "a"})
		if err != nil || got.GetId() != "a" || time.Since(begin) > 10*time.Second {
			t.Errorf("%v, %v after %v", got, err, time.Since(begin))
		}
		asked = 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		if _, err := s.client.Papers.GetPaper(ctx, &akinv1.GetPaperRequest{Id: "a"}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("without time: %v", err)
		}
	})
}

// Answers and requests larger than gRPC's usual limit go through, those beyond the
// API's own are not sent, and each call says what it takes.
func TestLargeMessages(t *testing.T) {
	said := ""
	big := strings.Repeat("x", 5<<20)
	script := &scripted{getting: func(ctx context.Context, req *akinv1.GetPaperRequest) (*akinv1.Paper, error) {
		said = limitOf(ctx, wire.ResponseLimitKey)
		if req.GetId() == "small" {
			return &akinv1.Paper{Abstract: big}, nil
		}
		return &akinv1.Paper{Id: fmt.Sprint(len(req.GetId()))}, nil
	}, importing: func(stream akinv1.PaperService_ImportPapersServer) error {
		return status.Error(codes.InvalidArgument, limitOf(stream.Context(), wire.ResponseLimitKey))
	}}
	on(t, script, func(t *testing.T, s *stage) {
		got, err := s.client.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "small"})
		if err != nil || len(got.GetAbstract()) != len(big) || said != strconv.Itoa(wire.MaxMessageBytes) {
			t.Errorf("%d bytes, %v; it says that it takes %q", len(got.GetAbstract()), err, said)
		}
		got, err = s.client.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: big})
		if err != nil || got.GetId() != fmt.Sprint(len(big)) {
			t.Errorf("%v, %v", got, err)
		}
		if _, err := s.client.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: strings.Repeat("x", wire.MaxMessageBytes+1)}); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), strconv.Itoa(wire.MaxMessageBytes)) {
			t.Errorf("more than that: %v", err)
		}
		if err := s.client.Import(t.Context(), papers("a"), nil); !strings.Contains(fmt.Sprint(err), strconv.Itoa(wire.MaxMessageBytes)) {
			t.Errorf("a stream says %v", err)
		}
	})
}

// Nobody at the other end is UNAVAILABLE, with the words of whoever tried to reach
// it; one that comes later is found.
func TestNobodyAnswers(t *testing.T) {
	on(t, nil, func(t *testing.T, s *stage) {
		if s.dials != 0 {
			t.Error("it connects before the first call")
		}
		_, err := s.client.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "a"})
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), errNobody.Error()) || s.dials == 0 {
			t.Errorf("%v after %d dials", err, s.dials)
		}
		err = s.client.Import(t.Context(), papers("a"), func(*akinv1.ImportPapersResponse) error { return nil })
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), errNobody.Error()) {
			t.Errorf("an import: %v", err)
		}
		s.start(&scripted{getting: func(context.Context, *akinv1.GetPaperRequest) (*akinv1.Paper, error) {
			return &akinv1.Paper{Id: "a"}, nil
		}})
		time.Sleep(time.Minute) // until the connection is tried again
		if got, err := s.client.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "a"}); err != nil || got.GetId() != "a" {
			t.Errorf("later: %v, %v", got, err)
		}
	})
}

// Close closes what Dial made, and leaves a connection that was given alone.
func TestClose(t *testing.T) {
	script := &scripted{getting: func(context.Context, *akinv1.GetPaperRequest) (*akinv1.Paper, error) { return new(akinv1.Paper), nil }}
	on(t, script, func(t *testing.T, s *stage) {
		dialled, err := DialWith(s.connect)
		if err != nil {
			t.Fatal(err)
		}
		if err := dialled.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := dialled.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{}); status.Code(err) != codes.Canceled {
			t.Errorf("after Close: %v", err)
		}
	})
}

// waits is an operation that is done after some polls.
func waits(t *testing.T, polls int, end func(*longrunningpb.Operation)) (*scripted, *int, *[]string) {
	asked, cancelled := new(int), new([]string)
	return &scripted{
		waiting: func(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
			*asked++
			if req.GetTimeout().AsDuration() != time.Second || req.GetName() != "operations/7" {
				t.Errorf("it waits for %v", req)
			}
			progress, err := anypb.New(&akinv1.OperationProgress{Step: "papers", Done: uint64(*asked), Total: uint64(polls)})
			if err != nil {
				return nil, err
			}
			o := &longrunningpb.Operation{Name: req.GetName(), Metadata: progress}
			if *asked >= polls {
				o.Done = true
				end(o)
				return o, nil
			}
			select {
			case <-time.After(req.GetTimeout().AsDuration()):
				return o, nil
			case <-ctx.Done():
				return nil, status.FromContextError(ctx.Err()).Err()
			}
		},
		cancelled: func(name string) { *cancelled = append(*cancelled, name) },
	}, asked, cancelled
}

func begun() *longrunningpb.Operation { return &longrunningpb.Operation{Name: "operations/7"} }

// Following an operation polls until it is done, and tells the progress each time.
func TestFollow(t *testing.T) {
	script, asked, cancelled := waits(t, 4, func(o *longrunningpb.Operation) {
		made, err := anypb.New(&akinv1.Snapshot{Name: "n"})
		if err != nil {
			t.Error(err)
		}
		o.Result = &longrunningpb.Operation_Response{Response: made}
	})
	on(t, script, func(t *testing.T, s *stage) {
		var done []uint64
		made := new(akinv1.Snapshot)
		err := s.client.Follow(t.Context(), begun(), made, func(p *akinv1.OperationProgress) { done = append(done, p.GetDone()) })
		if err != nil || made.GetName() != "n" || fmt.Sprint(done) != "[1 2 3 4]" || *asked != 4 {
			t.Errorf("%v, %v, progress %v, %d polls", made, err, done, *asked)
		}
		if err := s.client.Follow(t.Context(), begun(), new(akinv1.VerifyResponse), nil); err == nil || !strings.Contains(err.Error(), "operations/7") {
			t.Errorf("a result of another type: %v", err)
		}
		if len(*cancelled) != 0 {
			t.Errorf("cancelled: %v", *cancelled)
		}
	})
}

// An operation that failed gives its error; one that was done already asks nobody.
func TestFollowOfAFailure(t *testing.T) {
	failed := status.New(codes.DataLoss, "a file is damaged")
	script, asked, cancelled := waits(t, 1, func(o *longrunningpb.Operation) {
		o.Result = &longrunningpb.Operation_Error{Error: failed.Proto()}
	})
	on(t, script, func(t *testing.T, s *stage) {
		if err := s.client.Follow(t.Context(), begun(), new(akinv1.Snapshot), nil); status.Code(err) != codes.DataLoss || !strings.Contains(err.Error(), "a file is damaged") {
			t.Errorf("%v", err)
		}
		ended := begun()
		ended.Done, ended.Result = true, &longrunningpb.Operation_Error{Error: failed.Proto()}
		if err := s.client.Follow(t.Context(), ended, new(akinv1.Snapshot), nil); status.Code(err) != codes.DataLoss || *asked != 1 || len(*cancelled) != 0 {
			t.Errorf("%v after %d polls, cancelled %v", err, *asked, *cancelled)
		}
	})
}

// When the caller's context ends, the operation is cancelled, even though that
// context is over.
func TestFollowCancels(t *testing.T) {
	script, _, cancelled := waits(t, 1_000_000, nil)
	on(t, script, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		err := s.client.Follow(ctx, begun(), new(akinv1.Snapshot), nil)
		if status.Code(err) != codes.DeadlineExceeded && !errors.Is(err, context.DeadlineExceeded) || fmt.Sprint(*cancelled) != "[operations/7]" {
			t.Errorf("%v, cancelled %v", err, *cancelled)
		}
	})
}
