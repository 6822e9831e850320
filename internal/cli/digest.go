package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/app"
	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

type digestCommand struct {
	List         digestListCommand    `cmd:"" help:"List your digests."`
	Show         digestShowCommand    `cmd:"" help:"Show a digest."`
	Create       digestCreateCommand  `cmd:"" help:"Have papers sent by mail, at a local time."`
	Edit         digestEditCommand    `cmd:"" help:"Change a digest, stop it or let it go on."`
	Delete       digestDeleteCommand  `cmd:"" help:"Forget a digest."`
	Preview      digestPreviewCommand `cmd:"" help:"Write what a digest would say now."`
	Send         digestSendCommand    `cmd:"" help:"Send a digest now, in the place of today's."`
	Status       digestStatusCommand  `cmd:"" help:"Say why a digest came or did not."`
	Bounce       digestBounceCommand  `cmd:"" help:"Report mails that came back: from standard input, files or folders."`
	RotateSecret digestRotateCommand  `cmd:"" help:"Give the server a new secret to encrypt addresses and sign links with."`
}

// Help says what a digest is.
func (digestCommand) Help() string {
	return `A digest is a mail of what your feeds or a listing brought: daily, on weekdays or weekly,
at a local time. What was sent, read or dismissed never comes again. The server needs
--public-url and --smtp-addr.

Examples:
  akin digest create morning --address me@example.org --feeds graphs,rankings --time 07:00 --time-zone Europe/Berlin
  akin digest preview morning
  akin digest status morning`
}

// digestFields are what people set of a digest.
type digestFields struct {
	Address  string   `help:"Where it is sent; a mail asks its reader first." placeholder:"ADDRESS"`
	Feeds    []string `help:"Your feeds whose papers it has." placeholder:"NAME"`
	Listing  string   `help:"A list beside the feeds: newest or trending." enum:",none,newest,trending" default:"" placeholder:"LIST"`
	Every    string   `help:"How often: daily (the default), weekdays, or a day such as monday." enum:",daily,weekdays,monday,tuesday,wednesday,thursday,friday,saturday,sunday" default:"" placeholder:"WHEN"`
	Time     string   `help:"Local time (default: 07:00)." placeholder:"HH:MM"`
	TimeZone string   `help:"Zone of the time, such as Europe/Berlin (default: UTC)." placeholder:"ZONE"`
	Quiet    string   `help:"On a day without papers: silent (the default) or explain." enum:",silent,explain" default:"" placeholder:"CHOICE"`
	Pin      []string `help:"Authors whose papers come first." sep:";" placeholder:"NAME"`
	MaxItems int32    `help:"Papers a mail has at most, to 26 (default: 20)." placeholder:"N"`
	Library  string   `help:"Library that likes in the mail go to (default: reading)." placeholder:"NAME"`
	Title    string   `help:"What the mail is called." placeholder:"TEXT"`
	Vouched  bool     `help:"The address is known to be yours: do not ask. It needs the scope admin."`
}

// digest gives what was set, and the names of its fields.
func (f *digestFields) digest(name string) (d *akinv1.Digest, paths []string) {
	d = &akinv1.Digest{Name: name, DisplayName: f.Title, Address: f.Address, Feeds: f.Feeds, PinnedAuthors: f.Pin, MaxItems: f.MaxItems, Library: f.Library}
	add := func(set bool, path string) {
		if set {
			paths = append(paths, path)
		}
	}
	add(f.Title != "", "display_name")
	add(f.Address != "", "address")
	add(len(f.Feeds) > 0, "feeds")
	add(len(f.Pin) > 0, "pinned_authors")
	add(f.MaxItems != 0, "max_items")
	add(f.Library != "", "library")
	add(f.Listing != "", "listing")
	add(f.Quiet != "", "quiet")
	switch f.Listing {
	case "newest":
		d.Listing = akinv1.DigestListing_DIGEST_LISTING_NEWEST
	case "trending":
		d.Listing = akinv1.DigestListing_DIGEST_LISTING_TRENDING
	}
	if f.Quiet == "explain" {
		d.Quiet = akinv1.DigestQuiet_DIGEST_QUIET_EXPLAIN
	}
	return d, paths
}

