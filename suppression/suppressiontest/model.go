package suppressiontest

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"heed/suppression"
)

// Model is the list's twin: it keeps every change ever made and reads the rows off that history, newest first. It merges
// nothing, so that it cannot share a fault of merging with the list. The zero Model is an empty list.
type Model struct {
	position uint64
	history  []event
}

type event struct {
	position uint64
	suppression.Change
}

// Apply takes changes that List.Apply took, and gives the position the list must have given them.
func (m *Model) Apply(changes ...suppression.Change) uint64 {
	effect := slices.ContainsFunc(changes, func(c suppression.Change) bool { return c.Op == suppression.Add || c.Observed > 0 })
	if !effect {
		return m.position
	}
	m.position++
	for _, c := range changes {
		m.history = append(m.history, event{m.position, c})
	}
	return m.position
}

// Position is the position of the latest change.
func (m *Model) Position() uint64 { return m.position }

// At is the model as it was at an earlier position.
func (m *Model) At(position uint64) *Model {
	end := slices.IndexFunc(m.history, func(e event) bool { return e.position > position })
	if end < 0 {
		end = len(m.history)
	}
	return &Model{position: min(position, m.position), history: m.history[:end:end]}
}

// Rows gives the live rows of a key as List.Rows does.
func (m *Model) Rows(key suppression.Key) []suppression.Row {
	var rows []suppression.Row
	for _, e := range m.history {
		if e.Key != key || e.Op != suppression.Add || m.lifted(e) {
			continue
		}
		row := e.Row
		row.Position = e.position
		row.At = row.At.UTC()
		rows = replace(rows, row)
	}
	slices.SortFunc(rows, func(a, b suppression.Row) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Topic, b.Topic))
	})
	return rows
}

// replace puts row in the place of an older one of the same reason and topic, or appends it. What the older one had stricter stays: for all
// channels, a class that is not this one, an earlier day.
func replace(rows []suppression.Row, row suppression.Row) []suppression.Row {
	i := slices.IndexFunc(rows, func(r suppression.Row) bool { return r.Reason == row.Reason && r.Topic == row.Topic })
	if i < 0 {
		return append(rows, row)
	}
	row.AllChannels = row.AllChannels || rows[i].AllChannels
	if rows[i].Class != row.Class {
		row.Class = 0
	}
	if rows[i].At.Truncate(24 * time.Hour).Before(row.At.Truncate(24 * time.Hour)) {
		row.At = rows[i].At
	}
	rows[i] = row
	return rows
}

// lifted reports whether any lift in the history has observed the addition.
func (m *Model) lifted(add event) bool {
	return slices.ContainsFunc(m.history, func(e event) bool {
		if e.Op != suppression.Lift || e.Key != add.Key || e.Observed < add.position {
			return false
		}
		if e.Row.Reason == 0 {
			return add.Row.Reason.LiftableByPerson() && (e.Row.Topic == "" || e.Row.Topic == add.Row.Topic)
		}
		return e.Row.Reason == add.Row.Reason && e.Row.Topic == add.Row.Topic
	})
}

// Keys gives the keys with live rows, in order.
func (m *Model) Keys() []suppression.Key {
	var keys []suppression.Key
	for _, e := range m.history {
		if len(m.Rows(e.Key)) > 0 {
			keys = append(keys, e.Key)
		}
	}
	slices.SortFunc(keys, func(a, b suppression.Key) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(keys)
}
