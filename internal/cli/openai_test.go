package cli_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sashabaranov/go-openai"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// A client library that was written for OpenAI works against this server.
func TestOpenAIClient(t *testing.T) {
	s := host(t, filepath.Join(t.TempDir(), "data"))
	config := openai.DefaultConfig("any key")
	config.BaseURL = s.http + "/v1"
	c := openai.NewClientWithConfig(config)
	texts := []string{"graph neural networks", strings.Repeat("long ", 500), "dense retrieval"}
	resp, err := c.CreateEmbeddings(t.Context(), openai.EmbeddingRequestStrings{Input: texts, Model: "default"})
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Data) != 3 || resp.Model != "all-MiniLM-L6-v2" || resp.Usage.PromptTokens != 5+256+4 {
		t.Errorf("%d embeddings, model %s, usage %+v", len(resp.Data), resp.Model, resp.Usage)
	}
	if got := resp.Header().Get("X-Akin-Truncated"); got != "1" {
		t.Errorf("X-Akin-Truncated: %q, want 1", got)
	}
	own, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	want, err := own.Embed.Embed(t.Context(), &akinv1.EmbedRequest{Inputs: []*akinv1.EmbedInput{{Input: &akinv1.EmbedInput_Text{Text: texts[0]}}}})
	if err != nil {
		t.Fatal(err)
	}
	for d, x := range want.GetEmbeddings()[0].GetVector() {
		if resp.Data[0].Embedding[d] != x {
			t.Fatalf("number %d is %v over HTTP and %v over gRPC", d, resp.Data[0].Embedding[d], x)
		}
	}
	for name, req := range map[string]openai.EmbeddingRequest{
		"another model":    {Input: "x", Model: "text-embedding-3-small"},
		"no text":          {Input: []string{}, Model: "default"},
		"empty text":       {Input: "", Model: "default"},
		"token ids":        {Input: []int{1, 2}, Model: "default"},
		"fewer dimensions": {Input: "x", Model: "default", Dimensions: 12},
	} {
		var apiErr *openai.APIError
		if _, err := c.CreateEmbeddings(t.Context(), req); !errors.As(err, &apiErr) || apiErr.Message == "" || apiErr.HTTPStatusCode/100 != 4 {
			t.Errorf("%s: %v, want an error of the API", name, err)
		}
	}
	got := call(t, http.StatusOK, http.MethodPost, s.http+"/v1/embeddings", `{"model":"default","input":"graph neural networks","encoding_format":"base64"}`, "")
	raw, err := base64.StdEncoding.DecodeString(got["data"].([]any)[0].(map[string]any)["embedding"].(string))
	if err != nil || len(raw) != 384*4 || math.Float32frombits(binary.LittleEndian.Uint32(raw)) != want.GetEmbeddings()[0].GetVector()[0] {
		t.Errorf("base64: %v, %d bytes", err, len(raw))
	}
}
