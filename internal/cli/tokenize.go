package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

type tokenizeCommand struct {
	Text      []string `arg:"" optional:"" help:"Texts; without any, JSON strings are read from standard input, one a line."`
	MaxTokens int32    `help:"Cut after this many tokens, [CLS] and [SEP] included (0: no cut)." default:"0" placeholder:"N"`
	Detail    bool     `help:"Show each token's piece and its byte offsets in the text as well."`
	JSON      bool     `name:"json" help:"Print {\"ids\":[…]} for each text."`
	Server    string   `help:"Ask a server instead of loading the model." env:"AKIN_SERVER" placeholder:"HOST:PORT"`
}

// Help shows examples.
func (tokenizeCommand) Help() string {
	return `Examples:
  akin tokenize "Poincaré embeddings"
  printf '%s\n' '"a line"' '"another"' | akin tokenize --json --max-tokens 256

Each line of standard input is one JSON string of at most 16 MiB.`
}

// maxTokenizeLine is the longest line that is read: a text of 16 MiB, each byte
// of which may be escaped to six.
const maxTokenizeLine = 6*(16<<20) + 64

// Run prints token ids.
func (c tokenizeCommand) Run(e *environment) error {
	cl, err := c.connect(e)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(e.out)
	if c.JSON {
		out.Reset(e.data)
	}
	if len(c.Text) > 0 {
		for _, text := range c.Text {
			if err := c.one(e, cl, out, text); err != nil {
				return errors.Join(err, out.Flush())
			}
		}
		return out.Flush()
	}
	lines := bufio.NewReaderSize(e.in, 1<<16)
	for n := 1; ; n++ {
		line, err := readLine(lines, maxTokenizeLine)
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return errors.Join(fmt.Errorf("line %d: %w", n, err), out.Flush())
		}
		var text string
		if err := json.Unmarshal(line, &text); err != nil {
			return errors.Join(fmt.Errorf("line %d is not a JSON string: %w", n, err), out.Flush())
		}
		if err := c.one(e, cl, out, text); err != nil {
			return errors.Join(fmt.Errorf("line %d: %w", n, err), out.Flush())
		}
		if lines.Buffered() == 0 { // somebody may be waiting for the answer
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

func (c tokenizeCommand) connect(e *environment) (*client.Client, error) {
	if c.Server != "" {
		return e.connect(target{Server: c.Server}, false)
	}
	return e.start(e.config)
}

func (c tokenizeCommand) one(e *environment, cl *client.Client, out io.Writer, text string) error {
	r := new(akinv1.Tokens)
	req := &akinv1.TokenizeRequest{Texts: []string{text}, MaxTokens: c.MaxTokens, Detail: c.Detail}
	for more := true; more; more = req.PageToken != "" {
		resp, err := cl.Embed.Tokenize(e.ctx, req)
		if err != nil {
			return err
		}
		for _, part := range resp.GetResults() {
			proto.Merge(r, part) // lists are joined
		}
		req.PageToken = resp.GetNextPageToken()
	}
	if !c.JSON {
		note := ""
		if r.GetTruncated() {
			note = " (cut)"
		}
		if c.Detail {
			for i, id := range r.GetIds() {
				o := r.GetOffsets()[i]
				fmt.Fprintf(out, "%6d  %4d–%-4d  %s\n", id, o.GetStart(), o.GetEnd(), r.GetPieces()[i])
			}
		}
		_, err := fmt.Fprintf(out, "%d tokens%s: %v\n", len(r.GetIds()), note, r.GetIds())
		return err
	}
	line := tokenLine{IDs: r.GetIds(), Pieces: r.GetPieces()}
	for _, o := range r.GetOffsets() {
		line.Offsets = append(line.Offsets, [2]int32{o.GetStart(), o.GetEnd()})
	}
	b, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("print ids: %w", err)
	}
	_, err = out.Write(append(b, '\n'))
	return err
}

// tokenLine is what --json prints for a text.
type tokenLine struct {
	IDs     []int32    `json:"ids"`
	Pieces  []string   `json:"pieces,omitempty"`
	Offsets [][2]int32 `json:"offsets,omitempty"`
}

// readLine reads a line without its end, of at most limit bytes.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > limit {
			return nil, fmt.Errorf("is longer than %d bytes", limit)
		}
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		default:
			return nil, err
		}
	}
}
