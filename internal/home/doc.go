// Package home keeps what is in a database in another place as well, so that it survives
// the loss of the directory, and of its machine: libraries, feeds, digests and sources of a
// server whose papers are in a cluster have their home there, and the directory is a copy.
//
// # Duty
//
// A [Home] is the witness of a database (see kv.Witness): each commit becomes a record of a
// log in the place before it is acknowledged. [Open] brings a database to the end of that
// log first, from nothing or from an older state of it. Now and then all that there is
// becomes a base, behind which the log is forgotten. [Fill] makes a home of a database that
// had none, and [Restore] a database of a home.
//
// # How it is safe
//
// A place keeps single objects, by a quorum, and can neither compare and set nor order
// requests that were held up. So nothing is ever overwritten by something else: a record
// has the epoch of its writer and its number in its name, a base too, and a head (which
// says what base and which records of which epochs there are) its epoch and version. What
// is repeated, or comes late, writes what is there already, or what no head names.
//
// Who begins to write claims the place with an epoch greater than all before, says of the
// epochs before that they are over, each in an object of its own, then reads to the end of
// the log, then writes a head of its own, which says where the records of the epoch before
// end. Who has written a record looks afterwards whether its epoch is over, and at the
// fence of Config, and acknowledges nothing once somebody else has come: that one has read
// the log later than it ended the epoch, and so the record, or the end was seen. A record
// that comes later still is one that was not acknowledged, and that no head names. The
// claim itself is overwritten, so that an earlier one that comes late may take its place:
// it says where to begin to look for heads, and keeps out whoever comes with an epoch that
// is no greater, but for a request that is on its way.
//
// Each record has the SHA-256 of its changes, chained to that of the one before, and a base
// that of its chunks. A database keeps how far it has come, with the chain, in the commit
// that took it there.
//
// # Concurrency
//
// A Home is safe for concurrent use. It owns a goroutine that makes bases; Close joins it.
//
// # Caveats
//
// A record whose writing failed may be there: the commit is then in doubt until it is
// written, which the next writer waits for. The bytes are in docs/format/beside.md.
package home
