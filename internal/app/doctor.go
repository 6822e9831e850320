package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"

	"akin/internal/model"
	"akin/internal/vec"
	"akin/models"
)

// State says how bad a finding is.
type State string

// The states. With a failure, a server would not start, or not do what it is for.
const (
	FindingOK      State = "OK"
	FindingWarning State = "WARN"
	FindingFailure State = "FAIL"
)

// Finding is what Examine found of one thing.
type Finding struct {
	Topic string `json:"topic"`
	State State  `json:"state"`
	Found string `json:"found"`
	// Do is what to do about it; empty if nothing.
	Do string `json:"do,omitempty"`
}

const (
	// modelMemory is what a process takes beside what the collection does: the model
	// twice, ONNX Runtime, the store's caches.
	modelMemory = 700 << 20
	// leastFree is how much of a disk akin needs to go on at all.
	leastFree = 256 << 20
	// goodFiles is how many open files are enough for all connections and the store.
	goodFiles = 4096
	// dialWait bounds how long a collector is waited for.
	dialWait = 2 * time.Second
)

// doctor collects findings.
type doctor struct {
	config Config
	found  []Finding
	// served says that a server runs over the data directory.
	served bool
}

func (d *doctor) say(topic string, state State, found, do string) {
	d.found = append(d.found, Finding{topic, state, found, do})
}

func (d *doctor) ok(topic, format string, args ...any) {
	d.say(topic, FindingOK, fmt.Sprintf(format, args...), "")
}

// Examine looks for what keeps a server of this configuration from running well. It
// changes nothing, and listens on its addresses for a moment.
func Examine(ctx context.Context, config Config) []Finding {
	d := &doctor{config: config}
	d.checkConfig()
	d.config, _ = config.withDefaults() // its faults are findings by now
	if d.config.Data != "" {
		_, err := Running(ctx, d.config.Data)
		d.served = err == nil
	}
	d.checkCPU()
	d.checkModel()
	d.checkFiles()
	d.checkClock()
	d.checkPermissions()
	d.checkRoom()
	d.checkPorts(ctx)
	d.checkCollector(ctx)
	return d.found
}

func (d *doctor) checkConfig() {
	err := d.config.Check()
	faults := FaultsOf(err)
	for _, f := range faults {
		d.say("configuration", FindingFailure, f.Error(), "correct it; docs/configuration.md describes every setting")
	}
	switch {
	case err != nil && faults == nil:
		d.say("configuration", FindingFailure, err.Error(), "correct it; docs/configuration.md describes every setting")
	case err == nil:
		d.ok("configuration", "every setting has a value that it takes")
	}
	if d.config.InsecurePublic {
		d.say("configuration", FindingWarning, "--insecure-public opens the server to whoever reaches it",
			"take it away where others than its callers reach the addresses")
	}
	if d.config.AdminPublic {
		d.say("configuration", FindingWarning, "--admin-public opens metrics and profiles to whoever reaches --admin-addr",
			"take it away, or let a firewall allow Prometheus alone")
	}
	if d.config.Telemetry.LogQueries {
		d.say("configuration", FindingWarning, "--log-queries writes what people look for to the log", "take it away once you have found what you look for")
	}
}

func (d *doctor) checkCPU() {
	kernel := vec.Kernel()
	cores := fmt.Sprintf("%d of %d cores of %s, vectors are multiplied by the kernel %q%s",
		runtime.GOMAXPROCS(0), runtime.NumCPU(), runtime.GOARCH, kernel, features())
	if kernel == "portable" {
		d.say("processor", FindingWarning, cores,
			"use a CPU, or a kind of virtual machine, with AVX2 and FMA: queries over large collections are several times faster there")
		return
	}
	d.ok("processor", "%s", cores)
}

// features names those of the CPU that akin and ONNX Runtime use.
func features() string {
	if runtime.GOARCH != "amd64" {
		return ""
	}
	var has []string
	x := &cpu.X86
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"AVX2", x.HasAVX2},
		{"FMA", x.HasFMA},
		{"AVX-512", x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL},
		{"VNNI", x.HasAVX512VNNI},
		{"BF16", x.HasAVX512BF16},
		{"AMX", x.HasAMXTile},
	} {
		if f.has {
			has = append(has, f.name)
		}
	}
	if len(has) == 0 {
		return ""
	}
	return "; it has " + strings.Join(has, ", ")
}

func (d *doctor) checkModel() {
	at, err := d.config.resolve()
	if err != nil {
		d.say("model", FindingFailure, err.Error(), "run `akin model list` for the names that there are, and `akin setup` to fetch a model")
		return
	}
	named := Config{Home: d.config.Home, Model: d.config.Model, ModelDir: d.config.ModelDir, Library: d.config.Library, Precision: d.config.Precision}
	switch dir, err := VerifyModel(named); { // whatever is wrong with other settings
	case err != nil:
		d.say("model", FindingFailure, err.Error(), "run `akin setup` to fetch and build it anew")
	default:
		weights, _ := at.manifest.Weights()
		d.ok("model", "%s in %s has the digests of its manifest (weights: SHA-256 %.16s…)", at.manifest.Name, dir, weights.SHA256)
	}
	d.checkLibrary(at)
	d.checkUnits(at)
}

