package rpc

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Names that grpc.health.v1 can be asked for beside the services'. A server
// that cannot write, or found damage, still answers what it can: its own
// status and those of its services stay SERVING.
const (
	// WritesHealth is NOT_SERVING while papers cannot be changed: the disk is
	// full or read-only, or the data directory was opened for reading only.
	WritesHealth = "akin.v1.Writes"
	// DataHealth is NOT_SERVING once a file of the data directory was found
	// damaged.
	DataHealth = "akin.v1.Data"
)

// reasonKey is the response header of a health check that says why.
const reasonKey = "akin-reason"

// healthService answers for the names above from the store, and for all others
// from the library's server.
type healthService struct {
	*health.Server
	about About
}

// Check implements grpc.health.v1. The reason of a name above that is
// NOT_SERVING is in the response header akin-reason.
func (h healthService) Check(ctx context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	var state func() error
	switch req.GetService() {
	case WritesHealth:
		state = h.about.Writable
	case DataHealth:
		state = h.about.Damage
	default:
		return h.Server.Check(ctx, req)
	}
	status := healthpb.HealthCheckResponse_SERVING
	if state != nil {
		if err := state(); err != nil {
			status = healthpb.HealthCheckResponse_NOT_SERVING
			// Quoted, since a header holds ASCII alone.
			reason := metadata.Pairs(reasonKey, strconv.QuoteToASCII(err.Error()))
			_ = grpc.SetHeader(ctx, reason) // without a transport there is nobody to tell
		}
	}
	return &healthpb.HealthCheckResponse{Status: status}, nil
}

// readiness is what /readyz answers.
type readiness struct {
	Status string `json:"status"`
	Writes part   `json:"writes"`
	Data   part   `json:"data"`
}

// part is a side of the server that may be out of order while others work.
type part struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// ready answers 200 while the server takes calls, and says whether it takes
// writes and whether its data is whole.
func (g *Gateway) ready(w http.ResponseWriter, r *http.Request) {
	ctx := g.outgoing(r)
	resp, err := g.health.Check(ctx, &healthpb.HealthCheckRequest{})
	if code := status.Code(err); code == codes.Unauthenticated || code == codes.PermissionDenied {
		refuse(w, runtime.HTTPStatusFromCode(code), code, reasonOf(err), status.Convert(err).Message())
		return
	}
	if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		refuse(w, http.StatusServiceUnavailable, codes.Unavailable, "STOPPING", "the server is not ready")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(readiness{ //nolint:errcheck,errchkjson // the client is gone
		Status: resp.GetStatus().String(),
		Writes: g.part(ctx, WritesHealth),
		Data:   g.part(ctx, DataHealth),
	})
}

func (g *Gateway) part(ctx context.Context, name string) part {
	var header metadata.MD
	resp, err := g.health.Check(ctx, &healthpb.HealthCheckRequest{Service: name}, grpc.Header(&header))
	if err != nil {
		return part{Status: healthpb.HealthCheckResponse_UNKNOWN.String()}
	}
	p := part{Status: resp.GetStatus().String()}
	if reason := header.Get(reasonKey); len(reason) > 0 {
		if p.Reason, err = strconv.Unquote(reason[0]); err != nil {
			p.Reason = reason[0]
		}
	}
	return p
}
