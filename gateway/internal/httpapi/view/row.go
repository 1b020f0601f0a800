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

// OfRows shows rows. Their note is not theirs: see Row.Note.
func OfRows(rows []suppression.Row) []Row {
	out := make([]Row, len(rows))
	for i, r := range rows {
		out[i] = Row{Reason: r.Reason.String(), Topic: r.Topic, At: r.At.UTC(), Source: r.Source.String(), Position: r.Position}
		if r.Class != 0 {
			out[i].Class = r.Class.String()
		}
	}
	return out
}
