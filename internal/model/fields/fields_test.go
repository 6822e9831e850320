package fields

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

func TestEach(t *testing.T) {
	var b []byte
	b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), 300)
	b = protowire.AppendBytes(protowire.AppendTag(b, 7, protowire.BytesType), []byte("graph"))
	b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), 5)
	b = protowire.AppendBytes(protowire.AppendTag(b, 7, protowire.BytesType), nil)
	read := func(b []byte) (seen []string, err error) {
		err = Each(b, func(n protowire.Number, content []byte, number uint64) error {
			seen = append(seen, fmt.Sprintf("%d:%s:%d", n, content, number))
			return nil
		})
		return seen, err
	}
	seen, err := read(b)
	if want := []string{"1::300", "7:graph:0", "2::0", "7::0"}; err != nil || !reflect.DeepEqual(seen, want) {
		t.Errorf("%q, %v; want %q", seen, err, want)
	}
	// Cut anywhere, it is either a shorter message or no message.
	whole := len(seen)
	for cut := range b {
		if seen, err := read(b[:cut]); err == nil && len(seen) >= whole || err != nil && !errors.Is(err, ErrWire) {
			t.Errorf("cut at %d: %q, %v", cut, seen, err)
		}
	}
	stop := errors.New("enough")
	if err := Each(b, func(protowire.Number, []byte, uint64) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}
