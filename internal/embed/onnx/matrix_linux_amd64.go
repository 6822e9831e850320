package onnx

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "matrix_linux_amd64.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
	"golang.org/x/sys/cpu"
)

// plugin mirrors what is registered with ONNX Runtime, for good.
var plugin struct { //nolint:gochecknoglobals // the C library's environment is a process-wide singleton
	sync.Mutex
	library, path string // "" before the first
}

// hasMatrixUnits asks the CPU, and the kernel: without its word, using the units
// ends the process.
func hasMatrixUnits() bool {
	const (
		getSupported = 0x1021 // ARCH_GET_XCOMP_SUPP
		tiles        = 3 << 17
	)
	if !cpu.X86.HasAMXTile || !cpu.X86.HasAMXBF16 {
		return false
	}
	var supported uint64
	_, _, failed := syscall.Syscall(syscall.SYS_ARCH_PRCTL, getSupported, uintptr(unsafe.Pointer(&supported)), 0)
	return failed == 0 && supported&tiles == tiles
}

// mayCompile does what OpenVINO does: it writes a page, and then makes it code.
func mayCompile() bool {
	page, err := syscall.Mmap(-1, 0, os.Getpagesize(), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return false
	}
	defer syscall.Munmap(page) //nolint:errcheck // it is a page
	page[0] = 0xc3             // ret
	return syscall.Mprotect(page, syscall.PROT_READ|syscall.PROT_EXEC) == nil
}

// register makes ONNX Runtime know the plugin.
func (m Matrix) register() error {
	plugin.Lock()
	defer plugin.Unlock()
	if plugin.path != "" {
		if plugin.path != m.Plugin || plugin.library != m.Library {
			return fmt.Errorf("this process already uses %s with %s", plugin.path, plugin.library)
		}
		return nil
	}
	library, path := C.CString(m.Library), C.CString(m.Plugin)
	defer C.free(unsafe.Pointer(library))
	defer C.free(unsafe.Pointer(path))
	var message [1024]C.char
	defer keepSignalStack()()
	if C.akin_plugin_register(library, path, &message[0], C.size_t(len(message))) != 0 {
		return errors.New(plain(C.GoString(&message[0])))
	}
	plugin.library, plugin.path = m.Library, m.Plugin
	return nil
}

// appendPlugin has no counterpart in onnxruntime_go, which knows the providers that
// are part of the library alone.
func appendPlugin(options *ort.SessionOptions, settings map[string]string) error {
	// The C pointer is the private first field of the struct.
	field := reflect.ValueOf(options).Elem().FieldByName("o")
	if field.Kind() != reflect.Pointer || field.IsNil() {
		return errors.New("this version of onnxruntime_go keeps session options in another way")
	}
	var keys, values []*C.char
	defer func() {
		for _, s := range slices.Concat(keys, values) {
			C.free(unsafe.Pointer(s))
		}
	}()
	for k, v := range settings {
		keys, values = append(keys, C.CString(k)), append(values, C.CString(v))
	}
	var message [1024]C.char
	if C.akin_plugin_append(field.UnsafePointer(), &keys[0], &values[0], C.size_t(len(keys)), &message[0], C.size_t(len(message))) != 0 {
		return errors.New(plain(C.GoString(&message[0])))
	}
	return nil
}

// keepSignalStack holds the goroutine on its thread and gives what lets it go again
// with the thread's alternative signal stack as it was. OpenVINO puts one of its own
// there, which it unmaps one day: the next signal that Go handles on that thread
// would end the process without a word.
func keepSignalStack() (restore func()) {
	runtime.LockOSThread()
	var stack C.akin_signal_stack
	C.akin_signal_stack_get(&stack)
	return func() {
		C.akin_signal_stack_set(&stack)
		runtime.UnlockOSThread()
	}
}

// signalStack gives address and size of this thread's alternative signal stack.
func signalStack() (address, size uintptr) {
	var stack C.akin_signal_stack
	C.akin_signal_stack_get(&stack)
	return uintptr(stack.address), uintptr(stack.size)
}
