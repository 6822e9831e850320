package rpc

import (
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"google.golang.org/grpc/codes"

	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// minPing is how often a client may ping at most, so that one with an eager
// keepalive is not cut off at once.
const minPing = 10 * time.Second

// handshakeTimeout is how long a connection may take to say that it speaks
// gRPC. One that never does would otherwise hold up the stop of the server.
const handshakeTimeout = 5 * time.Second

// levelOf says how loud the end of a call is: a caller's fault is not news.
func levelOf(code codes.Code) logging.Level {
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return logging.LevelError
	case codes.ResourceExhausted, codes.Unavailable:
		return logging.LevelWarn
	default:
		return logging.LevelDebug
	}
}

func limits() *akinv1.Limits {
	return &akinv1.Limits{
		MaxMessageBytes:     MaxMessageBytes,
		MaxQueryBytes:       engine.MaxQueryBytes,
		MaxTitleBytes:       paper.MaxTitleBytes,
		MaxAbstractBytes:    paper.MaxAbstractBytes,
		MaxPageSize:         engine.MaxPageSize,
		MaxBatchSize:        engine.MaxBatch,
		MaxResults:          engine.MaxResults,
		PageTokenTtlSeconds: int32(engine.PageTTL / time.Second),

		DefaultResponseBytes: wire.DefaultResponseBytes,
		MaxResponseBytes:     MaxMessageBytes,
	}
}
