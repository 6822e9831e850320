package rpc

import (
	"context"
	_ "embed" // the OpenAPI file
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	akinv1 "akin/proto/akin/v1"
)

//go:embed akin.swagger.json
var openAPI []byte

// Gateway serves the API as JSON over HTTP by calling the gRPC services through
// a connection, so that both answer alike.
type Gateway struct {
	mux    *runtime.ServeMux
	openai *openAI
	health healthpb.HealthClient
	hosts  []string
	bodies bodies
}

// NewGateway makes a gateway over a connection, which stays the caller's. It
// answers requests whose Host is a loopback name or one of hosts (names
// without port): any other may be a page elsewhere that got a browser to call
// (DNS rebinding). Clients keep to the pace.
func NewGateway(ctx context.Context, conn grpc.ClientConnInterface, hosts []string, pace Pace, log *slog.Logger) (*Gateway, error) {
	g := &Gateway{
		bodies: bodies{pace: pace.withDefaults()},
		health: healthpb.NewHealthClient(conn),
		openai: &openAI{embed: akinv1.NewEmbeddingServiceClient(conn)},
		hosts:  append([]string{"localhost", "127.0.0.1", "::1"}, hosts...),
	}
	g.mux = runtime.NewServeMux(
		runtime.WithUnescapingMode(runtime.UnescapingModeAllCharacters),
		runtime.WithErrorHandler(retryAfter(log)),
		runtime.WithRoutingErrorHandler(routingError),
		runtime.SetQueryParameterParser(strictQuery{}),
		runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD { return metadata.Pairs(remoteKey, r.RemoteAddr) }),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true},
		}),
	)
	err := errors.Join(
		akinv1.RegisterPaperServiceHandlerClient(ctx, g.mux, akinv1.NewPaperServiceClient(conn)),
		akinv1.RegisterSearchServiceHandlerClient(ctx, g.mux, akinv1.NewSearchServiceClient(conn)),
		akinv1.RegisterEmbeddingServiceHandlerClient(ctx, g.mux, akinv1.NewEmbeddingServiceClient(conn)),
		akinv1.RegisterInfoServiceHandlerClient(ctx, g.mux, akinv1.NewInfoServiceClient(conn)),
		akinv1.RegisterAdminServiceHandlerClient(ctx, g.mux, akinv1.NewAdminServiceClient(conn)),
		handleOperations(g.mux, longrunningpb.NewOperationsClient(conn)),
	)
	if err != nil {
		return nil, fmt.Errorf("make JSON gateway: %w", err)
	}
	return g, nil
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	w := newPacedWriter(to, g.bodies.pace.Write)
	defer w.extend() // for what is still in the buffer
	if !hasBody(r) {
		// The deadline for reading has done its duty.
		w.control.SetReadDeadline(time.Time{}) //nolint:errcheck // a writer without deadlines is a test's
	}
	if !g.knows(r.Host) {
		refuse(w, http.StatusForbidden, codes.PermissionDenied, "UNKNOWN_HOST",
			fmt.Sprintf("host %q is not one that this server answers to; name it with --http-host", r.Host))
		return
	}
	switch r.URL.Path {
	case "/healthz", "/readyz":
		g.ready(w, r)
		return
	case "/openapi.json":
		w.Header().Set("Content-Type", "application/json")
		w.Write(openAPI) //nolint:errcheck // the client is gone
		return
	}
	if query, err := url.QueryUnescape(r.URL.RawQuery); err != nil || !utf8.ValidString(query) || !utf8.ValidString(r.URL.Path) {
		refuse(w, http.StatusBadRequest, codes.InvalidArgument, "NOT_UTF8", "path or query is not valid percent-encoded UTF-8; convert it from its encoding first")
		return
	}
	if hasBody(r) {
		// A form that a foreign page makes a browser send cannot be JSON.
		if !isJSON(r.Header.Get("Content-Type")) {
			refuse(w, http.StatusUnsupportedMediaType, codes.InvalidArgument, "NOT_JSON",
				fmt.Sprintf("Content-Type is %q; send application/json", r.Header.Get("Content-Type")))
			return
		}
		if r.ContentLength > MaxMessageBytes {
			refuse(w, http.StatusRequestEntityTooLarge, codes.InvalidArgument, "BODY_TOO_LARGE",
				fmt.Sprintf("the body has %d bytes; the limit is %d; send it in several requests", r.ContentLength, MaxMessageBytes))
			return
		}
		release, refused := g.bodies.read(w, r)
		if refused != nil {
			w.Header().Set("Connection", "close")
			refused.write(w)
			return
		}
		defer release()
	}
	if r.URL.Path == openAIPath {
		g.openai.ServeHTTP(w, r)
		return
	}
	g.mux.ServeHTTP(w, r)
}

