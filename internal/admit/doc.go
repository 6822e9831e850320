// Package admit decides which calls may work now, which wait, and which are
// refused at once, so that a server that is asked for more than it can do goes
// on answering as much as it can, each in bounded time.
//
// A [Gate] lets a fixed number of calls, about as many as there are cores, work
// at the same time. What a call will take is estimated from what calls of its
// class took lately, on this machine and under this load, times the units that
// it asks for: nothing is set for one machine. The others wait in the order of
// start-time fair queueing (Goyal, Vin, Cheng: "Start-time Fair Queueing", 1996):
// each caller's work is charged to that caller, so that one who asks little is
// served before those who asked much, whatever they have queued. A host with many
// connections pays more for each.
//
// A caveat: callers that are owed a turn are served as they came. When one call
// of each connection takes longer than the bound of the queue, everybody is owed
// one, and who asks now and then has no advantage.
//
// The queue is bounded by time: a call whose turn is estimated to come later
// than the bound, or too late for its own deadline, is refused at once, with
// when to come back. When somebody with a greater right to the queue arrives,
// it is the last in the queue that gives way. A caller that gives up leaves the
// queue and costs nothing.
//
// Calls that take long may hold no more than half of the places, so that there
// is always one for the short ones: a call that turns out to be long counts as
// such from then on.
//
// A Gate is safe for concurrent use. It starts no goroutines. It knows neither
// calls nor transports: whoever asks says what class a call is of, and who asks.
package admit
