package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

type embeddingService struct {
	akinv1.UnimplementedEmbeddingServiceServer
	server *Server
}

// Embed implements EmbeddingService.
func (s *embeddingService) Embed(ctx context.Context, req *akinv1.EmbedRequest) (*akinv1.EmbedResponse, error) {
	opt, err := embedOptions(req)
	if err != nil {
		return nil, err
	}
	opt.Raw = req.GetRaw()
	inputs := make([]engine.Input, len(req.GetInputs()))
	for i, in := range req.GetInputs() {
		inputs[i] = fromInput(in)
	}
	got, timing, err := s.server.engine.EmbedTexts(ctx, inputs, opt)
	if err != nil {
		return nil, err
	}
	resp := &akinv1.EmbedResponse{
		Space:  s.server.engine.DefaultSpace().Fingerprint(),
		Timing: toTiming(engine.Timing{Timing: timing}),
	}
	for _, g := range got {
		resp.Embeddings = append(resp.Embeddings, toEmbedding(g))
	}
	return resp, nil
}

func toEmbedding(g embed.Embedding) *akinv1.Embedding {
	return &akinv1.Embedding{Vector: g.Vector, Tokens: int32(g.Tokens), Truncated: g.Truncated}
}

func fromInput(in *akinv1.EmbedInput) engine.Input {
	return engine.Input{Plain: in.GetText(), Paper: fromText(in.GetPaper())}
}

// embedOptions reads role and truncation of a request.
func embedOptions(req interface {
	GetRole() akinv1.Role
	GetTruncation() akinv1.Truncation
},
) (embed.Options, error) {
	opt := embed.Options{RefuseLong: req.GetTruncation() == akinv1.Truncation_TRUNCATION_ERROR}
	if req.GetRole() == akinv1.Role_ROLE_QUERY {
		opt.Role = embed.Query
	}
	if err := checkEnum("role", req.GetRole()); err != nil {
		return opt, err
	}
	return opt, checkEnum("truncation", req.GetTruncation())
}

// EmbedStream implements EmbeddingService.
func (s *embeddingService) EmbedStream(stream akinv1.EmbeddingService_EmbedStreamServer) error {
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	opt, err := embedOptions(first)
	if err != nil {
		return err
	}
	receive := receiver(stream.Context(), first, stream.Recv)
	next := func(ctx context.Context) (engine.StreamInput, error) {
		req, err := receive(ctx)
		return engine.StreamInput{Input: fromInput(req.GetInput()), Index: req.GetIndex()}, err
	}
	space := s.server.engine.DefaultSpace().Fingerprint()
	return s.server.engine.EmbedStream(stream.Context(), opt, next, func(r engine.StreamEmbedding) error {
		resp := &akinv1.EmbedStreamResponse{Index: r.Index, Space: space, Timing: toTiming(engine.Timing{Timing: r.Timing})}
		if r.Err != nil {
			resp.Error = statusProto(stream.Context(), s.server.log, r.Err)
		} else {
			resp.Embedding = toEmbedding(r.Embedding)
		}
		return stream.Send(resp)
	})
}

// Tokenize implements EmbeddingService.
func (s *embeddingService) Tokenize(ctx context.Context, req *akinv1.TokenizeRequest) (*akinv1.TokenizeResponse, error) {
	of := fmt.Sprintf("tokenize\x00%d\x00%t\x00%s", req.GetMaxTokens(), req.GetDetail(), strings.Join(req.GetTexts(), "\x00"))
	place, err := readPageToken(req.GetPageToken(), of)
	if err != nil {
		return nil, err
	}
	var text, token int // where the page begins
	if place != "" {
		if _, err := fmt.Sscanf(place, "%d.%d", &text, &token); err != nil || text < 0 || text >= len(req.GetTexts()) || token < 0 {
			return nil, paper.InvalidField("page_token", "leads nowhere; ask for the first page again")
		}
	}
	got, err := s.server.engine.Tokenize(ctx, req.GetTexts()[text:], int(req.GetMaxTokens()), req.GetDetail())
	if err != nil {
		return nil, err
	}
	resp, left := &akinv1.TokenizeResponse{FirstText: int32(text)}, newRoom(ctx)
	for i := range got {
		from := min(token, len(got[i].IDs))
		tokens, upTo := toTokens(&got[i], from, left)
		token = 0
		if upTo > from || len(got[i].IDs) == 0 {
			resp.Results = append(resp.Results, tokens)
		}
		if upTo < len(got[i].IDs) {
			resp.NextPageToken = pageToken(fmt.Sprintf("%d.%d", text+i, upTo), of)
			break
		}
	}
	return resp, nil
}

// toTokens gives the tokens of a text from one on that there is room for, and where
// they end.
func toTokens(t *embed.Tokens, from int, left *room) (out *akinv1.Tokens, upTo int) {
	const around = 16 // of the message itself
	left.left -= around
	out = &akinv1.Tokens{Truncated: t.Truncated}
	for i := from; i < len(t.IDs); i++ {
		left.left -= protowire.SizeVarint(uint64(t.IDs[i]))
		var at *akinv1.Span
		if t.Pieces != nil {
			left.left -= protowire.SizeTag(1) + protowire.SizeBytes(len(t.Pieces[i]))
		}
		if t.Offsets != nil {
			at = &akinv1.Span{Start: int32(t.Offsets[i][0]), End: int32(t.Offsets[i][1])}
			left.left -= protowire.SizeTag(1) + protowire.SizeBytes(proto.Size(at))
		}
		if left.left < 0 {
			return out, i
		}
		out.Ids = append(out.Ids, int32(t.IDs[i]))
		if t.Pieces != nil {
			out.Pieces = append(out.Pieces, t.Pieces[i])
		}
		if at != nil {
			out.Offsets = append(out.Offsets, at)
		}
	}
	return out, len(t.IDs)
}

// GetModel implements EmbeddingService.
func (s *embeddingService) GetModel(context.Context, *akinv1.GetModelRequest) (*akinv1.GetModelResponse, error) {
	return &akinv1.GetModelResponse{
		Space: wire.ToSpace(s.server.engine.DefaultSpace()), MaxInputs: engine.MaxEmbedInputs, MaxTextBytes: paper.MaxAbstractBytes,
		License: s.server.about.License, Source: s.server.about.Source,
	}, nil
}
