package rpc

import (
	"compress/gzip"
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
	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"akin/internal/access"
	"akin/internal/paper"
	"akin/internal/rpc/wire"
	"akin/internal/telemetry"
	akinv1 "akin/proto/akin/v1"
)

// smallBody is up to which size the body of a refused request is read, so that its
// connection can go on.
const smallBody = 64 << 10

//go:embed akin.openapi.json
var openAPI []byte

// GatewayOptions say who may call a gateway.
type GatewayOptions struct {
	// Hosts are names, without port, that requests may be sent to beside the
	// loopback ones.
	Hosts []string
	// Origins are those whose pages browsers may let read answers, such as
	// "https://papers.example.org"; "*" is all. None means that no other page can.
	Origins []string
	// Pace is how slow clients may be.
	Pace Pace
	// Page answers what is not the API. The context of its requests carries what calls
	// for them take along: the caller's credentials and address. X-Forwarded-Proto is
	// https where the client came over TLS, here or to a trusted proxy, and else not
	// there. nil is none: then there is nothing but the API.
	Page http.Handler
	// Telemetry is told of requests; nil tells nobody.
	Telemetry *telemetry.Telemetry
	// Guard turns away those that it would not let call anything, before their bodies
	// are read, and says where requests come from. nil takes what the connection has.
	Guard *Guard
}

// Gateway serves the API as JSON over HTTP by calling the gRPC services through
// a connection, so that both answer alike.
type Gateway struct {
	mux     *runtime.ServeMux
	openai  *openAI
	health  healthpb.HealthClient
	hosts   []string
	page    http.Handler // nil is none
	bodies  bodies
	guard   *Guard       // nil is none
	handler http.Handler // of hosts that are known
	// telemetry is told of requests, by outer.
	telemetry *telemetry.Telemetry
	outer     http.Handler
}

// NewGateway makes a gateway over a connection, which stays the caller's. It
// answers requests whose Host is a loopback name or one of the options': any other
// may be a page elsewhere that got a browser to call (DNS rebinding). Clients keep
// to the pace.
func NewGateway(ctx context.Context, conn grpc.ClientConnInterface, options GatewayOptions, log *slog.Logger) (*Gateway, error) {
	g := &Gateway{
		bodies: bodies{pace: options.Pace.withDefaults()},
		health: healthpb.NewHealthClient(conn),
		guard:  options.Guard,
		hosts:  append([]string{"localhost", "127.0.0.1", "::1"}, options.Hosts...),
		page:   options.Page,
	}
	g.openai = &openAI{embed: akinv1.NewEmbeddingServiceClient(conn), outgoing: g.outgoing}
	g.mux = runtime.NewServeMux(
		runtime.WithUnescapingMode(runtime.UnescapingModeAllCharacters),
		runtime.WithErrorHandler(retryAfter(log)),
		runtime.WithRoutingErrorHandler(routingError),
		runtime.SetQueryParameterParser(strictQuery{}),
		runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD { return metadata.Pairs(remoteKey, g.client(r)) }),
		runtime.WithMetadata(askForAll),
		runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD {
			return metadata.Pairs(telemetry.RequestIDKey, r.Header.Get(telemetry.RequestIDKey))
		}),
		runtime.WithIncomingHeaderMatcher(incomingHeader),
		runtime.WithOutgoingHeaderMatcher(outgoingHeader),
		runtime.WithOutgoingTrailerMatcher(outgoingHeader),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &lenient{&runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true},
		}}),
	)
	err := errors.Join(
		akinv1.RegisterPaperServiceHandlerClient(ctx, g.mux, akinv1.NewPaperServiceClient(conn)),
		akinv1.RegisterSearchServiceHandlerClient(ctx, g.mux, akinv1.NewSearchServiceClient(conn)),
		akinv1.RegisterEmbeddingServiceHandlerClient(ctx, g.mux, akinv1.NewEmbeddingServiceClient(conn)),
		akinv1.RegisterInfoServiceHandlerClient(ctx, g.mux, akinv1.NewInfoServiceClient(conn)),
		akinv1.RegisterMapServiceHandlerClient(ctx, g.mux, akinv1.NewMapServiceClient(conn)),
		akinv1.RegisterAdminServiceHandlerClient(ctx, g.mux, akinv1.NewAdminServiceClient(conn)),
		akinv1.RegisterLibraryServiceHandlerClient(ctx, g.mux, akinv1.NewLibraryServiceClient(conn)),
		akinv1.RegisterBindingServiceHandlerClient(ctx, g.mux, akinv1.NewBindingServiceClient(conn)),
		akinv1.RegisterSyndicationServiceHandlerClient(ctx, g.mux, akinv1.NewSyndicationServiceClient(conn)),
		akinv1.RegisterFeedServiceHandlerClient(ctx, g.mux, akinv1.NewFeedServiceClient(conn)),
		akinv1.RegisterSourceServiceHandlerClient(ctx, g.mux, akinv1.NewSourceServiceClient(conn)),
		akinv1.RegisterDigestServiceHandlerClient(ctx, g.mux, akinv1.NewDigestServiceClient(conn)),
		handleOperations(g.mux, longrunningpb.NewOperationsClient(conn), g.outgoing),
	)
	if err != nil {
		return nil, fmt.Errorf("make JSON gateway: %w", err)
	}
	compressed, err := gzhttp.NewWrapper()
	if err != nil {
		return nil, fmt.Errorf("make JSON gateway: %w", err)
	}
	shared, err := shareWith(options.Origins)
	if err != nil {
		return nil, err
	}
	g.handler = shared(compressed(http.HandlerFunc(g.route)))
	if g.telemetry = options.Telemetry; g.telemetry == nil {
		g.telemetry = telemetry.Off(log)
	}
	g.outer = g.observed(http.HandlerFunc(g.serve))
	return g, nil
}

