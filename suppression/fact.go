package suppression

import "heed/suppression/policy"

// Fact is the row as the policy sees it.
func (r Row) Fact() policy.Row {
	return policy.Row{Reason: r.Reason, Topic: r.Topic, Class: r.Class, Since: r.At, AllChannels: r.AllChannels}
}
