package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	akinv1 "akin/proto/akin/v1"
)

// answering is a connection on which some calls are answered, and all others not known.
type answering map[string]proto.Message

func (a answering) Invoke(_ context.Context, method string, _, reply any, _ ...grpc.CallOption) error {
	answer, ok := a[method]
	if !ok {
		return status.Error(codes.Unimplemented, "not here")
	}
	proto.Merge(reply.(proto.Message), answer) //nolint:forcetypeassert // replies of generated code are messages
	return nil
}

func (a answering) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "not here")
}

// operation is one that a server runs.
func operation(t *testing.T, done bool, p *akinv1.OperationProgress) *longrunningpb.Operation {
	t.Helper()
	about, err := anypb.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return &longrunningpb.Operation{Name: "operations/x", Done: done, Metadata: about}
}

// TestStatusOfBuilding: the page says what is being made and how far it is, and is looked
// at again while something is.
func TestStatusOfBuilding(t *testing.T) {
	info := &akinv1.GetServerInfoResponse{Sequence: 9, Derived: []*akinv1.Derived{
		{Name: "vectors", Answers: "scan", State: akinv1.DerivedState_DERIVED_STATE_BUILDING, Step: "graph", Done: .43, Sequence: 9},
		{Name: "words", State: akinv1.DerivedState_DERIVED_STATE_READY, Sequence: 9},
		{Name: "map", State: akinv1.DerivedState_DERIVED_STATE_BEHIND, Sequence: 6},
		{Name: "<script>", State: akinv1.DerivedState_DERIVED_STATE_NONE},
	}}
	calls := answering{akinv1.InfoService_GetServerInfo_FullMethodName: info}
	at := over(t, calls)
	r := get(t, at+"/status")
	for _, want := range []string{"a graph is being built", "43 %", "data-again", "has the words of every paper", "has all but the last 3 changes", "is made when somebody opens it"} {
		if r.status != http.StatusOK || !strings.Contains(r.body, want) {
			t.Errorf("%d, without %q", r.status, want)
		}
	}
	assertHarmless(t, r)
	info.Derived = info.GetDerived()[1:]
	if r := get(t, at+"/status"); strings.Contains(r.body, "data-again") || strings.Contains(r.body, "Verification") {
		t.Error("the page is looked at again though nothing is built")
	}
	calls[longrunningpb.Operations_ListOperations_FullMethodName] = &longrunningpb.ListOperationsResponse{Operations: []*longrunningpb.Operation{
		operation(t, true, &akinv1.OperationProgress{Method: "CreateSnapshot", Step: "copy"}),
		operation(t, false, &akinv1.OperationProgress{Method: "Verify", Step: "indexes", Done: 1, Total: 4}),
		{Name: "operations/strange"},
	}}
	r = get(t, at+"/status")
	if !strings.Contains(r.body, "Verification") || !strings.Contains(r.body, "25 %") || strings.Contains(r.body, "Snapshot") {
		t.Errorf("the operations: %s", r.body)
	}
}
