package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	netmail "net/mail"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"akin/internal/access"
	"akin/internal/courier"
	"akin/internal/engine"
	"akin/internal/librarian"
	"akin/internal/notify"
	"akin/internal/notify/outbox"
	"akin/internal/notify/post"
	"akin/internal/notify/sentfile"
	"akin/internal/seal"
	"akin/internal/store"
)

// Mail says how mails are sent. The zero value sends none.
type Mail struct {
	// Addr is host:port of the mail server; empty sends no mail.
	Addr string
	// TLS is "starttls", the default, "implicit", or "none" for a server on this machine.
	TLS string
	// CA is a file of authorities that may vouch for the server, beside those of this
	// machine.
	CA string
	// User and Password log in.
	User, Password string
	// From is the sender, ReplyTo gets answers, ReturnPath what comes back.
	From, ReplyTo, ReturnPath string
	// DKIMKey is the text of a private key in PEM that signs mails; DKIMDomain is that of
	// From by default.
	DKIMKey, DKIMDomain, DKIMSelector string
	// PerMinute is how many mails go out in a minute, Late how long after its time a
	// digest is still sent, Timeout how long the server may take for one mail; 0 are the
	// defaults.
	PerMinute     int
	Late, Timeout time.Duration
	// Resend sends a mail once more that no answer came for.
	Resend bool
	// NoVisitors takes no subscriptions of visitors.
	NoVisitors bool
}

// mailing says what is wrong with the settings of mail.
func (c Config) mailing() (errs []error) {
	m := c.Mail
	fault := func(setting, format string, args ...any) {
		errs = append(errs, Fault{setting, fmt.Sprintf(format, args...)})
	}
	if m.PerMinute < 0 || m.PerMinute > 10_000 {
		fault("mail-rate", "is %d; it must be from 1 to 10000 mails a minute (0 means %d)", m.PerMinute, notify.DefaultPerMinute)
	}
	if m.Late < 0 || m.Late > 7*24*time.Hour {
		fault("mail-late", "is %v; it must be at most 168h (0 means %v)", m.Late, notify.DefaultLate)
	}
	if m.Timeout < 0 || m.Timeout > time.Hour {
		fault("smtp-timeout", "is %v; it must be at most 1h (0 means %v)", m.Timeout, post.DefaultTimeout)
	}
	if m.Addr == "" {
		return errs
	}
	if c.PublicURL == "" {
		fault("public-url", "is empty, and mails have links: write the address under which readers reach the page, or leave --smtp-addr out")
	}
	_, faults := m.post()
	return append(errs, faults...)
}

// post reads what sends mails, with all faults of it.
func (m Mail) post() (out post.Config, errs []error) {
	fault := func(setting, format string, args ...any) {
		errs = append(errs, Fault{setting, fmt.Sprintf(format, args...)})
	}
	host, port, err := net.SplitHostPort(m.Addr)
	n, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || host == "" || n < 1 || n > 65535 {
		fault("smtp-addr", "is %.80q; write HOST:PORT, such as mail.example.org:587", m.Addr)
	}
	out = post.Config{Host: host, Port: n, Encryption: post.Encryption(m.TLS), User: m.User, Password: m.Password, Timeout: m.Timeout}
	switch out.Encryption {
	case "", post.StartTLS, post.Implicit:
	case post.None:
		if !isLoopback(host) {
			fault("smtp-tls", "is none, which is only for a mail server on this machine: addresses and papers would be sent in clear to %.80q", host)
		}
	default:
		fault("smtp-tls", "is %.40q; it is starttls, implicit or none", m.TLS)
	}
	if (m.User == "") != (m.Password == "") {
		fault("smtp-user", "goes with a password: give both --smtp-user and --smtp-password-file, or neither")
	}
	read := func(setting, text string) (a netmail.Address) {
		got, err := netmail.ParseAddress(text)
		if err == nil {
			a = *got
			a.Address, err = notify.ParseAddress(setting, got.Address)
		}
		if err != nil {
			fault(setting, "is %.120q, which is no address; write one such as akin@example.org, or \"Papers <akin@example.org>\"", text)
		}
		return a
	}
	out.From = read("mail-from", m.From)
	if m.ReplyTo != "" {
		out.ReplyTo = read("mail-reply-to", m.ReplyTo)
	}
	if m.ReturnPath != "" {
		read("mail-return-path", strings.ReplaceAll(m.ReturnPath, "{id}", "id"))
		out.ReturnPath = m.ReturnPath
	}
	if m.CA != "" {
		if out.Roots, err = rootsOf(m.CA); err != nil {
			fault("smtp-ca", "cannot be used: %v", err)
		}
	}
	return out, append(errs, m.sign(&out)...)
}

// sign adds what signs mails.
func (m Mail) sign(out *post.Config) (errs []error) {
	if m.DKIMKey == "" {
		if m.DKIMSelector != "" || m.DKIMDomain != "" {
			errs = append(errs, Fault{"dkim-key-file", "is empty, and --dkim-selector or --dkim-domain is not: give all, or none"})
		}
		return errs
	}
	domain := m.DKIMDomain
	if domain == "" {
		domain = out.From.Address[strings.LastIndexByte(out.From.Address, '@')+1:]
	}
	if m.DKIMSelector == "" || strings.ContainsFunc(m.DKIMSelector+domain, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' || r == '=' }) {
		return append(errs, Fault{"dkim-selector", fmt.Sprintf("is %.60q; write the name before ._domainkey.%.60s that has the public key", m.DKIMSelector, domain)})
	}
	signer, err := post.Signer(domain, m.DKIMSelector, []byte(m.DKIMKey))
	if err != nil {
		return append(errs, Fault{"dkim-key-file", "cannot be used: " + err.Error()})
	}
	out.DKIM = signer
	return errs
}

