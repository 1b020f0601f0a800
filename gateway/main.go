// Command heed is the messaging gateway that heeds; see README.md.
package main

import (
	"os"

	"heed/gateway/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
