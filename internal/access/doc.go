// Package access says who may do what, how much of it, and writes down who did.
//
// # Duty
//
// It keeps API keys in a file of their own ([File]), outside of the store and of
// its snapshots, so that no restore brings a revoked key back. A [Ring] is what a
// running server knows of them: it finds out whose a token is, follows the file,
// and ends what a key that is no longer good has under way. A [Limiter] holds
// callers to their quotas, an [Audit] records what they changed, [Certificates]
// are what TLS shows, and [Proxies] say whose word counts on where a call comes
// from. [OIDC] takes the tokens of an organisation beside keys.
//
// It knows no transport: whoever serves says what came with a call, and what the
// call needs.
//
// # Concurrency
//
// All types are safe for concurrent use, and File also between processes: a lock
// beside the file puts those who change it in order, and readers always see a
// whole one.
//
// # Caveats
//
// Keys are kept as their SHA-256, without salt or stretching. Those defend secrets
// that people choose; a key is 256 bits by chance, which nobody can try out, and a
// slow digest at each call would only give strangers a way to keep the server busy.
//
// Times are those of this machine's clock: one that is set back revives what has
// expired, though not what was revoked.
package access