// schedule changes the parts of a schedule that were given.
func (f *digestFields) schedule(s *akinv1.DigestSchedule) (changed bool) {
	if f.Every != "" {
		s.Interval = akinv1.DigestInterval_DIGEST_INTERVAL_WEEKLY
		s.Weekday = akinv1.DigestWeekday(akinv1.DigestWeekday_value["DIGEST_WEEKDAY_"+strings.ToUpper(f.Every)])
		if s.Weekday == 0 {
			s.Interval = akinv1.DigestInterval(akinv1.DigestInterval_value["DIGEST_INTERVAL_"+strings.ToUpper(f.Every)])
		}
	}
	if f.Time != "" {
		s.Time = f.Time
	}
	if f.TimeZone != "" {
		s.TimeZone = f.TimeZone
	}
	return f.Every != "" || f.Time != "" || f.TimeZone != ""
}

// changeDigest makes a call that answers with a digest, and shows it.
func (e *environment) changeDigest(t target, asJSON bool, call func(*client.Client) (*akinv1.Digest, error)) error {
	cl, err := e.connect(t, false)
	if err != nil {
		return err
	}
	d, err := call(cl)
	if err != nil {
		return err
	}
	return e.show(asJSON, d, func() { e.digest(d) })
}

// digestWhen and digestWhat say in words when a digest is sent, and what it has.
func digestWhen(s *akinv1.DigestSchedule) string {
	when := enumWord(s.GetInterval(), "DIGEST_INTERVAL_")
	if s.GetWeekday() != 0 {
		when = "every " + enumWord(s.GetWeekday(), "DIGEST_WEEKDAY_")
	}
	return fmt.Sprintf("%s %s (%s)", when, s.GetTime(), cmp.Or(s.GetTimeZone(), "UTC"))
}

func digestWhat(d *akinv1.Digest) string {
	what := slices.Clone(d.GetFeeds())
	if d.GetListing() != 0 {
		what = append(what, enumWord(d.GetListing(), "DIGEST_LISTING_"))
	}
	return strings.Join(what, ", ")
}

func digestState(d *akinv1.Digest) string {
	return enumWord(d.GetState(), "DIGEST_STATE_")
}

// digest prints all of a digest.
func (e *environment) digest(d *akinv1.Digest) {
	e.fact("name", d.GetName())
	e.fact("called", d.GetDisplayName())
	e.fact("to", d.GetAddress())
	e.fact("sent", digestWhen(d.GetSchedule()))
	e.fact("papers of", digestWhat(d))
	e.fact("collection", d.GetCollection())
	e.fact("first", strings.Join(d.GetPinnedAuthors(), "; "))
	if n := d.GetMaxItems(); n > 0 {
		e.fact("papers", fmt.Sprintf("at most %d", n))
	}
	e.fact("likes go to", d.GetLibrary())
	e.fact("quiet days", enumWord(d.GetQuiet(), "DIGEST_QUIET_"))
	e.fact("state", digestState(d))
}

type digestListCommand struct {
	target
	JSON bool `name:"json" help:"Print the digests as JSON."`
}

// Run lists digests.
func (c digestListCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	all, err := cl.Digests.ListDigests(e.ctx, &akinv1.ListDigestsRequest{})
	if err != nil {
		return err
	}
	return e.show(c.JSON, all, func() {
		for _, d := range all.GetDigests() {
			fmt.Fprintf(e.out, "%s  %s to %s: %s  %s\n", oneLine(d.GetName()), oneLine(digestWhen(d.GetSchedule())), oneLine(d.GetAddress()),
				oneLine(digestWhat(d)), digestState(d))
		}
		if len(all.GetDigests()) == 0 {
			fmt.Fprintln(e.errOut, "No digests: `akin digest create NAME --address ADDRESS --listing trending` makes one.")
		}
	})
}

type digestShowCommand struct {
	Name string `arg:"" help:"Name of the digest."`
	target
	JSON bool `name:"json" help:"Print the digest as JSON."`
}

// Run shows a digest.
func (c digestShowCommand) Run(e *environment) error {
	return e.changeDigest(c.target, c.JSON, func(cl *client.Client) (*akinv1.Digest, error) {
		return cl.Digests.GetDigest(e.ctx, &akinv1.GetDigestRequest{Name: c.Name})
	})
}

type digestCreateCommand struct {
	Name string `arg:"" help:"Name of the digest."`
	target
	digestFields
	Collection string `help:"Collection of its papers." placeholder:"NAME"`
	JSON       bool   `name:"json" help:"Print the digest as JSON."`
}

