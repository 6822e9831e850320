package ingest

import (
	"bytes"
	"encoding/json"
)

// jsonHead gives the keys of the object that text begins with, of which the
// end may be missing; nil if it begins with none. The value is that of a
// string, and "" for any other.
func jsonHead(text []byte) map[string]string {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	keys := map[string]string{}
	for {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return keys
		}
		keys[name] = ""
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return keys
		}
		if isString(value) {
			keys[name], _ = asString(name, value) // valid, for it was decoded
		}
	}
}

// holds says that all keys are there.
func holds(keys map[string]string, names ...string) bool {
	for _, name := range names {
		if _, ok := keys[name]; !ok {
			return false
		}
	}
	return true
}
