package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	akinv1 "akin/proto/akin/v1"
)

// collect gives an ack function that notes the ids it is told.
func collect(ids *[]string) func(*akinv1.ImportPapersResponse) error {
	return func(resp *akinv1.ImportPapersResponse) error {
		for _, o := range resp.GetOutcomes() {
			*ids = append(*ids, o.GetId())
		}
		return nil
	}
}

// A server that dies in the middle gets again what it did not acknowledge, in
// order, and nothing else; each paper is acknowledged once.
func TestImportIsResumed(t *testing.T) {
	var got taken
	lives := 0
	script := &scripted{}
	script.importing = func(stream akinv1.PaperService_ImportPapersServer) error {
		got.open()
		lives++
		switch lives {
		case 1: // takes four, acknowledges two, dies
			ids, err := got.takes(stream, 4)
			if err != nil {
				return err
			}
			if err := acknowledge(stream, ids[:2]...); err != nil {
				return err
			}
			return status.Error(codes.Unavailable, "stopping")
		case 2: // acknowledges the third alone
			ids, err := got.takes(stream, 1)
			if err != nil {
				return err
			}
			if err := acknowledge(stream, ids...); err != nil {
				return err
			}
			return status.Error(codes.Unavailable, "stopping again")
		}
		ids, err := got.takes(stream, -1)
		if !errors.Is(err, io.EOF) {
			return err
		}
		return acknowledge(stream, ids...)
	}
	on(t, script, func(t *testing.T, s *stage) {
		var acked []string
		err := s.client.Import(t.Context(), papers("a", "b", "c", "d", "e", "f"), collect(&acked))
		if want := []string{"a", "b", "c", "d", "e", "f"}; err != nil || !slices.Equal(acked, want) {
			t.Errorf("%v, acknowledged %v", err, acked)
		}
		if len(got.streams) != 3 || got.streams[1][0] != "c" || !slices.Equal(got.streams[2], []string{"d", "e", "f"}) {
			t.Errorf("the streams had %v", got.streams)
		}
	})
}

// A connection that is cut off, and a server that is away for a minute, are waited
// for.
func TestImportWaitsForARestart(t *testing.T) {
	var got taken
	first, second := &scripted{}, &scripted{}
	on(t, first, func(t *testing.T, s *stage) {
		first.importing = func(stream akinv1.PaperService_ImportPapersServer) error {
			got.open()
			ids, err := got.takes(stream, 2)
			if err != nil {
				return err
			}
			if err := acknowledge(stream, ids[0]); err != nil {
				return err
			}
			<-stream.Context().Done()
			return stream.Context().Err()
		}
		second.importing = func(stream akinv1.PaperService_ImportPapersServer) error {
			got.open()
			ids, err := got.takes(stream, -1)
			if !errors.Is(err, io.EOF) {
				return err
			}
			return acknowledge(stream, ids...)
		}
		var acked []string
		begin := time.Now()
		err := s.client.Import(t.Context(), papers("a", "b", "c"), func(resp *akinv1.ImportPapersResponse) error {
			if len(acked) == 0 {
				go func() {
					s.stop()
					time.Sleep(time.Minute)
					s.start(second)
				}()
			}
			return collect(&acked)(resp)
		})
		if err != nil || !slices.Equal(acked, []string{"a", "b", "c"}) || !slices.Equal(got.streams[1], []string{"b", "c"}) {
			t.Errorf("%v, acknowledged %v, streams %v", err, acked, got.streams)
		}
		if waited := time.Since(begin); waited < time.Minute || waited > 2*time.Minute {
			t.Errorf("it took %v", waited)
		}
	})
}

// A server that stays away is given up after two minutes, with what it said last.
func TestImportGivesUp(t *testing.T) {
	lives := 0
	script := &scripted{importing: func(stream akinv1.PaperService_ImportPapersServer) error {
		if lives++; lives > 1 {
			return status.Error(codes.Unavailable, "still stopping")
		}
		if _, err := stream.Recv(); err != nil {
			return err
		}
		if err := acknowledge(stream, "a"); err != nil {
			return err
		}
		return status.Error(codes.Unavailable, "stopping")
	}}
	on(t, script, func(t *testing.T, s *stage) {
		begin := time.Now()
		var acked []string
		err := s.client.Import(t.Context(), papers("a", "b"), collect(&acked))
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "still stopping") || !slices.Equal(acked, []string{"a"}) {
			t.Errorf("%v, acknowledged %v", err, acked)
		}
		if waited := time.Since(begin); waited < patience || waited > patience+2*time.Minute {
			t.Errorf("it gave up after %v", waited)
		}
		if lives < 4 {
			t.Errorf("it tried %d times", lives)
		}
	})
}