// Run makes a digest.
func (c digestCreateCommand) Run(e *environment) error {
	d, _ := c.digest(c.Name)
	d.Collection, d.Schedule = c.Collection, new(akinv1.DigestSchedule)
	c.schedule(d.GetSchedule())
	return e.changeDigest(c.target, c.JSON, func(cl *client.Client) (*akinv1.Digest, error) {
		return cl.Digests.CreateDigest(e.ctx, &akinv1.CreateDigestRequest{Digest: d, Vouched: c.Vouched})
	})
}

type digestEditCommand struct {
	Name string `arg:"" help:"Name of the digest."`
	target
	digestFields
	Stop   bool `help:"Send it no more." xor:"stop"`
	Resume bool `help:"Let it go on, also to an address that is paused after refusals." xor:"stop"`
	JSON   bool `name:"json" help:"Print the digest as JSON."`
}

// Run changes a digest. The parts of its schedule that are not given stay.
func (c digestEditCommand) Run(e *environment) error {
	return e.changeDigest(c.target, c.JSON, func(cl *client.Client) (*akinv1.Digest, error) {
		d, paths := c.digest(c.Name)
		now, err := cl.Digests.GetDigest(e.ctx, &akinv1.GetDigestRequest{Name: c.Name})
		if err != nil {
			return nil, err
		}
		if c.schedule(now.GetSchedule()) {
			d.Schedule, paths = now.GetSchedule(), append(paths, "schedule")
		}
		if len(paths) == 0 {
			paths = []string{"name"} // nothing of it
		}
		return cl.Digests.UpdateDigest(e.ctx, &akinv1.UpdateDigestRequest{
			Digest: d, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}, Vouched: c.Vouched, Stop: c.Stop, Resume: c.Resume,
		})
	})
}

type digestDeleteCommand struct {
	Name string `arg:"" help:"Name of the digest."`
	target
	Erase bool `help:"Forget its address at once, and what was sent to it."`
	JSON  bool `name:"json" help:"Print the digest as JSON."`
}

// Run forgets a digest.
func (c digestDeleteCommand) Run(e *environment) error {
	return e.changeDigest(c.target, c.JSON, func(cl *client.Client) (*akinv1.Digest, error) {
		return cl.Digests.DeleteDigest(e.ctx, &akinv1.DeleteDigestRequest{Name: c.Name, Erase: c.Erase})
	})
}

type digestPreviewCommand struct {
	Name string `arg:"" help:"Name of the digest."`
	target
	HTML bool `name:"html" help:"Print the HTML instead of the text."`
	JSON bool `name:"json" help:"Print subject, text, HTML and ids as JSON."`
}

// Run writes what a digest would say.
func (c digestPreviewCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	p, err := cl.Digests.PreviewDigest(e.ctx, &akinv1.PreviewDigestRequest{Name: c.Name})
	if err != nil {
		return err
	}
	return e.show(c.JSON, p, func() { e.preview(p, c.HTML) })
}

func (e *environment) preview(p *akinv1.DigestPreview, html bool) {
	if html {
		fmt.Fprintln(e.out, p.GetHtml())
		return
	}
	fmt.Fprintf(e.out, "Subject: %s\n\n", oneLine(p.GetSubject()))
	for line := range strings.Lines(p.GetText()) {
		fmt.Fprintln(e.out, oneLine(strings.TrimRight(line, "\n")))
	}
}

type digestSendCommand struct {
	Name string `arg:"" help:"Name of the digest."`
	target
	DryRun bool `help:"Only write what it would say."`
	JSON   bool `name:"json" help:"Print the answer as JSON."`
}

// Run has a digest sent.
func (c digestSendCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Digests.SendDigest(e.ctx, &akinv1.SendDigestRequest{Name: c.Name, DryRun: c.DryRun})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() {
		if c.DryRun {
			e.preview(resp.GetPreview(), false)
			return
		}
		fmt.Fprintf(e.out, "The digest of %s is on its way; akin digest status %s says what became of it.\n", resp.GetDate(), oneLine(c.Name))
	})
}

type digestStatusCommand struct {
	Name string `arg:"" help:"Name of the digest."`
	target
	JSON bool `name:"json" help:"Print the status as JSON."`
}

// Run says how a digest is.
func (c digestStatusCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	s, err := cl.Digests.GetDigestStatus(e.ctx, &akinv1.GetDigestStatusRequest{Name: c.Name})
	if err != nil {
		return err
	}
	return e.show(c.JSON, s, func() {
		e.digest(s.GetDigest())
		for _, words := range s.GetWords() {
			fmt.Fprintln(e.out, oneLine(words))
		}
		for _, i := range s.GetIssues() {
			fmt.Fprintf(e.out, "  %s  %-10s %s  %s\n", i.GetDate(), enumWord(i.GetProgress(), "DIGEST_PROGRESS_"),
				plural(len(i.GetPaperIds()), "paper"), oneLine(i.GetWords()))
		}
	})
}

