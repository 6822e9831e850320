package app

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestPagesOf(t *testing.T) {
	const smaps = `00400000-00402000 r-xp 00000000 fe:00 1 /bin/akin
Size:                  8 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00402000-00403000 r--p 00002000 fe:00 1 /bin/akin
Anonymous:             4 kB
00403000-00404000 rw-p 00003000 fe:00 1 /bin/akin
Anonymous:             0 kB
00404000-00405000 r--p 00004000 fe:00 1 /bin/akin
Anonymous:             0 kB
00405000-00406000 ---p 00004000 fe:00 1 /bin/akin
Anonymous:             0 kB
00500000-00501000 r-xp 00000000 fe:00 1 /bin/akin (deleted)
Anonymous:             0 kB
00600000-00601000 r-xp 00000000 fe:00 1 /bin/akin2
Anonymous:             0 kB
00700000-00701000 rw-p 00000000 00:00 0
Anonymous:             0 kB

7fff00000000-7fff00001000 r--p 00000000 fe:00 1 /bin/akin
Anonymous:             0 kB
`
	got, err := pagesOf(strings.NewReader(smaps), "/bin/akin")
	want := []span{{0x400000, 0x402000}, {0x404000, 0x405000}, {0x7fff00000000, 0x7fff00001000}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%x, %v, want %x", got, err, want)
	}
	for _, bad := range []string{"zz-10 r-xp 0 0 0 /bin/akin\n", "20-10 r-xp 0 0 0 /bin/akin\n", "10 r-xp 0 0 0 /bin/akin\n"} {
		if got, err := pagesOf(strings.NewReader(bad), "/bin/akin"); err == nil {
			t.Errorf("%q is read as %x", bad, got)
		}
	}
}

// The program goes on as before, also while it runs.
func TestLetGoOfProgram(t *testing.T) {
	done := make(chan int)
	go func() {
		n := 0
		for range 1000 {
			n += len(strings.Fields(strings.Repeat("a b ", 100)))
		}
		done <- n
	}()
	for range 20 {
		if err := letGoOfProgram(); err != nil {
			t.Fatal(err)
		}
	}
	if n := <-done; n != 200_000 {
		t.Errorf("%d words", n)
	}
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if spans, err := pagesOf(f, path); err != nil || len(spans) == 0 {
		t.Errorf("%v, %v: nothing of the program is found", spans, err)
	}
}