// incomingHeader gives the metadata that a header of a request becomes: what is named so
// for gRPC. Cookies, and addresses that people come from, may be longer than metadata can
// be; credentials go along without this.
func incomingHeader(key string) (string, bool) {
	return strings.CutPrefix(key, runtime.MetadataHeaderPrefix)
}

// carried says of a header of a request that calls carry it.
func carried(key string) bool {
	others := []string{authorizationKey, requestIDKey, wire.ResponseLimitKey, "X-Forwarded-For", "X-Forwarded-Host"}
	_, named := incomingHeader(key)
	return named || slices.ContainsFunc(others, func(other string) bool { return strings.EqualFold(key, other) })
}

// unfit refuses a request whose header calls cannot carry: metadata is shorter than a
// header may be, and holds less. It is nil for one that they can.
func unfit(h http.Header) *refusal {
	const beside = 4 << 10 // for what the gateway adds
	size := 0
	for key, values := range h {
		if !carried(key) {
			continue
		}
		name, _ := incomingHeader(key)
		wrong := strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") != ""
		for _, value := range values {
			size += len(key) + len(value) + 32 // as RFC 9113 counts
			wrong = wrong || unprintable(value)
		}
		if wrong {
			return &refusal{
				status: http.StatusBadRequest, code: codes.InvalidArgument, reason: "BAD_HEADER",
				message: fmt.Sprintf("the header %.100q cannot be passed on to a call: its name needs letters, digits, - _ and ., and its value ASCII", key),
			}
		}
	}
	if size <= maxHeader-beside {
		return nil
	}
	return &refusal{
		status: http.StatusRequestHeaderFieldsTooLarge, code: codes.InvalidArgument, reason: "HEADER_TOO_LARGE",
		message: fmt.Sprintf("what the header has for calls (Authorization, Grpc-Metadata-…) is %d bytes long; the limit is %d", size, maxHeader-beside),
	}
}

// outgoingHeader gives the header that metadata of an answer becomes. The request's id is one
// already.
func outgoingHeader(key string) (string, bool) {
	if key == telemetry.RequestIDKey {
		return "", false
	}
	return runtime.MetadataHeaderPrefix + key, true
}

// client is where a request comes from.
func (g *Gateway) client(r *http.Request) string {
	if g.guard == nil {
		return r.RemoteAddr
	}
	return g.guard.Client(r)
}

// outgoing gives the context of a call for a request, where no generated code makes
// it: with the caller's credentials and address, and nothing else of theirs.
func (g *Gateway) outgoing(r *http.Request) context.Context {
	md := metadata.Pairs(remoteKey, g.client(r), wire.ResponseLimitKey, strconv.Itoa(MaxMessageBytes))
	md.Append(authorizationKey, r.Header.Values(authorizationKey)...)
	if id := r.Header.Get(requestIDKey); id != "" && !unprintable(id) {
		md.Append(requestIDKey, id)
	}
	return metadata.NewOutgoingContext(r.Context(), md)
}

// unprintable says that a header is not what metadata can hold.
func unprintable(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}

// askForAll says of calls for HTTP clients, which take answers of any size unless
// they say otherwise, that they take the largest.
func askForAll(_ context.Context, r *http.Request) metadata.MD {
	limit := r.Header.Get(wire.ResponseLimitKey)
	if limit == "" {
		limit = strconv.Itoa(MaxMessageBytes)
	}
	return metadata.Pairs(wire.ResponseLimitKey, limit)
}

