package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"akin/internal/operation"
	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

// mostWait is how long WaitOperation waits at most before it answers with the state
// there is; the caller asks again.
const mostWait = 20 * time.Second

// operationsService is google.longrunning.Operations over a Runner.
type operationsService struct {
	longrunningpb.UnimplementedOperationsServer
	server *Server
}

// GetOperation implements Operations.
func (s *operationsService) GetOperation(_ context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	o, err := s.server.operations.Get(req.GetName())
	if err != nil {
		return nil, err
	}
	return s.server.toOperation(o)
}

// ListOperations implements Operations. All that are kept fit on one page.
func (s *operationsService) ListOperations(_ context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	switch name := req.GetName(); {
	case name != "" && name != "operations":
		return nil, paper.InvalidField("name", "is %.80q; it must be empty or \"operations\"", name)
	case req.GetFilter() != "":
		return nil, paper.InvalidField("filter", "is %.80q; operations cannot be filtered, leave it empty", req.GetFilter())
	case req.GetPageToken() != "":
		return nil, paper.InvalidField("page_token", "is %.80q; all operations are on the first page", req.GetPageToken())
	}
	resp := new(longrunningpb.ListOperationsResponse)
	for _, o := range s.server.operations.List() {
		one, err := s.server.toOperation(o)
		if err != nil {
			return nil, err
		}
		resp.Operations = append(resp.Operations, one)
	}
	return resp, nil
}

// WaitOperation implements Operations.
func (s *operationsService) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	wait := mostWait
	if req.GetTimeout() != nil {
		wait = max(0, min(wait, req.GetTimeout().AsDuration()))
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	o, err := s.server.operations.Wait(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	return s.server.toOperation(o)
}

// CancelOperation implements Operations.
func (s *operationsService) CancelOperation(_ context.Context, req *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	return new(emptypb.Empty), s.server.operations.Cancel(req.GetName())
}

// DeleteOperation implements Operations.
func (s *operationsService) DeleteOperation(_ context.Context, req *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
	return new(emptypb.Empty), s.server.operations.Delete(req.GetName())
}

// toOperation turns the state of an operation into its message.
func (s *Server) toOperation(o operation.Operation) (*longrunningpb.Operation, error) {
	progress := &akinv1.OperationProgress{
		Method: o.Method, StartTime: timestamppb.New(o.Started), Step: o.Progress.Step, Done: o.Progress.Done, Total: o.Progress.Total,
	}
	if o.Done() {
		progress.EndTime = timestamppb.New(o.Ended)
	}
	metadata, err := anypb.New(progress)
	if err != nil {
		return nil, fmt.Errorf("encode an operation: %w", err)
	}
	out := &longrunningpb.Operation{Name: o.Name, Metadata: metadata, Done: o.Done()}
	if !o.Done() {
		return out, nil
	}
	message, ok := o.Result.(proto.Message)
	switch {
	case o.Err != nil:
		out.Result = &longrunningpb.Operation_Error{Error: statusProto(context.Background(), s.log, o.Err)}
		return out, nil //nolint:nilerr // the error is in the message
	case !ok:
		return nil, fmt.Errorf("an operation has a %T as its result", o.Result)
	}
	result, err := anypb.New(message)
	if err != nil {
		return nil, fmt.Errorf("encode an operation: %w", err)
	}
	out.Result = &longrunningpb.Operation_Response{Response: result}
	return out, nil
}

// handleOperations serves the operations over HTTP; the gateway's generator knows
// only our own services.
func handleOperations(mux *runtime.ServeMux, operations longrunningpb.OperationsClient, outgoing func(*http.Request) context.Context) error {
	serve := func(call func(ctx context.Context, name string) (proto.Message, error)) runtime.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request, path map[string]string) {
			_, m := runtime.MarshalerForRequest(mux, r)
			resp, err := call(outgoing(r), "operations/"+path["id"])
			if err != nil {
				runtime.HTTPError(r.Context(), mux, m, w, r, err)
				return
			}
			runtime.ForwardResponseMessage(r.Context(), mux, m, w, r, resp)
		}
	}
	return errors.Join(
		mux.HandlePath(http.MethodGet, "/v1/operations", serve(func(ctx context.Context, _ string) (proto.Message, error) {
			return operations.ListOperations(ctx, new(longrunningpb.ListOperationsRequest))
		})),
		mux.HandlePath(http.MethodGet, "/v1/operations/{id}", serve(func(ctx context.Context, name string) (proto.Message, error) {
			return operations.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
		})),
		mux.HandlePath(http.MethodPost, "/v1/operations/{id}:cancel", serve(func(ctx context.Context, name string) (proto.Message, error) {
			return operations.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: name})
		})),
		mux.HandlePath(http.MethodDelete, "/v1/operations/{id}", serve(func(ctx context.Context, name string) (proto.Message, error) {
			return operations.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: name})
		})),
	)
}
