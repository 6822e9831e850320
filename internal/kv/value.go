package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/fxamacker/cbor/v2"

	"akin/internal/paper"
)

// FirstVersion is the version of values of which there has been one form only.
const FirstVersion = 1

// A value is: version byte, payload, CRC-32C (little endian) over key, version
// and payload. The key is part of the sum, so that a value that ended up under
// another key is found out, too.
const (
	valueVersion  = FirstVersion
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
		panic(fmt.Sprintf("kv: cbor options: %v", err)) //nolint:forbidigo // cannot happen to constants
	}
	return mode
}

// Seal makes the value that is stored under key.
func Seal(key, payload []byte) []byte { return SealVersion(key, valueVersion, payload) }

// SealVersion is Seal for a value of a later version.
func SealVersion(key []byte, version byte, payload []byte) []byte {
	value := make([]byte, 0, len(payload)+valueOverhead)
	value = append(append(value, version), payload...)
	return binary.LittleEndian.AppendUint32(value, checksum(key, value))
}

func checksum(key, versioned []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, versioned)
}

// Unseal checks a value and returns its payload, which shares value's memory.
// Its errors are for the cause of a [Damaged], which says what the value is.
func Unseal(key, value []byte) ([]byte, error) {
	payload, _, err := UnsealVersion(key, value, valueVersion)
	return payload, err
}

// UnsealVersion is Unseal for a value of any version up to the newest that the caller
// knows, and says which it is.
func UnsealVersion(key, value []byte, newest byte) (payload []byte, version byte, err error) {
	if len(value) < valueOverhead {
		return nil, 0, fmt.Errorf("value has %d bytes, fewer than the %d that every value has", len(value), valueOverhead)
	}
	body := value[:len(value)-checksumBytes]
	if have, want := checksum(key, body), binary.LittleEndian.Uint32(value[len(body):]); have != want {
		return nil, 0, fmt.Errorf("checksum is %08x, stored is %08x", have, want)
	}
	if version = body[0]; version < FirstVersion || version > newest {
		return nil, version, fmt.Errorf("value has version %d, known is %d", version, newest)
	}
	return body[1:], version, nil
}

// Encode is the deterministic CBOR of v.
func Encode(v any) ([]byte, error) {
	payload, err := cborEnc.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("kv: encode: %w", err)
	}
	return payload, nil
}

// Decode reads what Encode made, with the caps of docs/format/store.md.
func Decode(payload []byte, v any) error {
	if err := cborDec.Unmarshal(payload, v); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}

// SealCBOR is Seal of Encode.
func SealCBOR(key []byte, v any) ([]byte, error) {
	payload, err := Encode(v)
	if err != nil {
		return nil, err
	}
	return Seal(key, payload), nil
}

// UnsealCBOR is Decode of Unseal.
func UnsealCBOR(key, value []byte, v any) error {
	payload, err := Unseal(key, value)
	if err != nil {
		return err
	}
	return Decode(payload, v)
}

// SetCBOR puts SealCBOR of a value into the batch.
func (b *Batch) SetCBOR(key []byte, v any) error {
	value, err := SealCBOR(key, v)
	if err != nil {
		return err
	}
	return b.Set(key, value)
}

// ErrKeyShape is why a key cannot be one that was written.
var ErrKeyShape = errors.New("key has the wrong length")

// Nanos is a time as it is stored: nanoseconds since 1970, 0 for the zero time.
func Nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// TimeOf is the time that Nanos stored, in UTC.
func TimeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// Found tells fault of an error that is damage, so that a verification goes on; any other
// error it gives back.
func Found(err error, fault func(error)) error {
	var damage *paper.Error
	if errors.As(err, &damage) && damage.Kind == paper.DataLoss {
		fault(err)
		return nil
	}
	return err
}

// get reads a sealed struct of this package.
func get(r reader, key []byte, v any) (found bool, err error) {
	return lookup(r, key, func(value []byte) error {
		if err := UnsealCBOR(key, value, v); err != nil {
			return damagedKey(key, err)
		}
		return nil
	})
}
