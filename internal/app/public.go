package app

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"akin/internal/seal"
)

// maxPublicURL bounds the public address: what is added to it must fit into mails.
const maxPublicURL = 200

// checkPublicURL gives an address as links begin with it, or says what is wrong with it,
// as what follows on the setting's name.
func checkPublicURL(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || len(text) > maxPublicURL || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("is %.80q; write an address such as https://papers.example.org, of at most %d characters of ASCII (xn-- for other names)", text, maxPublicURL)
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Opaque != "":
		return "", fmt.Errorf("is %.80q, which does not begin with https:// and a host", text)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", fmt.Errorf("is %.80q; without https others could read what links carry, so only loopback addresses may do without", text)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return "", fmt.Errorf("is %.80q; leave out names, passwords, and what begins with ? or #", text)
	case strings.Contains(u.Path, "//") || slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }):
		return "", fmt.Errorf("is %.80q; leave //, . and .. out of its path", text)
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", fmt.Errorf("is %.80q; its port is no number from 1 to 65535", text)
		}
	}
	u.Host = strings.ToLower(u.Host)
	return strings.TrimRight(u.String(), "/"), nil
}

func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// httpHosts are the names that HTTP requests may be sent to.
func (c Config) httpHosts() []string {
	u, err := url.Parse(c.PublicURL)
	if err != nil || c.PublicURL == "" {
		return c.HTTPHosts
	}
	return append(slices.Clone(c.HTTPHosts), u.Hostname())
}

// secretFile is where the secrets are; empty if nowhere.
func (c Config) secretFile() string {
	if dir := c.accessDir(); c.SecretFile == "" && dir != "" {
		return filepath.Join(dir, seal.FileName)
	}
	return c.SecretFile
}
