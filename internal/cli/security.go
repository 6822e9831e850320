package cli

import (
	"fmt"
	"os"
	"strings"

	"akin/internal/app"
	"akin/internal/client"
)

// securityFlags say how a server is talked to.
type securityFlags struct {
	TLS        bool   `name:"tls" help:"Talk to --server over TLS, with the authorities of this machine." env:"AKIN_TLS" group:"Server:"`
	TLSCA      string `name:"tls-ca" help:"Talk to --server over TLS; its certificate is from an authority in this file." type:"path" env:"AKIN_TLS_CA" placeholder:"FILE" group:"Server:"`
	Cert       string `help:"Certificate to show to a --server that asks for one." type:"path" env:"AKIN_CERT" placeholder:"FILE" group:"Server:"`
	Key        string `help:"Key of --cert." type:"path" env:"AKIN_KEY" placeholder:"FILE" group:"Server:"`
	APIKeyFile string `name:"api-key-file" help:"File with the API key for --server." type:"path" env:"AKIN_API_KEY_FILE" placeholder:"FILE" group:"Server:"`
	KeyInClear bool   `name:"key-in-clear" help:"Send the API key to another machine also without TLS." env:"AKIN_KEY_IN_CLEAR" group:"Server:"`
}

// maxKeyFile is how large the file of an API key may be, in bytes.
const maxKeyFile = 16 << 10

// read reads the API key, whose file alone is named on command lines: those are seen
// by everybody on the machine.
func (f securityFlags) read() (client.Security, error) {
	s := client.Security{TLS: f.TLS, CA: f.TLSCA, Cert: f.Cert, Key: f.Key, InClear: f.KeyInClear}
	if f.APIKeyFile == "" {
		return s, nil
	}
	info, err := os.Stat(f.APIKeyFile)
	if err != nil {
		return s, fmt.Errorf("--api-key-file: %w", err)
	}
	if info.Size() > maxKeyFile {
		return s, fmt.Errorf("--api-key-file: %s has %d bytes; a key has fewer than %d", f.APIKeyFile, info.Size(), maxKeyFile)
	}
	raw, err := os.ReadFile(f.APIKeyFile)
	if err != nil {
		return s, fmt.Errorf("--api-key-file: %w", err)
	}
	s.Token = strings.TrimSpace(string(raw))
	if strings.ContainsFunc(s.Token, func(r rune) bool { return r <= ' ' || r > '~' }) || s.Token == "" {
		return s, fmt.Errorf("--api-key-file: %s does not hold one key", f.APIKeyFile)
	}
	if err := app.CheckToken(s.Token); err != nil {
		return s, fmt.Errorf("--api-key-file: what %s holds is no key: %w", f.APIKeyFile, err)
	}
	return s, nil
}

// accessFlags say who may call a server.
type accessFlags struct {
	AccessDir   string   `help:"Directory of the keys (default: access in the data directory)." type:"path" env:"AKIN_ACCESS_DIR" placeholder:"DIR" group:"Access:"`
	AuditLog    string   `help:"File that records who changed what (default: audit.jsonl beside the keys, once there are some); none is none." env:"AKIN_AUDIT_LOG" placeholder:"FILE" group:"Access:"`
	Anonymous   string   `help:"What callers without a key may do once there are keys: read, or nothing." enum:",read" default:"" env:"AKIN_ANONYMOUS" placeholder:"SCOPE" group:"Access:"`
	Closed      []string `help:"What needs a key, too, once there are keys: health, info, mail, feeds. They are open otherwise." env:"AKIN_CLOSED" placeholder:"GROUP" group:"Access:"`
	TLSCert     string   `name:"tls-cert" help:"Serve gRPC and HTTP over TLS with this certificate chain." type:"path" env:"AKIN_TLS_CERT" placeholder:"FILE" group:"Access:"`
	TLSKey      string   `name:"tls-key" help:"Key of --tls-cert." type:"path" env:"AKIN_TLS_KEY" placeholder:"FILE" group:"Access:"`
	TLSClientCA string   `name:"tls-client-ca" help:"Take only clients that show a certificate of an authority in this file." type:"path" env:"AKIN_TLS_CLIENT_CA" placeholder:"FILE" group:"Access:"`

	KeyRate            float64  `help:"Units a second that each key may ask for that has no rate of its own; 0 is no limit." env:"AKIN_KEY_RATE" placeholder:"N" group:"Access:" live:""`
	KeyConcurrency     int      `help:"Calls under way at once of each key that has no number of its own; 0 is no limit." env:"AKIN_KEY_CONCURRENCY" placeholder:"N" group:"Access:" live:""`
	AddressRate        float64  `help:"Units a second that each address may ask for; 0 is no limit." env:"AKIN_ADDRESS_RATE" placeholder:"N" group:"Access:" live:""`
	AddressConcurrency int      `help:"Calls under way at once of each address; 0 is no limit." env:"AKIN_ADDRESS_CONCURRENCY" placeholder:"N" group:"Access:" live:""`
	TrustedProxies     []string `help:"Addresses and networks of proxies whose Forwarded and X-Forwarded-For are believed." env:"AKIN_TRUSTED_PROXIES" placeholder:"CIDR" group:"Access:"`

	OIDCIssuer      string `name:"oidc-issuer" help:"Take OpenID Connect tokens of this issuer beside keys." env:"AKIN_OIDC_ISSUER" placeholder:"URL" group:"Access:"`
	OIDCAudience    string `name:"oidc-audience" help:"What aud of each token must have." env:"AKIN_OIDC_AUDIENCE" placeholder:"NAME" group:"Access:"`
	OIDCOwnerClaim  string `name:"oidc-owner-claim" help:"Claim with the owner." default:"sub" env:"AKIN_OIDC_OWNER_CLAIM" placeholder:"NAME" group:"Access:"`
	OIDCScopeClaim  string `name:"oidc-scope-claim" help:"Claim with the scopes, as a list or as words." default:"scope" env:"AKIN_OIDC_SCOPE_CLAIM" placeholder:"NAME" group:"Access:"`
	OIDCScopePrefix string `name:"oidc-scope-prefix" help:"What is before read, write and admin there." default:"akin:" env:"AKIN_OIDC_SCOPE_PREFIX" placeholder:"TEXT" group:"Access:"`
}

func (f accessFlags) access() app.Access {
	return app.Access{
		Dir: f.AccessDir, Audit: f.AuditLog, Anonymous: f.Anonymous, Closed: f.Closed,
		TLSCert: f.TLSCert, TLSKey: f.TLSKey, TLSClientCA: f.TLSClientCA, TrustedProxies: f.TrustedProxies,
		KeyQuota:     app.Quota{Rate: f.KeyRate, Concurrency: f.KeyConcurrency},
		AddressQuota: app.Quota{Rate: f.AddressRate, Concurrency: f.AddressConcurrency},
		OIDC: app.OIDC{
			Issuer: f.OIDCIssuer, Audience: f.OIDCAudience, OwnerClaim: f.OIDCOwnerClaim, ScopeClaim: f.OIDCScopeClaim, ScopePrefix: f.OIDCScopePrefix,
		},
	}
}
