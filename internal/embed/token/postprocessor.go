package token

import (
	"encoding/json"
	"fmt"
	"slices"
)

// postProcessor puts special tokens, such as [CLS] and [SEP], around a text.
type postProcessor struct {
	before, after []special
}

// special is one of the special tokens around a text.
type special struct {
	id    int64
	piece string
}

// len is how many special tokens each text gets.
func (p postProcessor) len() int { return len(p.before) + len(p.after) }

// ids puts the special tokens around content, in a slice of its own.
func (p postProcessor) ids(content []int64) []int64 {
	out := make([]int64, 0, len(content)+p.len())
	for _, s := range p.before {
		out = append(out, s.id)
	}
	out = append(out, content...)
	for _, s := range p.after {
		out = append(out, s.id)
	}
	return out
}

// offsets puts those of the special tokens, which are empty, around content.
func (p postProcessor) offsets(content [][2]int) [][2]int {
	out := make([][2]int, len(content)+p.len())
	copy(out[len(p.before):], content)
	return out
}

func idsOf(specials []special) []int64 {
	out := make([]int64, len(specials))
	for i, s := range specials {
		out[i] = s.id
	}
	return out
}

// parsePostProcessor reads a post_processor. Only what it does to a single
// text is kept; what it would do to a pair of texts is ignored.
func parsePostProcessor(raw json.RawMessage) (postProcessor, error) {
	kind, err := kindOf(raw)
	if err != nil {
		return postProcessor{}, err
	}
	switch kind {
	case "", "ByteLevel": // ByteLevel only trims offsets
		return postProcessor{}, nil
	case "BertProcessing", "RobertaProcessing":
		return parseClsSep(raw)
	case "TemplateProcessing":
		return parseTemplate(raw)
	case "Sequence":
		return parsePostProcessorSequence(raw)
	}
	return postProcessor{}, fmt.Errorf("%w: post_processor of type %q", ErrUnsupported, kind)
}

// parseClsSep reads the two processors that state one token for each end.
func parseClsSep(raw json.RawMessage) (postProcessor, error) {
	var p struct{ Cls, Sep namedID }
	if err := json.Unmarshal(raw, &p); err != nil {
		return postProcessor{}, fmt.Errorf("%w: post_processor: %w", ErrInvalid, err)
	}
	if p.Cls.piece == "" || p.Sep.piece == "" {
		return postProcessor{}, fmt.Errorf("%w: post_processor needs cls and sep", ErrInvalid)
	}
	return postProcessor{before: []special{special(p.Cls)}, after: []special{special(p.Sep)}}, nil
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
func parseTemplate(raw json.RawMessage) (postProcessor, error) {
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
		return postProcessor{}, fmt.Errorf("%w: post_processor: %w", ErrInvalid, err)
	}
	var post postProcessor
	texts := 0
	for _, item := range p.Single {
		switch {
		case item.Sequence != nil && item.SpecialToken == nil:
			if item.Sequence.ID != "A" {
				return postProcessor{}, fmt.Errorf("%w: post_processor puts sequence %q into a single text", ErrUnsupported, item.Sequence.ID)
			}
			texts++
		case item.SpecialToken != nil && item.Sequence == nil:
			name := item.SpecialToken.ID
			tok, ok := p.SpecialTokens[name]
			if !ok || len(tok.IDs) == 0 || len(tok.IDs) != len(tok.Tokens) {
				return postProcessor{}, fmt.Errorf("%w: post_processor uses special token %q without defining it", ErrInvalid, name)
			}
			for i, id := range tok.IDs {
				if err := checkID(tok.Tokens[i], id); err != nil {
					return postProcessor{}, err
				}
				s := special{id: id, piece: tok.Tokens[i]}
				if texts == 0 {
					post.before = append(post.before, s)
				} else {
					post.after = append(post.after, s)
				}
			}
		default:
			return postProcessor{}, fmt.Errorf("%w: post_processor has an item that is neither a token nor a sequence", ErrInvalid)
		}
	}
	if texts != 1 {
		return postProcessor{}, fmt.Errorf("%w: post_processor uses the text %d times", ErrUnsupported, texts)
	}
	return post, nil
}

// parsePostProcessorSequence nests the special tokens of several processors, the
// first innermost, as each one wraps what the ones before it made.
func parsePostProcessorSequence(raw json.RawMessage) (postProcessor, error) {
	var p struct{ Processors []json.RawMessage }
	if err := json.Unmarshal(raw, &p); err != nil {
		return postProcessor{}, fmt.Errorf("%w: post_processor: %w", ErrInvalid, err)
	}
	var post postProcessor
	for _, raw := range p.Processors {
		outer, err := parsePostProcessor(raw)
		if err != nil {
			return postProcessor{}, err
		}
		post.before = slices.Concat(outer.before, post.before)
		post.after = slices.Concat(post.after, outer.after)
	}
	return post, nil
}
