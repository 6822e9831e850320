//go:build !amd64

package vec

// Kernel names the kernel that multiplies vectors on this machine. Vectors and
// scores are comparable bit for bit only between machines that name the same.
func Kernel() string { return "portable" }

func dot(a, b []float32) float32 { return dotPortable(a, b) }
