package rpc

import (
	"net"
	"testing"

	"google.golang.org/grpc/peer"

	"akin/internal/access"
	"akin/internal/admit"
)

// Each key is charged as itself, wherever it is used from; who has none, by address;
// whoever runs the server is not charged.
func TestKeysAreChargedAsThemselves(t *testing.T) {
	for name, c := range map[string]struct {
		caller access.Caller
		want   admit.Caller
		own    bool
	}{
		"a key":                     {access.Caller{KeyID: "k1", Host: "192.0.2.1", Address: "192.0.2.1:5"}, admit.Caller{Host: "key k1", Conn: "192.0.2.1:5"}, false},
		"another on the same host":  {access.Caller{KeyID: "k2", Host: "192.0.2.1", Address: "192.0.2.1:5"}, admit.Caller{Host: "key k2", Conn: "192.0.2.1:5"}, false},
		"the same on another host":  {access.Caller{KeyID: "k1", Host: "192.0.2.2", Address: "192.0.2.2:5"}, admit.Caller{Host: "key k1", Conn: "192.0.2.2:5"}, false},
		"nobody, behind a proxy":    {access.Caller{Host: "203.0.113.9", Address: "203.0.113.9"}, admit.Caller{Host: "203.0.113.9", Conn: "203.0.113.9"}, false},
		"whoever runs the server":   {access.Local(""), admit.Caller{}, true},
		"a key that claims a proxy": {access.Caller{KeyID: "k1", Address: "10.0.0.1:1"}, admit.Caller{Host: "key k1", Conn: "10.0.0.1:1"}, false},
	} {
		ctx := peer.NewContext(access.WithCaller(t.Context(), &c.caller), &peer.Peer{Addr: &net.UnixAddr{Net: "unix"}})
		if got, own := callerOf(ctx); got != c.want || own != c.own {
			t.Errorf("%s: %+v, %v", name, got, own)
		}
	}
}
