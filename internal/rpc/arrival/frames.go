package arrival

import "encoding/binary"

const (
	// prefaceBytes is how long what clients begin with is.
	prefaceBytes = 24
	headBytes    = 9
	// prefixBytes is before each message: whether it is compressed, and its length.
	prefixBytes = 5
)

// Types of frames, and their flags, as RFC 9113 has them.
const (
	frameData, frameHeaders, frameReset, frameSettings, frameContinuation = 0x0, 0x1, 0x3, 0x4, 0x9

	flagEndStream, flagAck, flagEndHeaders, flagPadded = 0x1, 0x1, 0x4, 0x8
)

// Codes of ends of streams.
const (
	codeNone, codeCancel, codeCalm = 0x0, 0x8, 0xb
)

// head is what a frame begins with.
type head struct {
	length uint32
	kind   byte
	flags  byte
	stream uint32
}

func parseHead(b []byte) head {
	return head{
		length: uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]), kind: b[3], flags: b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & (1<<31 - 1),
	}
}

func (h head) has(flag byte) bool { return h.flags&flag != 0 }

// ends says that the frame ends its stream for whoever sends it.
func (h head) ends() bool {
	return h.kind == frameReset || (h.kind == frameData || h.kind == frameHeaders) && h.has(flagEndStream)
}

func (h head) append(b []byte) []byte {
	b = append(b, byte(h.length>>16), byte(h.length>>8), byte(h.length), h.kind, h.flags)
	return binary.BigEndian.AppendUint32(b, h.stream)
}

// appendReset appends a frame that ends a stream.
func appendReset(b []byte, stream, code uint32) []byte {
	return binary.BigEndian.AppendUint32(head{length: 4, kind: frameReset, stream: stream}.append(b), code)
}

// appendAnswer appends the answer to a call that is nothing but trailers. Their names and
// values are written as they are, without a place in the table that both sides keep.
func appendAnswer(b []byte, stream uint32, trailers map[string]string) []byte {
	const status200 = 0x88 // of the table that is the same everywhere
	block := []byte{status200}
	block = appendField(block, "content-type", "application/grpc")
	for name, value := range trailers {
		block = appendField(block, name, value)
	}
	h := head{length: uint32(len(block)), kind: frameHeaders, flags: flagEndStream | flagEndHeaders, stream: stream}
	return append(h.append(b), block...)
}

// appendField appends a field in the form "without indexing, new name" of RFC 7541, 6.2.2.
func appendField(b []byte, name, value string) []byte {
	b = appendText(append(b, 0), name)
	return appendText(b, value)
}

// appendText appends a text with its length, of which seven bits are in the first byte
// (RFC 7541, 5.1 and 5.2).
func appendText(b []byte, text string) []byte {
	const most = 1<<7 - 1
	n := len(text)
	if n < most {
		return append(append(b, byte(n)), text...)
	}
	b = append(b, most)
	for n -= most; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(append(b, byte(n)), text...)
}

// messages finds where the messages of a stream end.
type messages struct {
	prefix [prefixBytes]byte
	got    int   // bytes of prefix
	rest   int64 // bytes of the message that are still to come
}

// read takes what comes next of a stream. whole is how many messages became whole in it,
// and bytes how many they have.
func (m *messages) read(b []byte) (whole int, bytes int64) {
	for {
		if m.got == prefixBytes {
			n := min(m.rest, int64(len(b)))
			m.rest -= n
			b = b[n:]
			if m.rest > 0 {
				return whole, bytes
			}
			whole++
			bytes += prefixBytes + int64(binary.BigEndian.Uint32(m.prefix[1:]))
			m.got = 0
		}
		if len(b) == 0 {
			return whole, bytes
		}
		n := copy(m.prefix[m.got:], b)
		m.got += n
		b = b[n:]
		if m.got == prefixBytes {
			m.rest = int64(binary.BigEndian.Uint32(m.prefix[1:]))
		}
	}
}

// between says that no message has begun.
func (m *messages) between() bool { return m.got == 0 }

// tableSize finds whether settings name the size of the table that whoever gets them keeps.
type tableSize struct {
	setting [6]byte
	got     int
	named   bool
}

func (t *tableSize) read(b []byte) {
	const headerTableSize = 1
	for len(b) > 0 {
		n := copy(t.setting[t.got:], b)
		b = b[n:]
		if t.got += n; t.got == len(t.setting) {
			t.got = 0
			t.named = t.named || binary.BigEndian.Uint16(t.setting[:]) == headerTableSize
		}
	}
}

// weightOf is what gRPC keeps of a frame: a buffer of the next size that it has.
func weightOf(length uint32) int64 {
	for _, size := range []uint32{4 << 10, 16 << 10} {
		if length > 1<<10 && length <= size {
			return int64(size) + frameWeight
		}
	}
	return int64(length) + frameWeight
}
