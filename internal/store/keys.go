package store

import (
	"encoding/binary"
	"fmt"
)

// The first byte of a key says what it is. Numbers are big endian, so that
// keys sort by them. Package kv has prefixes 0x01 and 0x06 to 0x09; 0x20 to
// 0x2f are kept for libraries and feeds.
const (
	prefixNextCollection = 0x02 // -> the id of the next collection
	prefixCollection     = 0x03 // name -> id, create time, current space
	prefixState          = 0x04 // collection -> count, next ordinal, sequence
	prefixSpace          = 0x05 // collection, space -> the space
	prefixID             = 0x10 // collection, paper id -> ordinal
	prefixRecord         = 0x11 // collection, ordinal -> record
	prefixVector         = 0x12 // collection, space, ordinal, kind -> vector
	prefixChange         = 0x13 // collection, sequence -> change
	prefixBeside         = 0x20 // the first of other rooms
	prefixEnd            = 0x30 // above every key
)

// kindDocument is the kind of the one vector that every paper has. Further
// kinds (sentences, titles) come when something writes them.
const kindDocument = 0

// collectionPrefixes are the prefixes whose keys go on with a collection's id.
func collectionPrefixes() []byte {
	return []byte{prefixState, prefixSpace, prefixID, prefixRecord, prefixVector, prefixChange}
}

func nextCollectionKey() []byte { return []byte{prefixNextCollection} }

func collectionKey(name string) []byte { return append([]byte{prefixCollection}, name...) }

// under is the prefix of all keys of one sort of one collection.
func under(prefix byte, collection uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefix}, collection)
}

func stateKey(collection uint32) []byte { return under(prefixState, collection) }

func spaceKey(collection, space uint32) []byte {
	return binary.BigEndian.AppendUint32(under(prefixSpace, collection), space)
}

func idKey(collection uint32, id string) []byte {
	return append(under(prefixID, collection), id...)
}

func recordKey(collection, ordinal uint32) []byte {
	return binary.BigEndian.AppendUint32(under(prefixRecord, collection), ordinal)
}

func vectorsKey(collection, space uint32) []byte {
	return binary.BigEndian.AppendUint32(under(prefixVector, collection), space)
}

func vectorKey(collection, space, ordinal uint32, kind byte) []byte {
	return append(binary.BigEndian.AppendUint32(vectorsKey(collection, space), ordinal), kind)
}

func changeKey(collection uint32, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(under(prefixChange, collection), sequence)
}

const collectionKeyBytes = 1 + 4

// idOf, ordinalOf, vectorOf and sequenceOf take keys apart; they say no for a
// key of the wrong length.

func idOf(key []byte) (string, bool) {
	return string(key[min(collectionKeyBytes, len(key)):]), len(key) > collectionKeyBytes
}

func ordinalOf(key []byte) (uint32, bool) {
	if len(key) != collectionKeyBytes+4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(key[collectionKeyBytes:]), true
}

func vectorOf(key []byte) (space, ordinal uint32, kind byte, ok bool) {
	if len(key) != collectionKeyBytes+9 {
		return 0, 0, 0, false
	}
	rest := key[collectionKeyBytes:]
	return binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:]), rest[8], true
}

func sequenceOf(key []byte) (uint64, bool) {
	if len(key) != collectionKeyBytes+8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[collectionKeyBytes:]), true
}

// describeKey names a key for a message and for an error's metadata.
func describeKey(key []byte) (what string, metadata map[string]string) {
	if len(key) == 0 {
		return "empty key", nil
	}
	metadata = map[string]string{}
	if len(key) >= collectionKeyBytes && key[0] >= prefixState {
		metadata["collection_id"] = fmt.Sprint(collectionOf(key))
	}
	number := func(n any) string { return fmt.Sprint(n) }
	switch key[0] {
	case prefixNextCollection:
		what = "collection counter"
	case prefixCollection:
		metadata["collection"] = string(key[1:])
		what = fmt.Sprintf("description of collection %q", key[1:])
	case prefixState:
		what = "state of a collection"
	case prefixSpace:
		what = "embedding space of a collection"
	case prefixID:
		id, _ := idOf(key)
		metadata["id"] = id
		what = fmt.Sprintf("ordinal of paper %q", id)
	case prefixRecord:
		ordinal, _ := ordinalOf(key)
		metadata["ordinal"] = number(ordinal)
		what = fmt.Sprintf("record of the paper with ordinal %d", ordinal)
	case prefixVector:
		_, ordinal, _, _ := vectorOf(key)
		metadata["ordinal"] = number(ordinal)
		what = fmt.Sprintf("vector of the paper with ordinal %d", ordinal)
	case prefixChange:
		sequence, _ := sequenceOf(key)
		metadata["sequence"] = number(sequence)
		what = fmt.Sprintf("change with sequence %d", sequence)
	default:
		what = fmt.Sprintf("key of the unknown sort 0x%02x", key[0])
	}
	return what, metadata
}

// collectionOf is the collection that a key of collectionPrefixes belongs to.
func collectionOf(key []byte) uint32 { return binary.BigEndian.Uint32(key[1:collectionKeyBytes]) }
