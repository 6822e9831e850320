package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"akin/internal/app"
	"akin/internal/paper"
	"akin/internal/pending"
)

type keyCommand struct {
	Create keyCreateCommand `cmd:"" help:"Make a key; it is shown once."`
	List   keyListCommand   `cmd:"" help:"List keys, without their secrets."`
	Revoke keyRevokeCommand `cmd:"" help:"End a key for ever."`
	Rotate keyRotateCommand `cmd:"" help:"Give a key a new secret; it is shown once."`
}

// keyPlace says whose keys are meant.
type keyPlace struct {
	Data      string `help:"Data directory; a server may be using it." type:"path" env:"AKIN_DATA" placeholder:"DIR"`
	AccessDir string `help:"Directory of the keys (default: access in the data directory)." type:"path" env:"AKIN_ACCESS_DIR" placeholder:"DIR"`
	AuditLog  string `help:"File that records it (default: audit.jsonl beside the keys); none is none." env:"AKIN_AUDIT_LOG" placeholder:"FILE"`
}

func (p keyPlace) config(e *environment) app.Config {
	config := e.config
	config.Data, config.Access = p.Data, app.Access{Dir: p.AccessDir, Audit: p.AuditLog}
	return config
}

type keyCreateCommand struct {
	Name string `arg:"" help:"Name of the key, which is in logs."`
	keyPlace
	Owner       string   `help:"Who answers for it (default: the name)." placeholder:"NAME"`
	Scopes      []string `help:"What it may do: read, write, admin." default:"read" placeholder:"SCOPE"`
	Collections []string `help:"Collections that it may use (default: all)." placeholder:"NAME"`
	Expires     string   `help:"When it ends: after a time such as 90d or 12h, or a date (default: never)." placeholder:"WHEN"`
	Rate        float64  `help:"Units a second that it may ask for (default: the server's)." placeholder:"N"`
	Concurrency int      `help:"Calls that it may have under way at once (default: the server's)." placeholder:"N"`
	Out         string   `help:"Write the secret to this file, which must not be there, instead of showing it." type:"path" placeholder:"FILE"`
	JSON        bool     `name:"json" help:"Print the key as JSON."`
}

// Help shows examples.
func (keyCreateCommand) Help() string {
	return `Once there is a key, the server asks for one, at once if it runs: everybody who calls
it over the network, from this machine, too. Commands with --data need none.

Examples:
  akin key create reader --data papers
  akin key create importer --data papers --scopes read,write --expires 90d --out importer.key
  akin search --server papers.example.org:7411 --tls --api-key-file importer.key "graph neural networks"
  curl -H "Authorization: Bearer $(cat importer.key)" https://papers.example.org:7412/v1/search?query=graphs`
}

// Run makes a key.
func (c keyCreateCommand) Run(e *environment) error {
	spec := app.KeySpec{Name: c.Name, Owner: c.Owner, Collections: c.Collections, Quota: app.Quota{Rate: c.Rate, Concurrency: c.Concurrency}}
	if err := app.ParseScopes(&spec, c.Scopes); err != nil {
		return err
	}
	var err error
	if spec.Expires, err = parseWhen(c.Expires, time.Now()); err != nil {
		return err
	}
	out, err := secretFile(c.Out, false)
	if err != nil {
		return err
	}
	k, token, err := app.CreateKey(c.config(e), e.log, spec)
	return e.showSecret(out, &k, token, c.JSON, err)
}

// secretFile begins the file that a secret goes to, before there is one; nil if none is
// wanted.
func secretFile(path string, replace bool) (*pending.File, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // not asked for
	}
	if _, err := os.Lstat(path); !replace && !errors.Is(err, fs.ErrNotExist) {
		return nil, paper.Invalidf("--out: %s is there already; name another file", path)
	}
	return pending.Create(path, 0o600)
}

// showSecret gives the secret of a key to whoever asked for it, this once.
func (e *environment) showSecret(out *pending.File, k *app.Key, token string, asJSON bool, failed error) error {
	if token == "" {
		if out != nil {
			failed = errors.Join(failed, out.Abandon())
		}
		return failed
	}
	shown := token
	if out != nil {
		_, err := fmt.Fprintln(out, token)
		if err == nil {
			err = out.Commit()
		}
		if err != nil {
			return errors.Join(fmt.Errorf("the secret of the key %s could not be written, and is lost: %w; get another with akin key rotate %s", k.ID, err, k.ID), out.Abandon(), failed)
		}
		shown = ""
	}
	if asJSON {
		return errors.Join(e.printJSON(struct {
			keyRow
			Secret string `json:"secret,omitempty"`
		}{rowOf(k, time.Now()), shown}), failed)
	}
	e.keyLine(k)
	if out != nil {
		fmt.Fprintf(e.out, "its secret is in %s\n", out.Path())
		return failed
	}
	fmt.Fprintf(e.out, "\n%s\n\nThis is its secret, shown this once: keep it where only who needs it can read it.\n", shown)
	return failed
}

