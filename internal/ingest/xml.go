package ingest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"

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
			if len(after) > 0 && bytes.IndexByte([]byte(" \t\r\n>/"), after[0]) >= 0 {
				return true
			}
			rest = after
		}
	}
	return false
}

// xmlRoot is the name of the first element, without prefix.
func xmlRoot(h head) string {
	if !bytes.HasPrefix(bytes.TrimSpace(h.text), []byte("<")) {
		return ""
	}
	if found := firstElement.FindSubmatch(h.text); found != nil {
		return string(found[1])
	}
	return ""
}

var firstElement = regexp.MustCompile(`<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[\s/>]`)

// xmlReader finds the elements of given names in XML, in memory that is bounded
// by the largest one, and reads each by itself: one that is broken costs itself.
//
// It is written here because the tokenizers that there are end at the first
// character that XML does not allow. It knows neither DTDs nor entities but
// those of HTML: nothing is fetched, and nothing expands.
type xmlReader struct {
	file string
	src  *bufio.Reader
	num  int // the line that was reached
	max  int
	// wanted says that elements of a local name are read.
	wanted func(name string) bool
	// follows is what must come first in an element for it to be no part of the
	// one of the same name before it; nil if they are never nested.
	follows *regexp.Regexp
	// begins learns the start tags of elements that are not wanted.
	begins func(name string, tag []byte)
	// single is the encoding of bytes that are not UTF-8.
	single *charmap.Charmap

	root   string // the name of the first element
	closed bool   // its end was seen
	again  *element
}

// element is an element with its tags.
type element struct {
	name string // local
	full string // with its prefix
	line int
	text []byte
	// fault says why it cannot be read.
	fault string
}

func newXMLReader(file string, src io.Reader, wanted ...string) *xmlReader {
	x := &xmlReader{file: file, num: 1, max: MaxLineBytes, single: charmap.Windows1252}
	x.wanted = func(name string) bool {
		for _, w := range wanted {
			if name == w {
				return true
			}
		}
		return false
	}
	x.src = bufio.NewReaderSize(src, headBytes)
	x.decodeSource()
	return x
}

var declaredEncoding = regexp.MustCompile(`^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']`)

// decodeSource prepares for what the declaration says about the encoding. Text
// that is UTF-8 is believed to be, whatever its declaration says.
func (x *xmlReader) decodeSource() {
	head, _ := x.src.Peek(headBytes / 2) // what fails here fails again
	found := declaredEncoding.FindSubmatch(bytes.TrimPrefix(head, []byte(byteOrderMark)))
	if found == nil {
		return
	}
	encoding, name := charset.Lookup(string(found[1]))
	switch single, ok := encoding.(*charmap.Charmap); {
	case encoding == nil:
	case ok:
		x.single = single
	case name != "utf-8" && !validStart(head): // single bytes that are not UTF-8 are mended one by one
		x.src = bufio.NewReaderSize(transform.NewReader(x.src, encoding.NewDecoder()), headBytes)
	}
}

// validStart says that text of which the end may be missing is UTF-8.
func validStart(text []byte) bool {
	at := invalidAt(text)
	return at >= len(text)-utf8.UTFMax
}

// line is where reading has come to.
func (x *xmlReader) line() int { return x.num }

// next gives the next element that is wanted; io.EOF at the end of the file; an
// error for one that is cut off.
func (x *xmlReader) next(ctx context.Context) (*element, error) {
	for count := 0; ; count++ {
		if count%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var tag *element
		if tag, x.again = x.again, nil; tag == nil {
			var err error
			if _, tag, err = x.markup(nil); err != nil {
				return nil, x.ended(err)
			}
		}
		switch {
		case tag == nil:
		case tag.text[1] == '/':
			x.closed = x.closed || tag.full == x.root
		case x.wanted(tag.name):
			x.rooted(tag)
			return x.gather(ctx, tag)
		default:
			x.rooted(tag)
			if x.begins != nil {
				x.begins(tag.name, tag.text)
			}
		}
	}
}

func (x *xmlReader) rooted(tag *element) {
	if x.root == "" {
		x.root = tag.full
	}
	if x.root == tag.full { // the first, or one of another file behind it
		x.closed = selfClosing(tag.text)
	}
}

func selfClosing(tag []byte) bool { return bytes.HasSuffix(tag, []byte("/>")) }

