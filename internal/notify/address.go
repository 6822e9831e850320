package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"akin/internal/paper"
)

const (
	maxAddressBytes = 254
	maxLocalBytes   = 64
)

// ParseAddress reads the address of a reader: one address and nothing around it. Its
// domain comes in lower case and, if it has other letters than ASCII, as xn--.
func ParseAddress(field, text string) (string, error) {
	bad := func(why string) (string, error) {
		return "", paper.InvalidField(field, "is no address that mail can be sent to: %s; write one such as name@example.org", why)
	}
	text = strings.TrimSpace(text)
	at := strings.LastIndexByte(text, '@')
	hidden := func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }
	switch {
	case len(text) > 2*maxAddressBytes:
		return bad("it is too long")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, hidden):
		return bad("it has white space or characters that do not show")
	case at <= 0 || at == len(text)-1:
		return bad("it has no name before, or no domain behind an @")
	}
	local, domain := norm.NFC.String(text[:at]), text[at+1:]
	if !dotAtom(local) || len(local) > maxLocalBytes {
		return bad("what is before its @ has more than 64 bytes, or signs that are not taken (quotes, brackets, commas)")
	}
	if strings.ContainsAny(domain, "[]:") {
		return bad("its domain is a number")
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !hostName(ascii) {
		return bad("what is behind its @ is no domain")
	}
	if len(local)+1+len(ascii) > maxAddressBytes {
		return bad("it is too long")
	}
	return local + "@" + strings.ToLower(ascii), nil
}

// dotAtom says that a text is what may stand before the @ without quotes, letters
// beyond ASCII among it (RFC 6531).
func dotAtom(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for _, r := range part {
			ascii := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
			if !ascii && (r < 0x80 || !unicode.IsPrint(r) || r == unicode.ReplacementChar) {
				return false
			}
		}
	}
	return true
}

// hostName says that a domain has the form of one.
func hostName(s string) bool {
	if len(s) > 253 || s == "" {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
				return false
			}
		}
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	return strings.ContainsFunc(last, func(r rune) bool { return r < '0' || r > '9' })
}

// addressKey is what two spellings of one mailbox have in common.
func addressKey(address string) []byte { return []byte(strings.ToLower(norm.NFKC.String(address))) }

// Masked shows an address so that its owner knows it, and others do not: n…@e….org.
func Masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 {
		return "…"
	}
	first := func(s string) string {
		r, _ := utf8.DecodeRuneInString(s)
		return string(r) + "…"
	}
	domain := address[at+1:]
	end := ""
	if dot := strings.LastIndexByte(domain, '.'); dot >= 0 {
		end = domain[dot:]
	}
	return first(address[:at]) + "@" + first(domain) + end
}
