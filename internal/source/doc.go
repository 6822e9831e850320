// Package source keeps collections current: it fetches what sources of papers have, on
// a schedule, and imports it.
//
// # Duty
//
// A source is a repository that speaks OAI-PMH, a feed (Atom, RSS 1.0 or 2.0), pages of
// days in JSON or another format of package ingest, or a folder that files are put into.
// OAI-PMH is the ledger that nothing escapes: its windows overlap, and what it says of a
// paper replaces what is there. Feeds and pages of days are the fast lane: they bring
// papers early and fill in what is missing, but never make a paper poorer that is there.
// Several sources may fill one collection.
//
// A run is made of steps: one request, the import of what came, and the checkpoint, in
// that order. What is fetched twice changes nothing, so that whatever stops a run between
// two of them (the end of the process, a power cut, a backup that was restored) loses
// nothing. A source that asks to be left alone interrupts a run and does not end it.
//
// The state of each source says in words when it last ran, what came of it, and what
// comes next and why.
//
// # Network
//
// One request at a time goes to a site, whatever the number of sources, with a pause
// between two; what Retry-After asks for survives a restart. Only hosts that the
// configuration names are asked. The address that is dialled must be one of the internet,
// unless the configuration names that very host as a private one, whatever a name server
// says. Redirects to another host are refused. Bodies are bounded, compressed and not.
//
// # Concurrency
//
// A Manager is safe for concurrent use. It owns a goroutine for each source, which
// [Manager.Close] joins; a source does one thing at a time. Papers are delivered by one
// source at a time, so that two that bring the same paper do not undo each other.
//
// # Caveats
//
//   - A paper that somebody else changes in the moment between its reading and its
//     import by a source may lose a field of that change.
//   - Where a repository says neither how long its lists are nor keeps them still, a
//     record that moves while its list is read is found by the overlap only, within its
//     days.
package source
