package rpc

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"

	"akin/internal/access"
	"akin/internal/paper"
	"akin/internal/rpc/arrival"
)

const (
	// maxArriving is how many bytes of memory the requests of strangers may take that are
	// on their way, and the streams that are open, all together.
	maxArriving = 256 << 20
	// streamWindow is how much of a stream may be sent before anybody asks for it; of a
	// larger message all of it may, once its length is known. connWindow is that of a
	// connection, which does not hold anything up.
	streamWindow, connWindow = 256 << 10, 16 << 20
)

// newArrivals bounds what requests take until they are whole.
func (s *Server) newArrivals() *arrival.Bound {
	return arrival.New(arrival.Options{
		Most: maxArriving, Unread: streamWindow + receivedAheadBytes,
		Host: hostOf, Answer: func() map[string]string { return s.trailersOf(tooMuchArriving()) },
		Ended: func(streams int) { go s.door.noteArriving(uint64(streams)) },
	})
}

// hostOf is the machine that an address is of.
func hostOf(addr net.Addr) string {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		host = addr.String()
	}
	return access.Machine(host)
}

func tooMuchArriving() error {
	return &paper.Error{
		Kind: paper.Exhausted, Reason: paper.ReasonQueueFull, RetryAfter: busyRetry,
		Message: fmt.Sprintf("the requests that are on their way and the streams that are open take %d bytes of memory, the server's limit, and this one was among those that took longest; try again later",
			int64(maxArriving)),
	}
}

// trailersOf are those of a call that ended with an error whose message is ASCII.
func (s *Server) trailersOf(err error) map[string]string {
	st := statusProto(context.Background(), s.log, err)
	details, err := proto.Marshal(st)
	if err != nil { // then there are none
		s.log.Error("error details", "error", err)
	}
	return map[string]string{
		"grpc-status": strconv.Itoa(int(st.GetCode())), "grpc-message": st.GetMessage(),
		"grpc-status-details-bin": base64.RawStdEncoding.EncodeToString(details),
	}
}

// noteArriving counts and logs, as [doorkeeper.note].
func (d *doorkeeper) noteArriving(streams uint64) {
	n := d.refused.Add(streams)
	d.seldom.Do(func() {
		d.log.Warn("calls are refused: too many requests are on their way, or streams open, at once", "refused", n)
	})
}

// counting are the credentials of a server whose callers from elsewhere are bounded
// together, until their requests are whole.
type counting struct {
	credentials.TransportCredentials // nil is none
	arrivals                         *arrival.Bound
}

// countedBy are options of a server that goes by a bound, with credentials, or nil.
func countedBy(b *arrival.Bound, inner credentials.TransportCredentials) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(&counting{inner, b}),
		// Of a window that grows with the speed of a connection, nobody could say what it holds.
		grpc.StaticStreamWindowSize(streamWindow), grpc.StaticConnWindowSize(connWindow),
		grpc.ReadBufferSize(0), // the bound has one
	}
}

// ServerHandshake implements credentials.TransportCredentials.
func (c *counting) ServerHandshake(raw net.Conn) (conn net.Conn, info credentials.AuthInfo, err error) {
	conn = raw
	if c.TransportCredentials != nil {
		if conn, info, err = c.TransportCredentials.ServerHandshake(raw); err != nil {
			return nil, nil, err //nolint:wrapcheck // gRPC wraps it
		}
	}
	if raw.LocalAddr().Network() == inProcess { // bodies of HTTP are bounded where they are read
		return conn, info, nil
	}
	return c.arrivals.Conn(conn), info, nil
}

// Clone implements credentials.TransportCredentials.
func (c *counting) Clone() credentials.TransportCredentials { return c }

// Info implements credentials.TransportCredentials.
func (c *counting) Info() credentials.ProtocolInfo {
	if c.TransportCredentials == nil {
		return credentials.ProtocolInfo{}
	}
	return c.TransportCredentials.Info()
}
