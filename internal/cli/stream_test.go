package cli_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// The stream answers in order, with the vectors that Embed gives, and a bad
// input costs only itself.
func TestEmbedStream(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stream, err := c.Embed.EmbedStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const n = 100
	text := func(i int) string {
		if i == 41 {
			return " " // refused
		}
		return fmt.Sprintf("text %d %s", i, strings.Repeat("word ", i%13))
	}
	go func() {
		for i := range n {
			stream.Send(&akinv1.EmbedStreamRequest{
				Index: uint64(1000 + i), Input: &akinv1.EmbedInput{Input: &akinv1.EmbedInput_Text{Text: text(i)}},
			})
		}
		stream.CloseSend()
	}()
	for i := range n {
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if resp.GetIndex() != uint64(1000+i) {
			t.Fatalf("answer %d is for input %d", i, resp.GetIndex())
		}
		if i == 41 {
			if resp.GetError().GetCode() != 3 || resp.GetEmbedding() != nil {
				t.Errorf("an empty input was answered with %v", resp)
			}
			continue
		}
		one, err := c.Embed.Embed(t.Context(), &akinv1.EmbedRequest{Inputs: []*akinv1.EmbedInput{{Input: &akinv1.EmbedInput_Text{Text: text(i)}}}})
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(one.GetEmbeddings()[0].GetVector()) != fmt.Sprint(resp.GetEmbedding().GetVector()) {
			t.Errorf("input %d has another vector in the stream than alone", i)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last answer: %v", err)
	}
}

func TestTokenizeDetail(t *testing.T) {
	code, out, errOut := run(t, "\"São re-ranking\"\n", "tokenize", "--json", "--detail")
	want := `{"ids":[101,7509,2128,1011,5464,102],"pieces":["[CLS]","sao","re","-","ranking","[SEP]"],"offsets":[[0,0],[0,4],[5,7],[7,8],[8,15],[0,0]]}` + "\n"
	if code != 0 || out != want {
		t.Errorf("exit code %d, %s, want %s%s", code, out, want, errOut)
	}
}