type keyListCommand struct {
	keyPlace
	All  bool `help:"List revoked and expired keys, too."`
	JSON bool `name:"json" help:"Print the list as JSON."`
}

// Help shows an example.
func (keyListCommand) Help() string { return "Example:\n  akin key list --data papers --all" }

// Run lists keys.
func (c keyListCommand) Run(e *environment) error {
	keys, err := app.ListKeys(c.config(e))
	if err != nil {
		return err
	}
	now := time.Now()
	if !c.All {
		keys = slices.DeleteFunc(keys, func(k app.Key) bool { return !k.Good(now) })
	}
	if c.JSON {
		rows := make([]keyRow, len(keys))
		for i := range keys {
			rows[i] = rowOf(&keys[i], now)
		}
		return e.printJSON(map[string]any{"keys": rows})
	}
	if len(keys) == 0 {
		fmt.Fprintln(e.errOut, "there are no keys; akin key create makes one")
	}
	for i := range keys {
		e.keyLine(&keys[i])
	}
	return nil
}

// keyRow is what is shown of a key: nothing of its secret, not even a digest.
type keyRow struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Owner       string    `json:"owner"`
	Scopes      []string  `json:"scopes"`
	Collections []string  `json:"collections,omitempty"`
	State       string    `json:"state"`
	Created     time.Time `json:"created"`
	Expires     time.Time `json:"expires,omitzero"`
	Revoked     time.Time `json:"revoked,omitzero"`
	Rotated     time.Time `json:"rotated,omitzero"`
	Rate        float64   `json:"rate,omitempty"`
	Concurrency int       `json:"concurrency,omitempty"`
}

func rowOf(k *app.Key, now time.Time) keyRow {
	return keyRow{
		ID: k.ID, Name: k.Name, Owner: k.Owner, Scopes: k.Scopes.Names(), Collections: k.Collections, State: k.State(now),
		Created: k.Created, Expires: k.Expires, Revoked: k.Revoked, Rotated: k.Rotated, Rate: k.Rate, Concurrency: k.Concurrency,
	}
}

// keyLine prints a key on a line.
func (e *environment) keyLine(k *app.Key) {
	parts := []string{k.ID, oneLine(k.Name), "owner " + oneLine(k.Owner), k.Scopes.String()}
	if len(k.Collections) > 0 {
		parts = append(parts, "collections "+oneLine(strings.Join(k.Collections, ",")))
	}
	switch state := k.State(time.Now()); {
	case state != "good":
		parts = append(parts, state)
	case !k.Expires.IsZero():
		parts = append(parts, "until "+k.Expires.UTC().Format(time.RFC3339))
	}
	if k.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%v units/s", k.Rate))
	}
	if k.Concurrency > 0 {
		parts = append(parts, fmt.Sprintf("%d at once", k.Concurrency))
	}
	fmt.Fprintln(e.out, strings.Join(parts, "  "))
}

type keyRevokeCommand struct {
	Name string `arg:"" help:"Name or id of the key."`
	keyPlace
}

// Help says when it takes effect.
func (keyRevokeCommand) Help() string {
	return "A server that runs notices within a second, and ends what the key has under way.\n\nExample:\n  akin key revoke importer --data papers"
}

// Run revokes a key.
func (c keyRevokeCommand) Run(e *environment) error {
	k, err := app.RevokeKey(c.config(e), e.log, c.Name)
	if k.ID != "" {
		e.keyLine(&k)
	}
	return err
}

type keyRotateCommand struct {
	Name string `arg:"" help:"Name or id of the key."`
	keyPlace
	Grace time.Duration `help:"For how long the secret before stays good, too." placeholder:"TIME"`
	Out   string        `help:"Write the secret to this file, in place of what is there, instead of showing it." type:"path" placeholder:"FILE"`
	JSON  bool          `name:"json" help:"Print the key as JSON."`
}

// Help shows an example.
func (keyRotateCommand) Help() string {
	return "The key keeps its id, name, scopes and end.\n\nExample:\n  akin key rotate importer --data papers --grace 24h --out importer.key"
}

// Run rotates a key.
func (c keyRotateCommand) Run(e *environment) error {
	out, err := secretFile(c.Out, true)
	if err != nil {
		return err
	}
	k, token, err := app.RotateKey(c.config(e), e.log, c.Name, c.Grace)
	return e.showSecret(out, &k, token, c.JSON, err)
}

// parseWhen reads a time from now on, a date (its end, in UTC) or a moment; empty is
// never, which is the zero time.
func parseWhen(text string, now time.Time) (time.Time, error) {
	if text == "" || text == "never" {
		return time.Time{}, nil
	}
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.Atoi(number); err == nil && days > 0 && days < 100_000 {
			return now.AddDate(0, 0, days).UTC().Truncate(time.Second), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d).UTC().Truncate(time.Second), nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	return time.Time{}, paper.InvalidField("expires", "is %.40q; write a time such as 90d or 12h, a date such as 2027-01-31, or 2027-01-31T12:00:00Z", text)
}
