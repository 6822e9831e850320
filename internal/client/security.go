package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// Security says how a server is talked to. The zero value is in clear and without a
// key, as a server on this machine may be.
type Security struct {
	// TLS encrypts; so does naming a CA or a certificate.
	TLS bool
	// CA is a file of the authorities that the server's certificate may be from; empty
	// means those of this machine.
	CA string
	// Cert and Key are files of the client's certificate and its key, for servers that
	// ask for one.
	Cert, Key string
	// Token is the API key; empty is none.
	Token string
	// InClear sends the token also without TLS to other machines.
	InClear bool
}

// encrypted says whether TLS is spoken.
func (s Security) encrypted() bool { return s.TLS || s.CA != "" || s.Cert != "" || s.Key != "" }

func (s Security) options(address string) ([]grpc.DialOption, error) {
	var options []grpc.DialOption
	if s.encrypted() {
		config, err := s.config()
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithTransportCredentials(explained{credentials.NewTLS(config), s.Cert != ""}))
	} else {
		options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	if s.Token == "" {
		return options, nil
	}
	if !s.encrypted() && !s.InClear && slices.ContainsFunc(servers(address), func(one string) bool { return !loopback(one) }) {
		return nil, fmt.Errorf("the API key would be sent to %s in clear, where others could read it: use --tls, or --tls-ca FILE; --key-in-clear sends it all the same", address)
	}
	return append(options, grpc.WithPerRPCCredentials(bearer(s.Token))), nil
}

func (s Security) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CA != "" {
		pem, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("--tls-ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--tls-ca: %s holds no certificate of an authority in PEM form", s.CA)
		}
	}
	if (s.Cert == "") != (s.Key == "") {
		return nil, errors.New("a client's certificate needs both: --cert and --key")
	}
	if s.Cert != "" {
		pair, err := tls.LoadX509KeyPair(s.Cert, s.Key)
		if err != nil {
			return nil, fmt.Errorf("--cert %s and --key %s cannot be used: %w", s.Cert, s.Key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// loopback says whether an address is this machine's, by what it says.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// bearer sends a token with each call. Whether it may go in clear was decided before.
type bearer string

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (bearer) RequireTransportSecurity() bool { return false }

// explained are credentials whose handshake says in words what is wrong.
type explained struct {
	credentials.TransportCredentials
	shown bool // the client has a certificate
}

// ClientHandshake implements credentials.TransportCredentials.
func (e explained) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := e.TransportCredentials.ClientHandshake(ctx, authority, conn)
	if err != nil {
		return nil, nil, inWords(err, authority)
	}
	// Whether the server takes the client's certificate, or that there is none, it says
	// after the handshake (TLS 1.3), and by closing the connection at worst.
	return &fresh{Conn: secured, authority: authority, shown: e.shown}, info, nil
}

// fresh is a connection that the server may still refuse.
type fresh struct {
	net.Conn
	authority string
	shown     bool // a certificate
	taken     atomic.Bool
}

// Read implements net.Conn.
func (f *fresh) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if n > 0 {
		f.taken.Store(true)
	}
	return n, f.explain(err)
}

// Write implements net.Conn.
func (f *fresh) Write(b []byte) (int, error) {
	n, err := f.Conn.Write(b)
	return n, f.explain(err)
}

func (f *fresh) explain(err error) error {
	if err == nil || f.taken.Load() || errors.Is(err, net.ErrClosed) {
		return err
	}
	if f.shown {
		return fmt.Errorf("%s closed the connection: it may not take the certificate of --cert: %w", f.authority, err)
	}
	return fmt.Errorf("%s closed the connection: it may ask for a client's certificate (--cert and --key): %w", f.authority, err)
}

// Clone implements credentials.TransportCredentials.
func (e explained) Clone() credentials.TransportCredentials {
	return explained{e.TransportCredentials.Clone(), e.shown}
}

func inWords(err error, authority string) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate of %s is from an authority that is not trusted here; name the right one with --tls-ca FILE: %w", authority, err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return fmt.Errorf("the certificate of %s is good from %s to %s, which is not now; it must be renewed there, or the clock here is wrong", authority,
			invalid.Cert.NotBefore.UTC().Format(time.RFC3339), invalid.Cert.NotAfter.UTC().Format(time.RFC3339))
	case errors.As(err, &name) && name.Certificate != nil:
		return fmt.Errorf("the certificate is not for %s but for %s; call the server by that name", authority, strings.Join(names(name.Certificate), ", "))
	case errors.As(err, &record):
		return fmt.Errorf("%s does not speak TLS; leave out --tls, --tls-ca, --cert and --key, or ask another port", authority)
	}
	return err
}

func names(c *x509.Certificate) []string {
	all := c.DNSNames
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		all = []string{"no name"}
	}
	return all
}
