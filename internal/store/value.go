package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/fxamacker/cbor/v2"
)

// A value is: version byte, payload, CRC-32C (little endian) over key, version
// and payload. The key is part of the sum, so that a value that ended up under
// another key is found out, too.
const (
	valueVersion  = 1
	checksumBytes = 4
	valueOverhead = 1 + checksumBytes
)

// Both tables below are made once and only read.
var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)            //nolint:gochecknoglobals // never changes
	cborEnc    = mustMode(cbor.CoreDetEncOptions().EncMode()) //nolint:gochecknoglobals // never changes
	cborDec    = mustMode(cbor.DecOptions{                    //nolint:gochecknoglobals // never changes
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		// Above the limits of package paper, below what would hurt.
		MaxNestedLevels:  8,
		MaxArrayElements: 16_384,
		MaxMapPairs:      1_024,
	}.DecMode())
)

func mustMode[M any](mode M, err error) M {
	if err != nil { // the options are constants of this file
		panic(fmt.Sprintf("store: cbor options: %v", err)) //nolint:forbidigo // cannot happen to constants
	}
	return mode
}

// seal makes the value that is stored under key.
func seal(key, payload []byte) []byte {
	value := make([]byte, 0, len(payload)+valueOverhead)
	value = append(append(value, valueVersion), payload...)
	return binary.LittleEndian.AppendUint32(value, checksum(key, value))
}

func checksum(key, versioned []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, versioned)
}

// unseal checks a value and returns its payload, which shares value's memory.
func unseal(key, value []byte) ([]byte, error) {
	if len(value) < valueOverhead {
		return nil, damagedKey(key, fmt.Errorf("value has %d bytes, fewer than the %d that every value has", len(value), valueOverhead))
	}
	body := value[:len(value)-checksumBytes]
	if have, want := checksum(key, body), binary.LittleEndian.Uint32(value[len(body):]); have != want {
		return nil, damagedKey(key, fmt.Errorf("checksum is %08x, stored is %08x", have, want))
	}
	if body[0] != valueVersion {
		return nil, damagedKey(key, fmt.Errorf("value has version %d, known is %d", body[0], valueVersion))
	}
	return body[1:], nil
}

// sealCBOR is seal for a struct of this package.
func sealCBOR(key []byte, v any) ([]byte, error) {
	payload, err := cborEnc.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("store: encode: %w", err)
	}
	return seal(key, payload), nil
}

// unsealCBOR is unseal into a struct of this package.
func unsealCBOR(key, value []byte, v any) error {
	payload, err := unseal(key, value)
	if err != nil {
		return err
	}
	if err := cborDec.Unmarshal(payload, v); err != nil {
		return damagedKey(key, fmt.Errorf("decode: %w", err))
	}
	return nil
}

// sealVector stores components as float32, little endian.
func sealVector(key []byte, vector []float32) []byte {
	payload := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		payload = binary.LittleEndian.AppendUint32(payload, math.Float32bits(x))
	}
	return seal(key, payload)
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

var errKeyShape = errors.New("key has the wrong length")
