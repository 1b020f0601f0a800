package cli

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"heed/gateway/internal/app"
	"heed/gateway/internal/keys"

	"github.com/spf13/cobra"
)

func keysCommand() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and revoke API keys; a running gateway follows within 100 ms",
	}
	c.PersistentFlags().StringVar(&data, "data", "data", "the gateway's data folder")
	open := func() (*keys.Store, error) { return app.OpenKeys(data) }
	c.AddCommand(createKeyCommand(open), listKeysCommand(open), revokeKeyCommand(open))
	return c
}

func createKeyCommand(open func() (*keys.Store, error)) *cobra.Command {
	var tenant, name, scopes string
	var life time.Duration
	c := &cobra.Command{
		Use:   "create",
		Short: "Make a key and print it, this once",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := keys.ParseScopes(scopes)
			if err != nil {
				return err
			}
			store, err := open()
			if err != nil {
				return cannotRun(err)
			}
			secret, k, err := store.Create(tenant, name, s, life)
			if err != nil {
				return failed(err)
			}
			fmt.Fprintf(c.ErrOrStderr(), "key %s of tenant %s with scopes %s; keep it now, it is not shown again:\n", k.ID, k.Tenant, k.Scopes)
			fmt.Fprintln(c.OutOrStdout(), secret)
			return nil
		},
	}
	c.Flags().StringVar(&tenant, "tenant", "default", "the tenant the key speaks for")
	c.Flags().StringVar(&name, "name", "", "a name to know it by; at most two live keys of a tenant share one, for rotation")
	c.Flags().StringVar(&scopes, "scopes", "send:marketing", "comma-separated: send:marketing, send:transactional, send:service, send:mandatory, suppress:read, suppress:write, read, admin; or all")
	c.Flags().DurationVar(&life, "life", 0, "how long it is valid, such as 2160h (default: until revoked)")
	return c
}

func listKeysCommand(open func() (*keys.Store, error)) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the keys",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			store, err := open()
			if err != nil {
				return cannotRun(err)
			}
			list, err := store.List()
			if err != nil {
				return cannotRun(err)
			}
			if asJSON {
				return failed(json.NewEncoder(c.OutOrStdout()).Encode(list))
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tTENANT\tNAME\tSCOPES\tSTATE")
			for _, k := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Tenant, k.Name, k.Scopes, stateOf(k, time.Now()))
			}
			return failed(w.Flush())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func stateOf(k keys.Key, now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked " + k.Revoked.Format(time.DateOnly)
	case k.Expires.IsZero():
		return "live"
	case k.Expires.After(now):
		return "live until " + k.Expires.Format(time.RFC3339)
	}
	return "expired " + k.Expires.Format(time.DateOnly)
}

func revokeKeyCommand(open func() (*keys.Store, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke a key, by the id that list shows",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			store, err := open()
			if err != nil {
				return cannotRun(err)
			}
			if err := store.Revoke(args[0]); err != nil {
				return failed(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "revoked %s\n", args[0])
			return nil
		},
	}
}
