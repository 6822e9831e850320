// Package hop says where redirects are followed by those who fetch what somebody named:
// to the same host alone, so that a server that is asked cannot make this program ask
// another, inside of a network or out of it. Its functions are pure.
//
// Caveats: a host is a name. What its addresses are, whoever dials looks at.
package hop

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Most is how many redirects one question may meet.
const Most = 5

// Error is a redirect that is not followed.
type Error struct {
	// Host redirects to To, which has no password in it; To is empty if it is no address.
	Host, To string
	// Endless says that it was one redirect too many.
	Endless bool
}

// Error says what is not followed.
func (e *Error) Error() string {
	if e.Endless {
		return fmt.Sprintf("%s redirects more than %d times", e.Host, Most)
	}
	if e.To == "" {
		return e.Host + " redirects to something that is no address"
	}
	return fmt.Sprintf("%s redirects to %.200s, which is not followed", e.Host, e.To)
}

// Next gives where a header Location leads from an address: to the same host, by the same
// scheme and port, or from http to https. Anything else is an *Error.
func Next(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil {
		return nil, &Error{Host: from.Host}
	}
	if err := Check(from, to); err != nil {
		return nil, err
	}
	to.Fragment = ""
	return to, nil
}

// Check says with an *Error why a redirect from one address to another is not followed.
func Check(from, to *url.URL) error {
	same := Host(to) == Host(from)
	safer := to.Scheme == from.Scheme && to.Port() == from.Port() || from.Scheme == "http" && to.Scheme == "https" && to.Port() == ""
	if same && safer && to.User == nil {
		return nil
	}
	shown := *to
	shown.User = nil
	return &Error{Host: from.Host, To: shown.Redacted()}
}

// Policy is what http.Client.CheckRedirect takes: it follows what Check allows, and no
// more than Most, with an *Error for what it does not.
func Policy(req *http.Request, via []*http.Request) error {
	if len(via) > Most {
		return &Error{Host: via[0].URL.Host, Endless: true}
	}
	return Check(via[len(via)-1].URL, req.URL)
}

// Host is the host of an address as hosts are compared: without its port, and as [Bare] has
// it.
func Host(u *url.URL) string { return Bare(u.Hostname()) }

// Bare is the name of a host as hosts are compared: in small letters, without brackets and
// the dot at the end.
func Bare(host string) string {
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}
