// Package models carries the manifests of the models and of the inference
// library that akin knows: where they come from, their licences, and the
// SHA-256 of every file. The weights themselves are fetched by `akin setup`
// and never committed.
package models

import "embed"

// Files holds one JSON manifest per model, and onnxruntime.json; and for models
// that can run in int8 a calibration (testdata/reference/calibrate.py).
//
//go:embed *.json *.safetensors
var Files embed.FS
