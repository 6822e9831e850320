package local_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
)

// kept looks at what is kept under the name map; "" is nothing.
func kept(t *testing.T, c *local.Catalog) string {
	t.Helper()
	v := look(t, c)
	defer v.Close()
	data, _ := v.(catalog.Derived).Kept("map")
	return string(data)
}

// keepData keeps a text as made of the state that the catalog is in.
func keepData(t *testing.T, c *local.Catalog, data string) {
	t.Helper()
	v := look(t, c)
	defer v.Close()
	d := v.(catalog.Derived) //nolint:forcetypeassert // it has all capabilities
	stamp, err := d.Stamp()
	if err == nil {
		err = d.Keep("map", stamp, []byte(data))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fewKept gives a directory with some papers and what was made of them.
func fewKept(t *testing.T, from int) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	c, _, closeAll := openSaved(t, dir)
	defer closeAll()
	addNamed(t, c, from, from+20)
	keepData(t, c, "made of papers")
	return dir, filepath.Join(dir, "indexes", "papers.map")
}

func TestKeptIsFoundAgain(t *testing.T) {
	dir, _ := fewKept(t, 0)
	c, _, closeAll := openSaved(t, dir)
	defer closeAll()
	addNamed(t, c, 20, 25)
	if got := kept(t, c); got != "made of papers" {
		t.Errorf("kept is %q", got)
	}
}

// What is damaged anywhere, or of another store, is removed and not given.
func TestKeptIsRefused(t *testing.T) {
	dir, path := fewKept(t, 0)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, other := fewKept(t, 5000)
	ofOther, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	c, log, closeAll := openSaved(t, dir)
	defer closeAll()
	bad := [][]byte{nil, whole[:10], whole[:len(whole)-1], append(append([]byte(nil), whole...), 0), ofOther}
	for at := range whole {
		b := append([]byte(nil), whole...)
		b[at] ^= 0x40
		bad = append(bad, b)
	}
	for i, b := range bad {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := kept(t, c); got != "" {
			t.Fatalf("%d: %q is believed", i, got)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Fatalf("%d: it is still there: %v", i, err)
		}
	}
	if !strings.Contains(log.String(), "another store") {
		t.Error("nothing was said of the other store")
	}
	keepData(t, c, "again")
	if got := kept(t, c); got != "again" {
		t.Errorf("kept is %q", got)
	}
}
