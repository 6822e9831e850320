package weaviate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"akin/internal/paper"
)

// Reasons of errors that the cluster causes.
const (
	ReasonClusterUnavailable = "CLUSTER_UNAVAILABLE"
	ReasonClusterDenied      = "CLUSTER_DENIED"
	ReasonClusterChanging    = "CLUSTER_CHANGING"
	ReasonWriterReplaced     = "WRITER_REPLACED"
	ReasonNotWriter          = "NOT_THE_WRITER"
	ReasonClusterRefused     = "CLUSTER_REFUSED"
)

// DefaultGRPCPort is where nodes answer gRPC if their address says nothing else.
const DefaultGRPCPort = "50051"

// Address is where a node answers.
type Address struct{ HTTP, GRPC string }

// Config says which cluster, and how it keeps papers.
type Config struct {
	// Nodes are asked in turn; at least one.
	Nodes []Address
	// TLS is nil for connections in the clear.
	TLS *tls.Config
	// Key is an API key of the cluster; "" sends none.
	Key string
	// Prefix begins the names of the classes; "" is DefaultPrefix.
	Prefix string
	// Space is that of the default collection, which Open creates.
	Space paper.Space
	// Shards and Replicas are those of classes that are created; 0 is 3 of both.
	Shards, Replicas int
	// AllReplicas acknowledges a write once all replicas have it, so that none succeeds
	// while a node is away; false waits for a quorum.
	AllReplicas bool
	// Epoch is that of the writer. A greater one takes over from a smaller one; 0 is a
	// reader, whose Apply is refused.
	Epoch uint64
	// Migration is what Open fills the default collection for; nil for whoever else uses it.
	Migration *Migration
	// Fence is asked before each request that writes papers whether this process still
	// is the writer, for the cluster cannot tell; nil is not asked.
	Fence func() error
	// Writer tells who writes, for readers to say so; nil or "" is nobody known.
	Writer func() string
	// Timeout bounds a call, Try the call of one node; 0 is 30 and 4 seconds.
	Timeout, Try time.Duration
	// Keep is how long copies of replaced versions stay for views that are open; 0 is
	// ten minutes.
	Keep time.Duration
	// Late is how long after a request was given up it may still reach the cluster; 0 is
	// 20 minutes.
	Late time.Duration
	// AuditEvery is how often a writer looks at 2,000 papers, whether all nodes find them
	// by vector, and at those that a late request may have changed; 0 is ten seconds, less
	// than 0 is never. Audit looks at all.
	AuditEvery time.Duration
	// Log takes what nobody is told; nil is slog.Default.
	Log *slog.Logger
}

// DefaultPrefix begins the names of classes.
const DefaultPrefix = "Akin"

func (c Config) withDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.Shards == 0 {
		c.Shards = 3
	}
	if c.Replicas == 0 {
		c.Replicas = 3
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Try == 0 {
		c.Try = 4 * time.Second
	}
	if c.Keep == 0 {
		c.Keep = 10 * time.Minute
	}
	if c.Late == 0 {
		c.Late = 20 * time.Minute
	}
	if c.AuditEvery == 0 {
		c.AuditEvery = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// Check reports all that is wrong with a configuration, but for what only the cluster
// knows.
func (c Config) Check() error { return c.withDefaults().validate() }

func (c Config) validate() error {
	var err error
	if len(c.Nodes) == 0 {
		err = errors.Join(err, errors.New("weaviate: no address of a node is given"))
	}
	if c.Shards < 1 || c.Shards > 1024 {
		err = errors.Join(err, fmt.Errorf("weaviate: %d shards; there must be 1 to 1024", c.Shards))
	}
	if c.Replicas < 1 || c.Replicas == 2 || c.Replicas > 9 {
		err = errors.Join(err, fmt.Errorf("weaviate: %d replicas; give 1 (nothing survives the loss of a node), 3 or more (2 cannot lose one either)", c.Replicas))
	}
	if c.Prefix[0] < 'A' || c.Prefix[0] > 'Z' || strings.Trim(c.Prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
		err = errors.Join(err, fmt.Errorf("weaviate: the prefix %q; it must begin with a capital letter, and be of letters and digits", c.Prefix))
	}
	return err
}

// ParseAddresses reads "weaviate://host:port,host:port:grpcport,…": the port of HTTP,
// and that of gRPC if it is not 50051.
func ParseAddresses(text string) ([]Address, error) {
	hosts, ok := strings.CutPrefix(text, "weaviate://")
	if !ok {
		return nil, fmt.Errorf("the catalog %q; write weaviate://host:port,host:port", text)
	}
	var out []Address
	for part := range strings.SplitSeq(hosts, ",") {
		a, err := parseAddress(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func parseAddress(text string) (Address, error) {
	bad := fmt.Errorf("the address %q of a node; write host:port or host:port:grpcport, IPv6 in brackets", text)
	grpcPort, rest := DefaultGRPCPort, text
	if end := strings.LastIndexByte(text, ']'); strings.Count(text[end+1:], ":") == 2 {
		at := strings.LastIndexByte(text, ':')
		rest, grpcPort = text[:at], text[at+1:]
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil || host == "" || port == "" || grpcPort == "" || strings.ContainsAny(text, "/@?# ") {
		return Address{}, bad
	}
	for _, p := range []string{port, grpcPort} {
		if strings.Trim(p, "0123456789") != "" {
			return Address{}, bad
		}
	}
	return Address{HTTP: net.JoinHostPort(host, port), GRPC: net.JoinHostPort(host, grpcPort)}, nil
}
