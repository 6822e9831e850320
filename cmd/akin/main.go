// Command akin answers which papers are akin to this one.
package main

import (
	"os"

	"akin/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
