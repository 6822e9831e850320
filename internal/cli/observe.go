package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"akin/internal/app"
)

// observeFlags say what a server tells of itself, and whom.
type observeFlags struct {
	AdminAddr       string        `help:"Where to serve metrics (/metrics), health and profiles; empty for none. 127.0.0.1:7413 is free of akin's other addresses." env:"AKIN_ADMIN_ADDR" placeholder:"HOST:PORT"`
	AdminPublic     bool          `help:"Allow an --admin-addr beside the loopback ones: whoever reaches it sees metrics, and in profiles what is in memory." env:"AKIN_ADMIN_PUBLIC"`
	SlowQuery       time.Duration `help:"Log queries that take longer than this; 0 for none." default:"500ms" env:"AKIN_SLOW_QUERY" placeholder:"TIME" live:""`
	LogQueries      bool          `help:"Let the log have the texts of queries." env:"AKIN_LOG_QUERIES" live:""`
	RecallShare     float64       `help:"Share of queries, from 0 to 1, that are repeated exactly in the background to measure recall." default:"0.01" env:"AKIN_RECALL_SHARE" placeholder:"SHARE" live:""`
	OTLPEndpoint    string        `name:"otlp-endpoint" help:"Where to send traces: http://HOST:PORT or https://HOST:PORT of a collector that speaks OTLP over gRPC; empty for nowhere." env:"AKIN_OTLP_ENDPOINT" placeholder:"URL"`
	OTLPHeadersFile string        `name:"otlp-headers-file" help:"File of what goes with every trace, such as a key: NAME=VALUE, one a line. AKIN_OTLP_HEADERS may have it instead." type:"path" env:"AKIN_OTLP_HEADERS_FILE" placeholder:"FILE" secret:"otlp-headers"`
	TraceShare      float64       `help:"Share of calls, from 0 to 1, that are traced of those whose caller does not say." default:"0.1" env:"AKIN_TRACE_SHARE" placeholder:"SHARE"`
}

func (f *observeFlags) observe(config *app.Config) error {
	config.AdminAddr, config.AdminPublic = f.AdminAddr, f.AdminPublic
	t := &config.Telemetry
	t.SlowQuery, t.LogQueries, t.RecallShare = f.SlowQuery, f.LogQueries, f.RecallShare
	t.OTLPEndpoint, t.TraceShare = f.OTLPEndpoint, f.TraceShare
	if f.OTLPHeadersFile != "" {
		config.Secrets = append(config.Secrets, f.OTLPHeadersFile)
	}
	raw, err := secret("otlp-headers-file", f.OTLPHeadersFile, "AKIN_OTLP_HEADERS")
	if err != nil {
		return err
	}
	if t.OTLPHeaders, err = headers(raw); err != nil {
		return app.Fault{Setting: "otlp-headers-file", Message: err.Error()}
	}
	return nil
}

// secret reads a secret from a file or, where none is named, from the environment.
func secret(setting, path, variable string) (string, error) {
	if path == "" {
		return os.Getenv(variable), nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", app.Fault{Setting: setting, Message: fmt.Sprintf("names a file that cannot be read: %v", err)}
	}
	return strings.TrimSpace(string(raw)), nil
}

// headers reads NAME=VALUE, one a line or divided by commas. Its errors show no value.
func headers(raw string) (map[string]string, error) {
	all := make(map[string]string)
	for _, line := range strings.FieldsFunc(raw, func(r rune) bool { return r == '\n' || r == ',' }) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if name = strings.ToLower(strings.TrimSpace(name)); !ok || name == "" {
			return nil, errors.New("has a line that is not NAME=VALUE")
		}
		all[name] = strings.TrimSpace(value)
	}
	return all, nil
}
