package weaviate

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// failure is what becomes of a request that writes.
type failure int

const (
	none   failure = iota
	before         // it is refused
	after          // it is done, and the answer is lost
	later          // the answer is lost, and it is done when it lands
	again          // it is done, and once more when it lands, as where another node was asked meanwhile
)

// fake is a node that keeps objects, and cannot search. It fails as told.
type fake struct {
	pb.UnimplementedWeaviateServer

	mu      sync.Mutex // guards what follows
	schemas map[string][]byte
	classes map[string]map[string]*pb.BatchObject
	fail    func() failure
	late    []func()
}

// write does something that may fail.
func (f *fake) write(do func()) (ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how := none
	if f.fail != nil {
		how = f.fail()
	}
	if how == none || how == after || how == again {
		do()
	}
	if how == later || how == again {
		f.late = append(f.late, do)
	}
	return how == none || how == again
}

// land does one of what comes late, anew: it may come once more.
func (f *fake) land(choose func(int) int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.late) > 0 {
		f.late[choose(len(f.late))]()
	}
}

// stamps are when something happened, in what is kept.
var stamps = regexp.MustCompile(`"(At|Updated)":(\d+)`)

// pass makes all that is kept older, by more than anything can be under way.
func (f *fake) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.late = nil
	for _, class := range f.classes {
		for id, o := range class {
			o = proto.CloneOf(o)
			for _, v := range o.GetProperties().GetNonRefProperties().GetFields() {
				if text, ok := v.GetKind().(*structpb.Value_StringValue); ok {
					text.StringValue = stamps.ReplaceAllStringFunc(text.StringValue, func(part string) string {
						name, number, _ := strings.Cut(part, ":")
						at, _ := strconv.ParseInt(number, 10, 64)
						return name + ":" + strconv.FormatInt(at-int64(d), 10)
					})
				}
			}
			class[id] = o
		}
	}
}

func (f *fake) setFail(fail func() failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// BatchObjects implements pb.WeaviateServer.
func (f *fake) BatchObjects(_ context.Context, q *pb.BatchObjectsRequest) (*pb.BatchObjectsReply, error) {
	ok := f.write(func() {
		for _, o := range q.GetObjects() {
			if f.classes[o.GetCollection()] != nil {
				f.classes[o.GetCollection()][o.GetUuid()] = o
			}
		}
	})
	if !ok {
		return nil, status.Error(codes.PermissionDenied, "as told")
	}
	return &pb.BatchObjectsReply{}, nil
}

// ServeHTTP answers for schema and single objects.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	if part[0] == "schema" {
		f.schema(w, r, part[1:])
		return
	}
	if part[0] != "objects" {
		return
	}
	if r.Method == http.MethodDelete {
		if !f.write(func() { delete(f.classes[part[1]], part[2]) }) {
			w.WriteHeader(http.StatusForbidden)
		}
		return
	}
	f.mu.Lock()
	o := f.classes[part[1]][part[2]]
	f.mu.Unlock()
	if o == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"properties": o.GetProperties().GetNonRefProperties().AsMap(), "vector": vectorFrom(o.GetVectorBytes())})
}

func (f *fake) schema(w http.ResponseWriter, r *http.Request, part []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.Method == http.MethodPost:
		var class struct{ Class string }
		b, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(b, &class)
		f.schemas[class.Class], f.classes[class.Class] = b, make(map[string]*pb.BatchObject)
	case f.classes[part[0]] == nil:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(f.classes, part[0])
	default:
		_, _ = w.Write(f.schemas[part[0]])
	}
}

// newFake starts a node, and says where it is.
func newFake(t *testing.T) (*fake, Address) {
	t.Helper()
	f := &fake{schemas: make(map[string][]byte), classes: make(map[string]map[string]*pb.BatchObject)}
	web := httptest.NewServer(f)
	t.Cleanup(web.Close)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	pb.RegisterWeaviateServer(g, f)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := g.Serve(listener); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		g.Stop()
		serving.Wait()
	})
	return f, Address{web.Listener.Addr().String(), listener.Addr().String()}
}
