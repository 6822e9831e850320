package store

import "akin/internal/kv"

// WithFS puts the store on another file system.
func (o Options) WithFS(fs kv.FS) Options {
	o.fs = fs
	return o
}
