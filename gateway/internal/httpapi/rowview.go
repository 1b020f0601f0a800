package httpapi

import (
	"heed/suppression"
	"heed/suppression/policy"
)

import "time"

// rowView is a row on the wire.
type rowView struct {
	Reason   string    `json:"reason"`
	Topic    string    `json:"topic,omitempty"`
	Class    string    `json:"class,omitempty"`
	At       time.Time `json:"at"`
	Source   string    `json:"source"`
	Note     string    `json:"note,omitempty"` // of a manual_block
	Position uint64    `json:"position"`
}

// sources are the names of suppression.Source on the wire.
var sources = [...]string{
	suppression.ByAPI: "api", suppression.ByOneClick: "one_click", suppression.ByPage: "page", suppression.ByMail: "mail",
	suppression.BySMS: "sms", suppression.ByBounce: "bounce", suppression.ByReport: "report", suppression.ByProvider: "provider",
	suppression.ByImport: "import", suppression.ByOperator: "operator",
}

func viewRows(rows []suppression.Row) []rowView {
	out := make([]rowView, len(rows))
	for i, r := range rows {
		out[i] = rowView{Reason: r.Reason.String(), Topic: r.Topic, At: r.At.UTC(), Position: r.Position}
		if r.Class != 0 {
			out[i].Class = r.Class.String()
		}
		if int(r.Source) < len(sources) {
			out[i].Source = sources[r.Source]
		}
	}
	return out
}

// unique drops what an act left under the second key too.
func unique(rows []suppression.Row) []suppression.Row {
	type act struct {
		reason policy.Reason
		topic  string
		class  policy.Class
		source suppression.Source
	}
	seen := map[act]int{}
	out := rows[:0:0]
	for _, r := range rows {
		a := act{r.Reason, r.Topic, r.Class, r.Source}
		if i, ok := seen[a]; ok {
			out[i].Position = max(out[i].Position, r.Position)
			continue
		}
		seen[a] = len(out)
		out = append(out, r)
	}
	return out
}

func latest(rows []suppression.Row) (position uint64) {
	for _, r := range rows {
		position = max(position, r.Position)
	}
	return position
}
