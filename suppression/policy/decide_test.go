package policy

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	channels = []Channel{Email, SMS}
	classes  = []Class{Marketing, Transactional, Service, Mandatory}
	actions  = []Action{Allow, Reroute, Defer, Hold, Block}
)

func drawRow(t *rapid.T, label string) Row {
	return Row{
		Reason:      rapid.SampledFrom(append(Reasons(), 0, 99)).Draw(t, label+" reason"),
		Topic:       rapid.SampledFrom([]string{"", "news", "news/sport", "status"}).Draw(t, label+" topic"),
		Class:       rapid.SampledFrom(append(classes, 0)).Draw(t, label+" class"),
		Channel:     rapid.SampledFrom(append(channels, 0)).Draw(t, label+" channel"),
		AllChannels: rapid.Bool().Draw(t, label+" all channels"),
		Since:       now.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, label+" days")) * day),
		Until:       now.Add(time.Duration(rapid.IntRange(1, 9).Draw(t, label+" hours")) * time.Hour),
	}
}

func drawRows(t *rapid.T) []Row {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Row { return drawRow(t, "row") }), 0, 6).Draw(t, "rows")
}

func drawQuery(t *rapid.T) Query {
	return Query{
		Channel: rapid.SampledFrom(channels).Draw(t, "channel"),
		Class:   rapid.SampledFrom(classes).Draw(t, "class"),
		Topic:   rapid.SampledFrom([]string{"", "news", "news/sport", "status", "offers"}).Draw(t, "topic"),
		Closing: rapid.Bool().Draw(t, "closing"),
		Shared:  rapid.Bool().Draw(t, "shared"),
		Now:     now,
	}
}

// drawTable draws any table an operator may load: each single change is offered, and what With refuses is left out.
func drawTable(t *rapid.T) *Table {
	table := Default()
	for range rapid.IntRange(0, 20).Draw(t, "changes") {
		l := rapid.IntRange(0, int(lines)-1).Draw(t, "line")
		class := rapid.IntRange(0, 3).Draw(t, "class index")
		to := rapid.SampledFrom(actions).Draw(t, "to").String()
		if changed, err := table.With(map[string]string{ids[l][class]: to}); err == nil {
			table = changed
		}
	}
	return table
}

func TestDecide_AddingARowNeverLoosens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, q, rows := drawTable(t), drawQuery(t), drawRows(t)
		more := slices.Insert(slices.Clone(rows), rapid.IntRange(0, len(rows)).Draw(t, "at"), drawRow(t, "new"))
		before, after := table.Decide(q, rows), table.Decide(q, more)
		if after.Action < before.Action {
			t.Fatalf("%v became %v", before, after)
		}
		if after.Action == Defer && before.Action == Defer && after.Until.Before(before.Until) {
			t.Fatalf("deferral shortened: %v became %v", before, after)
		}
	})
}

func TestDecide_IsTheMostRestrictiveOfItsRows(t *testing.T) { // docs/policy.md, Verdicts
	rapid.Check(t, func(t *rapid.T) {
		table, q, rows := drawTable(t), drawQuery(t), drawRows(t)
		want := Allow
		for _, r := range rows {
			want = max(want, table.Decide(q, []Row{r}).Action)
		}
		if got := table.Decide(q, rows).Action; got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestDecide_DoesNotDependOnTheOrderOfRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, q, rows := drawTable(t), drawQuery(t), drawRows(t)
		shuffled := rapid.Permutation(rows).Draw(t, "shuffled")
		a, b := table.Decide(q, rows), table.Decide(q, shuffled)
		if (a.Row < 0) != (b.Row < 0) {
			t.Fatalf("%+v and %+v", a, b)
		}
		if a.Row >= 0 && explains(rows[a.Row]) != explains(shuffled[b.Row]) {
			t.Fatalf("explained by %+v and %+v", rows[a.Row], shuffled[b.Row])
		}
		a.Row, b.Row = 0, 0
		if a != b {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}

// explains is what a reader learns from the row that decided; two rows alike in it are one explanation.
func explains(r Row) Row {
	r.Until, r.AllChannels = time.Time{}, false
	return r
}

func TestDecide_RerouteTargetIsDecidedFromScratch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		q.Channel, q.Class = SMS, rapid.SampledFrom(classes[1:]).Draw(t, "class rerouted")
		here, there := []Row{{Reason: SMSStop}}, append(drawRows(t), Row{Reason: ManualBlock})
		if v := Default().Decide(q, here); v.Action != Reroute {
			t.Fatalf("STOP gives %+v for %v", v, q.Class)
		}
		q.Channel = Email
		for _, rows := range [][]Row{there, append(here, there...)} {
			if v := Default().Decide(q, rows); v.Action != Block {
				t.Fatalf("the blocked target gives %+v", v)
			}
		}
	})
}

