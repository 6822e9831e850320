// Package telemetry tells whoever runs akin how it is: metrics for Prometheus,
// traces for OpenTelemetry, and one line of the log for each call.
//
// It is the only room that knows Prometheus and OpenTelemetry's SDK. Rooms that have
// figures give them as plain structs (see Sources), which are asked for at each scrape
// and must therefore cost little; what happens in a call is noted on its Call, which
// travels in the call's context. Nothing that it writes has texts of papers or queries,
// unless Live.LogQueries says so, and nothing ever has what a caller authenticates with.
//
// Everything is safe for concurrent use. A Telemetry holds a registry of its own, so
// that a process can have several. Labels only ever take values from fixed sets: names
// of methods that exist, codes, strategies, classes.
package telemetry
