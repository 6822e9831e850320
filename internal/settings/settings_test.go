package settings

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func known() []Setting {
	return []Setting{
		{Name: "grpc-addr"},
		{Name: "insecure-public", Kind: Truth},
		{Name: "threads", Kind: Number},
		{Name: "http-host", Kind: List, Sep: ","},
		{Name: "timeout", Kind: Map, MapSep: ";"},
		{Name: "otlp-headers-file", Secret: "otlp-headers"},
		{Name: "slow-query", Check: func(text string) error {
			if _, err := time.ParseDuration(text); err != nil {
				return errors.New("is no duration")
			}
			return nil
		}},
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "akin.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestValues(t *testing.T) {
	path := write(t, `# a comment
grpc-addr: 127.0.0.1:7411
insecure-public: false
threads: 4
http-host: [a.example, "b,c"]
timeout: {read: 10s, query: 2m}
slow-query: &slow 500ms
`)
	f, faults := Read(path, known())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for name, want := range map[string]string{
		"grpc-addr": "127.0.0.1:7411", "insecure-public": "false", "threads": "4",
		"http-host": `a.example,b\,c`, "timeout": "read=10s;query=2m", "slow-query": "500ms",
	} {
		if got := f.Values[name].Text; got != want {
			t.Errorf("%s is %q; want %q", name, got, want)
		}
	}
	if got := f.Place("threads"); got != path+":4" {
		t.Errorf("place of threads: %s", got)
	}
	if got := (*File)(nil).Place("threads"); got != "" {
		t.Errorf("place in no file: %s", got)
	}
}

// Everything that is wrong is said at once, each with its line, and without the value
// of what is a secret.
func TestFaults(t *testing.T) {
	const planted = "hunter2"
	path := write(t, `grpc-adr: x
insecure-public: perhaps
threads: many
http-host: {a: b}
timeout: 5s
slow-query: soon
otlp-headers: authorization=`+planted+`
smtp-password: `+planted+`
nothing-like-it-at-all: 1
grpc-addr:
threads: 3
`)
	_, faults := Read(path, known())
	want := []string{
		`:1: "grpc-adr" is no setting; is grpc-addr meant?`,
		`:2: insecure-public is "perhaps"; write true or false`,
		`:3: threads is "many"; write a number`,
		`:4: http-host is a map; write a list`,
		`:5: timeout is a single value; write a map`,
		`:6: slow-query is no duration`,
		`:7: otlp-headers is a secret`,
		`:8: "smtp-password" is no setting, and secrets`,
		`:9: "nothing-like-it-at-all" is no setting; ` + "`akin config example` shows all",
		`:10: grpc-addr has no value`,
		`:11: threads is set a second time; line 3 sets it, too`,
	}
	if len(faults) != len(want) {
		t.Fatalf("%d faults: %v", len(faults), faults)
	}
	for i, f := range faults {
		if got := f.Error(); !strings.HasPrefix(got, path+want[i]) {
			t.Errorf("fault %d: %s; want …%s", i, got, want[i])
		}
		if strings.Contains(f.Error(), planted) {
			t.Errorf("fault %d shows a secret: %s", i, f)
		}
	}
}

func TestNoMapOfSettings(t *testing.T) {
	for content, want := range map[string]string{
		"":                     "",
		"# nothing\n":          "",
		"- a\n":                ":1: is not a map of settings",
		"a: b\n---\nc: d\n":    ":1: ",
		"threads: 1\n\tx: [\n": ":2: is not YAML",
		"threads: [1\n":        "is not YAML",
		"\xff\xfe\x00":         "is not YAML",
	} {
		path := write(t, content)
		_, faults := Read(path, known())
		switch {
		case want == "" && len(faults) > 0:
			t.Errorf("%q: %v", content, faults)
		case want != "" && (len(faults) == 0 || !strings.Contains(faults[0].Error(), want)):
			t.Errorf("%q: %v; want %s", content, faults, want)
		}
	}
	if _, faults := Read(filepath.Join(t.TempDir(), "none"), known()); len(faults) != 1 || !strings.Contains(faults[0].Message, "no such file") {
		t.Errorf("a file that is not there: %v", faults)
	}
	if _, faults := Read(t.TempDir(), known()); len(faults) != 1 {
		t.Errorf("a directory: %v", faults)
	}
}
