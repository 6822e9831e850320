package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"akin/internal/paper"
)

const (
	// issuerTimeout bounds a request to the issuer.
	issuerTimeout = 10 * time.Second
	// issuerEvery is how often, in the long run, the issuer is asked: anybody can send
	// a token that names a key which is not known yet.
	issuerEvery = 5 * time.Second
	// issuerBurst is how often it is asked at once.
	issuerBurst = 5
	// longestToken bounds what is looked at, in bytes.
	longestToken = 8 << 10
)

// OIDCConfig says whose tokens are taken (OpenID Connect, signed JWTs).
type OIDCConfig struct {
	// Issuer is its URL, which /.well-known/openid-configuration is under. Empty takes
	// none.
	Issuer string
	// Audience must be in each token's aud.
	Audience string
	// OwnerClaim names the owner; default "sub".
	OwnerClaim string
	// ScopeClaim has the scopes, as a list or as words; default "scope".
	ScopeClaim string
	// ScopePrefix comes before read, write and admin there; default "akin:".
	ScopePrefix string
}

// OIDC takes the tokens of an organisation. It asks the issuer for its keys when they
// are first needed, so that a server starts also while the issuer does not answer.
type OIDC struct {
	config OIDCConfig
	client *http.Client
	log    *slog.Logger

	mu       sync.Mutex // guards verifier
	verifier *oidc.IDTokenVerifier
}

// NewOIDC checks a configuration; it is nil if no issuer is named.
func NewOIDC(c OIDCConfig, log *slog.Logger) (*OIDC, error) {
	if c.Issuer == "" {
		return nil, nil //nolint:nilnil // not asked for
	}
	if !strings.HasPrefix(c.Issuer, "https://") && !strings.HasPrefix(c.Issuer, "http://127.0.0.1:") && !strings.HasPrefix(c.Issuer, "http://localhost:") {
		return nil, paper.Invalidf("the issuer %.200q must begin with https://", c.Issuer)
	}
	if c.Audience == "" {
		return nil, paper.Invalidf("an issuer needs an audience beside it: without, tokens that were made for other programs would be taken")
	}
	c.OwnerClaim, c.ScopeClaim, c.ScopePrefix = or(c.OwnerClaim, "sub"), or(c.ScopeClaim, "scope"), or(c.ScopePrefix, "akin:")
	asked := &seldomAsked{rate.NewLimiter(rate.Every(issuerEvery), issuerBurst)}
	return &OIDC{config: c, log: log, client: &http.Client{Timeout: issuerTimeout, Transport: asked}}, nil
}

func or(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

// seldomAsked keeps callers from making the server ask the issuer all the time.
type seldomAsked struct{ limit *rate.Limiter }

var errAskedTooOften = errors.New("the issuer was asked often enough lately")

// RoundTrip implements http.RoundTripper.
func (s *seldomAsked) RoundTrip(r *http.Request) (*http.Response, error) {
	if !s.limit.Allow() {
		return nil, errAskedTooOften
	}
	return http.DefaultTransport.RoundTrip(r) //nolint:wrapcheck // the client wraps it
}

// ready gives what verifies tokens, and asks the issuer for it the first time.
func (o *OIDC) ready() (*oidc.IDTokenVerifier, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.verifier != nil {
		return o.verifier, nil
	}
	// Not the caller's context: the keys are fetched with this one later, too.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), o.client), o.config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask the issuer: %w", err)
	}
	o.verifier = provider.Verifier(&oidc.Config{ClientID: o.config.Audience})
	return o.verifier, nil
}

// who verifies a token and reads its claims. What is wrong with it goes to the log,
// without the token, and not to the caller.
func (o *OIDC) who(ctx context.Context, token string) (Caller, error) {
	if len(token) > longestToken {
		return Caller{}, Refused()
	}
	verifier, err := o.ready()
	if err != nil {
		o.log.ErrorContext(ctx, "tokens of the issuer cannot be verified", "issuer", o.config.Issuer, "error", err)
		return Caller{}, &paper.Error{
			Kind: paper.Unavailable, Reason: "ISSUER_UNREACHABLE", Message: "the issuer of the token does not answer; try again later", RetryAfter: issuerEvery,
		}
	}
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		o.log.DebugContext(ctx, "a token was refused", "error", strings.ReplaceAll(err.Error(), token, "(token)"))
		return Caller{}, Refused()
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return Caller{}, Refused()
	}
	owner, _ := claims[o.config.OwnerClaim].(string)
	if faultOf(owner) != "" {
		o.log.WarnContext(ctx, "a token has no owner", "claim", o.config.OwnerClaim)
		return Caller{}, Refused()
	}
	return Caller{Owner: owner, KeyID: "oidc:" + cut(verified.Subject), Key: "oidc", Scopes: o.scopes(claims[o.config.ScopeClaim]), Expires: verified.Expiry}, nil
}

// scopes reads the scopes of a claim; what it does not know is somebody else's.
func (o *OIDC) scopes(claim any) (s Scope) {
	var words []string
	switch claim := claim.(type) {
	case string:
		words = strings.Fields(claim)
	case []any:
		for _, one := range claim {
			if word, ok := one.(string); ok {
				words = append(words, word)
			}
		}
	}
	for i, name := range scopeNames() {
		if slices.Contains(words, o.config.ScopePrefix+name) {
			s |= 1 << i
		}
	}
	return s
}
