package httpapi

import (
	"strings"
	"unicode"

	"heed/gateway/internal/catalog"
	"heed/gateway/internal/httpapi/keyring"
	"heed/gateway/internal/httpapi/problem"
	"heed/suppression"
	"heed/suppression/policy"
)

// suppressionBody is one suppression on the wire.
type suppressionBody struct {
	addressBody
	Reason string `json:"reason"`
	Topic  string `json:"topic"`
}

// additionBody is a suppression to add.
type additionBody struct {
	suppressionBody
	Note string `json:"note"` // why an operator blocks; of manual_block only
}

// rings are a tenant's keyrings by channel.
type rings map[policy.Channel]*keyring.Ring

func (s *Server) rings(tenant string) rings {
	return rings{policy.Email: s.keyring(tenant, policy.Email), policy.SMS: s.keyring(tenant, policy.SMS)}
}

// keys reads channel and address; family as keyring.Ring has it.
func (r rings) keys(in addressBody, family bool) ([]suppression.Key, *problem.Fault) {
	channel, ok := policy.ParseChannel(in.Channel)
	if !ok {
		return nil, &problem.Fault{Pointer: "/channel", Code: "invalid", Detail: "Use email or sms."}
	}
	keys, code := r[channel].AppendKeys(nil, []byte(in.Address), family)
	if code != "" {
		return nil, &problem.Fault{Pointer: "/address", Code: "invalid", Detail: "This is no " + in.Channel + " address (" + code + ")."}
	}
	return keys, nil
}

// row reads one suppression: the keys that it is stored under, and the row.
func (r rings) row(in suppressionBody) ([]suppression.Key, suppression.Row, *problem.Fault) {
	row, badRow := readRow(in)
	keys, bad := r.keys(in.addressBody, policy.Families(row.Reason))
	if bad == nil {
		bad = badRow
	}
	return keys, row, bad
}

// addition is row for a suppression to add.
func (r rings) addition(in additionBody) ([]suppression.Key, suppression.Row, *problem.Fault) {
	keys, row, bad := r.row(in.suppressionBody)
	if bad == nil {
		bad = checkNote(row.Reason, in.Note)
	}
	return keys, row, bad
}

// readRow reads reason and topic. A topic means something with unsubscribe_topic only; with any other reason the row is about all topics,
// whatever topic it came from, so it is left out.
func readRow(in suppressionBody) (row suppression.Row, bad *problem.Fault) {
	var ok bool
	if row.Reason, ok = policy.ParseReason(in.Reason); !ok || !row.Reason.Stored() {
		return row, &problem.Fault{Pointer: "/reason", Code: "invalid", Detail: "Use one of " + reasonNames + "."}
	}
	if row.Reason == policy.SMSStop && in.Channel != "sms" {
		return row, &problem.Fault{Pointer: "/reason", Code: "invalid", Detail: "sms_stop is for the channel sms."}
	}
	if !row.Reason.Topical() {
		return row, nil
	}
	if err := catalog.CheckID(in.Topic); err != nil {
		_, remedy := catalog.Remedy(err)
		return row, &problem.Fault{Pointer: "/topic", Code: "invalid", Detail: "unsubscribe_topic needs the id of a topic: " + remedy + "."}
	}
	row.Topic = in.Topic
	return row, nil
}

// reasonNames are the reasons that a row may have.
var reasonNames = func() string {
	var names []string
	for _, r := range policy.Reasons() {
		if r.Stored() {
			names = append(names, r.String())
		}
	}
	return strings.Join(names, ", ")
}()

const maxNote = 500

// checkNote asks for the reason's text where a person blocks, and for none elsewhere.
func checkNote(reason policy.Reason, note string) *problem.Fault {
	switch {
	case reason != policy.ManualBlock && note != "":
		return &problem.Fault{Pointer: "/note", Code: "invalid", Detail: "A note goes with manual_block only."}
	case reason == policy.ManualBlock && strings.TrimSpace(note) == "":
		return &problem.Fault{Pointer: "/note", Code: "missing", Detail: "manual_block needs a note that says why."}
	case len(note) > maxNote || strings.ContainsFunc(note, unicode.IsControl):
		return &problem.Fault{Pointer: "/note", Code: "invalid", Detail: "A note has at most 500 bytes and no control characters."}
	}
	return nil
}
