package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// The stream answers in order, with the vectors that Embed gives, and a bad
// input costs only itself.
func TestEmbedStream(t *testing.T) {
	s := host(t, filepath.Join(t.TempDir(), "data"))
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

// Papers from standard input are read once; vectors of another program are taken
// only if they are the model's.
func TestForeignVectors(t *testing.T) {
	dir, input := t.TempDir(), filepath.Join(t.TempDir(), "papers.jsonl")
	writeCorpus(t, input, 12)
	mustRun(t, "embed", input, "--out", dir)
	if err := os.Rename(filepath.Join(dir, "manifest.json"), filepath.Join(dir, "of-akin.json")); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := run(t, "", "import", "--data", t.TempDir(), "--vectors", dir, input)
	if code != 0 || !strings.Contains(out, "12 papers: 12 new") || !strings.Contains(errOut, "12 vectors compared with the model") {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
	// Another program reads the markup too: of such papers, its vectors are of another text.
	lines, err := os.ReadFile(input)
	if err != nil {
		t.Fatal(err)
	}
	marked := filepath.Join(t.TempDir(), "marked.jsonl")
	if err := os.WriteFile(marked, bytes.Replace(lines, []byte(`"abstract":"`), []byte(`"abstract":"<p>\\textbf{Beads} of another text.</p> `), 2), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut = run(t, "", "import", "--data", t.TempDir(), "--vectors", dir, marked)
	if code != 0 || !strings.Contains(out, "12 papers: 12 new") || !strings.Contains(errOut, "10 vectors compared with the model") || !strings.Contains(errOut, "2 papers had markup") {
		t.Errorf("with markup: exit code %d, %q, %q", code, out, errOut)
	}
	ids, err := os.ReadFile(filepath.Join(dir, "ids.txt"))
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(string(ids), "\n")
	if err := os.WriteFile(filepath.Join(dir, "ids.txt"), []byte(rest+first+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := run(t, "", "import", "--data", t.TempDir(), "--vectors", dir, input); code != 1 || !strings.Contains(errOut, "12 have a cosine below 0.9999") {
		t.Errorf("vectors of other papers: exit code %d, %q", code, errOut)
	}
	code, _, errOut = run(t, "id;title;date\n1;Beads;soon\n", "import", "--data", t.TempDir(), "-")
	if code != 0 || !strings.Contains(errOut, `1 date not read, e.g. "soon" (-:2)`) {
		t.Errorf("standard input: exit code %d, %q", code, errOut)
	}
}
