package httpapi

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/query"
	"heed/gateway/internal/httpapi/view"
	"heed/suppression"
)

const mostItems = 1000

// addBody is the body of POST /v1/suppressions: one suppression, or several as items.
type addBody struct {
	additionBody
	Items []additionBody `json:"items"`
}

// applied is the answer to a change of the list.
type applied struct {
	Position uint64 `json:"position"`
	Count    int    `json:"count"`
}

// addSuppressions is POST /v1/suppressions: all of them or none. The answer means that they are on stable storage and in force (P1).
func (s *Server) addSuppressions(c *call) error {
	var in addBody
	if err := c.readJSON(&in); err != nil {
		return err
	}
	items, prefix, err := in.items()
	if err != nil {
		return err
	}
	changes, notes, err := s.additions(c.principal.Tenant, items, prefix)
	if err != nil {
		return err
	}
	if err := s.keepNotes(notes); err != nil {
		return err
	}
	position, err := s.o.List.Apply(c.context(), changes...)
	if err != nil {
		return err
	}
	return c.respondJSON(200, applied{position, len(items)})
}

// items gives the suppressions, and what stands before the number of one in a pointer to it; "" if the body itself is the only one.
func (in *addBody) items() (items []additionBody, prefix string, err error) {
	switch {
	case in.Items == nil:
		return []additionBody{in.additionBody}, "", nil
	case in.additionBody != additionBody{}:
		return nil, "", problem.At("/items", "invalid", "Send one suppression, or several as items, not both.")
	case len(in.Items) == 0 || len(in.Items) > mostItems:
		return nil, "", problem.At("/items", "too_many", "Send 1 to 1000 items; for more there is POST /v1/suppressions/imports.")
	}
	return in.Items, "/items/", nil
}

// additions makes the changes and their notes, or tells of every item that is wrong.
func (s *Server) additions(tenant string, items []additionBody, prefix string) (changes []suppression.Change, notes []note, err error) {
	now := s.o.Now().UTC().Truncate(time.Second)
	rings := s.rings(tenant)
	var wrong []problem.Fault
	for i, item := range items {
		at := ""
		if prefix != "" {
			at = prefix + strconv.Itoa(i)
		}
		keys, row, bad := rings.addition(item)
		if bad != nil {
			wrong = append(wrong, problem.Fault{Pointer: at + bad.Pointer, Code: bad.Code, Detail: bad.Detail})
			continue
		}
		row.At, row.Source = now, suppression.ByAPI
		changes = appendChanges(changes, keys, suppression.Change{Op: suppression.Add, Row: row})
		if item.Note != "" {
			notes = append(notes, note{keys, item.Note})
		}
	}
	if wrong != nil {
		return nil, nil, refuseItems(wrong, len(items))
	}
	return changes, notes, nil
}

func refuseItems(wrong []problem.Fault, of int) error {
	p := problem.New(wrong[0].Code, fmt.Sprintf("%d of %d suppressions cannot be read; nothing was changed.", len(wrong), of))
	p.Status, p.Faults = http.StatusUnprocessableEntity, wrong[:min(len(wrong), 100)]
	return p
}

// appendChanges appends a change for each key.
func appendChanges(dst []suppression.Change, keys []suppression.Key, change suppression.Change) []suppression.Change {
	for _, change.Key = range keys {
		dst = append(dst, change)
	}
	return dst
}

// addressBody names an address. Addresses stand in bodies only, never in URLs (P6).
type addressBody struct {
	Channel string `json:"channel"`
	Address string `json:"address"`
}

// lookUpSuppression is POST /v1/suppressions/lookup.
func (s *Server) lookUpSuppression(c *call) error {
	var in addressBody
	if err := c.readJSON(&in); err != nil {
		return err
	}
	keys, bad := s.rings(c.principal.Tenant).keys(in, true)
	if bad != nil {
		return problem.At(bad.Pointer, bad.Code, bad.Detail)
	}
	rows, err := s.rowsOf(keys)
	if err != nil {
		return err
	}
	views, err := s.withNotes(view.OfRows(rows), keys)
	if err != nil {
		return err
	}
	return c.respondJSON(200, standing{views, latest(rows)})
}

