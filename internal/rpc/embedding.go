package rpc

import (
	"context"
	"errors"
	"io"

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
		Space:  s.server.engine.Space().Fingerprint(),
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
	space := s.server.engine.Space().Fingerprint()
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
	got, err := s.server.engine.Tokenize(ctx, req.GetTexts(), int(req.GetMaxTokens()), req.GetDetail())
	if err != nil {
		return nil, err
	}
	resp := &akinv1.TokenizeResponse{Results: make([]*akinv1.Tokens, len(got))}
	for i, g := range got {
		ids := make([]int32, len(g.IDs))
		for j, id := range g.IDs {
			ids[j] = int32(id)
		}
		resp.Results[i] = &akinv1.Tokens{Ids: ids, Truncated: g.Truncated, Pieces: g.Pieces}
		for _, o := range g.Offsets {
			resp.Results[i].Offsets = append(resp.Results[i].Offsets, &akinv1.Span{Start: int32(o[0]), End: int32(o[1])})
		}
	}
	return resp, nil
}

// GetModel implements EmbeddingService.
func (s *embeddingService) GetModel(context.Context, *akinv1.GetModelRequest) (*akinv1.GetModelResponse, error) {
	return &akinv1.GetModelResponse{
		Space: wire.ToSpace(s.server.engine.Space()), MaxInputs: engine.MaxEmbedInputs, MaxTextBytes: paper.MaxAbstractBytes,
		License: s.server.about.License, Source: s.server.about.Source,
	}, nil
}
