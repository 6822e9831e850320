// Package feed holds feeds: standing queries that new papers are matched against.
//
// Feeds has the rules: what a feed may ask, how many there may be, what is kept of what
// it found. What keeps feeds is behind Ledger, a small interface with a contract suite
// (feedtest); package ledger keeps them on disk. Package match decides which papers match
// which feeds, and package courier (internal/courier) does all that needs papers.
//
// A feed and its items know the ids of papers, and nothing that they say, so that
// erasing a paper erases its text everywhere.
//
// Every call names an owner and sees nothing of another's. Each change is one durable
// step: it is there whole or not at all. Feeds is safe for concurrent use.
package feed