// A server that is not ready yet is tried again, and gets everything once it is,
// however much was sent to it before.
func TestImportBeginsAgain(t *testing.T) {
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprint(i))
	}
	var got taken
	script := &scripted{importing: func(stream akinv1.PaperService_ImportPapersServer) error {
		got.open()
		switch n := len(got.streams); {
		case n == 2:
			if _, err := got.takes(stream, 150); err != nil {
				return err
			}
			fallthrough
		case n < tries:
			return status.Error(codes.Unavailable, "starting")
		}
		ids, err := got.takes(stream, -1)
		if !errors.Is(err, io.EOF) {
			return err
		}
		return acknowledge(stream, ids...)
	}}
	on(t, script, func(t *testing.T, s *stage) {
		var acked []string
		if err := s.client.Import(t.Context(), papers(want...), collect(&acked)); err != nil || !slices.Equal(acked, want) {
			t.Errorf("%v, acknowledged %v", err, acked)
		}
		if len(got.streams) != tries || !slices.Equal(got.streams[tries-1], want) {
			t.Errorf("the streams had %v", got.streams)
		}
	})
}

// Only a server that went away is worth another try, and only one that was there.
func TestWhatIsNotResumed(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer bool // before it fails
		code   codes.Code
	}{
		{"a server that never answered", false, codes.Unavailable},
		{"a bad request", true, codes.InvalidArgument},
		{"a server that is full", true, codes.ResourceExhausted},
		{"a fault of the server's", true, codes.Internal},
		{"damage", true, codes.DataLoss},
		{"the server's deadline", true, codes.DeadlineExceeded},
		{"another space", true, codes.FailedPrecondition},
		{"nobody knows", true, codes.Unknown},
	} {
		streams := 0
		script := &scripted{importing: func(stream akinv1.PaperService_ImportPapersServer) error {
			streams++
			if _, err := stream.Recv(); err != nil {
				return err
			}
			if c.answer {
				if err := acknowledge(stream, "a"); err != nil {
					return err
				}
			}
			return status.Error(c.code, "no")
		}}
		on(t, script, func(t *testing.T, s *stage) {
			var acked []string
			err := s.client.Import(t.Context(), papers("a", "b"), collect(&acked))
			want := map[bool]int{true: 1, false: tries}[c.answer]
			if status.Code(err) != c.code || streams != want || len(acked) != map[bool]int{true: 1}[c.answer] {
				t.Errorf("%s: %v after %d streams, acknowledged %v", c.name, err, streams, acked)
			}
		})
	}
}

// The end of the context ends an import: while it sends, and while it waits for a
// server.
func TestImportEndsWithItsContext(t *testing.T) {
	script := &scripted{importing: func(stream akinv1.PaperService_ImportPapersServer) error {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		if err := acknowledge(stream, "a"); err != nil {
			return err
		}
		<-stream.Context().Done()
		return stream.Context().Err()
	}}
	on(t, script, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := s.client.Import(ctx, func(ctx context.Context) (*akinv1.ImportPapersRequest, error) {
			return &akinv1.ImportPapersRequest{Paper: &akinv1.Paper{Id: "a"}}, nil // without end
		}, func(*akinv1.ImportPapersResponse) error { return nil })
		if status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("while it sends: %v", err)
		}
	})
	lives := 0
	script = &scripted{importing: func(stream akinv1.PaperService_ImportPapersServer) error {
		if lives++; lives == 1 {
			if _, err := stream.Recv(); err != nil {
				return err
			}
			if err := acknowledge(stream, "a"); err != nil {
				return err
			}
		}
		return status.Error(codes.Unavailable, "stopping")
	}}
	on(t, script, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		err := s.client.Import(ctx, papers("a", "b"), func(*akinv1.ImportPapersResponse) error { return nil })
		if !errors.Is(err, context.DeadlineExceeded) && status.Code(err) != codes.DeadlineExceeded || time.Since(begin) > 11*time.Second {
			t.Errorf("while it waits: %v after %v", err, time.Since(begin))
		}
	})
}