// shareWith lets the pages of some origins read answers.
func shareWith(origins []string) (func(http.Handler) http.Handler, error) {
	if len(origins) == 0 {
		return func(h http.Handler) http.Handler { return h }, nil
	}
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || origin != u.Scheme+"://"+u.Host || strings.Contains(origin, "*")) {
			return nil, paper.Invalidf("the origin %q is none: write scheme and host, with the port if it has one, such as https://papers.example.org, or * for all", origin)
		}
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"Content-Type", "Content-Encoding", "Authorization", wire.ResponseLimitKey, "X-Request-Id", "Traceparent", "Tracestate"},
		ExposedHeaders: []string{"Retry-After", "X-Akin-Truncated", "X-Request-Id"},
		MaxAge:         600,
	}).Handler, nil
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.outer.ServeHTTP(w, r) }

// serve answers a request, if it is for this server.
func (g *Gateway) serve(to http.ResponseWriter, r *http.Request) {
	w := newPacedWriter(to, g.bodies.pace.Write)
	defer w.extend() // for what is still in the buffer
	if !hasBody(r) {
		// The deadline for reading has done its duty.
		w.control.SetReadDeadline(time.Time{}) //nolint:errcheck // a writer without deadlines is a test's
	}
	if !g.knows(r.Host) && (r.Host != "" || r.ProtoAtLeast(1, 1)) { // HTTP/1.0 knows no Host, and no browser speaks it
		refuse(w, http.StatusForbidden, codes.PermissionDenied, "UNKNOWN_HOST",
			fmt.Sprintf("host %q is not one that this server answers to; name it with --http-host", r.Host))
		return
	}
	g.handler.ServeHTTP(w, r)
}

// route answers a request of a host that is known.
func (g *Gateway) route(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		if streaming(r.URL.Path) { // all of the work, for nothing
			refuse(w, http.StatusMethodNotAllowed, codes.Unimplemented, "METHOD_NOT_ALLOWED", fmt.Sprintf("%s gives a stream: only GET is a method of it", r.URL.Path))
			return
		}
		r = r.Clone(r.Context())
		r.Method = http.MethodGet // the server sends no body for a HEAD
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
	if slices.ContainsFunc(r.Header.Values(authorizationKey), unprintable) { // metadata cannot hold it
		refuse(w, http.StatusUnauthorized, codes.Unauthenticated, paper.ReasonKeyInvalid, access.Refused().Error())
		return
	}
	if refused := unfit(r.Header); refused != nil {
		refused.write(w)
		return
	}
	if g.page != nil && r.URL.Path != "/v1" && !strings.HasPrefix(r.URL.Path, "/v1/") {
		g.page.ServeHTTP(w, g.forPage(r))
		return
	}
	if query, err := url.QueryUnescape(r.URL.RawQuery); err != nil || !utf8.ValidString(query) || !utf8.ValidString(r.URL.Path) {
		refuse(w, http.StatusBadRequest, codes.InvalidArgument, "NOT_UTF8", "path or query is not valid percent-encoded UTF-8; convert it from its encoding first")
		return
	}
	r, done, ok := timely(w, r)
	if !ok {
		return
	}
	defer done()
	release, ok := g.readable(w, r)
	if !ok {
		return
	}
	defer release()
	switch {
	case r.URL.Path == openAIPath:
		g.openai.ServeHTTP(w, r)
	case r.URL.Path == modelsPath || strings.HasPrefix(r.URL.Path, modelsPath+"/"):
		g.openai.models(w, r)
	case r.Method == http.MethodPatch && !nameFields(w, r):
	default:
		g.mux.ServeHTTP(w, r)
	}
}

// schemeHeader is what a proxy says that its client came by.
const schemeHeader = "X-Forwarded-Proto"

// forPage gives a request as the page gets it: its calls carry the caller's credentials
// and address, and what it says of a proxy is true.
func (g *Gateway) forPage(r *http.Request) *http.Request {
	page := r.WithContext(g.outgoing(r))
	page.Header = r.Header.Clone()
	page.Header.Del(schemeHeader)
	if r.TLS != nil || g.guard != nil && g.guard.Secure(r) {
		page.Header.Set(schemeHeader, "https")
	}
	return page
}

// streaming says whether the answer of a path is a stream.
func streaming(path string) bool { return path == "/v1/papers:export" || path == "/v1/duplicates" }

