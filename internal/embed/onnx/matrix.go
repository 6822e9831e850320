package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"akin/internal/embed"
)

// padTo is what lengths are padded to a multiple of, since OpenVINO compiles a
// graph anew for every length that it meets, and keeps what it compiled.
const padTo = 16

// Matrix is OpenVINO's plugin for ONNX Runtime, as an [embed.Runtime]: it
// multiplies in bfloat16 on a CPU's matrix units. What it is loaded from stays in
// the process: it is never unregistered, since ONNX Runtime gives no word on when
// the last of its threads has gone. Whoever hands one in has verified its files: a
// library that was cut short ends the process when the system loads it.
type Matrix struct {
	// Library is the path of ONNX Runtime's shared library, Plugin that of
	// OpenVINO's, beside which are the libraries that it needs. Both are required.
	Library, Plugin string
	// Emulated multiplies in float32 instead, which works on any CPU.
	Emulated bool
}

// MatrixUnits says whether this CPU multiplies bfloat16 on matrix units (AMX), and
// the system lets programs use them. A CPU with bfloat16 in vector units alone has
// none: there float32 is faster.
func MatrixUnits() bool { return hasMatrixUnits() }

// MayCompile says whether this process may run code that it made itself, which
// OpenVINO does. Hardened units (MemoryDenyWriteExecute) and SELinux refuse it.
func MayCompile() bool { return mayCompile() }

// Load implements [embed.Runtime] for graphs of ordinary operators, with a mask,
// that pool: texts are padded to a multiple of 16 tokens, which what the mask
// leaves out does not change.
func (m Matrix) Load(path string) (embed.Graph, error) {
	if err := m.present(); err != nil {
		return nil, err
	}
	if !MayCompile() {
		return nil, errors.New("load OpenVINO: this process may not run code that it makes, which OpenVINO does; " +
			"allow it (MemoryDenyWriteExecute=no in its unit), or do without: --matrix-units off")
	}
	// ONNX Runtime takes a relative path as one beside itself.
	plugin, err := filepath.Abs(m.Plugin)
	if err != nil {
		return nil, fmt.Errorf("load OpenVINO: %w", err)
	}
	m.Plugin = plugin
	if err := acquire(m.Library); err != nil {
		return nil, err
	}
	g := &graph{path: path, matrix: &m}
	err = g.inspect()
	if err == nil && (!g.shape.Pooled || !slices.Contains(g.inputs, inputMask)) {
		err = fmt.Errorf("it has no input %q, or does not pool: padding would count", inputMask)
	}
	if err == nil {
		err = m.register()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open graph %s with OpenVINO: %w; run `akin setup`, or do without it: --matrix-units off", path, err), release())
	}
	g.shape.Streams = true
	return g, nil
}

// present says which of the plugin's files are missing: the loader of the system
// names only the first, and not always by its path.
func (m Matrix) present() error {
	for _, name := range append([]string{filepath.Base(m.Plugin)}, PluginLibraries()...) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(m.Plugin), name)); err != nil {
			return fmt.Errorf("load OpenVINO: %w; run `akin setup`, or do without it: --matrix-units off", err)
		}
	}
	return nil
}

// PluginLibraries are the names of the files that must be beside the plugin.
func PluginLibraries() []string {
	return []string{"libopenvino.so.2641", "libopenvino_intel_cpu_plugin.so", "libopenvino_onnx_frontend.so.2641", "libtbb.so.12"}
}

// addTo makes sessions of the options run in the plugin, on so many cores with a
// stream of texts each.
func (m Matrix) addTo(options *ort.SessionOptions, threads int) error {
	hint := "bf16"
	if m.Emulated {
		hint = "f32"
	}
	// Threads that are pinned would all be pinned to the first cores, also those of
	// several processes.
	config := fmt.Sprintf(`{"CPU":{"INFERENCE_PRECISION_HINT":%q,"INFERENCE_NUM_THREADS":"%d","NUM_STREAMS":"%d","ENABLE_CPU_PINNING":"NO"}}`,
		hint, threads, threads)
	if err := appendPlugin(options, map[string]string{"load_config": config}); err != nil {
		return fmt.Errorf("OpenVINO: %w", err)
	}
	return nil
}

// padded gives ids, [batch][tokens], with every text padded to a multiple of
// padTo, and which of them are no padding.
func padded(ids []int64, batch, tokens int) (longer, mask []int64, length int) {
	length = (tokens + padTo - 1) / padTo * padTo
	longer, mask = make([]int64, batch*length), make([]int64, batch*length)
	for i := range batch {
		copy(longer[i*length:], ids[i*tokens:(i+1)*tokens])
		for j := range tokens {
			mask[i*length+j] = 1
		}
	}
	return longer, mask, length
}

// plain takes line ends out of what a library says, and cuts it.
func plain(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	return message[:min(len(message), 400)]
}
