package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"akin/internal/app"
	"akin/internal/client"
	"akin/internal/embed/embedtest"
	akinv1 "akin/proto/akin/v1"
)

func writeSettings(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "akin.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every fault of a configuration is said, with where it is: of its form, and of its
// values, whether a file, the environment or a flag has them.
func TestConfigFaults(t *testing.T) {
	const planted = "hunter2"
	for name, c := range map[string]struct {
		file string
		env  [2]string
		args []string
		want []string
	}{
		"form": {
			file: "grpc-adr: x\nthreads: many\ninsecure-public: perhaps\nindex: tree\nslow-query: 5\ntimeout: {read: soon}\nlog-level: loud\notlp-headers: " + planted + "\n",
			want: []string{
				":1: \"grpc-adr\" is no setting; is grpc-addr meant?", ":2: threads is \"many\"; write a number", ":3: insecure-public is \"perhaps\"; write true or false",
				":4: index is \"tree\"; write one of graph, graph-lvq, exact, coder", ":5: slow-query is \"5\"", ":6: timeout is \"read=soon\"", ":7: log-level is \"loud\"", ":8: otlp-headers is a secret",
			},
		},
		"values": {
			file: "threads: 2000\nrecall-share: 1.5\ntimeout: {reed: 5s}\notlp-endpoint: localhost\nhttp-addr: 127.0.0.1\n",
			args: []string{"--trace-share", "7", "--admin-addr", "127.0.0.1:99999"},
			want: []string{
				":1: threads 2000 is not between", ":2: recall-share is 1.5", ":3: timeout is wrong: timeout of \"reed\"", ":4: otlp-endpoint is", ":5: http-addr \"127.0.0.1\" cannot be listened on",
				"--trace-share is 7", "--admin-addr \"127.0.0.1:99999\" cannot be listened on",
			},
		},
		"one address twice": {file: "http-addr: 127.0.0.1:7411\n", want: []string{"is 127.0.0.1:7411, as grpc-addr is"}},
		"environment":       {env: [2]string{"AKIN_SLOW_QUERY", "soon"}, file: "nonsense-of-all-kinds: 1\n", want: []string{"AKIN_SLOW_QUERY: is \"soon\"", "`akin config example` shows all"}},
		"flags too":         {file: "threads: many\n", args: []string{"--no-such-flag"}, want: []string{":1: threads is", "unknown flag --no-such-flag"}},
		"public":            {file: "admin-addr: 0.0.0.0:0\ngrpc-addr: 127.0.0.1:0\nhttp-addr: ''\n", want: []string{":1: admin-addr \"0.0.0.0:0\" is not a loopback address"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.env[0] != "" {
				t.Setenv(c.env[0], c.env[1])
			}
			data := filepath.Join(t.TempDir(), "data")
			code, _, errOut := run(t, "", append([]string{"serve", "--data", data, "--config", writeSettings(t, c.file)}, c.args...)...)
			if code != 2 {
				t.Errorf("exit code %d", code)
			}
			for _, want := range c.want {
				if !strings.Contains(errOut, want) {
					t.Errorf("no %q in:\n%s", want, errOut)
				}
			}
			if strings.Contains(errOut, planted) {
				t.Errorf("a secret is shown:\n%s", errOut)
			}
			if _, err := os.Stat(data); err == nil {
				t.Error("a server that does not start has made a directory")
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	good := writeSettings(t, "data: /x\nthreads: 2\n")
	if out := mustRun(t, "config", "check", good); !strings.Contains(out, "all 2 settings in it are fine") {
		t.Error(out)
	}
	code, _, errOut := run(t, "", "config", "check", writeSettings(t, "threads: 2000\nrecall-share: 2\n"))
	if code != 2 || !strings.Contains(errOut, "akin.yaml:1: threads 2000") || !strings.Contains(errOut, "akin.yaml:2: recall-share is 2") {
		t.Errorf("exit code %d: %s", code, errOut)
	}
	if code, _, errOut := run(t, "", "config", "check", "no-such-file"); code != 2 || !strings.Contains(errOut, "no such file") {
		t.Errorf("exit code %d: %s", code, errOut)
	}
	// The example, and what is printed, are files of settings themselves.
	for _, args := range [][]string{{"config", "example"}, {"config", "print", "--slow-query", "3s", "--http-host", "a,b", "--timeout", "read=5s"}} {
		if out := mustRun(t, "config", "check", writeSettings(t, mustRun(t, args...))); !strings.Contains(out, "are fine") {
			t.Errorf("%v: %s", args, out)
		}
	}
	uncommented := strings.NewReplacer("\n#", "\n").Replace(mustRun(t, "config", "example"))
	lines := slices.DeleteFunc(strings.Split(uncommented, "\n"), func(l string) bool { return strings.HasPrefix(l, " ") || strings.HasPrefix(l, "#") })
	if out := mustRun(t, "config", "check", writeSettings(t, strings.Join(lines, "\n"))); !strings.Contains(out, "are fine") {
		t.Errorf("the example without its comments: %s", out)
	}
}

// A flag goes before the environment, that before the file, that before the default;
// and what is printed says so, without secrets.
func TestConfigPrint(t *testing.T) {
	t.Setenv("AKIN_MAX_WAIT", "2s")
	t.Setenv("AKIN_SLOW_QUERY", "2s")
	t.Setenv("AKIN_OTLP_HEADERS", "authorization=hunter2")
	path := writeSettings(t, "max-wait: 3s\nslow-query: 3s\nrecall-share: 0.5\nhttp-addr: ''\nlog-format: json\n")
	out := mustRun(t, "config", "print", "--config", path, "--slow-query", "4s", "--json")
	got := make(map[string][2]string)
	for line := range strings.Lines(out) {
		var s struct{ Name, Value, From string }
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		got[s.Name] = [2]string{s.Value, s.From}
	}
	for name, want := range map[string][2]string{
		"slow-query": {"4s", "--slow-query"}, "max-wait": {"2s", "AKIN_MAX_WAIT"}, "recall-share": {"0.5", path + ":3"}, "http-addr": {`""`, path + ":4"},
		"grpc-addr": {`"127.0.0.1:7411"`, "default"}, "log-format": {`"json"`, path + ":5"},
	} {
		if got[name] != want {
			t.Errorf("%s: %v; want %v", name, got[name], want)
		}
	}
	if out := mustRun(t, "config", "print", "--config", path); strings.Contains(out, "hunter2") || !strings.Contains(out, "# otlp-headers is in AKIN_OTLP_HEADERS, and not shown") {
		t.Error(out)
	}
}

// The names are the same everywhere.
func TestSettingsHaveOneName(t *testing.T) {
	for _, s := range strings.Split(mustRun(t, "config", "example"), "\n\n")[1:] {
		_, rest, _ := strings.Cut(s, "# Environment: ")
		variable, rest, _ := strings.Cut(rest, "\n#")
		rest = strings.TrimPrefix(rest, "   For example:\n#   ") // a table has no default to show
		name, _, _ := strings.Cut(rest, ":")
		if want := "AKIN_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")); strings.TrimSuffix(variable, " (live)") != want {
			t.Errorf("%s is %s in the environment; want %s", name, variable, want)
		}
	}
}

// docs/configuration.md is what the program says.
func TestConfigurationReference(t *testing.T) {
	path := filepath.Join(embedtest.Root(t), "docs", "configuration.md")
	got := mustRun(t, "config", "reference")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s is not current (%v); run make gen-docs", path, err)
	}
}

func TestDoctor(t *testing.T) {
	t.Setenv("AKIN_GRPC_ADRR", "x")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	open := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(open, []byte("authorization=hunter2"), 0o644); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	if err := os.Chmod(data, 0o755); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := run(t, "", "doctor", "--data", data, "--grpc-addr", taken.Addr().String(), "--http-addr", "", "--otlp-headers-file", open, "--threads", "5000", "--json")
	if code != 1 || strings.Contains(out+errOut, "hunter2") {
		t.Errorf("exit code %d\n%s%s", code, out, errOut)
	}
	found := make(map[string]app.State)
	for line := range strings.Lines(out) {
		var f app.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if f.State != app.FindingOK && f.Do == "" {
			t.Errorf("nothing is said to do about %+v", f)
		}
		found[f.Topic] = f.State
	}
	for topic, want := range map[string]app.State{
		"port of --grpc-addr": app.FindingFailure, "configuration": app.FindingFailure, "data directory": app.FindingWarning, "secret": app.FindingWarning,
		"environment": app.FindingWarning, "clock": app.FindingOK, "model": app.FindingOK, "library": app.FindingOK,
	} {
		if found[topic] != want {
			t.Errorf("%s: %q; want %s", topic, found[topic], want)
		}
	}
}

// reloading is a server with a configuration file and an admin address.
func reloading(t *testing.T, settings string) (s *server, admin string, log *lockedBuffer) {
	t.Helper()
	log = new(lockedBuffer)
	s = &server{}
	s.cmd = program(t, "serve", "--config", settings)
	s.cmd.Stderr = log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	})
	for lines := bufio.NewScanner(out); admin == "" && lines.Scan(); {
		switch name, address, _ := strings.Cut(lines.Text(), " "); name {
		case "gRPC":
			s.grpc = strings.TrimSpace(address)
		case "admin":
			admin = strings.TrimSpace(address)
		}
	}
	if admin == "" {
		t.Fatalf("the server did not start:\n%s", log)
	}
	return s, admin, log
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// rare is what the log says beside slow queries.
func (b *lockedBuffer) rare() string {
	return strings.Join(slices.DeleteFunc(strings.Split(b.String(), "\n"), func(l string) bool { return strings.Contains(l, "slow query") }), "\n")
}

// until waits for the log to say something.
func (b *lockedBuffer) until(t *testing.T, want string, times int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); strings.Count(b.String(), want) < times; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log does not say %q %d times:\n%s", want, times, b.rare())
		}
	}
}

