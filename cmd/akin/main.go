// Command akin answers which papers are akin to this one.
package main

import (
	"akin/internal/cli"
	"os"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