// gather reads to the end of an element, or to the beginning of the next.
func (x *xmlReader) gather(ctx context.Context, e *element) (*element, error) {
	defer func() { x.closed = x.closed || e.full == x.root }()
	if selfClosing(e.text) {
		return e, nil
	}
	for depth := 1; depth > 0; {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var tag *element
		var err error
		if e.fault != "" {
			_, tag, err = x.markup(nil)
		} else if e.text, tag, err = x.markup(e.text); len(e.text) > x.max {
			e.fault = errTooLarge.Error() + "; only its beginning is kept here"
			e.text = bytes.Clone(e.text[:keptOfLong])
		}
		if err != nil {
			return nil, x.cut(err)
		}
		switch {
		case tag == nil || tag.full != e.full:
			if tag != nil && tag.full == x.root && tag.text[1] == '/' {
				x.closed, e.fault = true, "its end tag is missing"
				return e, nil
			}
		case tag.text[1] == '/':
			depth--
		case selfClosing(tag.text):
		case x.starts():
			x.again, e.fault = tag, "the next one begins before it ends: its end tag is missing"
			e.text = bytes.TrimSuffix(e.text, tag.text)
			return e, nil
		default:
			depth++
		}
	}
	return e, nil
}

// starts says that what follows the tag of an element within one of the same
// name shows that it is no part of that one.
func (x *xmlReader) starts() bool {
	if x.follows == nil {
		return true
	}
	ahead, _ := x.src.Peek(512) // less at the end
	return x.follows.Match(ahead)
}

// ended says what the end of the source means, outside of what is read.
func (x *xmlReader) ended(err error) error {
	if x.closed || x.root == "" {
		return err
	}
	return x.cut(err)
}

// cut is the error for a source that ends before its root does.
func (x *xmlReader) cut(err error) error {
	if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: io.ErrUnexpectedEOF,
		Message: fmt.Sprintf("%s: line %d: the XML is broken or cut off (%v); what follows was not read", x.file, x.num, io.ErrUnexpectedEOF),
	}
}

var errTooLarge = fmt.Errorf("an element is larger than the limit of %d bytes", MaxLineBytes)

// maxTag is the longest tag.
const maxTag = 64 << 10

// markup reads to the end of the next piece of markup, adding all to text if
// that is not nil. tag is a start or end tag; comments and the like have none.
func (x *xmlReader) markup(text []byte) (_ []byte, tag *element, _ error) {
	keep := text != nil
	add := func(b ...byte) {
		x.num += bytes.Count(b, []byte("\n"))
		if keep && len(text) <= x.max {
			text = append(text, b...)
		}
	}
	for {
		chunk, err := x.src.ReadSlice('<')
		add(chunk...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return text, nil, err
		}
		ahead, err := x.src.Peek(1)
		if err != nil {
			return text, nil, err
		}
		switch c := ahead[0]; {
		case c == '!':
			return text, nil, x.declaration(add)
		case c == '?':
			return text, nil, x.until("?>", add)
		case c == '/' || c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf:
			tag, err := x.tag(add)
			if err != nil || tag != nil {
				return text, tag, err
			}
		}
	}
}

// declaration passes over a comment, CDATA or DOCTYPE.
func (x *xmlReader) declaration(add func(...byte)) error {
	ahead, _ := x.src.Peek(8) // less at the end
	switch {
	case bytes.HasPrefix(ahead, []byte("!--")):
		return x.until("-->", add)
	case bytes.HasPrefix(ahead, []byte("![CDATA[")):
		return x.until("]]>", add)
	}
	for brackets := 0; ; {
		c, err := x.src.ReadByte()
		if err != nil {
			return err
		}
		add(c)
		switch c {
		case '[':
			brackets++
		case ']':
			brackets--
		case '>':
			if brackets <= 0 {
				return nil
			}
		}
	}
}

// until passes over all to the end that is given.
func (x *xmlReader) until(end string, add func(...byte)) error {
	last := end[len(end)-1]
	var tail []byte
	for {
		chunk, err := x.src.ReadSlice(last)
		add(chunk...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		tail = append(tail, chunk...)
		if bytes.HasSuffix(tail, []byte(end)) && len(tail) >= len(end)+1 {
			return nil
		}
		tail = append(tail[:0], tail[max(0, len(tail)-len(end)):]...)
	}
}

// tag reads a tag behind its bracket. A bracket that is no tag gives nil: the
// reading goes on at the next one.
func (x *xmlReader) tag(add func(...byte)) (*element, error) {
	line := x.num
	buf := []byte("<")
	var quote byte
	for len(buf) < maxTag {
		ahead, err := x.src.Peek(1)
		if err != nil {
			return nil, err
		}
		c := ahead[0]
		if c == '<' {
			return nil, nil //nolint:nilnil // no tag is no fault
		}
		if _, err := x.src.Discard(1); err != nil {
			return nil, err
		}
		add(c)
		buf = append(buf, c)
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return tagOf(buf, line), nil
		}
	}
	return nil, nil //nolint:nilnil // no tag is no fault
}

