package httpapi

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"heed/suppression"
	"heed/suppression/policy"
)

const mostItems = 1000

// suppressionBody is one suppression on the wire.
type suppressionBody struct {
	Channel string `json:"channel"`
	Address string `json:"address"`
	Reason  string `json:"reason"`
	Topic   string `json:"topic"`
}

// addBody is the body of POST /v1/suppressions: one suppression, or several as items.
type addBody struct {
	suppressionBody
	Items []suppressionBody `json:"items"`
}

// applied is the answer to a change of the list.
type applied struct {
	Position uint64 `json:"position"`
	Count    int    `json:"count"`
}

// addSuppressions is POST /v1/suppressions: all of them or none. The answer means that they are on stable storage and in force (P1).
func (s *Server) addSuppressions(c *call) error {
	var in addBody
	if err := readJSON(c, &in); err != nil {
		return err
	}
	items, prefix := in.Items, "/items/"
	switch {
	case in.Items == nil:
		items, prefix = []suppressionBody{in.suppressionBody}, ""
	case in.suppressionBody != suppressionBody{}:
		return refuseAt("/items", "invalid", "Send one suppression, or several as items, not both.")
	case len(items) == 0 || len(items) > mostItems:
		return refuseAt("/items", "too_many", "Send 1 to 1000 items; for more there is POST /v1/suppressions/imports.")
	}
	changes, err := s.additions(c.principal.Tenant, items, prefix)
	if err != nil {
		return err
	}
	position, err := s.o.List.Apply(c.context(), changes...)
	if err != nil {
		return err
	}
	return c.respondJSON(200, applied{position, len(items)})
}

// additions makes the changes, or tells of every item that is wrong.
func (s *Server) additions(tenant string, items []suppressionBody, prefix string) ([]suppression.Change, error) {
	now := s.o.Now().UTC().Truncate(time.Second)
	rings := s.rings(tenant)
	var changes []suppression.Change
	var wrong []fault
	for i, item := range items {
		at := ""
		if prefix != "" {
			at = prefix + strconv.Itoa(i)
		}
		keys, row, bad := rings.read(item)
		if bad != nil {
			wrong = append(wrong, fault{Pointer: at + bad.Pointer, Code: bad.Code, Detail: bad.Detail})
			continue
		}
		row.At, row.Source = now, suppression.ByAPI
		for _, key := range keys.forReason(row.Reason) {
			changes = append(changes, suppression.Change{Key: key, Op: suppression.Add, Row: row})
		}
	}
	if wrong == nil {
		return changes, nil
	}
	p := refuse(wrong[0].Code, fmt.Sprintf("%d of %d suppressions cannot be read; nothing was changed.", len(wrong), len(items)))
	p.status, p.faults = 422, wrong[:min(len(wrong), 100)]
	return nil, p
}

// rings are a tenant's keyrings by channel.
type rings map[policy.Channel]*keyring

func (s *Server) rings(tenant string) rings {
	return rings{policy.Email: s.keyring(tenant, policy.Email), policy.SMS: s.keyring(tenant, policy.SMS)}
}

// address reads channel and address.
func (r rings) address(channel, addr string) (pair, *fault) {
	ch, ok := policy.ParseChannel(channel)
	if !ok {
		return pair{}, &fault{Pointer: "/channel", Code: "invalid", Detail: "Use email or sms."}
	}
	keys, code := r[ch].keys([]byte(addr))
	if code != "" {
		return pair{}, &fault{Pointer: "/address", Code: "invalid", Detail: "This is no " + channel + " address (" + code + ")."}
	}
	return keys, nil
}

// read reads one suppression.
func (r rings) read(item suppressionBody) (pair, suppression.Row, *fault) {
	keys, bad := r.address(item.Channel, item.Address)
	if bad != nil {
		return keys, suppression.Row{}, bad
	}
	row, bad := readRow(item)
	return keys, row, bad
}

// notStored are reasons that the gateway works out itself: as rows they would lack their end.
var notStored = []policy.Reason{policy.QuietHours, policy.FrequencyCap}

// readRow reads reason and topic. A topic means something with unsubscribe_topic only; with any other reason the row is about all topics,
// whatever topic it came from, so it is left out.
func readRow(item suppressionBody) (row suppression.Row, bad *fault) {
	var ok bool
	if row.Reason, ok = policy.ParseReason(item.Reason); !ok || slices.Contains(notStored, row.Reason) {
		return row, &fault{Pointer: "/reason", Code: "invalid", Detail: "Use a reason such as unsubscribe_all, complaint or manual_block."}
	}
	if row.Reason == policy.SMSStop && item.Channel != "sms" {
		return row, &fault{Pointer: "/reason", Code: "invalid", Detail: "sms_stop is for the channel sms."}
	}
	if row.Reason != policy.UnsubscribeTopic {
		return row, nil
	}
	if row.Topic = item.Topic; !saneTopic(row.Topic) {
		return row, &fault{Pointer: "/topic", Code: "invalid", Detail: "unsubscribe_topic needs the id of a topic: 1 to 128 printable characters."}
	}
	return row, nil
}

