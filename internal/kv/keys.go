package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The keys of this package. Rooms on top of it keep away from their prefixes.
const (
	prefixFormat   = 0x01 // -> magic and version of the store
	prefixIdentity = 0x06 // -> identity of the store
	prefixCommit   = 0x07 // -> the number of the last commit
	prefixEpoch    = 0x08 // first commit -> epoch
	prefixNote     = 0x09 // -> how far a Witness has come
)

func formatKey() []byte   { return []byte{prefixFormat} }
func identityKey() []byte { return []byte{prefixIdentity} }
func commitKey() []byte   { return []byte{prefixCommit} }
func noteKey() []byte     { return []byte{prefixNote} }

func epochKey(first uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixEpoch}, first)
}

func firstOf(key []byte) (uint64, bool) {
	if len(key) != 1+8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), true
}

// Reserved says that a key belongs to this package.
func Reserved(key []byte) bool {
	return len(key) > 0 && (key[0] == prefixFormat || key[0] >= prefixIdentity && key[0] <= prefixNote)
}

// After is the first key behind all that begin with prefix; prefix must not be
// all 0xff.
func After(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// damagedKey is Damaged for the value of one of this package's keys.
func damagedKey(key []byte, cause error) error {
	what := "key of the unknown sort"
	switch key[0] {
	case prefixFormat:
		what = "format mark"
	case prefixIdentity:
		what = "identity of the store"
	case prefixCommit:
		what = "number of the last commit"
	case prefixEpoch:
		first, _ := firstOf(key)
		what = fmt.Sprintf("epoch that begins with commit %d", first)
	case prefixNote:
		what = "note of how far another place has what is kept here"
	}
	return Damaged(what, nil, cause)
}

var errMissing = errors.New("it is missing")
