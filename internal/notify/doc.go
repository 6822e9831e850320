// Package notify sends digests: mails of what feeds and listings brought, at a local
// time, to those who asked for them.
//
// A digest has one reader. Those of an owner tell of the owner's feeds; those of
// visitors tell of a listing. Both begin with a mail that asks whether its reader wants
// them (double opt-in). Digests has the use cases, and Run sends what is due: one mail
// after the other.
//
// A mail is claimed durably before it is sent, and once more right before its first
// byte goes out. Of a mail that no answer came for, nobody knows whether it arrived: it
// counts as sent, or is sent once more where that was chosen. So a digest of a local
// date reaches its reader once, or at most twice by choice, whatever crashes.
//
// What keeps digests is behind Store, a small interface that package outbox implements
// on disk, and whose promises its tests hold it to. What sends a mail is behind Post
// (package post does it by SMTP), what it says is made by package letter, and package
// sentfile remembers what went out where no snapshot has it. Addresses are encrypted where
// they are kept, and in no log.
//
// Digests is safe for concurrent use; Run runs once at a time. Every part goes by the
// clock that it is given, and by timers of package time.
package notify