type digestBounceCommand struct {
	Files []string `arg:"" optional:"" help:"Mails that came back, or folders of them, such as a Maildir; standard input without any." type:"path"`
	target
	JSON bool `name:"json" help:"Print each answer as JSON."`
}

// Help says where they come from.
func (digestBounceCommand) Help() string {
	return `A mail server returns what it could not deliver to --mail-return-path, or else to
--mail-from. Pipe each such mail to this command, or name the folder that has them.
Only delivery status notifications of mails of this server count, each once; holiday
notes do not. An address is paused after several.

Examples:
  akin digest bounce < returned.eml
  akin digest bounce /var/mail/bounces/Maildir`
}

// maxBounce is how much of a mail is read: what counts is at its beginning.
const maxBounce = 1 << 20

// Run reports bounces. What is none is said, and does not keep the others from counting.
func (c digestBounceCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	if len(c.Files) == 0 {
		raw, err := io.ReadAll(io.LimitReader(os.Stdin, maxBounce))
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		return e.bounce(cl, "standard input", raw, c.JSON)
	}
	var errs []error
	for _, path := range c.Files {
		errs = append(errs, filepath.WalkDir(path, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !entry.Type().IsRegular() {
				return err
			}
			f, err := os.Open(path) //nolint:gosec // the person who runs the program names the folder
			if err != nil {
				return err
			}
			defer f.Close()
			raw, err := io.ReadAll(io.LimitReader(f, maxBounce))
			if err != nil {
				return err
			}
			if err := e.bounce(cl, path, raw, c.JSON); err != nil {
				fmt.Fprintf(e.errOut, "%s: %s\n", oneLine(path), oneLine(err.Error()))
			}
			return e.ctx.Err()
		}))
	}
	return errors.Join(errs...)
}

func (e *environment) bounce(cl *client.Client, name string, raw []byte, asJSON bool) error {
	resp, err := cl.Digests.ReportBounce(e.ctx, &akinv1.ReportBounceRequest{Message: raw})
	if err != nil {
		return err
	}
	return e.show(asJSON, resp, func() { fmt.Fprintf(e.out, "%s: %s\n", oneLine(name), oneLine(resp.GetWords())) })
}

type digestRotateCommand struct {
	Data       string        `help:"Data directory; a server may be using it." type:"path" env:"AKIN_DATA" placeholder:"DIR"`
	AccessDir  string        `help:"Directory of the keys (default: access in the data directory)." type:"path" env:"AKIN_ACCESS_DIR" placeholder:"DIR"`
	SecretFile string        `help:"File of the secrets (default: secrets.json beside the keys)." type:"path" env:"AKIN_SECRET_FILE" placeholder:"FILE"`
	Forget     time.Duration `help:"Forget secrets that are older than this: links in mails that they signed are none any more, and addresses that they encrypted must have been encrypted anew by a running server." placeholder:"TIME"`
}

// Help says what goes on.
func (digestRotateCommand) Help() string {
	return `A running server takes the new secret within a second, and encrypts all addresses with
it. The old one still reads what it wrote and links that it signed, until it is
forgotten: links to unsubscribe should be good for at least a month.

Examples:
  akin digest rotate-secret --data papers
  akin digest rotate-secret --data papers --forget 4320h`
}

// Run adds a secret, or forgets old ones.
func (c digestRotateCommand) Run(e *environment) error {
	config := e.config
	config.Data, config.Access.Dir, config.SecretFile = c.Data, c.AccessDir, c.SecretFile
	if c.Forget > 0 {
		n, err := app.ForgetSecrets(config, e.log, c.Forget)
		if err == nil {
			fmt.Fprintf(e.out, "forgot %s\n", plural(n, "secret"))
		}
		return err
	}
	id, err := app.RotateSecret(config, e.log)
	if err == nil {
		fmt.Fprintf(e.out, "secret %s encrypts and signs from now on\n", id)
	}
	return err
}

