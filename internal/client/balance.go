package client

import (
	"fmt"
	"net"
	"strings"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/health" // clients watch the health of each server
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

// balancedConfig asks servers in turn, and leaves out those whose health is not SERVING:
// one that is about to stop says so before it does.
const balancedConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "healthCheckConfig": {"serviceName": ""},` + "\n"

// servers are those that an address names.
func servers(address string) []string {
	if strings.Contains(address, "://") {
		return []string{address}
	}
	all := strings.Split(address, ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// balance gives what a client of several servers dials, and how.
func balance(all []string) (target string, options []grpc.DialOption, err error) {
	var state resolver.State
	seen := make(map[string]bool)
	for _, one := range all {
		host, port, err := net.SplitHostPort(one)
		if err != nil || host == "" || port == "" {
			return "", nil, fmt.Errorf("the servers %q; write HOST:PORT,HOST:PORT", strings.Join(all, ","))
		}
		if !seen[one] {
			state.Addresses = append(state.Addresses, resolver.Address{Addr: one, ServerName: host})
		}
		seen[one] = true
	}
	static := manual.NewBuilderWithScheme("akin")
	static.InitialState(state)
	config := balancedConfig + strings.TrimPrefix(serviceConfig, "{")
	return "akin:///servers", []grpc.DialOption{grpc.WithResolvers(static), grpc.WithDefaultServiceConfig(config)}, nil
}
