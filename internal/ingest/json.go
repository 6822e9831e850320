package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// member is one key of a JSON object with its value, in the order of the text.
// encoding/json has no decoder that keeps the order and both values of a key that
// is given twice, which is why objects are taken apart here.
type member struct {
	key   string
	value json.RawMessage
}

// checkJSON says whether text is UTF-8 and one JSON value.
func checkJSON(text []byte) error {
	if err := checkUTF8(text); err != nil {
		return err
	}
	if json.Valid(text) { // much faster than Unmarshal, which says what is wrong
		return nil
	}
	var raw json.RawMessage
	err := json.Unmarshal(text, &raw)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not valid JSON at byte %d: %w", syntax.Offset, err)
	}
	return err
}

// checkUTF8 says whether text is UTF-8.
func checkUTF8(text []byte) error {
	if utf8.Valid(text) {
		return nil
	}
	return fmt.Errorf("not valid UTF-8 at byte %d; convert the file from its encoding first", invalidAt(text)+1)
}

// invalidAt is the index of the first byte that is not UTF-8.
func invalidAt(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return len(text)
}

// members takes an object apart. The text is valid JSON and begins with '{'.
func members(object []byte) ([]member, error) {
	var all []member
	i := skipSpace(object, skipSpace(object, 0)+1)
	for object[i] != '}' {
		end := valueEnd(object, i)
		key, err := asString("key", object[i:end])
		if err != nil {
			return nil, err
		}
		i = skipSpace(object, skipSpace(object, end)+1) // beyond the colon
		end = valueEnd(object, i)
		all = append(all, member{key: key, value: object[i:end]})
		if i = skipSpace(object, end); object[i] == ',' {
			i = skipSpace(object, i+1)
		}
	}
	return all, nil
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
		i++
	}
	return i
}

// valueEnd is the index after the value that begins at i of valid JSON.
func valueEnd(text []byte, i int) int {
	depth := 0
	for ; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 {
				continue
			}
			return literalEnd(text, i)
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// literalEnd is the index after the number, boolean or null that begins at i.
func literalEnd(text []byte, i int) int {
	for i < len(text) && strings.IndexByte(",}] \t\r\n", text[i]) < 0 {
		i++
	}
	return i
}

// stringEnd is the index after the string whose opening quote is at i.
func stringEnd(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// jsonType names the type of a JSON value for error messages.
func jsonType(value []byte) string {
	switch value[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

func isNull(value []byte) bool { return value[0] == 'n' }

func isString(value []byte) bool { return value[0] == '"' }

func isObject(value []byte) bool { return value[0] == '{' }

func isArray(value []byte) bool { return value[0] == '[' }

func isNumber(value []byte) bool { return value[0] == '-' || value[0] >= '0' && value[0] <= '9' }

// wrongType is the error for a value of another type than the field takes.
func wrongType(field, want string, value []byte) error {
	return fmt.Errorf("%s must be %s, but is %s", field, want, jsonType(value))
}

// asString reads a string; null is the empty string.
func asString(field string, value []byte) (string, error) {
	if isNull(value) {
		return "", nil
	}
	if !isString(value) {
		return "", wrongType(field, "a string", value)
	}
	if plain := value[1 : len(value)-1]; bytes.IndexByte(plain, '\\') < 0 {
		return string(plain), nil
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err
}

// asElements reads an array; null is the empty array.
func asElements(field, want string, value []byte) ([]json.RawMessage, error) {
	if isNull(value) {
		return nil, nil
	}
	if !isArray(value) {
		return nil, wrongType(field, want, value)
	}
	var all []json.RawMessage
	err := json.Unmarshal(value, &all)
	return all, err
}

// asMembers reads an object; null is the empty object. An array of objects with
// key and value is one too: tables have no objects whose keys differ by row.
func asMembers(field, want string, value []byte) ([]member, error) {
	if isNull(value) {
		return nil, nil
	}
	if isArray(value) {
		return asEntries(field, want, value)
	}
	if !isObject(value) {
		return nil, wrongType(field, want, value)
	}
	all, err := members(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return all, nil
}

func asEntries(field, want string, value []byte) ([]member, error) {
	elements, err := asElements(field, want, value)
	if err != nil {
		return nil, err
	}
	var all []member
	for i, e := range elements {
		var entry struct {
			Key   *string
			Value json.RawMessage
		}
		if err := json.Unmarshal(e, &entry); err != nil || entry.Key == nil || len(entry.Value) == 0 {
			return nil, fmt.Errorf("%s[%d] must be an object with key and value", field, i)
		}
		all = append(all, member{key: *entry.Key, value: entry.Value})
	}
	return all, nil
}

// asText gives a string as it is and any other value as compact JSON.
func asText(value []byte) (string, error) {
	if isString(value) {
		return asString("", value)
	}
	var b bytes.Buffer
	err := json.Compact(&b, value)
	return b.String(), err
}
