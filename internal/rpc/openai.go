package rpc

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/engine"
	akinv1 "akin/proto/akin/v1"
)

// openAIPath is where clients of OpenAI's embeddings endpoint look.
const openAIPath = "/v1/embeddings"

// modelsPath is where they look for models.
const modelsPath = "/v1/models"

// maxOpenAIInputs is the most inputs that such clients send at once.
const maxOpenAIInputs = 2048

// openAI answers in the shape of OpenAI's embeddings endpoint, for which many
// clients exist. Texts are embedded as they are: no template, no prefix. How
// many were cut is said in the header X-Akin-Truncated and, beside each
// embedding, in the field truncated, which clients pass over.
type openAI struct {
	embed akinv1.EmbeddingServiceClient
	// outgoing gives the context of a call for a request.
	outgoing func(*http.Request) context.Context
}

type openAIRequest struct {
	Input          json.RawMessage `json:"input"`
	Model          string          `json:"model"`
	EncodingFormat string          `json:"encoding_format"`
	Dimensions     int             `json:"dimensions"`
}

type openAIResponse struct {
	Object string            `json:"object"`
	Data   []openAIEmbedding `json:"data"`
	Model  string            `json:"model"`
	Usage  struct {
		PromptTokens int `json:"prompt_tokens"`
		TotalTokens  int `json:"total_tokens"`
	} `json:"usage"`
}

type openAIEmbedding struct {
	Object string `json:"object"`
	Index  int    `json:"index"`
	// Embedding is a list of numbers, or base64 of little-endian float32.
	Embedding any  `json:"embedding"`
	Truncated bool `json:"truncated"`
}

// openAIError is an error in that endpoint's shape.
type openAIError struct {
	Status  int    `json:"-"`
	Message string `json:"message"`
	Type    string `json:"type"`
	Param   string `json:"param,omitempty"`
	Code    string `json:"code,omitempty"`
}

func (e *openAIError) Error() string { return e.Message }

func badOpenAI(param, format string, args ...any) error {
	return &openAIError{
		Status: http.StatusBadRequest, Type: "invalid_request_error", Param: param, Message: fmt.Sprintf(format, args...),
	}
}

// ServeHTTP implements http.Handler.
func (o *openAI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeOpenAIError(w, &openAIError{Status: http.StatusMethodNotAllowed, Type: "invalid_request_error", Message: "send a POST request"})
		return
	}
	var req openAIRequest
	body, err := io.ReadAll(r.Body)
	if err == nil && !utf8.Valid(body) {
		err = errors.New("it is not valid UTF-8")
	}
	if err == nil {
		err = json.Unmarshal(body, &req)
	}
	if err != nil {
		writeOpenAIError(w, badOpenAI("", "the body is not the JSON of an embeddings request: %v", err))
		return
	}
	resp, truncated, err := o.answer(o.outgoing(r), &req)
	if err != nil {
		writeOpenAIError(w, err)
		return
	}
	w.Header().Set("X-Akin-Truncated", strconv.Itoa(truncated))
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(resp) //nolint:errcheck,errchkjson // the client is gone
}

// models lists the one model, or describes it.
func (o *openAI) models(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET, HEAD")
		writeOpenAIError(w, &openAIError{Status: http.StatusMethodNotAllowed, Type: "invalid_request_error", Message: "send a GET request"})
		return
	}
	got, err := o.embed.GetModel(o.outgoing(r), &akinv1.GetModelRequest{})
	if err != nil {
		writeOpenAIError(w, err)
		return
	}
	model := map[string]any{"id": got.GetSpace().GetModel(), "object": "model", "created": 0, "owned_by": got.GetSource()}
	var answer any = map[string]any{"object": "list", "data": []any{model}}
	if name := strings.TrimPrefix(r.URL.Path, modelsPath+"/"); name != r.URL.Path {
		req := openAIRequest{Model: name}
		if err := req.check(got.GetSpace()); err != nil {
			writeOpenAIError(w, err)
			return
		}
		answer = model
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer) //nolint:errcheck,errchkjson // the client is gone
}

