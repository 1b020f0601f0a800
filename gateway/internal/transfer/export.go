package transfer

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"heed/suppression"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner is the part of suppression.List that an export needs.
type scanner interface {
	Scan(ctx context.Context, after suppression.Key, fn func(suppression.Key, []suppression.Row) bool) error
}

// Shape is how an export is written.
type Shape string

// The shapes.
const (
	CSV    Shape = "csv"
	NDJSON Shape = "ndjson"
)

// Export writes every row of the list, one a line, in the order of keys: key (hexadecimal), reason, topic, class, all_channels, at, source,
// position. Rows hold no address by design. The list is of all tenants, whom a key does not tell apart, so this is for
// operators. Read again with Defaults{Format: Heed, Keys: true} into a list with the same secret it gives the same
// suppressions, except that their source is the import and their positions are new.
// Cost: one scan, no allocation per row. The error is the list's or the writer's.
func Export(ctx context.Context, l scanner, w io.Writer, shape Shape) error {
	line := appendCSV
	out := bufio.NewWriterSize(w, 64<<10)
	if shape == NDJSON {
		line = appendJSON
	} else if _, err := out.WriteString("key,reason,topic,class,all_channels,at,source,position\n"); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	var buf []byte
	var failed error
	err := l.Scan(ctx, suppression.Key{}, func(k suppression.Key, rows []suppression.Row) bool {
		buf = buf[:0]
		for i := range rows {
			buf = line(buf, k, &rows[i])
		}
		_, failed = out.Write(buf)
		return failed == nil
	})
	if failed == nil && err == nil {
		failed = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if failed != nil {
		return fmt.Errorf("export: %w", failed)
	}
	return nil
}

func appendCSV(b []byte, k suppression.Key, r *suppression.Row) []byte {
	b = append(hex.AppendEncode(b, k[:]), ',')
	b = append(append(b, r.Reason.String()...), ',')
	b = append(appendField(b, r.Topic), ',')
	if r.Class != 0 {
		b = append(b, r.Class.String()...)
	}
	b = append(strconv.AppendBool(append(b, ','), r.AllChannels), ',')
	b = append(r.At.UTC().AppendFormat(b, time.RFC3339), ',')
	b = append(append(b, r.Source.String()...), ',')
	return append(strconv.AppendUint(b, r.Position, 10), '\n')
}

// appendField quotes a field if it must be quoted (RFC 4180 §2).
func appendField(b []byte, s string) []byte {
	if !strings.ContainsAny(s, "\",\r\n") {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

func appendJSON(b []byte, k suppression.Key, r *suppression.Row) []byte {
	b = append(hex.AppendEncode(append(b, `{"key":"`...), k[:]), `","reason":"`...)
	b = append(append(b, r.Reason.String()...), '"')
	if r.Topic != "" {
		b, _ = jsontext.AppendQuote(append(b, `,"topic":`...), r.Topic) // an error only reports that bad UTF-8 was replaced
	}
	if r.Class != 0 {
		b = append(append(append(b, `,"class":"`...), r.Class.String()...), '"')
	}
	if r.AllChannels {
		b = append(b, `,"all_channels":true`...)
	}
	b = r.At.UTC().AppendFormat(append(b, `,"at":"`...), time.RFC3339)
	b = append(append(b, `","source":"`...), r.Source.String()...)
	return append(strconv.AppendUint(append(b, `","position":`...), r.Position, 10), '}', '\n')
}
