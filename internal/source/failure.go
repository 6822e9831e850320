package source

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"akin/internal/paper"
	"akin/internal/source/rest"
)

// trouble is a step of a run that could not be done.
type trouble struct {
	// message is a sentence for people.
	message string
	cause   error
	// lasting says that trying again soon will not help.
	lasting bool
	// until is when the source asks to be asked again; zero if it does not say.
	until time.Time
}

// Error gives the sentence.
func (t *trouble) Error() string { return t.message }

// Unwrap gives the cause.
func (t *trouble) Unwrap() error { return t.cause }

// passing is trouble that may be over soon.
func passing(cause error, format string, args ...any) error {
	return &trouble{message: fmt.Sprintf(format, args...), cause: cause}
}

// lasting is trouble that somebody must mend.
func lasting(cause error, format string, args ...any) error {
	return &trouble{message: fmt.Sprintf(format, args...), cause: cause, lasting: true}
}

const (
	// leastWait and mostWait bound what Retry-After may ask for.
	leastWait = rest.Least
	mostWait  = rest.Most
	// backOffFirst and backOffMost bound the time between tries after failures.
	backOffFirst = time.Minute
	backOffMost  = 6 * time.Hour
)

// backOff is how long to wait after so many failures in a row: it doubles, and differs
// between sources, so that not all come back at once.
func backOff(name string, failures int) time.Duration {
	wait := backOffMost
	if n := max(failures, 1) - 1; n < 12 {
		wait = min(backOffFirst<<n, backOffMost)
	}
	return wait + share(fmt.Sprintf("%s %d", name, failures), wait/5)
}

// excerpt is the beginning of what a source answered, for a message.
func excerpt(body []byte) string {
	const most = 120
	text := strings.ToValidUTF8(string(body[:min(len(body), 2*most)]), "\uFFFD")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	runes := []rune(text)
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// sentence is what an error says to people.
func sentence(err error) string {
	var t *trouble
	var known *paper.Error
	switch {
	case errors.As(err, &t):
		return t.message
	case errors.As(err, &known):
		return known.Error()
	}
	return err.Error()
}
