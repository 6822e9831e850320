// Package arrival bounds what requests take in memory while they are on their way: gRPC
// reads what comes of a message, of any number of streams and connections, and asks
// nobody until the message is whole. A sender that never sends the last byte would have
// the server keep all the others.
//
// A [Bound] looks at the HTTP/2 frames of the connections that it is given, in both
// directions: which streams are open, and how much of a message is there. When all of them
// together take more than they may, it ends some: of the host that has most, of its
// connection that has most, those whose message is on its way for longest. What it ends is
// answered with a status, as if the handler had done so; for gRPC the client has given up.
// gRPC is told by a frame before the next one that it reads. The client is told where gRPC
// acknowledges that: by then it has written all that it will of the stream. A client that
// was answered already, or has just changed the table that headers are written with, gets a
// reset that means the same. A connection whose server cannot be told within [Grace], because
// a frame does not become whole, is closed.
//
// A Bound may be used by several goroutines; a connection as net.Conn says, with one reader.
//
// Caveats: what is counted is an estimate of what gRPC keeps: whole buffers for frames, a
// fixed amount for a stream. What a handler makes of a message is not counted. Frames of
// clients that break the protocol are passed on: gRPC closes such connections.
package arrival
