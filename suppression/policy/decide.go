package policy

import (
	"cmp"
	"time"
)

// Decide gives the verdict for a message to an address that has these rows, in any order. All rows that match are weighed and
// the most restrictive wins; of several deferrals the longest. Rows that weigh the same are told apart by their place in the
// matrix and their own content, so that the same rows give the same explanation in any order.
// A query or row that makes no sense is blocked (RuleInvalidQuery, RuleUnknownReason).
// Cost: a few nanoseconds a row, no allocation; rows is not kept.
func (t *Table) Decide(q Query, rows []Row) Verdict {
	if q.Class < Marketing || q.Class > Mandatory || q.Channel < Email || q.Channel > SMS {
		return Verdict{Action: Block, Row: -1, Rule: RuleInvalidQuery}
	}
	best := finding{row: -1}
	for i := range rows {
		if f, ok := t.find(&q, rows, i); ok && (best.row < 0 || f.outweighs(best, rows)) {
			best = f
		}
	}
	return best.verdict(rows, q.Class)
}

// finding is what one row says about the message.
type finding struct {
	row    int
	line   line
	action Action
	until  time.Time // for Defer
}

// unknown is the line of a row this version cannot read.
const unknown = lines

func (t *Table) find(q *Query, rows []Row, i int) (finding, bool) {
	r := &rows[i]
	if !r.Reason.Valid() {
		return finding{row: i, line: unknown, action: Block}, true
	}
	l, ok := match(q, r)
	if !ok {
		return finding{}, false
	}
	f := finding{row: i, line: l, action: t.actions[l][q.Class-1]}
	switch f.action {
	case 0: // the zero Table
		f.action = Block
	case Defer:
		f.until = r.Until
	}
	return f, true
}

// outweighs orders findings totally, but for rows that are alike in every way that counts.
func (f finding) outweighs(g finding, rows []Row) bool {
	if f.action != g.action {
		return f.action > g.action
	}
	if c := f.until.Compare(g.until); c != 0 {
		return c > 0
	}
	if f.line != g.line {
		return f.line < g.line
	}
	a, b := &rows[f.row], &rows[g.row]
	return cmp.Or(cmp.Compare(a.Reason, b.Reason), a.Since.Compare(b.Since), cmp.Compare(a.Topic, b.Topic),
		cmp.Compare(a.Class, b.Class), cmp.Compare(a.Channel, b.Channel)) < 0
}

func (f finding) verdict(rows []Row, class Class) Verdict {
	switch {
	case f.row < 0:
		return Verdict{Action: Allow, Row: -1, Rule: RuleClear}
	case f.line == unknown:
		return Verdict{Action: Block, Reason: rows[f.row].Reason, Row: f.row, Rule: RuleUnknownReason}
	}
	return Verdict{Action: f.action, Reason: rows[f.row].Reason, Row: f.row, Rule: ids[f.line][class-1], Until: f.until}
}
