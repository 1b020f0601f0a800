package cli

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"heed/gateway/internal/message"

	"github.com/spf13/cobra"
)

func dkimCommand() *cobra.Command {
	c := &cobra.Command{Use: "dkim", Short: "Make keys that sign mail"}
	c.AddCommand(generateKeyCommand())
	return c
}

func generateKeyCommand() *cobra.Command {
	var kind, domain, selector, file string
	c := &cobra.Command{
		Use:   "generate",
		Short: "Make a DKIM key, write it to a file and print its DNS record",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			pem, err := message.GenerateKey(kind)
			if err != nil {
				return err
			}
			record, err := message.DNSRecord(pem)
			if err != nil {
				return failed(err)
			}
			if err := writeNew(file, pem); err != nil {
				return failed(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s._domainkey.%s. IN TXT %s\n", selector, domain, characterStrings(record))
			return nil
		},
	}
	c.Flags().StringVar(&kind, "kind", "ed25519", "rsa (2048 bits) or ed25519; sign with both, some receivers know only rsa")
	c.Flags().StringVar(&domain, "domain", "", "the domain that signs")
	c.Flags().StringVar(&selector, "selector", "heed1", "the key's name in DNS")
	c.Flags().StringVar(&file, "out", "", "the file to write; it must not exist")
	for _, f := range []string{"domain", "out"} {
		_ = c.MarkFlagRequired(f) // fails only for a flag that does not exist
	}
	return c
}

// writeNew writes a file that only its owner may read, and never over another.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// characterStrings writes a TXT record's value as a zone file has it: strings of at most 255 bytes (RFC 1035 §3.3.14, RFC 6376 §3.6.2.2).
func characterStrings(value string) string {
	var parts []string
	for len(value) > 0 {
		n := min(len(value), 255)
		parts = append(parts, strconv.Quote(value[:n]))
		value = value[n:]
	}
	return strings.Join(parts, " ")
}
