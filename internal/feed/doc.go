// Package feed holds feeds: standing queries that new papers are matched against.
//
// A feed and its items know the ids of papers, and nothing that they say, so that
// erasing a paper erases its text everywhere.
package feed
