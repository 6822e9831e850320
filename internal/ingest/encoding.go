package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// encodingNamed finds an encoding by one of the names that the web has for it,
// or Python ("latin-1", "cp1252", "utf-16-le").
func encodingNamed(name string) (encoding.Encoding, error) {
	lower := strings.ToLower(strings.TrimSpace(name))
	switch strings.NewReplacer("-", "", "_", "").Replace(lower) {
	case "utf8", "utf8sig":
		return encoding.Nop, nil
	case "utf16":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	case "utf16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), nil
	case "utf16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), nil
	case "utf32":
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), nil
	case "cp437", "ibm437":
		return charmap.CodePage437, nil
	case "cp850", "ibm850":
		return charmap.CodePage850, nil
	case "macroman":
		return charmap.Macintosh, nil
	}
	for _, spelling := range []string{
		lower, strings.ReplaceAll(lower, "_", "-"), strings.Replace(lower, "cp", "windows-", 1),
		strings.Replace(lower, "latin-", "latin", 1),
	} {
		if e, err := htmlindex.Get(spelling); err == nil {
			return e, nil
		}
	}
	return nil, fmt.Errorf("is %q, which is no encoding that is known; examples are utf-8, utf-16, windows-1252, latin1, windows-1251, gb18030, shift_jis, euc-kr, macintosh", name)
}

// decoded reads src in an encoding as UTF-8.
func decoded(src io.Reader, e encoding.Encoding) *bufio.Reader {
	return bufio.NewReaderSize(transform.NewReader(src, e.NewDecoder()), headBytes)
}

// wideText looks through UTF-16 and UTF-32, which a byte order mark or the
// zeros in the text of Latin letters give away.
func wideText(src *bufio.Reader) (*bufio.Reader, string) {
	head, _ := src.Peek(headBytes) // an error comes again
	switch {
	case bytes.HasPrefix(head, []byte("\xFF\xFE\x00\x00")):
		return decoded(src, utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)), "UTF-32"
	case bytes.HasPrefix(head, []byte("\xFF\xFE")) && len(head) > 2, bytes.HasPrefix(head, []byte("\xFE\xFF")) && len(head) > 2:
		return decoded(src, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)), "UTF-16"
	}
	switch zeroHalf(head) {
	case 1:
		return decoded(src, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)), "UTF-16"
	case 0:
		return decoded(src, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)), "UTF-16"
	}
	return src, ""
}

// zeroHalf says at which places, even (0) or odd (1), nearly every byte is zero
// and at the others none; -1 if that is not so.
func zeroHalf(head []byte) int {
	if len(head) < 8 {
		return -1
	}
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	half := len(head) / 2
	switch {
	case zeros[1] > half*7/10 && zeros[0] == 0:
		return 1
	case zeros[0] > half*7/10 && zeros[1] == 0:
		return 0
	default:
		return -1
	}
}

// strayZeros says that a text has some bytes that are zero, as damaged exports do: text it
// is, for it has hardly another control character.
func strayZeros(src *bufio.Reader) bool {
	const fewBytes, fewIn = 2, 100
	head, _ := src.Peek(headBytes) // an error comes again
	if bytes.IndexByte(head, 0) <= 0 || detectCodec(src) != codecNone {
		return false
	}
	controls := 0
	for _, b := range head {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' {
			controls++
		}
	}
	return controls <= max(fewBytes, len(head)/fewIn)
}

// withoutZeros leaves out bytes that are zero.
type withoutZeros struct{ src *bufio.Reader }

// Read implements io.Reader.
func (z withoutZeros) Read(p []byte) (int, error) {
	for {
		n, err := z.src.Read(p)
		kept := 0
		for _, b := range p[:n] {
			if b != 0 {
				p[kept] = b
				kept++
			}
		}
		if kept > 0 || err != nil || len(p) == 0 {
			return kept, err
		}
	}
}

