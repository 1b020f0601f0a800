// Package cli is the command line: heed serve, check-config, keys, suppress, dkim, version. Commands read flags and files, call app, and print; they decide nothing.
// Exit codes: 0 well, 1 the thing failed, 2 usage, 3 could not run.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitWell      = 0
	exitFailed    = 1
	exitUsage     = 2
	exitCannotRun = 3
)

// failure is an error that carries its exit code.
type failure struct {
	code int
	error
}

func failed(err error) error    { return exit(exitFailed, err) }
func cannotRun(err error) error { return exit(exitCannotRun, err) }

func exit(code int, err error) error {
	if err == nil {
		return nil
	}
	return failure{code, err}
}

// Main runs a command line and returns its exit code.
func Main(args []string, out, errOut io.Writer) int {
	root := &cobra.Command{
		Use:           "heed",
		Version:       version,
		Short:         "The messaging gateway that heeds: bulk email and SMS, opt-outs honoured at once",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(), checkConfigCommand(), keysCommand(), suppressCommand(), dkimCommand(), versionCommand())
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return exitWell
	}
	fmt.Fprintf(errOut, "heed: %v\n", err)
	if f, ok := errors.AsType[failure](err); ok {
		return f.code
	}
	return exitUsage
}
