package app

import (
	"errors"
	"fmt"
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"akin/internal/paper"
	"akin/internal/telemetry"
)

// Fault is what is wrong with one setting.
type Fault struct { //nolint:errname // one of several, by the name of what it is
	// Setting is the name of the setting, which is that of its flag.
	Setting string
	// Message says what is wrong and what to write, and follows on the name.
	Message string
}

// Error names the setting.
func (f Fault) Error() string { return "--" + f.Setting + " " + f.Message }

// FaultsOf gives what is wrong with settings, if an error is of that and of nothing else;
// nil for any other error.
func FaultsOf(err error) []Fault {
	if err == nil {
		return nil
	}
	if f, ok := err.(Fault); ok { //nolint:errorlint // what wraps one says more
		return []Fault{f}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []Fault
		for _, e := range joined.Unwrap() {
			f := FaultsOf(e)
			if f == nil {
				return nil
			}
			all = append(all, f...)
		}
		return all
	}
	if at := flagFirst.FindStringSubmatch(err.Error()); at != nil && paper.KindOf(err) == paper.Invalid {
		return []Fault{{Setting: at[1], Message: strings.TrimLeft(err.Error()[len(at[0]):], " :")}}
	}
	return nil
}

// flagFirst is a message that begins with the flag that it is about.
var flagFirst = regexp.MustCompile(`^--([a-z][a-z-]*)\b`)

// Check says all that is wrong with a configuration, as faults where one setting is.
func (c Config) Check() error {
	_, err := c.withDefaults()
	return err
}

// observing says what is wrong with what is measured and told.
func (c Config) observing() (errs []error) {
	fault := func(setting, format string, args ...any) {
		errs = append(errs, Fault{setting, fmt.Sprintf(format, args...)})
	}
	t := c.Telemetry
	for setting, share := range map[string]float64{"recall-share": t.RecallShare, "trace-share": t.TraceShare} {
		if math.IsNaN(share) || share < 0 || share > 1 {
			fault(setting, "is %v; it is a share, from 0 to 1", share)
		}
	}
	if t.SlowQuery < 0 {
		fault("slow-query", "is %v; it must not be negative (0 logs none)", t.SlowQuery)
	}
	if t.OTLPEndpoint != "" {
		if err := telemetry.CheckEndpoint(t.OTLPEndpoint); err != nil {
			fault("otlp-endpoint", "%v", err)
		}
	}
	errs = append(errs, c.addresses()...)
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

// addresses says what is wrong with the form of addresses, and with two that are one.
func (c Config) addresses() (errs []error) {
	taken := make(map[string]string)
	for _, a := range []struct{ setting, addr string }{{"grpc-addr", c.GRPCAddr}, {"http-addr", c.HTTPAddr}, {"admin-addr", c.AdminAddr}} {
		if a.addr == "" {
			continue
		}
		_, port, err := net.SplitHostPort(a.addr)
		if err != nil {
			errs = append(errs, Fault{a.setting, fmt.Sprintf("%q cannot be listened on: %v; write HOST:PORT, such as 127.0.0.1:7411 or [::1]:7411", a.addr, err)})
			continue
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			errs = append(errs, Fault{a.setting, fmt.Sprintf("%q cannot be listened on: its port is no number from 0 to 65535", a.addr)})
			continue
		}
		if other := taken[a.addr]; other != "" && port != "0" {
			errs = append(errs, Fault{a.setting, fmt.Sprintf("is %s, as %s is; give each its own", a.addr, other)})
		}
		taken[a.addr] = a.setting
	}
	return errs
}

// timeoutFaults are what is wrong with the timeouts.
func timeoutFaults(err error) (errs []error) {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []error{Fault{"timeout", "is wrong: " + err.Error()}}
	}
	for _, e := range joined.Unwrap() {
		errs = append(errs, Fault{"timeout", "is wrong: " + e.Error()})
	}
	return errs
}