// removeBody is the body of POST /v1/suppressions/remove.
type removeBody struct {
	suppressionBody
	Observed *uint64 `json:"observed"`
}

// removed is the answer to a removal: its position, and what still stands.
type removed struct {
	Position uint64     `json:"position"`
	Rows     []view.Row `json:"rows"`
}

// removeSuppression is POST /v1/suppressions/remove. It lifts only rows that the caller has seen: those up to `observed`, a position
// from a look-up. Without it, the rows that stand at this moment are meant. A row made later, such as an unsubscribe that arrives
// while a support agent clicks, stays.
func (s *Server) removeSuppression(c *call) error {
	var in removeBody
	if err := c.readJSON(&in); err != nil {
		return err
	}
	rings := s.rings(c.principal.Tenant)
	stored, row, bad := rings.row(in.suppressionBody)
	if bad != nil {
		return problem.At(bad.Pointer, bad.Code, bad.Detail)
	}
	all, bad := rings.keys(in.addressBody, true)
	if bad != nil {
		return problem.At(bad.Pointer, bad.Code, bad.Detail)
	}
	observed, err := s.observed(all, in.Observed)
	if err != nil {
		return err
	}
	lift := suppression.Change{Op: suppression.Lift, Row: row, Observed: observed}
	position, err := s.o.List.Apply(c.context(), appendChanges(nil, stored, lift)...)
	if err != nil {
		return err
	}
	return s.respondRemoved(c, position, all)
}

func (s *Server) respondRemoved(c *call, position uint64, keys []suppression.Key) error {
	left, err := s.rowsOf(keys)
	if err != nil {
		return err
	}
	return c.respondJSON(200, removed{position, view.OfRows(left)})
}

// observed is what the caller has seen. A position ahead of the list was never seen by anybody.
func (s *Server) observed(keys []suppression.Key, named *uint64) (uint64, error) {
	if named == nil {
		rows, err := s.rowsOf(keys)
		return latest(rows), err
	}
	if *named > s.o.List.Position() {
		return 0, problem.At("/observed", "invalid", "The list has not come to this position; use one from a look-up.")
	}
	return *named, nil
}

// keyView is a listed address: its keyed digest, for the address itself is not known.
type keyView struct {
	Key  string     `json:"key"`
	Rows []view.Row `json:"rows"`
}

// soleTenant refuses to show the list as a whole where several tenants stand in it: the digests do not tell them apart.
func (s *Server) soleTenant() error {
	if s.o.SoleTenant {
		return nil
	}
	return problem.New("shared_list", "Several tenants share this gateway; the operator may export on the machine.")
}

// listSuppressions is GET /v1/suppressions.
func (s *Server) listSuppressions(c *call) error {
	if err := s.soleTenant(); err != nil {
		return err
	}
	limit, err := c.query.Limit()
	if err != nil {
		return err
	}
	after, err := parseKey(c.query["after"])
	if err != nil {
		return err
	}
	var list []keyView
	err = s.o.List.Scan(c.context(), after, func(key suppression.Key, rows []suppression.Row) bool {
		list = append(list, keyView{hex.EncodeToString(key[:]), view.OfRows(rows)})
		return len(list) <= limit
	})
	if err != nil {
		return err
	}
	return c.respondJSON(200, query.Paged(list, limit, func(v keyView) string { return v.Key }))
}

func parseKey(text string) (key suppression.Key, err error) {
	if text == "" {
		return key, nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(key) {
		return key, problem.Parameter("after", "Use the value of next of the page before.")
	}
	return suppression.Key(raw), nil
}
