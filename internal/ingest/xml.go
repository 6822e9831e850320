package ingest

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"akin/internal/paper"
)

// looksLikeXML says that an element of the name begins near the beginning of
// XML text. Prefixes of namespaces do not matter.
func looksLikeXML(h head, name string) bool {
	text := bytes.TrimSpace(h.text)
	if !bytes.HasPrefix(text, []byte("<")) {
		return false
	}
	for _, before := range []string{"<", ":"} {
		for rest := text; ; {
			_, after, ok := bytes.Cut(rest, []byte(before+name))
			if !ok {
				break
			}
			if len(after) > 0 && bytes.IndexByte([]byte(" \t\r\n>"), after[0]) >= 0 {
				return true
			}
			rest = after
		}
	}
	return false
}

// xmlReader reads XML element by element, in memory that is bounded by the
// largest one.
type xmlReader struct {
	file  string
	dec   *xml.Decoder
	limit *allowance
}

// allowance lets so many bytes pass until it is renewed.
type allowance struct {
	src  io.Reader
	left int
}

var errTooLarge = fmt.Errorf("an element is larger than the limit of %d bytes", MaxLineBytes)

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, errTooLarge
	}
	n, err := a.src.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}

func newXMLReader(file string, src io.Reader) *xmlReader {
	limit := &allowance{src: src, left: MaxLineBytes}
	dec := xml.NewDecoder(limit)
	dec.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("its encoding is %q; convert it to UTF-8", charset)
	}
	return &xmlReader{file: file, dec: dec, limit: limit}
}

// line is where reading has come to.
func (x *xmlReader) line() int {
	line, _ := x.dec.InputPos()
	return line
}

// start gives the next start tag and its line, io.EOF at the end.
func (x *xmlReader) start(ctx context.Context) (xml.StartElement, int, error) {
	for {
		if err := ctx.Err(); err != nil {
			return xml.StartElement{}, 0, err
		}
		x.limit.left = MaxLineBytes
		token, err := x.dec.Token()
		if err != nil {
			return xml.StartElement{}, 0, x.fault(err)
		}
		if start, ok := token.(xml.StartElement); ok {
			return start, x.line(), nil
		}
	}
}

// decode reads the element that begins with a tag.
func (x *xmlReader) decode(start xml.StartElement, into any) error {
	x.limit.left = MaxLineBytes
	return x.fault(x.dec.DecodeElement(into, &start))
}

// fault classifies an error: what is wrong with the text ends the file, for
// nothing tells where the next record begins.
func (x *xmlReader) fault(err error) error {
	var syntax *xml.SyntaxError
	var reason string
	line := x.line()
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case errors.As(err, &syntax):
		line, reason = syntax.Line, syntax.Msg
	case errors.Is(err, errTooLarge), strings.HasPrefix(err.Error(), "xml: "), strings.Contains(err.Error(), "exceeded max depth"):
		reason = err.Error()
	default:
		return err // of the source
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
		Message: fmt.Sprintf("%s: line %d: the XML is broken or cut off (%s); what follows was not read", x.file, line, reason),
	}
}
