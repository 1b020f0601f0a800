package httpapi

import (
	"heed/gateway/internal/httpapi/view"
	"heed/suppression"
	"heed/suppression/policy"
)

// standing is what the list holds of an address.
type standing struct {
	Rows     []view.Row `json:"rows"`
	Position uint64     `json:"position"` // of the latest row; what a removal after this look has observed
}

// rowsOf gives the rows of an address's keys, each once.
func (s *Server) rowsOf(keys []suppression.Key) (rows []suppression.Row, err error) {
	for _, key := range keys {
		if rows, err = s.o.List.Rows(rows, key); err != nil {
			return nil, err
		}
	}
	return unique(rows), nil
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