// readable reads the body of a request and takes its compression away, or says why
// it cannot. release lets go of its bytes.
func (g *Gateway) readable(w http.ResponseWriter, r *http.Request) (release func(), ok bool) {
	if !hasBody(r) {
		return func() {}, true
	}
	if g.guard != nil {
		if err := g.guard.Admits(r); err != nil {
			if r.ContentLength < 0 || r.ContentLength > smallBody {
				w.Header().Set("Connection", "close") // or it would be read all the same
			}
			refuse(w, runtime.HTTPStatusFromCode(codes.Unauthenticated), codes.Unauthenticated, reasonOf(err), err.Error())
			return nil, false
		}
	}
	// A form that a foreign page makes a browser send cannot be JSON.
	if !isJSON(r.Header.Get("Content-Type")) {
		refuse(w, http.StatusUnsupportedMediaType, codes.InvalidArgument, "NOT_JSON",
			fmt.Sprintf("Content-Type is %q; send application/json", r.Header.Get("Content-Type")))
		return nil, false
	}
	if r.ContentLength > MaxMessageBytes {
		refuse(w, http.StatusRequestEntityTooLarge, codes.InvalidArgument, "BODY_TOO_LARGE",
			fmt.Sprintf("the body has %d bytes; the limit is %d; send it in several requests", r.ContentLength, MaxMessageBytes))
		return nil, false
	}
	switch encoding := r.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity":
	case "gzip":
		plain, err := gzip.NewReader(http.MaxBytesReader(w, r.Body, MaxMessageBytes))
		if err != nil {
			refuse(w, http.StatusBadRequest, codes.InvalidArgument, "BAD_BODY", "the body is not gzip, which Content-Encoding says it is: "+err.Error())
			return nil, false
		}
		r.Body = plain
		r.Header.Del("Content-Encoding")
	default:
		refuse(w, http.StatusUnsupportedMediaType, codes.InvalidArgument, "UNKNOWN_ENCODING", fmt.Sprintf("Content-Encoding is %q; send gzip or none", encoding))
		return nil, false
	}
	release, refused := g.bodies.read(w, r)
	if refused != nil {
		w.Header().Set("Connection", "close")
		refused.write(w)
		return nil, false
	}
	return release, true
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
	refuseWith(w, httpStatus, plain(code, message, reason))
}

// refuseWith answers with a status.
func refuseWith(w http.ResponseWriter, httpStatus int, s *spb.Status) {
	body, err := protojson.Marshal(s)
	if err != nil {
		body = []byte("{}")
	}
	askForKey(w, codes.Code(s.GetCode()))
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
		if s.Code() == codes.Unauthenticated { // the library would send the message as the challenge
			refuse(w, http.StatusUnauthorized, s.Code(), reasonOf(err), s.Message())
			return
		}
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
	for key, all := range values {
		top, _, _ := strings.Cut(key, ".")
		top, _, _ = strings.Cut(top, "[")
		if fields.ByJSONName(top) == nil && fields.ByName(protoreflect.Name(top)) == nil {
			return fmt.Errorf("query parameter %.200q is not one of this method; /openapi.json lists them", key)
		}
		if field := fieldOf(fields, key); field != nil && len(all) > 1 && !field.IsList() && !field.IsMap() {
			return fmt.Errorf("query parameter %q is there %d times; it takes one value: send it once", key, len(all))
		}
	}
	return p.DefaultQueryParser.Parse(target, values, filter)
}

// askForKey says how credentials are sent, where they are missing.
func askForKey(w http.ResponseWriter, code codes.Code) {
	if code == codes.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="akin"`)
	}
}

func setRetryAfter(w http.ResponseWriter, s *status.Status) {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(info.GetRetryDelay().AsDuration().Seconds()))))
		}
	}
}

// bare is a message without what gRPC puts before one that it wraps.
func bare(message string) string {
	for {
		before, rest, found := strings.Cut(message, "rpc error: code = ")
		_, after, ok := strings.Cut(rest, " desc = ")
		if !found || !ok {
			return message
		}
		message = before + after
	}
}

// detailed adds an ErrorInfo to an error of the gateway's own (bad JSON, no
// such route) and keeps the HTTP status that it chose.
func detailed(err error, s *status.Status) error {
	reason := "BAD_REQUEST"
	if s.Code() == codes.NotFound || s.Code() == codes.Unimplemented {
		reason = "NO_SUCH_METHOD"
	}
	p := plain(s.Code(), bare(s.Message()), reason)
	var httpErr *runtime.HTTPStatusError
	if errors.As(err, &httpErr) {
		return &runtime.HTTPStatusError{HTTPStatus: httpErr.HTTPStatus, Err: status.ErrorProto(p)}
	}
	return status.ErrorProto(p)
}