func tagOf(text []byte, line int) *element {
	name := bytes.TrimLeft(text, "</")
	if end := bytes.IndexAny(name, " \t\r\n/>"); end >= 0 {
		name = name[:end]
	}
	full := string(name)
	return &element{name: full[strings.LastIndexByte(full, ':')+1:], full: full, line: line, text: text}
}

// decode reads an element into a struct, mended if need be.
func (x *xmlReader) decode(e *element, into any) error {
	if e.fault != "" {
		return errors.New(e.fault)
	}
	err := decodeXML(e.text, into)
	if err == nil {
		return nil
	}
	reflect.ValueOf(into).Elem().SetZero()
	if decodeXML(mendXML(e.text, x.single), into) != nil {
		reflect.ValueOf(into).Elem().SetZero()
		return fmt.Errorf("the XML of this %s is broken: %s", strings.ToValidUTF8(e.name, "\uFFFD"), xmlFault(err))
	}
	return nil
}

// xmlFault says what is wrong, without the line, which is one of the element.
func xmlFault(err error) string {
	var syntax *xml.SyntaxError
	text := err.Error()
	if errors.As(err, &syntax) {
		text = syntax.Msg
	}
	return shorten(strings.TrimPrefix(text, "xml: "), unreadText)
}

// rejected makes the error for an element.
func (x *xmlReader) rejected(e *element, err error) *RejectedError {
	return &RejectedError{Rejected{File: x.file, Line: e.line, Reason: err.Error(), Raw: e.text}}
}

func decodeXML(text []byte, into any) error {
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.Entity = xml.HTMLEntity
	return dec.Decode(into)
}

var (
	reference = regexp.MustCompile(`^&(?:#(\d{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z][A-Za-z0-9]*));`)
	voidTag   = regexp.MustCompile(`<((?i:br|hr)|(?i:img)\b[^<>]*[^<>/])\s*>`)
)

// mendXML makes text fit for XML: bytes that are not UTF-8 are read in another
// encoding, characters that XML does not have become spaces, and signs that are
// no markup are escaped.
func mendXML(text []byte, single *charmap.Charmap) []byte {
	text = voidTag.ReplaceAll(text, []byte("<$1/>"))
	out := make([]byte, 0, len(text)+64)
	for i := 0; i < len(text); {
		rest := text[i:]
		if bytes.HasPrefix(rest, []byte("<![CDATA[")) || bytes.HasPrefix(rest, []byte("<!--")) {
			n := sectionEnd(rest)
			for _, r := range string(rest[:n]) {
				out = utf8.AppendRune(out, allowed(r))
			}
			i += n
			continue
		}
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			r = single.DecodeByte(rest[0])
			out = utf8.AppendRune(out, allowed(r))
		case r == '&':
			var escaped string
			escaped, size = mendReference(rest)
			out = append(out, escaped...)
		case r == '<' && !isTag(rest):
			out = append(out, "&lt;"...)
		default:
			out = utf8.AppendRune(out, allowed(r))
		}
		i += size
	}
	return out
}

// sectionEnd is the end of CDATA or a comment.
func sectionEnd(text []byte) int {
	end := "]]>"
	if text[2] == '-' {
		end = "-->"
	}
	if n := bytes.Index(text, []byte(end)); n >= 0 {
		return n + len(end)
	}
	return len(text)
}

// mendReference keeps a reference to a character that there is, and escapes an
// ampersand of anything else.
func mendReference(text []byte) (mended string, size int) {
	found := reference.FindSubmatch(text[:min(len(text), 40)])
	if found == nil {
		return "&amp;", 1
	}
	whole := string(found[0])
	var code rune
	switch {
	case len(found[3]) > 0:
		switch name := string(found[3]); name {
		case "amp", "lt", "gt", "quot", "apos":
			return whole, len(whole)
		default:
			if xml.HTMLEntity[name] != "" {
				return whole, len(whole)
			}
			return "&amp;", 1
		}
	case len(found[1]) > 0:
		_, _ = fmt.Sscanf(string(found[1]), "%d", &code) // digits alone
	default:
		_, _ = fmt.Sscanf(string(found[2]), "%x", &code) // digits alone
	}
	if allowed(code) != code {
		return " ", len(whole)
	}
	return whole, len(whole)
}

// isTag says that a bracket begins markup.
func isTag(text []byte) bool {
	if len(text) < 2 {
		return false
	}
	c := text[1]
	if c != '/' && c != '!' && c != '?' && c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && c < utf8.RuneSelf {
		return false
	}
	end := bytes.IndexAny(text[1:], "<>")
	return end >= 0 && text[1+end] == '>'
}

// allowed gives a space for a character that XML does not have.
func allowed(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r', r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000 && r <= unicodeMax:
		return r
	}
	return ' '
}

const unicodeMax = 0x10FFFF
