// Package post sends mails by SMTP. It alone imports go-mail.
//
// A Post keeps one connection between mails, and lets go of it when it is told to rest,
// or when anything goes wrong: a connection on which a mail broke off is closed without
// a word, for any command would end the mail's text and deliver a part of it.
//
// Send may be called from several goroutines; mails go out one after the other.
//
// Caveats: what a server answers is logged and shown without what looks like an address.
// The server judges by its first digit: 4 is for now, 5 is for good.
package post

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	mail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"akin/internal/notify"
)

// Encryption is how a connection is encrypted.
type Encryption string

// The ways.
const (
	// StartTLS begins in clear and must then be encrypted: nothing is sent without.
	StartTLS Encryption = "starttls"
	// Implicit is encrypted from the first byte (SMTPS).
	Implicit Encryption = "implicit"
	// None is for servers on this machine.
	None Encryption = "none"
)

// DefaultTimeout is how long the server may take for one mail.
const DefaultTimeout = time.Minute

const (
	// perConnection is how many mails go over one connection.
	perConnection = 50
	// restAfter is how long a connection is kept without a mail.
	restAfter = 20 * time.Second
	// maxWords bounds what of an answer is kept.
	maxWords = 200
)

// Config says how mails are sent.
type Config struct {
	// Host and Port are those of the server.
	Host string
	Port int
	// Encryption is StartTLS by default.
	Encryption Encryption
	// Roots are the authorities that may vouch for the server; nil means those of this
	// machine.
	Roots *x509.CertPool
	// User and Password log in, if they are not empty.
	User, Password string
	// Hello is the name that this server says it has; "" means the domain of From.
	Hello string
	// From is the sender; ReplyTo, if it has an address, gets answers.
	From, ReplyTo netmail.Address
	// ReturnPath is where mails come back to; {id} in it becomes the id of the mail. ""
	// means From.
	ReturnPath string
	// DKIM signs mails; nil signs none.
	DKIM *mail.DKIMSigner
	// Timeout is how long the server may take for one mail; 0 means DefaultTimeout.
	Timeout time.Duration
	// Dial connects; nil means the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Post sends mails to one server.
type Post struct {
	config Config
	client *mail.Client

	// conn is the connection; nil between.
	conn atomic.Pointer[net.Conn]

	mu sync.Mutex // held while a mail is sent; guards what follows
	// session is what talks over the connection; nil between.
	session *smtp.Client
	sent    int
	last    time.Time
}

var _ notify.Post = (*Post)(nil)

// New makes a Post. It does not connect yet.
func New(c Config) (*Post, error) {
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Encryption == "" {
		c.Encryption = StartTLS
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Hello == "" {
		c.Hello = domainOf(c.From.Address)
	}
	p := &Post{config: c}
	policy := mail.TLSMandatory
	options := []mail.Option{
		mail.WithPort(c.Port), mail.WithTimeout(c.Timeout), mail.WithHELO(c.Hello), mail.WithTLSConfig(p.tls()),
		mail.WithDialContextFunc(p.dial), mail.WithoutNoop(),
	}
	switch c.Encryption {
	case Implicit:
		options = append(options, mail.WithSSL())
		policy = mail.NoTLS // it is encrypted already
	case None:
		policy = mail.NoTLS
	case StartTLS:
	}
	options = append(options, mail.WithTLSPolicy(policy))
	if c.User != "" {
		auth := mail.SMTPAuthAutoDiscover
		if c.Encryption == None {
			auth = mail.SMTPAuthPlainNoEnc
		}
		if c.Encryption == Implicit {
			auth = mail.SMTPAuthPlain // go-mail takes the connection for one in clear
		}
		options = append(options, mail.WithSMTPAuth(auth), mail.WithUsername(c.User), mail.WithPassword(c.Password))
	}
	client, err := mail.NewClient(c.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	p.client = client
	return p, nil
}

func (p *Post) tls() *tls.Config {
	return &tls.Config{ServerName: p.config.Host, RootCAs: p.config.Roots, MinVersion: tls.VersionTLS12}
}

// dial connects, and remembers the connection, so that it can be closed whatever
// happens on it.
func (p *Post) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.config.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p.conn.Store(&conn)
	if p.config.Encryption != Implicit {
		return conn, nil
	}
	encrypted := tls.Client(conn, p.tls())
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return encrypted, nil
}

// errBegin says that what was to be done before the first byte failed.
var errBegin = errors.New("the mail was not begun")

// Send implements notify.Post.
func (p *Post) Send(ctx context.Context, m *notify.Mail, begin func() error) notify.Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	message, err := p.message(m)
	if err != nil {
		return notify.Result{Outcome: notify.RejectedMail, Words: "it cannot be written: " + Words(err.Error())}
	}
	// The library looks at the context while it connects alone.
	stop := context.AfterFunc(ctx, func() {
		if conn := p.conn.Load(); conn != nil {
			(*conn).Close() //nolint:errcheck // nothing of it is needed any more
		}
	})
	defer stop()
	if err := p.connect(ctx); err != nil {
		p.drop()
		return notify.Result{Outcome: notify.Unreachable, Code: codeOf(err), Words: Words(err.Error())}
	}
	if out, refused := p.beyondASCII(m.To); refused {
		return out
	}
	var begun bool
	var beginErr error
	message.SetBodyWriter(mail.TypeTextPlain, func(w io.Writer) (int64, error) {
		if !begun { // signing writes it first, before anything goes out
			if beginErr = begin(); beginErr != nil {
				return 0, errBegin
			}
			begun = true
		}
		n, err := io.WriteString(w, m.Text)
		return int64(n), err
	})
	message.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	err = p.client.SendWithSMTPClient(p.session, message)
	p.sent++
	p.last = time.Now()
	if message.IsDelivered() {
		if err != nil { // what came after it failed
			p.drop()
		}
		return notify.Result{Outcome: notify.Delivered, Code: 250}
	}
	out := p.judge(err, begun, beginErr)
	var refused *mail.SendError
	if !errors.As(err, &refused) || refused.ErrorCode() == 0 || refused.ErrorCode() == 421 || refused.Reason == mail.ErrWriteContent || p.sent >= perConnection {
		p.drop()
	}
	return out
}

// beyondASCII refuses an address whose mailbox has letters beyond ASCII, which a server
// must not be told of that has not said that it takes them (RFC 6531). Domains are xn--.
func (p *Post) beyondASCII(address string) (notify.Result, bool) {
	if strings.IndexFunc(address, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return notify.Result{}, false
	}
	if takes, _ := p.session.Extension("SMTPUTF8"); takes {
		return notify.Result{}, false
	}
	return notify.Result{
		Outcome: notify.Rejected,
		Words:   "the mail server takes no names of mailboxes with letters beyond ASCII (SMTPUTF8); another address is needed, or another server",
	}, true
}

// connect makes sure that there is a connection.
func (p *Post) connect(ctx context.Context) error {
	if p.session != nil && (p.sent >= perConnection || time.Since(p.last) > restAfter || p.session.Noop() != nil) {
		p.hangUp()
	}
	if p.session != nil {
		return p.session.UpdateDeadline(p.config.Timeout)
	}
	session, err := p.client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	p.session, p.sent, p.last = session, 0, time.Now()
	return nil
}

// judge says what became of a mail that was not delivered.
func (p *Post) judge(err error, begun bool, beginErr error) notify.Result {
	if beginErr != nil {
		return notify.Result{Outcome: notify.Withdrawn, Words: Words(beginErr.Error())}
	}
	var e *mail.SendError
	if !errors.As(err, &e) {
		out := notify.Result{Outcome: notify.Unreachable, Words: Words(fmt.Sprint(err))}
		if begun {
			out.Outcome = notify.NoAnswer
		}
		return out
	}
	out := notify.Result{Code: e.ErrorCode(), Words: answer(e)}
	final := out.Code >= 500
	switch {
	case e.Reason == mail.ErrWriteContent: // its end was not sent
		out.Outcome = notify.Deferred
	case out.Code == 421:
		out.Outcome = notify.Unreachable
	case e.Reason == mail.ErrSMTPDataClose && out.Code == 0:
		out.Outcome = notify.NoAnswer
	case out.Code == 0:
		out.Outcome = notify.Unreachable
	case e.Reason == mail.ErrSMTPRcptTo && final:
		out.Outcome = notify.Rejected
	case e.Reason == mail.ErrSMTPMailFrom && final: // it does not take mail of ours
		out.Outcome = notify.Unreachable
	case final:
		out.Outcome = notify.RejectedMail
	default:
		out.Outcome = notify.Deferred
	}
	return out
}

// answer is what the server said.
func answer(e *mail.SendError) string {
	if e.ErrorCode() == 0 {
		return Words(e.Error())
	}
	said := e.Error()
	if at := strings.Index(said, fmt.Sprint(e.ErrorCode())); at >= 0 {
		said = said[at:]
	}
	return Words(said)
}

// codeAtStart is an answer of a server in an error of another kind.
var codeAtStart = regexp.MustCompile(`\b([245][0-9]{2})[ -]`)

func codeOf(err error) (code int) {
	if m := codeAtStart.FindStringSubmatch(err.Error()); m != nil {
		fmt.Sscan(m[1], &code) //nolint:errcheck // three digits
	}
	return code
}

// address is what looks like one in an answer.
var address = regexp.MustCompile(`(?i)<?[^\s<>@:;,"']*@[^\s<>@:;,"']*>?`)

// Words makes what a server answered fit to be kept and shown: one line without
// addresses.
func Words(s string) string {
	s = address.ReplaceAllString(s, "(address)")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if at := strings.Index(s, ", affected message ID"); at >= 0 {
		s = s[:at]
	}
	if len(s) > maxWords {
		s = strings.ToValidUTF8(s[:maxWords], "") + "…"
	}
	return strings.TrimRight(s, ".,: ")
}

// Rest implements notify.Post.
func (p *Post) Rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangUp()
}

// hangUp ends a connection that is between mails.
func (p *Post) hangUp() {
	if p.session != nil && p.session.HasConnection() {
		p.session.UpdateDeadline(2 * time.Second) //nolint:errcheck // it is closed below
		p.session.Quit()                          //nolint:errcheck // the same
	}
	p.drop()
}

// drop closes a connection without a word.
func (p *Post) drop() {
	if conn := p.conn.Swap(nil); conn != nil {
		(*conn).Close() //nolint:errcheck // nothing of it is needed any more
	}
	p.session = nil
}

func domainOf(addr string) string { return addr[strings.LastIndexByte(addr, '@')+1:] }
