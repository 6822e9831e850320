package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"akin/internal/paper"
)

// expiresSoon is from when on a certificate's end is warned of.
const expiresSoon = 14 * 24 * time.Hour

// Certificates are what a server shows, and the authorities that it asks clients to
// have theirs from. They follow their files.
type Certificates struct {
	certFile, keyFile, clientCA string
	log                         *slog.Logger
	state                       atomic.Pointer[tls.Config]

	mu     sync.Mutex // guards what follows
	stamps [3]stamp
	faulty [3]stamp  // of the files that were last found wrong
	warned time.Time // when its end was last warned of
}

// OpenCertificates reads a certificate chain and its key, and the authorities of
// clients if a file of them is named: then clients must show a certificate.
func OpenCertificates(certFile, keyFile, clientCA string, log *slog.Logger) (*Certificates, error) {
	if certFile == "" || keyFile == "" {
		return nil, paper.Invalidf("TLS needs both: --tls-cert with the certificate and --tls-key with its key")
	}
	c := &Certificates{certFile: certFile, keyFile: keyFile, clientCA: clientCA, log: log}
	return c, c.Reload()
}

func (c *Certificates) now() (all [3]stamp) {
	for i, path := range []string{c.certFile, c.keyFile, c.clientCA} {
		if path != "" {
			all[i] = stampOf(path)
		}
	}
	return all
}

// Reload reads the files again. When they cannot be used, those before stay.
func (c *Certificates) Reload() error {
	stamps := c.now()
	config, err := c.read()
	if err != nil {
		return err
	}
	c.state.Store(config)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stamps = stamps
	return nil
}

func (c *Certificates) read() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return nil, paper.Invalidf("the certificate %s and the key %s cannot be used: %v", c.certFile, c.keyFile, err)
	}
	if info, err := os.Stat(c.keyFile); err == nil && info.Mode().Perm()&0o007 != 0 {
		c.log.Warn("everybody on this machine may read the key of the certificate", "file", c.keyFile, "remedy", "chmod 600")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if c.clientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.clientCA)
	if err != nil {
		return nil, paper.Invalidf("the authorities of clients cannot be read: %v", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, paper.Invalidf("%s holds no certificate of an authority in PEM form", c.clientCA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.SessionTicketsDisabled = true // who resumes is not asked for a certificate again
	return config, nil
}

// Config is for a server that speaks protocols over TLS. Each connection gets what is
// in the files when it begins.
func (c *Certificates) Config(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		// Servers want to know that there is one.
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &c.state.Load().Certificates[0], nil
		},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			config := c.state.Load().Clone()
			config.NextProtos = protocols
			return config, nil
		},
	}
}

// Check reads the files again if they changed, and warns of a certificate that ends.
// A server calls it every second.
func (c *Certificates) Check(now time.Time) {
	c.mu.Lock()
	stamps := c.now()
	changed, told := stamps != c.stamps, stamps == c.faulty
	c.mu.Unlock()
	if changed {
		switch err := c.Reload(); {
		case err == nil:
			c.log.Info("the certificates were read again", "file", c.certFile)
		case !told: // the two files may be changed one after the other
			c.mu.Lock()
			c.faulty = stamps
			c.mu.Unlock()
			c.log.Error("the certificates that were read last stay in use", "error", err)
		}
	}
	c.warn(now)
}

// warn says once a day that the certificate ends soon, or has ended.
func (c *Certificates) warn(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end, err := c.Ends()
	if err != nil || now.Add(expiresSoon).Before(end) || now.Sub(c.warned) < 24*time.Hour {
		return
	}
	c.warned = now
	if now.After(end) {
		c.log.Error("the certificate has expired: clients refuse it", "file", c.certFile, "since", end)
		return
	}
	c.log.Warn("the certificate expires soon", "file", c.certFile, "at", end)
}

// Ends is when the certificate does.
func (c *Certificates) Ends() (time.Time, error) {
	leaf := c.state.Load().Certificates[0].Leaf
	if leaf == nil {
		return time.Time{}, errors.New("the certificate was not parsed")
	}
	return leaf.NotAfter, nil
}

// String names the files.
func (c *Certificates) String() string { return fmt.Sprintf("%s, %s", c.certFile, c.keyFile) }
