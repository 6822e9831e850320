package post

import (
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode"

	mail "github.com/wneessen/go-mail"

	"akin/internal/notify"
)

// signed are the headers that DKIM covers: both of RFC 8058 among them. The list has to
// fit on one line: the library folds a longer one within a word, which is not what it
// signed.
var signed = []string{"From", "To", "Reply-To", "Subject", "Date", "List-Unsubscribe", "List-Unsubscribe-Post"} //nolint:gochecknoglobals // a constant list

// maxDKIMName bounds domain and selector, for the same reason.
const maxDKIMName = 60

// minRSABits is how long an RSA key is at least: receivers refuse shorter ones.
const minRSABits = 1024

// Signer makes what signs mails with a key in PEM (RSA, PKCS#1 or PKCS#8, or Ed25519).
func Signer(domain, selector string, pem []byte) (*mail.DKIMSigner, error) {
	if len(domain) > maxDKIMName || len(selector) > maxDKIMName {
		return nil, fmt.Errorf("the domain and the selector that it is published under may have at most %d bytes", maxDKIMName)
	}
	key, err := mail.PrivKeyFromPEM(pem)
	if err != nil {
		return nil, errors.New("it is no private key in PEM of RSA or Ed25519")
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("its RSA key has %d bits; receivers want at least %d, better 2048", k.N.BitLen(), minRSABits)
		}
	case ed25519.PrivateKey:
	}
	s := mail.NewDKIMSigner(domain, selector, key)
	s.SignHeaders(signed...)
	return s, nil
}

// message makes the mail as it goes out, but for its text.
func (p *Post) message(m *notify.Mail) (*mail.Msg, error) {
	out := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	from := netmail.Address{Name: oneLine(p.config.From.Name), Address: p.config.From.Address}
	out.FromMailAddress(&from)
	if path := p.returnPath(m.MessageID); path != "" {
		if err := out.EnvelopeFrom(path); err != nil {
			return nil, fmt.Errorf("return path: %w", err)
		}
	}
	if p.config.ReplyTo.Address != "" {
		out.ReplyToMailAddress(&netmail.Address{Name: oneLine(p.config.ReplyTo.Name), Address: p.config.ReplyTo.Address})
	}
	out.ToMailAddress(&netmail.Address{Address: m.To})
	out.Subject(oneLine(m.Subject))
	out.SetMessageIDWithValue(oneLine(m.MessageID))
	out.SetDateWithValue(m.Date)
	out.SetGenHeader("Auto-Submitted", "auto-generated")
	out.SetGenHeader("Precedence", "bulk")
	out.SetGenHeader("X-Auto-Response-Suppress", "All")
	if m.Unsubscribe != "" {
		// Whole: encoded or broken, some readers' programs do not find the address.
		out.SetGenHeaderPreformatted("List-Unsubscribe", "<"+oneLine(m.Unsubscribe)+">")
		out.SetGenHeaderPreformatted("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	if p.config.DKIM != nil {
		out.SetDKIM(p.config.DKIM)
	}
	return out, nil
}

// returnPath is where a mail comes back to; "" for its sender.
func (p *Post) returnPath(messageID string) string {
	id, _, _ := strings.Cut(messageID, "@")
	return strings.ReplaceAll(p.config.ReturnPath, "{id}", id)
}

// oneLine takes everything away that could end a header.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "")))
}
