//go:build !(linux && amd64)

package onnx

import (
	"errors"

	ort "github.com/yalue/onnxruntime_go"
)

func hasMatrixUnits() bool { return false }

func mayCompile() bool { return true } // and there is nothing that would

func (Matrix) register() error {
	return errors.New("bf16 is there for Linux on x86-64 alone")
}

func appendPlugin(*ort.SessionOptions, map[string]string) error {
	return errors.New("bf16 is there for Linux on x86-64 alone")
}

func keepSignalStack() (restore func()) { return func() {} }
