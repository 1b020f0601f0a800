package policy

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Table is a decision table: the built-in matrix with the operator's changes. It never changes once made and is safe for
// concurrent use. The zero Table blocks everything that has a row.
type Table struct {
	actions [lines][Mandatory]Action
	version string
}

// logic numbers the rules in match.go and decide.go that Version cannot read off the cells. Raise it when they change.
const logic = 1

// Default returns the built-in matrix.
func Default() *Table {
	t := new(Table)
	for l, s := range matrix {
		for class, c := range s.cells {
			t.actions[l][class] = c.action()
		}
	}
	return t.sealed()
}

// With returns the table with cells changed, such as {"sms_stop/service": "allow"}. The key is the id of a cell as verdicts
// name it: a reason, "." and a case where the matrix tells cases apart ("unsubscribe_topic.other/marketing",
// "sms_stop.email/marketing"), "/" and a class. The value is an action: allow, reroute, defer, hold, block.
//
// Each change is judged against the built-in cell, so a change can be taken back. Every cell but A-L may be tightened, only
// -O cells may be loosened, and only quiet hours and frequency caps can defer, since no other row says until when.
// The error joins one error for each change that is not permitted; then no table is returned.
func (t *Table) With(changes map[string]string) (*Table, error) {
	changed := *t
	var faults []error
	for _, id := range slices.Sorted(maps.Keys(changes)) {
		if err := changed.set(id, changes[id]); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return changed.sealed(), nil
}

// Version names the table's content; equal versions decide alike. It is recorded with each verdict.
func (t *Table) Version() string { return t.version }

func (t *Table) set(id, value string) error {
	l, class, ok := find(id)
	if !ok {
		return fmt.Errorf("policy: no cell is named %q: write reason/class, such as %q", id, ids[smsStop][Service-1])
	}
	a, ok := ParseAction(value)
	if !ok {
		return fmt.Errorf("policy: %s: %q is no action: write allow, reroute, defer, hold or block", id, value)
	}
	c := matrix[l].cells[class]
	if !c.permits(a) {
		return fmt.Errorf("policy: %s is %s and cannot become %q: %s", id, c, value, c.bounds())
	}
	if a == Defer && l != quietHours && l != frequencyCap {
		return fmt.Errorf("policy: %s cannot become %q: such a row has no end; write hold or block", id, value)
	}
	t.actions[l][class] = a
	return nil
}

// bounds says in words what permits says in code.
func (c cell) bounds() string {
	if c == aL {
		return "it carries required notices and stays as it is"
	}
	return "it may be tightened, never loosened"
}

// find looks a cell up by its id. class is an index into a line's cells.
func find(id string) (l line, class int, ok bool) {
	for l := range lines {
		if class := slices.Index(ids[l][:], id); class >= 0 {
			return l, class, true
		}
	}
	return 0, 0, false
}

// sealed computes the version from what the cells say.
func (t *Table) sealed() *Table {
	h := sha256.New()
	for l := range lines {
		for class, a := range t.actions[l] {
			fmt.Fprintf(h, "%s=%s\n", ids[l][class], a)
		}
	}
	t.version = fmt.Sprintf("%d-%x", logic, h.Sum(nil)[:6])
	return t
}
