package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"akin/internal/paper"
)

// issuer is an OpenID Connect provider with one key.
type issuer struct {
	*httptest.Server
	key   *ecdsa.PrivateKey
	asked atomic.Int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"id_token_signing_alg_values_supported":["ES256"]}`, i.URL, i.URL+"/keys")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.asked.Add(1)
		fmt.Fprintf(w, `{"keys":[{"kty":"EC","crv":"P-256","kid":"1","alg":"ES256","use":"sig","x":%q,"y":%q}]}`,
			base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:]))
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// token signs claims.
func (i *issuer) token(t *testing.T, header string, claims map[string]any) string {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature[:])
}

func TestOIDC(t *testing.T) {
	i := newIssuer(t)
	o, err := NewOIDC(OIDCConfig{Issuer: i.URL, Audience: "akin"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r := ringOver(t, In(t.TempDir()), Rules{OIDC: o})
	if !r.Asks() {
		t.Error("it asks nobody")
	}
	const header = `{"alg":"ES256","kid":"1"}`
	end := time.Now().Add(time.Hour).Unix()
	claims := func(more ...any) map[string]any {
		c := map[string]any{"iss": i.URL, "aud": "akin", "sub": "ann", "exp": end, "scope": "openid akin:read akin:write other:admin"}
		for k := 0; k < len(more); k += 2 {
			c[more[k].(string)] = more[k+1]
		}
		return c
	}
	for name, c := range map[string]struct {
		token  string
		scopes Scope // 0 is refused
	}{
		"good":             {i.token(t, header, claims()), Read | Write},
		"a list of scopes": {i.token(t, header, claims("scope", []string{"akin:admin"})), Admin},
		"another issuer":   {i.token(t, header, claims("iss", "https://other.example.org")), 0},
		"another program":  {i.token(t, header, claims("aud", "other")), 0},
		"expired":          {i.token(t, header, claims("exp", time.Now().Add(-time.Hour).Unix())), 0},
		"no owner":         {i.token(t, header, claims("sub", "")), 0},
		"unsigned":         {i.token(t, `{"alg":"none"}`, claims()), 0},
		"another key":      {i.token(t, `{"alg":"ES256","kid":"2"}`, claims())[:200] + "x", 0},
		"garbage":          {"a.b.c", 0},
		"very long":        {strings.Repeat("a", longestToken) + ".b.c", 0},
	} {
		got, err := r.Who(t.Context(), c.token, time.Now())
		if c.scopes == 0 && reasonOf(err) != paper.ReasonKeyInvalid || c.scopes != 0 && err != nil || got.Scopes != c.scopes {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if c.scopes != 0 && (got.Owner != "ann" || got.KeyID != "oidc:ann" || got.Expires.Unix() != end) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// Unknown keys do not make it ask the issuer without end.
	for k := range 50 {
		r.Who(t.Context(), i.token(t, fmt.Sprintf(`{"alg":"ES256","kid":"x%d"}`, k), claims()), time.Now())
	}
	if n := i.asked.Load(); n > issuerBurst {
		t.Errorf("the issuer was asked %d times", n)
	}
}

func TestOIDCSessionsEnd(t *testing.T) {
	r := ringOver(t, In(t.TempDir()), Rules{OIDC: &OIDC{}})
	var ended error
	r.Begin(&Caller{KeyID: "oidc:ann", Expires: start}, func(err error) { ended = err })
	r.Check(start.Add(-time.Second))
	if ended != nil {
		t.Error(ended)
	}
	r.Check(start)
	if ended == nil {
		t.Error("it goes on after the token's end")
	}
}

func TestIssuerThatIsNotThere(t *testing.T) {
	o, err := NewOIDC(OIDCConfig{Issuer: "http://127.0.0.1:1", Audience: "akin"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ringOver(t, In(t.TempDir()), Rules{OIDC: o}).Who(t.Context(), "a.b.c", start); paper.KindOf(err) != paper.Unavailable {
		t.Error(err)
	}
	for _, bad := range []OIDCConfig{{Issuer: "http://example.org", Audience: "x"}, {Issuer: "https://example.org"}} {
		if _, err := NewOIDC(bad, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