func hasBody(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return true
	}
	return r.ContentLength != 0
}

func (g *Gateway) knows(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	return slices.ContainsFunc(g.hosts, func(known string) bool { return strings.EqualFold(known, host) })
}

// isJSON says whether a content type is JSON.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "application/json")
}

// refuse answers with a google.rpc.Status without calling a service.
func refuse(w http.ResponseWriter, httpStatus int, code codes.Code, reason, message string) {
	body, err := protojson.Marshal(plain(code, message, reason))
	if err != nil {
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(httpStatus)
	w.Write(append(body, '\n')) //nolint:errcheck,gosec // the client is gone; JSON is not run
}

// retryAfter is the gateway's error handler, with RetryInfo also as the header
// that HTTP clients look for, and with details on the errors that the gateway
// itself finds.
func retryAfter(log *slog.Logger) runtime.ErrorHandlerFunc {
	return func(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
		s := status.Convert(err)
		setRetryAfter(w, s)
		if len(s.Details()) == 0 {
			err = detailed(err, s)
		}
		if s.Code() == codes.Internal {
			log.ErrorContext(ctx, "HTTP request failed", "path", r.URL.Path, "error", s.Message())
		}
		runtime.DefaultHTTPErrorHandler(ctx, mux, m, w, r, err)
	}
}

// routingError answers what no route takes: 405 where the path is known with
// another method, 404 else.
func routingError(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, httpStatus int) {
	if httpStatus == http.StatusMethodNotAllowed {
		refuse(w, httpStatus, codes.Unimplemented, "METHOD_NOT_ALLOWED",
			fmt.Sprintf("%s is not a method of %s; /openapi.json lists what is", r.Method, r.URL.Path))
		return
	}
	if httpStatus == http.StatusNotFound {
		refuse(w, httpStatus, codes.NotFound, "NO_SUCH_METHOD", fmt.Sprintf("there is no %s; /openapi.json lists what there is", r.URL.Path))
		return
	}
	runtime.DefaultRoutingErrorHandler(ctx, mux, m, w, r, httpStatus)
}

// strictQuery refuses query parameters that the request does not have, so that
// a misspelt one is not taken for one that was left out.
type strictQuery struct{ runtime.DefaultQueryParser }

// Parse implements runtime.QueryParameterParser.
func (p strictQuery) Parse(target proto.Message, values url.Values, filter *utilities.DoubleArray) error {
	fields := target.ProtoReflect().Descriptor().Fields()
	for key := range values {
		top, _, _ := strings.Cut(key, ".")
		top, _, _ = strings.Cut(top, "[")
		if fields.ByJSONName(top) == nil && fields.ByName(protoreflect.Name(top)) == nil {
			return status.Errorf(codes.InvalidArgument, "query parameter %q is not one of this method; /openapi.json lists them", key)
		}
	}
	return p.DefaultQueryParser.Parse(target, values, filter)
}

func setRetryAfter(w http.ResponseWriter, s *status.Status) {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(info.GetRetryDelay().AsDuration().Seconds()))))
		}
	}
}

// detailed adds an ErrorInfo to an error of the gateway's own (bad JSON, no
// such route) and keeps the HTTP status that it chose.
func detailed(err error, s *status.Status) error {
	reason := "BAD_REQUEST"
	if s.Code() == codes.NotFound || s.Code() == codes.Unimplemented {
		reason = "NO_SUCH_METHOD"
	}
	p := plain(s.Code(), s.Message(), reason)
	var httpErr *runtime.HTTPStatusError
	if errors.As(err, &httpErr) {
		return &runtime.HTTPStatusError{HTTPStatus: httpErr.HTTPStatus, Err: status.ErrorProto(p)}
	}
	return status.ErrorProto(p)
}
