package cli

import (
	"fmt"

	"heed/gateway/internal/app"
	"heed/gateway/internal/config"

	"github.com/spf13/cobra"
)

func checkConfigCommand() *cobra.Command {
	var show bool
	c := &cobra.Command{
		Use:   "check-config FILE",
		Short: "Check a settings file and tell everything that is wrong with it",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := config.Load(args[0])
			if err == nil {
				err = app.Check(cfg)
			}
			if err != nil {
				return failed(err)
			}
			if show {
				text, err := cfg.Print()
				fmt.Fprintf(c.OutOrStdout(), "%s", text)
				return failed(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: well\n", args[0])
			return nil
		},
	}
	c.Flags().BoolVar(&show, "print", false, "print the settings in effect, secrets hidden")
	return c
}
