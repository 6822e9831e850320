package arrival

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// What is written as an answer is what clients read, and leaves their table as it is.
func TestAnswer(t *testing.T) {
	d := hpack.NewDecoder(4096, nil)
	d.SetAllowedMaxDynamicTableSize(0)
	for _, n := range []int{0, 1, 126, 127, 128, 254, 255, 256, 5_000, 40_000} {
		value := strings.Repeat("v", n)
		frame := appendAnswer(nil, 5, map[string]string{"grpc-message": value})
		h := parseHead(frame)
		if h.kind != frameHeaders || h.stream != 5 || !h.ends() || !h.has(flagEndHeaders) || int(h.length) != len(frame)-headBytes {
			t.Errorf("%+v", h)
		}
		got, err := d.DecodeFull(frame[headBytes:])
		if err != nil || len(got) != 3 || got[0].Name != ":status" || got[0].Value != "200" || got[2].Name != "grpc-message" || got[2].Value != value {
			t.Errorf("%d bytes: %.200v, %v", n, got, err)
		}
	}
}

// Messages are found in whatever parts they come, as are the frames of what is written.
func TestParts(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var sent []byte
		lengths := make([]int, draw.IntN(6))
		for i := range lengths {
			lengths[i] = draw.IntN(40) * draw.IntN(2)
			sent = append(append(sent, 0, 0, 0, 0, byte(lengths[i])), make([]byte, lengths[i])...)
		}
		var m messages
		whole, size := 0, int64(0)
		for rest := sent; len(rest) > 0; {
			n := 1 + draw.IntN(len(rest))
			w, s := m.read(rest[:n])
			whole, size, rest = whole+w, size+s, rest[n:]
		}
		if whole != len(lengths) || size != int64(len(sent)) || !m.between() {
			t.Fatalf("%v: %d messages of %d bytes", lengths, whole, size)
		}
	}
	for range 200 {
		var sent, passed, expected []byte
		var want, got []head
		for range draw.IntN(6) {
			h := head{length: uint32(draw.IntN(30)), kind: byte(draw.IntN(10)), flags: byte(draw.IntN(16)), stream: draw.Uint32N(1 << 31)}
			want = append(want, h)
			sent = append(h.append(sent), make([]byte, h.length)...)
			if h.length == 0 {
				expected = append(expected, "instead"...)
			} else {
				expected = append(h.append(expected), make([]byte, h.length)...)
			}
		}
		var o outgoing
		for rest := sent; len(rest) > 0; {
			n := 1 + draw.IntN(len(rest))
			passed = append(passed, o.pass(rest[:n], func(h head) ([]byte, bool) {
				got = append(got, h)
				return []byte("instead"), h.length == 0
			})...)
			rest = rest[n:]
		}
		if len(o.part) != 0 || o.left != 0 || len(got) != len(want) {
			t.Fatalf("%d frames of %d", len(got), len(want))
		}
		if !bytes.Equal(passed, expected) {
			t.Fatalf("passed on %x, want %x", passed, expected)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%+v, want %+v", got[i], want[i])
			}
		}
	}
	if b := appendReset(nil, 7, codeCalm); !bytes.Equal(b, []byte{0, 0, 4, 3, 0, 0, 0, 0, 7, 0, 0, 0, 11}) {
		t.Errorf("%v", b)
	}
}
