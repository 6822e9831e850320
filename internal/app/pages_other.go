//go:build !linux

package app

// letGoOfProgram does nothing: what is resident is not counted so here.
func letGoOfProgram() error { return nil }
