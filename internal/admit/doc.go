// Package admit decides which calls may work now, which wait, and which are
// refused at once, so that a server that is asked for more than it can do goes
// on answering as much as it can, each in bounded time.
//
// A [Gate] lets a fixed number of calls, about as many as there are cores, work
// at the same time. What a call will take is estimated from what calls of its
// class took lately, on this machine and under this load, times the units that
// it asks for: nothing is set for one machine. The others wait in the order of
// start-time fair queueing (Goyal, Vin, Cheng: "Start-time Fair Queueing", 1996),
// in two levels. Hosts get the same, whatever each has queued and over however many
// connections. Of a host, connections that ask now and then go before those that
// always ask, and these get the same. So one who asks little is served next, and
// not after a call of each of those who ask much.
//
// The queue is bounded by time: a call whose turn is estimated to come later
// than the bound, or too late for its own deadline, is refused at once, with
// when to come back. What counts is what is served before it, not how much waits:
// who has a right to be next is not refused because others fill the queue. When
// others come before those that wait, or the estimates turn out to be too low, it
// is the last in the order that give way, as soon as that is known. A caller that
// gives up leaves the queue and costs nothing.
//
// A caveat: which connections ask now and then is told by for how much of the last
// seconds they asked. One that comes to wait as long as the others, because it asks
// for more than is left, is one that always asks from then on, and gets what each
// gets.
//
// Calls that take long may hold no more than half of the places, so that there
// is always one for the short ones: a call that turns out to be long counts as
// such from then on.
//
// A Gate is safe for concurrent use. It starts no goroutines. It knows neither
// calls nor transports: whoever asks says what class a call is of, and who asks.
package admit
