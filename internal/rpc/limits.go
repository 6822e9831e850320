package rpc

import (
	"time"

	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// minPing is how often a client may ping at most, so that one with an eager
// keepalive is not cut off at once.
const minPing = 10 * time.Second

const (
	// maxStreams is how many calls a connection may have at once; more wait at
	// the client.
	maxStreams = 1_000
	// maxHeader bounds the metadata of a call, in bytes.
	maxHeader = 16 << 10
	// maxIdle is how long a connection without calls is kept; clients connect
	// again by themselves.
	maxIdle = 30 * time.Minute
	// pingAfter is how long a connection may be silent before it is asked whether
	// it is still there, and pingTimeout how long it may take to say so.
	pingAfter   = 2 * time.Minute
	pingTimeout = 20 * time.Second
)

// handshakeTimeout is how long a connection may take to say that it speaks
// gRPC. One that never does would otherwise hold up the stop of the server.
const handshakeTimeout = 5 * time.Second

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

		MaxRequestMemoryBytes: maxRequestMemory,
	}
}