// checkUnits says whether precision bf16 is computed as such here.
func (d *doctor) checkUnits(at resolved) {
	u := d.config.units(at)
	switch {
	case u.missing:
		d.say("matrix units", FindingWarning, u.why, "run `akin setup`: embedding takes about a third of the CPU time then")
		return
	case u.runtime == nil:
		d.ok("matrix units", "none are used: %s", u.why)
		return
	}
	d.ok("matrix units", "precision bf16 is computed on them: %s", u.why)
}

func (d *doctor) checkLibrary(at resolved) {
	const remedy = "run `akin setup` to fetch it anew"
	library, err := model.LoadRuntime(models.Files)
	if err != nil {
		d.say("library", FindingFailure, err.Error(), "")
		return
	}
	host, err := library.Host()
	if err != nil {
		d.say("library", FindingFailure, err.Error(), "use a system that there is an ONNX Runtime for")
		return
	}
	if filepath.Base(at.library) != host.Library.Name {
		if _, err := os.Stat(at.library); err != nil {
			d.say("library", FindingFailure, err.Error(), "correct --onnxruntime, or leave it out and run `akin setup`")
			return
		}
		d.say("library", FindingWarning, fmt.Sprintf("%s is not ONNX Runtime %s, which akin is tested with", at.library, library.Version),
			"leave out --onnxruntime unless you need another")
		return
	}
	if err := host.Library.Verify(filepath.Dir(at.library)); err != nil {
		d.say("library", FindingFailure, err.Error(), remedy)
		return
	}
	d.ok("library", "ONNX Runtime %s in %s has the digest that is pinned (SHA-256 %.16s…)", library.Version, at.library, host.Library.SHA256)
}

func (d *doctor) checkFiles() {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		d.say("open files", FindingWarning, err.Error(), "")
		return
	}
	const remedy = "raise it: ulimit -n 4096, or LimitNOFILE=4096 in a systemd unit"
	switch {
	case limit.Cur < 128:
		d.say("open files", FindingFailure, fmt.Sprintf("the limit is %d; the store needs 128", limit.Cur), remedy)
	case limit.Cur < goodFiles:
		d.say("open files", FindingWarning, fmt.Sprintf("the limit is %d; with %d connections on each address it may be reached", limit.Cur, maxConnections),
			remedy)
	default:
		d.ok("open files", "the limit is %d", limit.Cur)
	}
}

// checkClock looks for a clock that cannot be right: papers, keys and tokens go by it.
func (d *doctor) checkClock() {
	const remedy = "set the clock, and let chrony or systemd-timesyncd keep it"
	now := time.Now()
	newest, name := now, ""
	for _, dir := range []string{d.config.Data, indexesOf(d.config.Data)} {
		entries, err := os.ReadDir(dir)
		if d.config.Data == "" || err != nil {
			continue
		}
		for _, entry := range entries {
			if info, err := entry.Info(); err == nil && info.ModTime().After(newest) {
				newest, name = info.ModTime(), entry.Name()
			}
		}
	}
	switch {
	case now.Year() < 2026:
		d.say("clock", FindingFailure, "it is "+now.Format(time.DateTime)+", which was before this program", remedy)
	case newest.Sub(now) > time.Minute:
		d.say("clock", FindingWarning,
			fmt.Sprintf("%s in the data directory was written %v from now: the clock was, or is, wrong", name, newest.Sub(now).Round(time.Second)),
			remedy)
	default:
		d.ok("clock", "it is %s", now.Format(time.RFC3339))
	}
}

func (d *doctor) checkPermissions() {
	if os.Geteuid() == 0 {
		d.say("user", FindingWarning, "this is root, which a server does not need", "run it as a user of its own, to whom the data directory belongs")
	} else {
		d.ok("user", "this is user %d", os.Geteuid())
	}
	if d.config.Data == "" {
		d.say("data directory", FindingWarning, "none is named", "name one with --data, AKIN_DATA or data in the configuration file")
		return
	}
	d.checkData()
	for _, path := range d.config.Secrets {
		d.checkSecret(path)
	}
}

