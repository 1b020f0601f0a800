package view

import (
	"time"

	"heed/suppression"
)

// Row is a row on the wire.
type Row struct {
	Reason   string    `json:"reason"`
	Topic    string    `json:"topic,omitempty"`
	Class    string    `json:"class,omitempty"`
	At       time.Time `json:"at"`
	Source   string    `json:"source"`
	Note     string    `json:"note,omitempty"` // of a manual_block, which the caller adds
	Position uint64    `json:"position"`
}

// sources are the names of suppression.Source on the wire.
var sources = [...]string{
	suppression.ByAPI: "api", suppression.ByOneClick: "one_click", suppression.ByPage: "page", suppression.ByMail: "mail",
	suppression.BySMS: "sms", suppression.ByBounce: "bounce", suppression.ByReport: "report", suppression.ByProvider: "provider",
	suppression.ByImport: "import", suppression.ByOperator: "operator",
}

// OfRows shows rows. Their note is not theirs: see Row.Note.
func OfRows(rows []suppression.Row) []Row {
	out := make([]Row, len(rows))
	for i, r := range rows {
		out[i] = Row{Reason: r.Reason.String(), Topic: r.Topic, At: r.At.UTC(), Position: r.Position}
		if r.Class != 0 {
			out[i].Class = r.Class.String()
		}
		if int(r.Source) < len(sources) {
			out[i].Source = sources[r.Source]
		}
	}
	return out
}
