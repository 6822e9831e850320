package formula

import (
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"sync"
	_ "unsafe" // for go:linkname

	"github.com/wyatt915/treeblood"
)

// The library's own entry prints what it panics over to standard output, with the
// formula, which is a stranger's text; and it warns on standard error through a logger
// that nobody can set. These are the steps that the entry takes, of the version that
// go.mod names, without its printing.

//go:linkname logger github.com/wyatt915/treeblood.logger
var logger *log.Logger //nolint:gochecknoglobals // the library's, see above

//go:linkname tokenize github.com/wyatt915/treeblood.tokenize
func tokenize([]rune) ([]treeblood.Token, error)

//go:linkname wrapInMathTag github.com/wyatt915/treeblood.wrapInMathTag
func wrapInMathTag(*treeblood.MMLNode, string) *treeblood.MMLNode

// atRoot is the context of a formula as a whole.
const atRoot = 1

var errUnread = errors.New("the formula cannot be read")

//nolint:gochecknoglobals // guards what is global in the library
var silence = sync.OnceFunc(func() { logger.SetOutput(io.Discard) })

// convert gives what the library makes of a formula. It must not go into a page as it
// is.
func convert(tex string, macros map[string]treeblood.Macro) (out string, err error) {
	silence()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errUnread, r)
		}
	}()
	tokens, err := tokenize([]rune(tex))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errUnread, err)
	}
	if tokens, err = treeblood.ExpandMacros(tokens, macros); err != nil {
		return "", fmt.Errorf("%w: %w", errUnread, err)
	}
	var b strings.Builder
	tree := treeblood.NewPitziil().ParseTex(treeblood.NewTokenBuffer(tokens), atRoot)
	wrapInMathTag(tree, tex).Write(&b, -1)
	return b.String(), nil
}
