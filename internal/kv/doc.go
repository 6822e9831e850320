// Package kv keeps keys and values on disk with Pebble, made safe to lose.
package kv