// oldMacLines turns lone carriage returns into line ends, where the head of the
// text has no other.
func oldMacLines(src *bufio.Reader) (*bufio.Reader, bool) {
	head, _ := src.Peek(headBytes) // an error comes again
	if bytes.IndexByte(head, '\n') >= 0 || bytes.IndexByte(head, '\r') < 0 || bytes.IndexByte(head, 0) >= 0 {
		return src, false
	}
	return bufio.NewReaderSize(carriageReturns{src}, headBytes), true
}

type carriageReturns struct{ src *bufio.Reader }

// Read gives a line feed for every carriage return that none follows.
func (c carriageReturns) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	for i := range n {
		if p[i] != '\r' {
			continue
		}
		next := byte(0)
		if i+1 < n {
			next = p[i+1]
		} else if after, _ := c.src.Peek(1); len(after) > 0 {
			next = after[0]
		}
		if next != '\n' {
			p[i] = '\n'
		}
	}
	return n, err
}

// legacyText reads text that is UTF-8, or in an older encoding that is guessed at
// the first place where it matters: files may be long before their first accent.
type legacyText struct {
	src    *bufio.Reader
	notice func(encoding string)
	mac    bool      // the line ends are those of old Macs, and so is the encoding
	then   io.Reader // what to read from, once it is known
}

// Read implements io.Reader.
func (l *legacyText) Read(p []byte) (int, error) {
	if l.then != nil {
		return l.then.Read(p)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if _, err := l.src.Peek(1); err != nil {
		return 0, err
	}
	plain, _ := l.src.Peek(l.src.Buffered())
	at := bytes.IndexFunc(plain, func(r rune) bool { return r >= utf8.RuneSelf })
	if at < 0 {
		at = len(plain)
	}
	if at > 0 {
		return l.src.Read(p[:min(at, len(p))])
	}
	window, err := l.src.Peek(l.src.Size())
	if err != nil && !errors.Is(err, io.EOF) && len(window) == 0 {
		return 0, err
	}
	l.then = l.src
	if e, name := guessEncoding(window, err != nil); e != nil {
		if l.mac && e == charmap.Windows1252 {
			e, name = charmap.Macintosh, "Mac OS Roman"
		}
		l.then = transform.NewReader(l.src, e.NewDecoder())
		l.notice(name)
	}
	return l.then.Read(p)
}

// guessEncoding says in which encoding a text is; nil for UTF-8, also if that is
// damaged in a few places. whole says that the text ends here.
func guessEncoding(text []byte, whole bool) (encoding.Encoding, string) {
	good, bad := 0, 0
	for i := 0; i < len(text); {
		if !whole && len(text)-i < utf8.UTFMax {
			break
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			bad++
		case size > 1:
			good++
		}
		i += size
	}
	if bad == 0 || good > 4*bad {
		return nil, ""
	}
	// The guess is as good as the text is long; Western ones all look alike.
	if r := chardet.Detect(text); r.Confidence >= 0.8 {
		switch name := strings.ToLower(r.Encoding); name {
		case "gb2312", "gb18030", "gbk", "big5", "euc-jp", "shift_jis", "euc-kr", "cp949", "koi8-r", "windows-1251", "iso-8859-5", "windows-1253",
			"iso-8859-7", "windows-1255", "macroman":
			if e, err := encodingNamed(name); err == nil && !bytes.Contains(decodedBytes(text, e), []byte("\uFFFD")) {
				return e, r.Encoding
			}
		}
	}
	return charmap.Windows1252, "Windows-1252"
}

// decodedBytes decodes a text, without a character that is cut at its end.
func decodedBytes(text []byte, e encoding.Encoding) []byte {
	out, _ := e.NewDecoder().Bytes(text[:max(0, len(text)-4)])
	return out
}

// namesItsEncoding says that a text must be UTF-8 or says itself what it is: JSON
// and XML.
func namesItsEncoding(text []byte) bool {
	text = bytes.TrimSpace(text)
	return len(text) > 0 && (text[0] == '<' || text[0] == '{' || text[0] == '[')
}
