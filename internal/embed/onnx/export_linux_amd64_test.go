package onnx

// SignalStack gives address and size of the thread's alternative signal stack.
func SignalStack() (address, size uintptr) { return signalStack() }
