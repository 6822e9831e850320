package cli_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// akin verify finds nothing in what is whole, names what is not and the remedy, and
// changes nothing; the remedy works.
func TestVerify(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	importFew(t, data)
	out := mustRun(t, "verify", "--data", data)
	if !strings.Contains(out, "12 papers at sequence 12\n") || strings.Count(out, "all as it should be") != 2 {
		t.Errorf("a whole directory: %s", out)
	}
	manifest := filepath.Join(data, "indexes", "papers.lexical", "manifest.lex")
	whole, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte("x"), whole[1:]...)
	if err := os.WriteFile(manifest, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it stays as it is
		code, out, errOut := run(t, "", "verify", "--data", data, "--json")
		found := unmarshal(t, out, new(akinv1.VerifyResponse))
		if code != 1 || len(found.GetDifferences()) != 1 || found.GetDifferences()[0].GetPart() != "words" || found.GetDifferences()[0].GetRemedy() == "" || errOut == "" {
			t.Errorf("damaged words: exit code %d, %v, %q", code, found, errOut)
		}
	}
	if code, out, _ := run(t, "", "verify", "--data", data); code != 1 || !strings.Contains(out, "1 difference\n") || !strings.Contains(out, manifestName) {
		t.Errorf("damaged words: exit code %d, %s", code, out)
	}
	s := host(t, data) // refuses it
	if out := mustRun(t, "verify", "--server", s.grpc); strings.Count(out, "12 compared, all as it should be") != 4 {
		t.Errorf("a server: %s", out)
	}
	s.stop(t)
	if !strings.Contains(s.errOut.String(), "papers.lexical") { // read once the server has written it all
		t.Errorf("the server says nothing of the damage: %q", s.errOut)
	}
	mustRun(t, "verify", "--data", data)
	if code, _, errOut := run(t, "", "verify", "--server", "127.0.0.1:1", "--accept-loss"); code != 2 || !strings.Contains(errOut, "--data") {
		t.Errorf("--accept-loss of a server: exit code %d, %q", code, errOut)
	}
}

// importFew makes a data directory of a dozen papers.
func importFew(t *testing.T, data string) {
	t.Helper()
	input := filepath.Join(t.TempDir(), "papers.jsonl")
	writeCorpus(t, input, 12)
	mustRun(t, "import", "--data", data, input)
}

const manifestName = "manifest.lex"

// The operations of AdminService are told of, waited for and forgotten, over gRPC
// and HTTP.
func TestOperations(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	importFew(t, data)
	s := host(t, data)
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := t.Context()
	o, err := c.Admin.Verify(ctx, new(akinv1.VerifyRequest))
	if err != nil || !strings.HasPrefix(o.GetName(), "operations/") {
		t.Fatalf("%v, %v", o, err)
	}
	found, steps := new(akinv1.VerifyResponse), 0
	if err := c.Follow(ctx, o, found, func(p *akinv1.OperationProgress) {
		steps++
		if p.GetMethod() != "Verify" {
			t.Errorf("progress %v", p)
		}
	}); err != nil || found.GetPaperCount() != 12 || len(found.GetDifferences()) > 0 || steps == 0 {
		t.Errorf("%v, %v, told %d times", found, err, steps)
	}
	list, err := c.Operations.ListOperations(ctx, new(longrunningpb.ListOperationsRequest))
	if err != nil || len(list.GetOperations()) != 1 || !list.GetOperations()[0].GetDone() {
		t.Errorf("%v, %v", list, err)
	}
	for path, want := range map[string]string{"/v1/operations": o.GetName(), "/v1/" + o.GetName(): `"paperCount":12`, "/v1/operations/none": "OPERATION_NOT_FOUND"} {
		if body := get(ctx, t, s.http+path); !strings.Contains(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
	if _, err := c.Operations.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: o.GetName()}); err != nil {
		t.Error(err)
	}
	if _, err := c.Operations.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: o.GetName()}); status.Code(err) != codes.NotFound {
		t.Errorf("a deleted one: %v", err)
	}
	for _, name := range []string{"../x", "a/b", ".hidden", "-flag", strings.Repeat("x", 65), "a\x00b"} {
		if _, err := c.Admin.CreateSnapshot(ctx, &akinv1.CreateSnapshotRequest{Name: name}); status.Code(err) != codes.InvalidArgument && !strings.Contains(name, "\x00") {
			t.Errorf("a snapshot named %q: %v", name, err)
		}
		if _, err := c.Admin.Verify(ctx, &akinv1.VerifyRequest{Snapshot: name}); status.Code(err) != codes.InvalidArgument && !strings.Contains(name, "\x00") {
			t.Errorf("verifying %q: %v", name, err)
		}
	}
	s.stop(t)
}

func get(ctx context.Context, t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
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
