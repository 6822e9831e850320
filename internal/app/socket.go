package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/store"
)

// A server listens in its data directory, too, so that commands on the directory
// reach it while it holds the lock. Only the directory's owner can connect. The
// server says first whose store it has, on a line of its own before gRPC begins,
// and a command that finds another one there goes away.
const (
	socketFile  = "akin.sock"
	servingFile = "server.json"

	servingFormat = "akin.server.v1"
	greetingStart = "akin "
	greetingMost  = 128
	greetingWait  = 5 * time.Second
	// longestSocket is how long the path of a socket may be on every system.
	longestSocket = 100
)

// serving is what a server writes down of itself, for as long as it runs.
type serving struct {
	Format   string `json:"format"`
	Identity string `json:"identity"`
}

// listenLocal listens in the data directory; the store's lock is ours.
func (a *App) listenLocal(ctx context.Context, s *store.Store) (net.Listener, error) {
	snapshot, err := s.Snapshot(paper.DefaultCollection)
	if err != nil {
		return nil, err
	}
	identity := snapshot.Point().Identity.String()
	snapshot.Close()
	path, release, err := socketPath(a.config.Data)
	if err != nil {
		return nil, err
	}
	a.onClose(release)
	if err := os.Remove(filepath.Join(a.config.Data, socketFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the socket of a server that ended: %w", err)
	}
	// The socket must be the owner's from its first moment on.
	old := syscall.Umask(0o177)
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("listen in %s: %w", a.config.Data, err)
	}
	a.onClose(func() error {
		_ = l.Close() // gRPC may have done so
		return errors.Join(removeIfThere(filepath.Join(a.config.Data, servingFile)), removeIfThere(filepath.Join(a.config.Data, socketFile)))
	})
	raw, err := json.Marshal(serving{servingFormat, identity})
	if err != nil {
		return nil, fmt.Errorf("listen in %s: %w", a.config.Data, err)
	}
	if err := pending.WriteFile(filepath.Join(a.config.Data, servingFile), append(raw, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("listen in %s: %w", a.config.Data, err)
	}
	return &greeter{Listener: l, greeting: []byte(greetingStart + identity + "\n")}, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// greeter says whose store the server has to everybody who connects.
type greeter struct {
	net.Listener
	greeting []byte
}

// Accept gives the next connection, greeted. The greeting fits into any buffer,
// so that nobody can keep others waiting.
func (g *greeter) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if _, err := conn.Write(g.greeting); err == nil {
			return conn, nil
		}
		_ = conn.Close() // it went away again
	}
}

// ErrNotServed says that no server runs over a data directory.
var ErrNotServed = errors.New("no server runs over the data directory")

// Running gives what connects to the server that runs over a data directory, after
// it was reached once; ErrNotServed if there is none, or it has another store.
func Running(ctx context.Context, data string) (dial func(context.Context) (net.Conn, error), err error) {
	raw, err := os.ReadFile(filepath.Join(data, servingFile))
	if err != nil {
		return nil, errors.Join(ErrNotServed, err)
	}
	var s serving
	if err := json.Unmarshal(raw, &s); err != nil || s.Format != servingFormat || s.Identity == "" {
		return nil, fmt.Errorf("%w: %s does not say so", ErrNotServed, servingFile)
	}
	dial = func(ctx context.Context) (net.Conn, error) { return dialLocal(ctx, data, s.Identity) }
	conn, err := dial(ctx)
	if err != nil {
		return nil, errors.Join(ErrNotServed, err)
	}
	return dial, conn.Close()
}

// dialLocal connects, and hears whose store the server has.
func dialLocal(ctx context.Context, data, identity string) (_ net.Conn, err error) {
	path, release, err := socketPath(data)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	greeting, err := readGreeting(conn)
	if err == nil && greeting != greetingStart+identity+"\n" {
		err = fmt.Errorf("the server in %s has another store", data)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func readGreeting(conn net.Conn) (string, error) {
	if err := conn.SetReadDeadline(time.Now().Add(greetingWait)); err != nil {
		return "", err
	}
	// A byte at a time: what comes after the line is gRPC's.
	var line strings.Builder
	buf := make([]byte, 1)
	for line.Len() < greetingMost {
		if _, err := conn.Read(buf); err != nil {
			return "", err
		}
		line.WriteByte(buf[0])
		if buf[0] == '\n' {
			break
		}
	}
	return line.String(), conn.SetReadDeadline(time.Time{})
}

// socketPath gives a path of the socket that is short enough for the system, by
// way of an open folder where it would be too long.
func socketPath(data string) (path string, release func() error, err error) {
	path = filepath.Join(data, socketFile)
	if len(path) <= longestSocket {
		return path, func() error { return nil }, nil
	}
	dir, err := os.Open(data)
	if err != nil {
		return "", nil, err
	}
	short := fmt.Sprintf("/proc/self/fd/%d", dir.Fd())
	if _, err := os.Stat(short); err != nil {
		return "", nil, errors.Join(fmt.Errorf("the path %s is too long for a socket", path), dir.Close())
	}
	return filepath.Join(short, socketFile), dir.Close, nil
}
