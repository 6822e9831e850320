package app

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"akin/internal/access"
	"akin/internal/paper"
)

// What the keys of a server are told with.
type (
	// Key is what is kept of a key.
	Key = access.Key
	// KeySpec is what somebody asks of a new key.
	KeySpec = access.Spec
	// Quota is how much one caller may ask.
	Quota = access.Quota
	// OIDC says whose tokens are taken beside keys.
	OIDC = access.OIDCConfig
)

// ParseScopes reads names of scopes into a spec.
func ParseScopes(spec *KeySpec, names []string) (err error) {
	spec.Scopes, err = access.ParseScopes(names)
	return err
}

// CheckToken says what is wrong with the form of a key that somebody wants to send.
func CheckToken(token string) error { return access.CheckToken(token) }

// CreateKey makes a key, also beside a server that runs. The token is given this once.
func CreateKey(config Config, log *slog.Logger, spec KeySpec) (k Key, token string, err error) {
	file, err := config.keysFile(true)
	if err != nil {
		return Key{}, "", err
	}
	k, token, err = file.Create(spec, time.Now())
	if err != nil {
		k.Name = spec.Name // for the log
	}
	return k, token, errors.Join(err, config.auditKey(log, "create", &k, err))
}

// ListKeys gives all keys, the oldest first.
func ListKeys(config Config) ([]Key, error) {
	file, err := config.keysFile(false)
	if err != nil {
		return nil, err
	}
	return file.List()
}

// RevokeKey ends a key for ever, by its name or its id.
func RevokeKey(config Config, log *slog.Logger, name string) (Key, error) {
	file, err := config.keysFile(false)
	if err != nil {
		return Key{}, err
	}
	k, err := file.Revoke(name, time.Now())
	return k, errors.Join(err, config.auditKey(log, "revoke", &k, err))
}

// RotateKey gives a key a new secret, by its name or its id; the one before is good for
// the grace.
func RotateKey(config Config, log *slog.Logger, name string, grace time.Duration) (k Key, token string, err error) {
	file, err := config.keysFile(false)
	if err != nil {
		return Key{}, "", err
	}
	k, token, err = file.Rotate(name, grace, time.Now())
	return k, token, errors.Join(err, config.auditKey(log, "rotate", &k, err))
}

// keysFile gives the file of keys of a data directory, or of the folder that the
// configuration names. The directory is made if it is asked for.
func (c Config) keysFile(create bool) (access.File, error) {
	dir := c.accessDir()
	if dir == "" {
		return access.File{}, paper.Invalidf("name the data directory whose keys are meant: --data DIR")
	}
	if c.Access.Dir != "" {
		return access.In(dir), nil
	}
	info, err := os.Stat(c.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist) && create:
		if err := os.MkdirAll(c.Data, 0o755); err != nil {
			return access.File{}, fmt.Errorf("data directory: %w", err)
		}
	case err != nil:
		return access.File{}, fmt.Errorf("data directory: %w", err)
	case !info.IsDir():
		return access.File{}, paper.Invalidf("%s is no directory", c.Data)
	}
	return access.In(dir), nil
}

// auditKey writes down what was done with a key on this machine.
func (c Config) auditKey(log *slog.Logger, action string, k *access.Key, done error) error {
	e := access.Event{Action: "key." + action, Subject: cmp.Or(strings.TrimSpace(k.ID+" "+k.Name), "?")}
	return c.auditLocal(log, e, done)
}
