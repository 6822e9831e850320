package vec

import (
	"runtime"

	"github.com/viterin/vek/vek32"
	"golang.org/x/sys/cpu"
)

// hasAVX2 is read once, before main, and never written again. The macOS
// exception is viterin/vek's own: there it never uses its assembly.
var hasAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA && runtime.GOOS != "darwin" //nolint:gochecknoglobals // a fact of this machine

// Kernel names the kernel that multiplies vectors on this machine. Vectors and
// scores are comparable bit for bit only between machines that name the same.
func Kernel() string {
	if hasAVX2 {
		return "avx2"
	}
	return "portable"
}

// dot picks the kernel. vek's AVX2 kernel loads without regard to alignment
// and adds up in four registers in an order that depends on the length alone,
// which is what makes its result repeatable.
func dot(a, b []float32) float32 {
	if hasAVX2 && len(a) != 0 { // vek panics on empty vectors
		return vek32.Dot(a, b)
	}
	return dotPortable(a, b)
}
