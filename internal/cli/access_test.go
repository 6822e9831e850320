package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"akin/internal/access"
)

// Keys are made, used, revoked and outlive a restore, beside a server that runs.
func TestKeysBesideAServer(t *testing.T) {
	data := sampleData(t)
	s := serve(t, data)
	mustRun(t, "get", "--server", s.grpc, "arXiv:1706.03762")
	dir := t.TempDir()
	lab, reader := filepath.Join(dir, "lab.key"), filepath.Join(dir, "reader.key")
	mustRun(t, "key", "create", "lab", "--data", data, "--owner", "ann", "--scopes", "read,write,admin", "--expires", "90d", "--out", lab)
	mustRun(t, "key", "create", "reader", "--data", data, "--out", reader)
	secret := secretIn(t, lab)
	eventually(t, "the first key is asked for", func() bool {
		code, _, errOut := run(t, "", "get", "--server", s.grpc, "arXiv:1706.03762")
		return code == 1 && strings.Contains(errOut, "--api-key-file")
	})
	mustRun(t, "get", "--server", s.grpc, "--api-key-file", reader, "arXiv:1706.03762")
	mustRun(t, "get", "--data", data, "arXiv:1706.03762") // over the socket, without
	if code, _, errOut := run(t, "", "delete", "--server", s.grpc, "--api-key-file", reader, "arXiv:1706.03762"); code != 1 || !strings.Contains(errOut, "it needs the scope write") {
		t.Errorf("a key to read deletes: %d, %s", code, errOut)
	}
	if code, _, errOut := run(t, "", "key", "create", "lab", "--data", data); code != 2 || !strings.Contains(errOut, "which the key") {
		t.Errorf("a name that is taken: %d, %s", code, errOut)
	}

	audit := filepath.Join(data, "access", "audit.jsonl")
	if err := os.Rename(audit, audit+".1"); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the audit log is begun anew", func() bool {
		mustRun(t, "delete", "--server", s.grpc, "--api-key-file", lab, "arXiv:1810.04805", "--allow-missing")
		raw, _ := os.ReadFile(audit)
		return strings.Contains(string(raw), `"owner":"ann"`) && strings.Contains(string(raw), "arXiv:1810.04805")
	})
	mustRun(t, "snapshot", "create", "before", "--server", s.grpc, "--api-key-file", lab)
	mustRun(t, "key", "revoke", "lab", "--data", data)
	eventually(t, "a revoked key is refused", func() bool {
		code, _, _ := run(t, "", "get", "--server", s.grpc, "--api-key-file", lab, "arXiv:1706.03762")
		return code == 1
	})
	s.stop(t)
	if strings.Contains(s.errOut.String(), secret[14:]) {
		t.Error("the secret is in the log")
	}
	mustRun(t, "snapshot", "restore", "before", "--data", data, "--force")
	checkKeys(t, data, map[string]string{"lab": "revoked", "reader": "good"})
	audited(t, data, "key.create", "key.revoke", "snapshot.restore", "akin.v1.PaperService", "akin.v1.AdminService/CreateSnapshot")

	keys := filepath.Join(data, "access", "keys.json")
	if err := os.WriteFile(keys, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := run(t, "", "serve", "--data", data, "--grpc-addr", "127.0.0.1:0", "--http-addr", ""); code != 1 || !strings.Contains(errOut, keys) {
		t.Errorf("a damaged file of keys: %d, %s", code, errOut)
	}
	if code, _, errOut := run(t, "", "serve", "--data", dir, "--grpc-addr", "0.0.0.0:0", "--http-addr", ""); code != 2 || !strings.Contains(errOut, "akin key create") || !strings.Contains(errOut, "--tls-cert") {
		t.Errorf("a public address: %d, %s", code, errOut)
	}
}

func secretIn(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	secret := strings.TrimSpace(string(raw))
	if err := access.CheckToken(secret); err != nil || !strings.HasPrefix(secret, access.TokenPrefix) {
		t.Fatal(err)
	}
	return secret
}

// eventually waits for what a server does by itself within a second.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never happens: " + what)
		}
	}
}

func checkKeys(t *testing.T, data string, want map[string]string) {
	t.Helper()
	out := mustRun(t, "key", "list", "--all", "--json", "--data", data)
	var list struct {
		Keys []struct{ Name, State string }
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	for _, k := range list.Keys {
		if want[k.Name] != k.State {
			t.Errorf("the key %s is %s", k.Name, k.State)
		}
	}
	if len(list.Keys) != len(want) || strings.Contains(out, "sha256") {
		t.Errorf("listed %s", out)
	}
}

// audited looks for actions in both files of the audit log.
func audited(t *testing.T, data string, actions ...string) {
	t.Helper()
	var all string
	for _, name := range []string{"audit.jsonl.1", "audit.jsonl"} {
		raw, err := os.ReadFile(filepath.Join(data, "access", name))
		if err != nil {
			t.Fatal(err)
		}
		all += string(raw)
	}
	for _, action := range actions {
		if !strings.Contains(all, action) {
			t.Errorf("the audit log does not have %s:\n%s", action, all)
		}
	}
}
