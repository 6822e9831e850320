package token

import (
	"encoding/json"
	"fmt"
	"slices"
)

// frame is the special tokens around a text, such as [CLS] and [SEP].
type frame struct {
	before, after []special
}

// special is one special token of a frame.
type special struct {
	id    int64
	piece string
}

func (f frame) len() int { return len(f.before) + len(f.after) }

// ids puts the frame around content in a slice of its own.
func (f frame) ids(content []int64) []int64 {
	out := make([]int64, 0, len(content)+f.len())
	for _, s := range f.before {
		out = append(out, s.id)
	}
	out = append(out, content...)
	for _, s := range f.after {
		out = append(out, s.id)
	}
	return out
}

// offsets puts empty offsets for the frame around those of the content.
func (f frame) offsets(content [][2]int) [][2]int {
	out := make([][2]int, len(content)+f.len())
	copy(out[len(f.before):], content)
	return out
}

func idsOf(specials []special) []int64 {
	out := make([]int64, len(specials))
	for i, s := range specials {
		out[i] = s.id
	}
	return out
}

// parseFrame reads a post_processor. It gives the frame for a single text;
// what would happen to a pair of texts is ignored.
func parseFrame(raw json.RawMessage) (frame, error) {
	kind, err := kindOf(raw)
	if err != nil {
		return frame{}, err
	}
	switch kind {
	case "", "ByteLevel": // ByteLevel only trims offsets
		return frame{}, nil
	case "BertProcessing", "RobertaProcessing":
		return parsePairFrame(raw)
	case "TemplateProcessing":
		return parseTemplate(raw)
	case "Sequence":
		return parseFrameSequence(raw)
	}
	return frame{}, fmt.Errorf("%w: post_processor of type %q", ErrUnsupported, kind)
}

// parsePairFrame reads the two processors that state one token for each end.
func parsePairFrame(raw json.RawMessage) (frame, error) {
	var p struct{ Cls, Sep namedID }
	if err := json.Unmarshal(raw, &p); err != nil {
		return frame{}, fmt.Errorf("%w: post_processor: %w", ErrInvalid, err)
	}
	if p.Cls.piece == "" || p.Sep.piece == "" {
		return frame{}, fmt.Errorf("%w: post_processor needs cls and sep", ErrInvalid)
	}
	return frame{before: []special{special(p.Cls)}, after: []special{special(p.Sep)}}, nil
}

// namedID is a special token written as ["[CLS]", 101].
type namedID special

// UnmarshalJSON implements [json.Unmarshaler].
func (n *namedID) UnmarshalJSON(b []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("want a token and its id, got %d values", len(pair))
	}
	if err := json.Unmarshal(pair[0], &n.piece); err != nil {
		return err
	}
	if err := json.Unmarshal(pair[1], &n.id); err != nil {
		return err
	}
	return checkID(n.piece, n.id)
}

// parseTemplate reads a TemplateProcessing: a list in which the text stands
// once, between special tokens that are looked up by name.
func parseTemplate(raw json.RawMessage) (frame, error) {
	var p struct {
		Single []struct {
			SpecialToken *struct{ ID string }
			Sequence     *struct{ ID string }
		}
		SpecialTokens map[string]struct {
			IDs    []int64
			Tokens []string
		} `json:"special_tokens"`
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return frame{}, fmt.Errorf("%w: post_processor: %w", ErrInvalid, err)
	}
	var f frame
	texts := 0
	for _, item := range p.Single {
		switch {
		case item.Sequence != nil && item.SpecialToken == nil:
			if item.Sequence.ID != "A" {
				return frame{}, fmt.Errorf("%w: post_processor puts sequence %q into a single text", ErrUnsupported, item.Sequence.ID)
			}
			texts++
		case item.SpecialToken != nil && item.Sequence == nil:
			name := item.SpecialToken.ID
			tok, ok := p.SpecialTokens[name]
			if !ok || len(tok.IDs) == 0 || len(tok.IDs) != len(tok.Tokens) {
				return frame{}, fmt.Errorf("%w: post_processor uses special token %q without defining it", ErrInvalid, name)
			}
			for i, id := range tok.IDs {
				if err := checkID(tok.Tokens[i], id); err != nil {
					return frame{}, err
				}
				s := special{id: id, piece: tok.Tokens[i]}
				if texts == 0 {
					f.before = append(f.before, s)
				} else {
					f.after = append(f.after, s)
				}
			}
		default:
			return frame{}, fmt.Errorf("%w: post_processor has an item that is neither a token nor a sequence", ErrInvalid)
		}
	}
	if texts != 1 {
		return frame{}, fmt.Errorf("%w: post_processor uses the text %d times", ErrUnsupported, texts)
	}
	return f, nil
}

// parseFrameSequence nests the frames of several processors, the first
// innermost, as each one wraps what the ones before it made.
func parseFrameSequence(raw json.RawMessage) (frame, error) {
	var p struct{ Processors []json.RawMessage }
	if err := json.Unmarshal(raw, &p); err != nil {
		return frame{}, fmt.Errorf("%w: post_processor: %w", ErrInvalid, err)
	}
	var f frame
	for _, raw := range p.Processors {
		outer, err := parseFrame(raw)
		if err != nil {
			return frame{}, err
		}
		f.before = slices.Concat(outer.before, f.before)
		f.after = slices.Concat(f.after, outer.after)
	}
	return f, nil
}