// An error of the caller's own functions ends the import and is given back as it
// is; the server sees the stream end.
func TestErrorsOfTheCaller(t *testing.T) {
	mine := errors.New("mine")
	ended := make(chan error, 1)
	script := &scripted{importing: func(stream akinv1.PaperService_ImportPapersServer) error {
		for {
			req, err := stream.Recv()
			if err != nil {
				ended <- err
				return err
			}
			if err := acknowledge(stream, req.GetPaper().GetId()); err != nil {
				ended <- err
				return err
			}
		}
	}}
	for name, c := range map[string]struct {
		next func(context.Context) (*akinv1.ImportPapersRequest, error)
		ack  func(*akinv1.ImportPapersResponse) error
	}{
		"next": {func(context.Context) (*akinv1.ImportPapersRequest, error) { return nil, mine }, func(*akinv1.ImportPapersResponse) error { return nil }},
		"ack": {func(ctx context.Context) (*akinv1.ImportPapersRequest, error) {
			return &akinv1.ImportPapersRequest{Paper: &akinv1.Paper{Id: "x"}}, ctx.Err()
		}, func(*akinv1.ImportPapersResponse) error { return mine }},
	} {
		ended = make(chan error, 1)
		on(t, script, func(t *testing.T, s *stage) {
			ended = make(chan error, 1)
			if err := s.client.Import(t.Context(), c.next, c.ack); !errors.Is(err, mine) {
				t.Errorf("%s: %v", name, err)
			}
			if err := <-ended; status.Code(err) != codes.Canceled {
				t.Errorf("%s: the server was told %v", name, err)
			}
		})
	}
}

// A server that acknowledges more than it got does no harm.
func TestTooMuchIsAcknowledged(t *testing.T) {
	script := &scripted{importing: func(stream akinv1.PaperService_ImportPapersServer) error {
		var got taken
		got.open()
		if _, err := got.takes(stream, -1); !errors.Is(err, io.EOF) {
			return err
		}
		return acknowledge(stream, "a", "b", "c", "d")
	}}
	on(t, script, func(t *testing.T, s *stage) {
		var acked []string
		if err := s.client.Import(t.Context(), papers("a", "b"), collect(&acked)); err != nil || len(acked) != 4 {
			t.Errorf("%v, %v", err, acked)
		}
	})
}

// Embedding sends and receives at the same time, and is not resumed: nothing is
// kept of it.
func TestEmbedStream(t *testing.T) {
	texts := []string{"one", "two", "three"}
	streams := 0
	script := &scripted{embedding: func(stream akinv1.EmbeddingService_EmbedStreamServer) error {
		streams++
		for {
			req, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if req.GetInput().GetText() == "die" {
				return status.Error(codes.Unavailable, "stopping")
			}
			if err := stream.Send(&akinv1.EmbedStreamResponse{Index: req.GetIndex()}); err != nil {
				return err
			}
		}
	}}
	// One text is only sent when the one before is answered.
	embed := func(s *stage, texts []string) (got []uint64, err error) {
		answered := make(chan struct{}, 1)
		answered <- struct{}{}
		at := 0
		err = s.client.EmbedStream(s.t.Context(), func(ctx context.Context) (*akinv1.EmbedStreamRequest, error) {
			select {
			case <-answered:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if at == len(texts) {
				return nil, io.EOF
			}
			at++
			return &akinv1.EmbedStreamRequest{Index: uint64(at), Input: &akinv1.EmbedInput{Input: &akinv1.EmbedInput_Text{Text: texts[at-1]}}}, nil
		}, func(r *akinv1.EmbedStreamResponse) error {
			got = append(got, r.GetIndex())
			answered <- struct{}{}
			return nil
		})
		return got, err
	}
	on(t, script, func(t *testing.T, s *stage) {
		if got, err := embed(s, texts); err != nil || fmt.Sprint(got) != "[1 2 3]" {
			t.Errorf("%v, %v", got, err)
		}
		got, err := embed(s, []string{"one", "die", "three"})
		if status.Code(err) != codes.Unavailable || fmt.Sprint(got) != "[1]" || streams != 2 {
			t.Errorf("a server that went away: %v, %v, %d streams", got, err, streams)
		}
	})
}
