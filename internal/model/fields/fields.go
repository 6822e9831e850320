// Package fields goes through messages of protobuf whose schema nobody needs whole, such as
// those of ONNX files.
package fields

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrWire says that bytes are no message, or are cut short.
var ErrWire = errors.New("it is no ONNX file, or cut short")

// Each calls visit with the fields of a message in the order of the bytes: with the content
// of those that have a length, which is not copied, or with the number of those that are a
// varint; of others with neither. It ends with the first error of visit; its own is ErrWire.
func Each(message []byte, visit func(n protowire.Number, content []byte, number uint64) error) error {
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return ErrWire
		}
		message = message[size:]
		var content []byte
		var number uint64
		switch kind {
		case protowire.BytesType:
			content, size = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			number, size = protowire.ConsumeVarint(message)
		default:
			size = protowire.ConsumeFieldValue(n, kind, message)
		}
		if size < 0 {
			return ErrWire
		}
		if err := visit(n, content, number); err != nil {
			return err
		}
		message = message[size:]
	}
	return nil
}
