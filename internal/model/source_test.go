package model

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hubOf is a server in the form of a hub: large files are redirected elsewhere.
func hubOf(t *testing.T, files map[string][]byte) *httptest.Server {
	t.Helper()
	handle := func(w http.ResponseWriter, r *http.Request) {
		if name := r.URL.Query().Get("large"); name != "" {
			w.Write(files[name])
			return
		}
		name, ok := strings.CutPrefix(r.URL.Path, "/org/a model/resolve/main/")
		if _, there := files[name]; ok && there {
			http.Redirect(w, r, "/cdn?large="+url.QueryEscape(name), http.StatusFound)
			return
		}
		http.Error(w, "no such file", http.StatusNotFound)
	}
	server := httptest.NewServer(http.HandlerFunc(handle))
	t.Cleanup(server.Close)
	return server
}

func TestFromHub(t *testing.T) {
	files := map[string][]byte{"tokenizer.json": []byte(`{"a":1}`), "1_Pooling/config.json": []byte(`{}`)}
	m := &Manifest{Name: "m", Source: "https://hub.example/org/a model"}
	for name, content := range files {
		m.Files = append(m.Files, File{Name: name, Size: int64(len(content)), SHA256: digest(content)})
	}
	dir := t.TempDir()
	f := Fetcher{From: FromHub, Hub: hubOf(t, files).URL + "/"}
	if got, err := f.EnsureModel(t.Context(), m, dir); !got || err != nil {
		t.Fatalf("first: fetched = %v, %v", got, err)
	}
	for name, content := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := f.EnsureModel(t.Context(), m, dir); got || err != nil {
		t.Errorf("again: fetched = %v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte(`{"a":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := f.EnsureModel(t.Context(), m, dir); !got || err != nil {
		t.Errorf("cut short: fetched = %v, %v", got, err)
	}
}

func TestFromHubRefuses(t *testing.T) {
	content := []byte("weights")
	pinned := File{Name: "model.safetensors", Size: int64(len(content)), SHA256: digest(content)}
	for name, tc := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"another file": {map[string][]byte{pinned.Name: []byte("weighty")}, "SHA-256"},
		"cut short":    {map[string][]byte{pinned.Name: content[:3]}, "3 bytes"},
		"too long":     {map[string][]byte{pinned.Name: append(content, 'x')}, "more than the 7 bytes"},
		"missing":      {map[string][]byte{"else": content}, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &Manifest{Name: "m", Source: "https://hub.example/org/a model", Files: []File{pinned}}
			dir := t.TempDir()
			_, err := Fetcher{From: FromHub, Hub: hubOf(t, tc.files).URL}.EnsureModel(t.Context(), m, dir)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want it to say %q", err, tc.want)
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
}

func TestRedirectSafely(t *testing.T) {
	from, to := httptest.NewRequest(http.MethodGet, "https://a/", nil), httptest.NewRequest(http.MethodGet, "http://b/", nil)
	if err := redirectSafely(to, []*http.Request{from}); err == nil {
		t.Error("from https to http")
	}
	if err := redirectSafely(from, []*http.Request{to}); err != nil {
		t.Errorf("from http to https: %v", err)
	}
}

func TestFromFolder(t *testing.T) {
	content, other := []byte("weights"), []byte("library")
	m := &Manifest{Name: "M", Files: []File{{Name: "1_Pooling/config.json", Size: int64(len(content)), SHA256: digest(content)}}}
	library := File{Name: "lib.so", Size: int64(len(other)), SHA256: digest(other)}
	for name, at := range map[string][2]string{
		"flat":         {"1_Pooling/config.json", "lib.so"},
		"another home": {"models/m/1_Pooling/config.json", "lib/lib.so"},
	} {
		t.Run(name, func(t *testing.T) {
			from, dir := t.TempDir(), t.TempDir()
			for i, data := range [][]byte{content, other} {
				path := filepath.Join(from, at[i])
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			f := Fetcher{From: from}
			if got, err := f.EnsureModel(t.Context(), m, dir); !got || err != nil {
				t.Errorf("model: %v, %v", got, err)
			}
			if got, err := f.Library(library, dir); !got || err != nil {
				t.Errorf("library: %v, %v", got, err)
			}
			if got, err := f.Library(library, dir); got || err != nil {
				t.Errorf("library again: %v, %v", got, err)
			}
		})
	}
	if _, err := (Fetcher{From: t.TempDir()}).EnsureModel(t.Context(), m, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("an empty folder: %v", err)
	}
}