func saneTopic(t string) bool {
	return t != "" && len(t) <= 128 && strings.IndexFunc(t, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// rowView is a row on the wire.
type rowView struct {
	Reason   string    `json:"reason"`
	Topic    string    `json:"topic,omitempty"`
	Class    string    `json:"class,omitempty"`
	At       time.Time `json:"at"`
	Source   string    `json:"source"`
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

// standing is what the list holds of an address.
type standing struct {
	Rows     []rowView `json:"rows"`
	Position uint64    `json:"position"` // of the latest row; what a removal after this look has observed
}

// addressBody names an address. Addresses stand in bodies only, never in URLs (P6).
type addressBody struct {
	Channel string `json:"channel"`
	Address string `json:"address"`
}

// lookUpSuppression is POST /v1/suppressions/lookup.
func (s *Server) lookUpSuppression(c *call) error {
	var in addressBody
	if err := readJSON(c, &in); err != nil {
		return err
	}
	keys, bad := s.rings(c.principal.Tenant).address(in.Channel, in.Address)
	if bad != nil {
		return refuseAt(bad.Pointer, bad.Code, bad.Detail)
	}
	rows, err := s.rowsOf(keys)
	if err != nil {
		return err
	}
	return c.respondJSON(200, standing{viewRows(rows), latest(rows)})
}

// rowsOf gives the rows of an address, of its exact and its family key, each once.
func (s *Server) rowsOf(keys pair) (rows []suppression.Row, err error) {
	for _, key := range keys.each() {
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

// removeBody is the body of POST /v1/suppressions/remove.
type removeBody struct {
	suppressionBody
	Observed *uint64 `json:"observed"`
}

// removeSuppression is POST /v1/suppressions/remove. It lifts only rows that the caller has seen: those up to `observed`, a position
// from a look-up. Without it, the rows that stand at this moment are meant. A row made later, such as an unsubscribe that arrives
// while a support agent clicks, stays.
func (s *Server) removeSuppression(c *call) error {
	var in removeBody
	if err := readJSON(c, &in); err != nil {
		return err
	}
	keys, row, bad := s.rings(c.principal.Tenant).read(in.suppressionBody)
	if bad != nil {
		return refuseAt(bad.Pointer, bad.Code, bad.Detail)
	}
	observed, err := s.observed(keys, in.Observed)
	if err != nil {
		return err
	}
	var changes []suppression.Change
	for _, key := range keys.each() {
		changes = append(changes, suppression.Change{Key: key, Op: suppression.Lift, Row: row, Observed: observed})
	}
	position, err := s.o.List.Apply(c.context(), changes...)
	if err != nil {
		return err
	}
	left, err := s.rowsOf(keys)
	if err != nil {
		return err
	}
	return c.respondJSON(200, removed{position, viewRows(left)})
}

// removed is the answer to a removal: its position, and what still stands.
type removed struct {
	Position uint64    `json:"position"`
	Rows     []rowView `json:"rows"`
}

// observed is what the caller has seen. A position ahead of the list was never seen by anybody.
func (s *Server) observed(keys pair, named *uint64) (uint64, error) {
	if named == nil {
		rows, err := s.rowsOf(keys)
		return latest(rows), err
	}
	if *named > s.o.List.Position() {
		return 0, refuseAt("/observed", "invalid", "The list has not come to this position; use one from a look-up.")
	}
	return *named, nil
}

// keyView is a listed address: its keyed digest, for the address itself is not known.
type keyView struct {
	Key  string    `json:"key"`
	Rows []rowView `json:"rows"`
}

// listSuppressions is GET /v1/suppressions. The digests do not tell tenants apart, so this is for admins.
func (s *Server) listSuppressions(c *call) error {
	limit, err := c.limit()
	if err != nil {
		return err
	}
	after, err := parseKey(c.query["after"])
	if err != nil {
		return err
	}
	var list []keyView
	err = s.o.List.Scan(c.context(), after, func(key suppression.Key, rows []suppression.Row) bool {
		list = append(list, keyView{hex.EncodeToString(key[:]), viewRows(rows)})
		return len(list) <= limit
	})
	if err != nil {
		return err
	}
	return c.respondJSON(200, paged(list, limit, func(v keyView) string { return v.Key }))
}

func parseKey(text string) (key suppression.Key, err error) {
	if text == "" {
		return key, nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(key) {
		return key, refuseParameter("after", "Use the value of next of the page before.")
	}
	return suppression.Key(raw), nil
}