func TestDecide_EveryVerdictNamesWhatExplainsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, q, rows := drawTable(t), drawQuery(t), drawRows(t)
		v := table.Decide(q, rows)
		if v.Rule == "" || (v.Row < 0) != (v.Rule == RuleClear) || (v.Row < 0) != (v.Reason == 0 && v.Rule != RuleUnknownReason) {
			t.Fatalf("%+v", v)
		}
		if v.Row < 0 {
			return
		}
		if alone := table.Decide(q, rows[v.Row:v.Row+1]); alone.Action != v.Action || alone.Rule != v.Rule || alone.Reason != v.Reason {
			t.Fatalf("the named row alone gives %+v, not %+v", alone, v)
		}
	})
}

func TestDecide_ReplayWithTheRecordedVersionGivesTheSameVerdict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, q, rows := drawTable(t), drawTable(t), drawQuery(t), drawRows(t)
		if (a.Version() == b.Version()) != (a.actions == b.actions) {
			t.Fatalf("versions %s and %s", a.Version(), b.Version())
		}
		again, err := Default().With(differences(a))
		if err != nil || again.Version() != a.Version() || again.Decide(q, rows) != a.Decide(q, rows) {
			t.Fatalf("replay differs: %v", err)
		}
	})
}

// differences are the changes that make the table from the built-in one.
func differences(t *Table) map[string]string {
	changes := map[string]string{}
	for l := range lines {
		for class, a := range t.actions[l] {
			if a != matrix[l].cells[class].action() {
				changes[ids[l][class]] = a.String()
			}
		}
	}
	return changes
}

func TestDecide_BlocksWhatItCannotMakeSenseOf(t *testing.T) { // README, P5
	check := func(q Query, rows []Row, rule string) {
		t.Helper()
		if v := Default().Decide(q, rows); v.Action != Block || v.Rule != rule {
			t.Errorf("%+v with %+v: %+v", q, rows, v)
		}
	}
	check(Query{Channel: Email}, nil, RuleInvalidQuery)
	check(Query{Channel: Email, Class: 5}, nil, RuleInvalidQuery)
	check(Query{Class: Mandatory}, nil, RuleInvalidQuery)
	check(Query{Channel: 3, Class: Mandatory}, nil, RuleInvalidQuery)
	check(Query{Channel: Email, Class: Mandatory}, []Row{{}}, RuleUnknownReason)
	check(Query{Channel: Email, Class: Mandatory}, []Row{{Reason: UnsubscribeAll}, {Reason: 200, Channel: SMS}}, RuleUnknownReason)
	if v := new(Table).Decide(Query{Channel: Email, Class: Mandatory}, []Row{{Reason: UnsubscribeAll}}); v.Action != Block {
		t.Errorf("the zero table says %v", v)
	}
}

func TestDecide_AllowsAnAddressWithoutRows(t *testing.T) {
	want := Verdict{Action: Allow, Row: -1, Rule: RuleClear}
	for _, class := range classes {
		if got := Default().Decide(Query{Channel: SMS, Class: class}, nil); got != want {
			t.Errorf("%v: %+v", class, got)
		}
	}
}

func TestDecide_AllocatesNothing(t *testing.T) {
	table := Default()
	q := Query{Channel: Email, Class: Marketing, Topic: "news/sport", Now: now}
	rows := []Row{{Reason: UnsubscribeTopic, Topic: "news"}, {Reason: QuietHours, Until: now}, {Reason: Complaint}, {Reason: UnsubscribeAll}}
	if n := testing.AllocsPerRun(100, func() { table.Decide(q, rows) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
