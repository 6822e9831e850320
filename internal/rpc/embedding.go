package rpc

import (
	"context"

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
	if err := checkEnum("role", req.GetRole()); err != nil {
		return nil, err
	}
	if err := checkEnum("truncation", req.GetTruncation()); err != nil {
		return nil, err
	}
	inputs := make([]engine.Input, len(req.GetInputs()))
	for i, in := range req.GetInputs() {
		inputs[i] = engine.Input{Plain: in.GetText(), Paper: fromText(in.GetPaper())}
	}
	opt := embed.Options{RefuseLong: req.GetTruncation() == akinv1.Truncation_TRUNCATION_ERROR}
	if req.GetRole() == akinv1.Role_ROLE_QUERY {
		opt.Role = embed.Query
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
		resp.Embeddings = append(resp.Embeddings, &akinv1.Embedding{
			Vector: g.Vector, Tokens: int32(g.Tokens), Truncated: g.Truncated,
		})
	}
	return resp, nil
}

// Tokenize implements EmbeddingService.
func (s *embeddingService) Tokenize(ctx context.Context, req *akinv1.TokenizeRequest) (*akinv1.TokenizeResponse, error) {
	got, err := s.server.engine.Tokenize(ctx, req.GetTexts(), int(req.GetMaxTokens()))
	if err != nil {
		return nil, err
	}
	resp := &akinv1.TokenizeResponse{Results: make([]*akinv1.Tokens, len(got))}
	for i, g := range got {
		ids := make([]int32, len(g.IDs))
		for j, id := range g.IDs {
			ids[j] = int32(id)
		}
		resp.Results[i] = &akinv1.Tokens{Ids: ids, Truncated: g.Truncated}
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
