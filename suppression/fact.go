package suppression

import "heed/suppression/policy"

// Facts appends to dst the rows as the policy sees them, in their order. It allocates only where dst lacks room.
func Facts(dst []policy.Row, rows []Row) []policy.Row {
	for i := range rows {
		r := &rows[i]
		dst = append(dst, policy.Row{Reason: r.Reason, Topic: r.Topic, Class: r.Class, Since: r.At, AllChannels: r.AllChannels})
	}
	return dst
}