// mailFlags say how digests are sent.
type mailFlags struct {
	SMTPAddr         string        `name:"smtp-addr" help:"Mail server that digests are sent through; without it, none are. It needs --public-url." env:"AKIN_SMTP_ADDR" placeholder:"HOST:PORT" group:"Mail:"`
	SMTPTLS          string        `name:"smtp-tls" help:"How the mail server is talked to: starttls (required, not tried), implicit (SMTPS), or none, for one on this machine." enum:"starttls,implicit,none" default:"starttls" env:"AKIN_SMTP_TLS" placeholder:"HOW" group:"Mail:"`
	SMTPCA           string        `name:"smtp-ca" help:"Authorities that vouch for the mail server, beside those of this machine." type:"path" env:"AKIN_SMTP_CA" placeholder:"FILE" group:"Mail:"`
	SMTPUser         string        `name:"smtp-user" help:"Name to log in to the mail server with." env:"AKIN_SMTP_USER" placeholder:"NAME" group:"Mail:"`
	SMTPPasswordFile string        `name:"smtp-password-file" help:"File of the password of --smtp-user. AKIN_SMTP_PASSWORD may have it instead." type:"path" env:"AKIN_SMTP_PASSWORD_FILE" placeholder:"FILE" secret:"smtp-password" group:"Mail:"`
	SMTPTimeout      time.Duration `name:"smtp-timeout" help:"How long the mail server may take for one mail." default:"1m" env:"AKIN_SMTP_TIMEOUT" placeholder:"TIME" group:"Mail:"`
	MailFrom         string        `help:"Sender of mails, such as Papers <akin@example.org>." env:"AKIN_MAIL_FROM" placeholder:"ADDRESS" group:"Mail:"`
	MailReplyTo      string        `help:"Who gets answers to mails (default: the sender)." env:"AKIN_MAIL_REPLY_TO" placeholder:"ADDRESS" group:"Mail:"`
	MailReturnPath   string        `help:"Where mails come back to that cannot be delivered (default: the sender); {id} in it becomes the id of the mail, such as bounces+{id}@example.org." env:"AKIN_MAIL_RETURN_PATH" placeholder:"ADDRESS" group:"Mail:"`
	DKIMKeyFile      string        `name:"dkim-key-file" help:"Private key in PEM (RSA or Ed25519) that signs mails. AKIN_DKIM_KEY may have it instead." type:"path" env:"AKIN_DKIM_KEY_FILE" placeholder:"FILE" secret:"dkim-key" group:"Mail:"`
	DKIMSelector     string        `name:"dkim-selector" help:"Name of the DNS entry SELECTOR._domainkey that has the public key." env:"AKIN_DKIM_SELECTOR" placeholder:"NAME" group:"Mail:"`
	DKIMDomain       string        `name:"dkim-domain" help:"Domain that signs (default: that of the sender)." env:"AKIN_DKIM_DOMAIN" placeholder:"NAME" group:"Mail:"`
	MailRate         int           `help:"Mails sent in a minute at most." default:"60" env:"AKIN_MAIL_RATE" placeholder:"N" group:"Mail:"`
	MailLate         time.Duration `help:"How long after its time a digest is still sent; after that, its papers come with the next. A backup that is put back sends nothing that is older." default:"6h" env:"AKIN_MAIL_LATE" placeholder:"TIME" group:"Mail:"`
	MailResend       bool          `help:"Send a mail once more that no answer came for: it may come twice. Otherwise it counts as sent." env:"AKIN_MAIL_RESEND" group:"Mail:"`
	MailNoVisitors   bool          `help:"Take no subscriptions of visitors." env:"AKIN_MAIL_NO_VISITORS" group:"Mail:"`
}

// mail adds how digests are sent to a configuration.
func (f *mailFlags) mail(config *app.Config) error {
	config.Mail = app.Mail{
		Addr: f.SMTPAddr, TLS: f.SMTPTLS, CA: f.SMTPCA, User: f.SMTPUser, From: f.MailFrom, ReplyTo: f.MailReplyTo, ReturnPath: f.MailReturnPath,
		DKIMSelector: f.DKIMSelector, DKIMDomain: f.DKIMDomain, PerMinute: f.MailRate, Late: f.MailLate, Timeout: f.SMTPTimeout, Resend: f.MailResend,
		NoVisitors: f.MailNoVisitors,
	}
	for _, path := range []string{f.SMTPPasswordFile, f.DKIMKeyFile} {
		if path != "" {
			config.Secrets = append(config.Secrets, path)
		}
	}
	var err, keyErr error
	config.Mail.Password, err = secret("smtp-password-file", f.SMTPPasswordFile, "AKIN_SMTP_PASSWORD")
	config.Mail.DKIMKey, keyErr = secret("dkim-key-file", f.DKIMKeyFile, "AKIN_DKIM_KEY")
	return errors.Join(err, keyErr)
}