// Settings change while calls are answered, and none of them fails. A file that is
// wrong changes nothing.
func TestReloadUnderLoad(t *testing.T) {
	const good = "grpc-addr: 127.0.0.1:0\nhttp-addr: ''\nadmin-addr: 127.0.0.1:0\nslow-query: 1h\nlog-format: json\notlp-headers-file: "
	secret := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(secret, []byte("authorization=planted-7c1"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "data: " + sampleData(t) + "\n" + good + secret + "\n"
	settings := writeSettings(t, text)
	s, admin, log := reloading(t, settings)
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stop, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				failed <- nil
				return
			default:
			}
			if _, err := c.Search.Search(t.Context(), &akinv1.SearchRequest{Query: "planted-7c1 graphs"}); err != nil {
				failed <- err
				return
			}
		}
	}()
	hangUp := func(content string) {
		t.Helper()
		if err := os.WriteFile(settings, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangUp(strings.ReplaceAll(text, "1h", "1ns") + "threads: 1\n")
	log.until(t, "the configuration was read anew", 1)
	log.until(t, `"msg":"slow query"`, 1)
	log.until(t, "settings were changed that need a restart", 1)
	hangUp("bogus: 1\n" + text)
	log.until(t, "the old one stays in force", 1)
	if got := fetched(t, admin+"/metrics"); !strings.Contains(got, "akin_config_last_reload_successful 0\n") || !strings.Contains(got, `akin_queue_running{queue="calls"}`) || !strings.Contains(got, "akin_store_writable 1\n") {
		t.Errorf("metrics: %s", got)
	}
	// The file is looked at without a signal, too.
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log.until(t, "the configuration was read anew", 2)
	if got := fetched(t, admin+"/readyz"); got != "ready\n" {
		t.Errorf("readyz: %s", got)
	}
	close(stop)
	if err := <-failed; err != nil {
		t.Errorf("a call failed: %v", err)
	}
	if err := errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait()); err != nil {
		t.Errorf("stop: %v\n%s", err, log.rare())
	}
	if strings.Contains(log.String(), "planted-7c1") {
		t.Errorf("a secret, or a query, is in the log:\n%s", log.rare())
	}
}

func fetched(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
