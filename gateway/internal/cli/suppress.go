package cli

import (
	"fmt"

	"heed/gateway/internal/app"

	"github.com/spf13/cobra"
)

func suppressCommand() *cobra.Command {
	c := &cobra.Command{Use: "suppress", Short: "Work on the suppression list of a gateway that is not running"}
	c.AddCommand(exportCommand())
	return c
}

func exportCommand() *cobra.Command {
	f := serveFlags{port: -1}
	var shape string
	c := &cobra.Command{
		Use:   "export",
		Short: "Print the list: a line for each row, with the address's keyed digest",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if shape != "csv" && shape != "ndjson" {
				return fmt.Errorf("--format %q: write csv or ndjson", shape)
			}
			cfg, err := settings(f)
			if err != nil {
				return cannotRun(err)
			}
			return cannotRun(app.ExportList(c.Context(), cfg, shape, c.OutOrStdout()))
		},
	}
	c.Flags().StringVarP(&f.config, "config", "c", "", "settings file (default: built-in settings)")
	c.Flags().StringVar(&f.data, "data", "", "folder of the stores (default: as the settings say)")
	c.Flags().StringVar(&shape, "format", "ndjson", "csv or ndjson")
	return c
}