func (d *doctor) checkData() {
	info, err := os.Stat(d.config.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		parent := filepath.Dir(mustAbs(d.config.Data))
		if unix.Access(parent, unix.W_OK) != nil {
			d.say("data directory", FindingFailure, fmt.Sprintf("%s is not there, and this user cannot make it", d.config.Data),
				"make it, and give it to the user that the server runs as")
			return
		}
		d.ok("data directory", "%s is not there yet; akin serve makes it", d.config.Data)
	case err != nil:
		d.say("data directory", FindingFailure, err.Error(), "give it to the user that the server runs as")
	case !info.IsDir():
		d.say("data directory", FindingFailure, d.config.Data+" is no directory", "name another with --data")
	case unix.Access(d.config.Data, unix.W_OK|unix.X_OK|unix.R_OK) != nil:
		d.say("data directory", FindingFailure, d.config.Data+" cannot be read and written by this user", "give it to the user that the server runs as")
	case info.Mode().Perm()&0o077 != 0:
		d.say("data directory", FindingWarning, fmt.Sprintf("%s can be looked into by others (%v)", d.config.Data, info.Mode().Perm()),
			"chmod 700 "+d.config.Data)
	default:
		d.ok("data directory", "%s is this user's alone", d.config.Data)
	}
}

func (d *doctor) checkSecret(path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		d.say("secret", FindingFailure, err.Error(), "correct the setting that names it")
	case info.Mode().Perm()&0o077 != 0:
		d.say("secret", FindingWarning, fmt.Sprintf("%s can be read by others (%v)", path, info.Mode().Perm()), "chmod 600 "+path)
	default:
		d.ok("secret", "%s is this user's alone", path)
	}
}

// checkRoom compares memory and disk with what the collection takes.
func (d *doctor) checkRoom() {
	if d.config.Data == "" {
		return
	}
	data, indexes := bytesBelow(d.config.Data), bytesBelow(indexesOf(d.config.Data))
	needs := uint64(modelMemory) + 2*indexes
	switch has, known := memory(); {
	case !known:
		d.say("memory", FindingWarning, "how much there is cannot be told on this system", "")
	case d.served:
		d.ok("memory", "%s are free beside the server that runs", size(has))
	case has < needs:
		d.say("memory", FindingWarning,
			fmt.Sprintf("%s are free; the model, and indexes of %s while they are made anew, may take %s", size(has), size(indexes), size(needs)),
			"give the machine more, or end what else runs on it")
	default:
		d.ok("memory", "%s are free; akin needs about %s", size(has), size(needs))
	}
	dir := d.config.Data
	for _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); _, err = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		d.say("disk", FindingFailure, err.Error(), "")
		return
	}
	free := disk.Bavail * uint64(disk.Bsize)
	switch {
	case free < leastFree:
		d.say("disk", FindingFailure, fmt.Sprintf("%s are free beside %s of data", size(free), size(data)), "make room: a full disk refuses writes")
	case free < data:
		d.say("disk", FindingWarning, fmt.Sprintf("%s are free beside %s of data; compactions, saves of indexes and snapshots need room", size(free), size(data)),
			"make room, at least as much as the data takes")
	default:
		d.ok("disk", "%s are free beside %s of data", size(free), size(data))
	}
}

// memory is what there is for another process, in bytes: of the machine, or of the
// control group if that has less.
func memory() (free uint64, known bool) {
	raw, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(raw)) {
		var kb uint64
		if n, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kb); err == nil && n == 1 {
			free, known = kb<<10, true
		}
	}
	var most, used uint64
	if readNumber("/sys/fs/cgroup/memory.max", &most) && readNumber("/sys/fs/cgroup/memory.current", &used) {
		free = min(free, most-min(most, used))
	}
	return free, known
}

func readNumber(path string, to *uint64) bool {
	raw, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	n, err := fmt.Sscan(string(raw), to)
	return err == nil && n == 1
}

func size(bytes uint64) string {
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GiB", bytes>>30)
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

func (d *doctor) checkPorts(ctx context.Context) {
	for _, a := range []struct{ setting, addr string }{{"grpc-addr", d.config.GRPCAddr}, {"http-addr", d.config.HTTPAddr}, {"admin-addr", d.config.AdminAddr}} {
		if a.addr == "" {
			continue
		}
		topic := "port of --" + a.setting
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", a.addr)
		switch {
		case err == nil:
			_ = l.Close() // nothing was taken
			d.ok(topic, "%s is free", a.addr)
		case errors.Is(err, syscall.EADDRINUSE) && d.served:
			d.ok(topic, "%s is taken while a server runs over the data directory", a.addr)
		case errors.Is(err, syscall.EADDRINUSE):
			d.say(topic, FindingFailure, a.addr+" is taken by another program",
				"name another port with --"+a.setting+", or end what listens there: ss -ltnp shows it")
		default:
			d.say(topic, FindingFailure, err.Error(), "correct --"+a.setting)
		}
	}
}

func (d *doctor) checkCollector(ctx context.Context) {
	endpoint := d.config.Telemetry.OTLPEndpoint
	if endpoint == "" {
		return
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return // a fault of the configuration
	}
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		d.say("traces", FindingWarning, fmt.Sprintf("%s does not answer: %v", u.Host, err),
			"start the collector, or correct --otlp-endpoint; calls are answered without it")
		return
	}
	_ = conn.Close() // nothing was said
	d.ok("traces", "%s answers", u.Host)
}
