package store

import (
	"encoding/binary"
	"fmt"
	"math"

	"akin/internal/kv"
)

// unseal is [kv.Unseal] with an error that says what the value is.
func unseal(key, value []byte) ([]byte, error) {
	payload, err := kv.Unseal(key, value)
	if err != nil {
		return nil, damagedKey(key, err)
	}
	return payload, nil
}

// unsealCBOR is unseal into a struct of this package.
func unsealCBOR(key, value []byte, v any) error {
	if err := kv.UnsealCBOR(key, value, v); err != nil {
		return damagedKey(key, err)
	}
	return nil
}

// unsealOrdinal is unsealCBOR of the ordinal that an id leads to, of which a start reads
// as many as there are papers. A number in CBOR is its own first byte, or is in the 1, 2
// or 4 bytes behind one that says so (RFC 8949, section 3); what else stands there is
// for the decoder to refuse.
func unsealOrdinal(key, value []byte) (ordinal uint32, err error) {
	payload, err := kv.Unseal(key, value)
	if err != nil {
		return 0, damagedKey(key, err)
	}
	const oneByte, twoBytes, fourBytes = 24, 25, 26
	switch n := len(payload); {
	case n == 1 && payload[0] < oneByte:
		return uint32(payload[0]), nil
	case n == 2 && payload[0] == oneByte:
		return uint32(payload[1]), nil
	case n == 3 && payload[0] == twoBytes:
		return uint32(binary.BigEndian.Uint16(payload[1:])), nil
	case n == 5 && payload[0] == fourBytes:
		return binary.BigEndian.Uint32(payload[1:]), nil
	}
	if err := kv.Decode(payload, &ordinal); err != nil {
		return 0, damagedKey(key, err)
	}
	return ordinal, nil
}

// sealVector stores components as float32, little endian.
func sealVector(key []byte, vector []float32) []byte {
	payload := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		payload = binary.LittleEndian.AppendUint32(payload, math.Float32bits(x))
	}
	return kv.Seal(key, payload)
}

// unsealVector decodes into dst, whose length is the dimension of the space.
func unsealVector(key, value []byte, dst []float32) error {
	payload, err := unseal(key, value)
	if err != nil {
		return err
	}
	if len(payload) != 4*len(dst) {
		return damagedKey(key, fmt.Errorf("vector has %d bytes; %d components have %d", len(payload), len(dst), 4*len(dst)))
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(payload[4*i:]))
	}
	return nil
}