func rootsOf(path string) (*x509.CertPool, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(raw) {
		return nil, errors.New("it has no certificate in PEM")
	}
	return pool, nil
}

// openDigests keeps digests, and sends them where the configuration says how. Without a
// mail server, and without a secret file of an earlier one, there are none.
func (a *App) openDigests(s *store.Store, e *engine.Engine, b *librarian.Librarian, feeds *courier.Courier) error {
	sends := a.config.Mail.Addr != ""
	path := a.config.secretFile()
	secrets, err := seal.OpenExisting(path)
	if err != nil && sends && s.Writable() == nil {
		secrets, err = seal.Open(path)
	}
	if err != nil {
		if sends {
			return err
		}
		a.server.KeepDigests(nil, "it was started without --public-url and --smtp-addr")
		return nil
	}
	kept := outbox.New(s.DB(), s.Moved)
	if err := readable(kept, secrets); err != nil && a.clustered() {
		a.log.Error("no digests are sent: their addresses came from the cluster, and the secret file of the server that wrote them did not; copy it here and restart",
			"file", path, "error", err)
		a.server.KeepDigests(nil, fmt.Sprintf("%s is not the secret file of the server that wrote before, which addresses of readers are encrypted with; "+
			"copy that, and restart", path))
		return nil
	}
	parts := notify.Parts{Store: kept, Seal: secrets, Papers: e, Marks: b, Log: a.log}
	parts.Feeds, parts.Sources, parts.Speaker = digestFeeds{feeds}, digestSources{a}, digestSpeaker{feeds}
	m := a.config.Mail
	set := notify.Settings{PublicURL: a.config.PublicURL, Late: m.Late, Resend: m.Resend, PerMinute: m.PerMinute, NoVisitors: m.NoVisitors}
	if !sends {
		set.Off = "it was started without --smtp-addr"
		a.server.KeepDigests(notify.New(parts, set), "")
		return nil
	}
	c, faults := m.post()
	if err := errors.Join(faults...); err != nil {
		return err
	}
	set.Domain = c.From.Address[strings.LastIndexByte(c.From.Address, '@')+1:]
	sender, err := post.New(c)
	if err != nil {
		return err
	}
	parts.Post = sender
	if a.fence != nil {
		parts.Post = rightfulPost{sender, a.fence}
	}
	if s.Writable() == nil {
		outside, err := sentfile.Open(path+sentfile.Suffix, nil)
		if err != nil {
			return err
		}
		a.onClose(outside.Close)
		parts.Outside = outside
	}
	a.digests = notify.New(parts, set)
	a.server.KeepDigests(a.digests, "")
	return nil
}

// readable says whether all addresses of readers can be read with the secrets.
func readable(kept *outbox.Outbox, secrets *seal.Seal) error {
	return kept.Read(context.Background(), func(r notify.Reader) error {
		return r.Recipients(func(one *notify.Recipient) error { return secrets.Has(one.Sealed) })
	})
}

// rightfulPost sends mails as long as this server writes: one that was replaced while it
// was halted must not send what the next one has sent.
type rightfulPost struct {
	notify.Post
	fence func() error
}

// Send implements notify.Post.
func (p rightfulPost) Send(ctx context.Context, m *notify.Mail, begin func() error) notify.Result {
	return p.Post.Send(ctx, m, func() error {
		if err := p.fence(); err != nil {
			return err
		}
		return begin()
	})
}

// runDigests sends what is due, until the end; it follows the secret file.
func (a *App) runDigests() {
	if a.digests == nil || a.store.Writable() != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if _, err := a.digests.Reseal(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("addresses of readers of digests cannot be read", "error", err)
		}
		a.digests.Run(ctx) //nolint:errcheck // it ends with its context alone
	})
	running.Go(func() { a.followSecrets(ctx) })
	a.onClose(func() error {
		cancel()
		running.Wait()
		return nil
	})
}

// followSecrets reads the secret file again when it was rotated.
func (a *App) followSecrets(ctx context.Context) {
	var seen time.Time
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		info, err := os.Stat(a.digests.Seal.Path())
		if err != nil || info.ModTime().Equal(seen) {
			continue
		}
		first := seen.IsZero()
		if seen = info.ModTime(); first {
			continue
		}
		err = a.digests.Seal.Reload()
		if err == nil {
			_, err = a.digests.Reseal(ctx)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Error("the secret file was changed and cannot be used; the one before stays in use", "error", err)
		}
	}
}

// RotateSecret adds a secret to the file, which is made if it is not there, and gives its
// id.
func RotateSecret(config Config, log *slog.Logger) (id string, err error) {
	id, err = seal.Rotate(config.secretFile(), time.Now())
	return id, errors.Join(err, config.auditLocal(log, access.Event{Action: "secret.rotate", Subject: cmp.Or(id, "?")}, err))
}

// ForgetSecrets takes the secrets away that are older than an age, but for the newest.
func ForgetSecrets(config Config, log *slog.Logger, age time.Duration) (n int, err error) {
	n, err = seal.Forget(config.secretFile(), time.Now().Add(-age))
	return n, errors.Join(err, config.auditLocal(log, access.Event{Action: "secret.forget", Subject: strconv.Itoa(n)}, err))
}