func (o *openAI) answer(ctx context.Context, req *openAIRequest) (*openAIResponse, int, error) {
	texts, err := req.texts()
	if err != nil {
		return nil, 0, err
	}
	model, err := o.embed.GetModel(ctx, &akinv1.GetModelRequest{})
	if err != nil {
		return nil, 0, err
	}
	space := model.GetSpace()
	if err := req.check(space); err != nil {
		return nil, 0, err
	}
	resp := &openAIResponse{Object: "list", Model: space.GetModel(), Data: make([]openAIEmbedding, 0, len(texts))}
	truncated := 0
	for part := range slices.Chunk(texts, engine.MaxEmbedInputs) {
		embedReq := &akinv1.EmbedRequest{Raw: true}
		for _, text := range part {
			embedReq.Inputs = append(embedReq.Inputs, &akinv1.EmbedInput{Input: &akinv1.EmbedInput_Text{Text: text}})
		}
		got, err := o.embed.Embed(ctx, embedReq)
		if err != nil {
			return nil, 0, err
		}
		for _, e := range got.GetEmbeddings() {
			resp.Data = append(resp.Data, openAIEmbedding{
				Object: "embedding", Index: len(resp.Data), Embedding: req.encode(e.GetVector()), Truncated: e.GetTruncated(),
			})
			resp.Usage.PromptTokens += int(e.GetTokens())
			if e.GetTruncated() {
				truncated++
			}
		}
	}
	resp.Usage.TotalTokens = resp.Usage.PromptTokens
	return resp, truncated, nil
}

// texts reads the input: a text or a list of texts.
func (req *openAIRequest) texts() (texts []string, err error) {
	var one string
	switch {
	case json.Unmarshal(req.Input, &one) == nil:
		texts = []string{one}
	case json.Unmarshal(req.Input, &texts) != nil:
		return nil, badOpenAI("input", "input must be a string or a list of strings; lists of token ids are not supported, since they belong to another model")
	}
	if len(texts) == 0 || len(texts) > maxOpenAIInputs {
		return nil, badOpenAI("input", "input has %d texts; give 1 to %d", len(texts), maxOpenAIInputs)
	}
	return texts, nil
}

// check says what this server cannot do of a request.
func (req *openAIRequest) check(space *akinv1.Space) error {
	name := space.GetModel()
	switch {
	case req.Model != "default" && !strings.EqualFold(req.Model, name):
		return &openAIError{
			Status: http.StatusNotFound, Type: "invalid_request_error", Param: "model", Code: "model_not_found",
			Message: fmt.Sprintf("model %q is not served here; ask for %q or %q", req.Model, "default", name),
		}
	case req.Dimensions != 0 && req.Dimensions != int(space.GetDimension()):
		return badOpenAI("dimensions", "dimensions is %d; %s only gives %d", req.Dimensions, name, space.GetDimension())
	case req.EncodingFormat != "" && req.EncodingFormat != "float" && req.EncodingFormat != "base64":
		return badOpenAI("encoding_format", "encoding_format %q is neither float nor base64", req.EncodingFormat)
	}
	return nil
}

func (req *openAIRequest) encode(vector []float32) any {
	if req.EncodingFormat != "base64" {
		return vector
	}
	raw := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// writeOpenAIError answers with an error in the endpoint's shape.
func writeOpenAIError(w http.ResponseWriter, err error) {
	var e *openAIError
	if !errors.As(err, &e) {
		s := status.Convert(err)
		e = &openAIError{Status: runtime.HTTPStatusFromCode(s.Code()), Type: "server_error", Message: s.Message()}
		switch s.Code() {
		case codes.InvalidArgument:
			e.Type, e.Param = "invalid_request_error", "input"
		case codes.Unauthenticated:
			e.Type, e.Code = "invalid_request_error", "invalid_api_key"
			askForKey(w, s.Code())
		case codes.PermissionDenied:
			e.Type, e.Code = "invalid_request_error", "insufficient_permissions"
		case codes.ResourceExhausted:
			e.Type = "rate_limit_error"
			setRetryAfter(w, s)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	json.NewEncoder(w).Encode(map[string]any{"error": e}) //nolint:errcheck,errchkjson // the client is gone
}
