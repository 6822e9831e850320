package app

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/store"
)

// An address that others may reach needs what is missing, and the refusal says what.
func TestPublicNeedsKeysAndTLS(t *testing.T) {
	config := Config{Data: filepath.Join(t.TempDir(), "data"), GRPCAddr: "0.0.0.0:0"}
	listen := func(config Config) (string, error) {
		var log bytes.Buffer
		a := &App{config: config, log: slog.New(slog.NewTextHandler(&log, nil))}
		err := a.openAccess()
		if err == nil {
			_, _, err = a.listen(t.Context())
		}
		if e := a.Close(); e != nil {
			t.Error(e)
		}
		return log.String(), err
	}
	if _, err := listen(config); err == nil || !strings.Contains(err.Error(), "akin key create") || !strings.Contains(err.Error(), "--tls-cert") {
		t.Errorf("with neither: %v", err)
	}
	spec := KeySpec{Name: "first"}
	if err := ParseScopes(&spec, []string{"read"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := CreateKey(config, slog.New(slog.DiscardHandler), spec); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(config); err == nil || strings.Contains(err.Error(), "akin key create") || !strings.Contains(err.Error(), "--tls-cert") {
		t.Errorf("without TLS: %v", err)
	}
	config.InsecurePublic = true
	if log, err := listen(config); err != nil || strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "without TLS") {
		t.Errorf("on purpose: %v, logged %q", err, log)
	}
	config.InsecurePublic, config.Access.TLSCert, config.Access.TLSKey = false, "none.pem", "none.key"
	if _, err := listen(config); err == nil || !strings.Contains(err.Error(), "none.pem") {
		t.Errorf("without the certificate: %v", err)
	}

	// Keys may be there before the store is.
	if empty, err := isEmpty(config.Data); err != nil || !empty {
		t.Errorf("empty: %v, %v", empty, err)
	}
	s, err := store.Open(config.Data, store.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(config.Data, accessDir, "audit.jsonl"))
	if err != nil || !strings.Contains(string(raw), `"action":"key.create"`) || !strings.Contains(string(raw), `"result":"OK"`) {
		t.Errorf("audit: %s, %v", raw, err)
	}
}

func TestAccessThatIsWrong(t *testing.T) {
	err := Access{
		Anonymous: "write", Closed: []string{"all"}, TLSCert: "x", TrustedProxies: []string{"proxy"},
		KeyQuota: Quota{Rate: -1}, AddressQuota: Quota{Concurrency: -1}, OIDC: OIDC{Issuer: "http://example.org"},
	}.Check()
	for _, part := range []string{"--anonymous", "--closed", "--tls-key", "proxy", "quota of keys", "quota of addresses", "issuer"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	if err := (Access{}).Check(); err != nil {
		t.Error(err)
	}
}
