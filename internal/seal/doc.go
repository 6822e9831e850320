// Package seal encrypts what is kept of people, and signs what links carry, with a
// secret file.
//
// The file is made at first use, with mode 0600, and has one secret or more, the newest
// last. It belongs outside the store and its snapshots: whoever has a snapshot alone
// reads no address, and can sign nothing. The newest secret encrypts and signs; all of
// them decrypt and verify, so that [Rotate] breaks nothing that is kept or was sent.
// No secret is used itself: each purpose has keys of its own (HKDF-SHA-256), one for
// each use, so that a token of one purpose is none of another.
//
// A Seal is safe for concurrent use. It goes by what the file had when it was opened,
// or last reloaded.
//
// Caveats: who loses the file loses what it encrypts: back it up apart from the
// snapshots. Tokens are signed, not encrypted: their payload can be read by whoever has
// one. Nonces are drawn by lot, which is good for 2^32 texts of one purpose under one
// secret. The file is described in docs/format/secrets.md.
package seal
