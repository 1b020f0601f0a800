package policy

import (
	"strings"
	"testing"
	"time"
)

// source is the matrix in words, with the conditions that docs/policy.md tells in notes: # | row | marketing | transactional | service |
// mandatory. The claims below quote it.
const source = "" +
	"| 1 | `unsubscribe_topic` | **B-L** that topic and its children; **A-T** others | A-T | A-T; **B** if the service news is itself the topic left | A-L |\n" +
	"| 2 | `unsubscribe_all` | **B-L** all topics of the channel; all channels when made in the preference page or as an objection | A-T | A-T | A-L |\n" +
	"| 3 | `sms_stop` (SMS) | **B-L** brand-wide; email marketing A-T | R-O | R-O | R-L to email, else `undeliverable_mandatory` |\n" +
	"| 4 | `complaint` | **B-L** all topics of the tenant | A-T if about a `marketing` message; B-O if about a `transactional` one (or unknown°) | B-O | A-T once, separate stream, other channel preferred |\n" +
	"| 5 | `hard_bounce`, `invalid_number` | B-L | R-O | B-L | R-O, else event; one retry after 24 h permitted |\n" +
	"| 6 | `manual_block` (reason text required) | B-L until removed by a person with the right | B-O | B-O | B-O, warning at creation |\n" +
	"| 7 | `account_deactivated` | B-L | B-O, except templates tagged `closing` for 90 days | B-L | A-T |\n" +
	"| 8 | `erasure` (keyed tombstone) | B-L; lifted only by a new, evidenced opt-in | B-O; lifted by re-registration | B-L | B-O + event `erased_address_in_use` |\n" +
	"| 9 | `sharing_optout` (CCPA, GPC) | A-T own brand; **B-L** if advertiser ≠ sender, source shared or bought, or any audience export | A-L | A-L | A-L |\n" +
	"| 10 | `legal_hold` | B-O | A-T (review if a counter-party flag is set) | A-T | A-T |\n" +
	"| 11 | `no_consent` (opt-in regions) | B-L | A-T° | A-T° | A-L° |\n" +
	"| 12 | `consent_expired` | B-L° | A-T° | A-T° | A-L° |\n" +
	"| 13 | `number_reassigned` | B-L° | hold | hold° | R-O° |\n" +
	"| 14 | `role_or_trap` | B-O° | A-T° | A-T° | A-L° |\n" +
	"| 15 | `underage` | B-L | A-T° | A-T° | A-L° |\n" +
	"| 16 | `dnc_registry` (SMS) | B-O | A-T° | A-T° | A-L° |\n" +
	"| 17 | `gdpr_restriction` (Art. 18) | B-L | B-O | B-O° | A-T° |\n" +
	"| 18 | `quiet_hours` | defer | A-T° | defer or A-T by config° | A-L |\n" +
	"| 19 | `frequency_cap` | defer | A-T° | A-T° | A-L° |\n"

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// claim is one thing the source says of a cell: in this situation the cell is want, and quote is where it says so.
type claim struct {
	class Class
	quote string
	want  string
	set   func(*Query, *Row)
}

func sms(q *Query, _ *Row)   { q.Channel = SMS }
func email(q *Query, _ *Row) { q.Channel = Email }

func topics(left, topic string) func(*Query, *Row) {
	return func(q *Query, r *Row) { r.Topic, q.Topic = left, topic }
}

func about(c Class) func(*Query, *Row) { return func(_ *Query, r *Row) { r.Class = c } }

func deactivatedFor(d time.Duration, closing bool) func(*Query, *Row) {
	return func(q *Query, r *Row) { q.Closing, r.Since = closing, now.Add(-d) }
}

func shared(q *Query, _ *Row) { q.Shared = true }

// four are the claims of a row whose cells depend on nothing but the class.
func four(marketing, transactional, service, mandatory string) []claim {
	return []claim{
		{Marketing, marketing, code(marketing), nil}, {Transactional, transactional, code(transactional), nil},
		{Service, service, code(service), nil}, {Mandatory, mandatory, code(mandatory), nil},
	}
}

// code is the first word of a cell without its marks.
func code(quote string) string {
	return strings.Trim(strings.Fields(quote)[0], "*°,;")
}

const day = 24 * time.Hour

// claims holds what the source says, by its rows. Reasons that share a row are checked alike.
var claims = []struct {
	reasons []Reason
	claims  []claim
}{
	{[]Reason{UnsubscribeTopic}, []claim{
		{Marketing, "**B-L** that topic and its children", "B-L", topics("news", "news")},
		{Marketing, "**B-L** that topic and its children", "B-L", topics("news", "news/sport")},
		{Marketing, "**B-L** that topic and its children", "B-L", topics("news", "news/sport/ski")},
		{Marketing, "**A-T** others", "A-T", topics("news", "newsletter")},
		{Marketing, "**A-T** others", "A-T", topics("news", "offers")},
		{Marketing, "**A-T** others", "A-T", topics("news/sport", "news")},
		{Marketing, "**A-T** others", "A-T", topics("news", "")},
		{Transactional, "A-T", "A-T", topics("news", "news")},
		{Service, "A-T", "A-T", topics("news", "status")},
		{Service, "A-T", "A-T", topics("news", "news/status")},
		{Service, "A-T", "A-T", topics("", "status")},
		{Service, "**B** if the service news is itself the topic left", "B-L", topics("status", "status")},
		{Mandatory, "A-L", "A-L", topics("status", "status")},
	}},
	{[]Reason{UnsubscribeAll}, []claim{
		{Marketing, "**B-L** all topics of the channel", "B-L", topics("", "news")},
		{Marketing, "**B-L** all topics of the channel", "B-L", topics("offers", "news")},
		{Marketing, "all channels when made in the preference page or as an objection", "B-L", func(q *Query, r *Row) {
			q.Channel, r.Channel, r.AllChannels = SMS, Email, true
		}},
		{Transactional, "A-T", "A-T", nil},
		{Service, "A-T", "A-T", topics("", "status")},
		{Mandatory, "A-L", "A-L", nil},
	}},
	{[]Reason{SMSStop}, []claim{
		{Marketing, "**B-L** brand-wide", "B-L", sms},
		{Marketing, "email marketing A-T", "A-T", email},
		{Transactional, "R-O", "R-O", sms},
		{Service, "R-O", "R-O", sms},
		{Mandatory, "R-L to email", "R-L", sms},
		{Mandatory, "R-L to email", "A-L", email}, // the target itself
	}},
	{[]Reason{Complaint}, []claim{
		{Marketing, "**B-L** all topics of the tenant", "B-L", topics("news", "offers")},
		{Transactional, "A-T if about a `marketing` message", "A-T", about(Marketing)},
		{Transactional, "B-O if about a `transactional` one", "B-O", about(Transactional)},
		{Transactional, "(or unknown°)", "B-O", about(0)},
		{Service, "B-O", "B-O", about(Marketing)},
		{Service, "B-O", "B-O", about(Transactional)},
		{Mandatory, "A-T once", "A-T", about(Marketing)},
		{Mandatory, "A-T once", "A-T", about(0)},
	}},
	{[]Reason{HardBounce, InvalidNumber}, four("B-L", "R-O", "B-L", "R-O, else event")},
	{[]Reason{ManualBlock}, four("B-L until removed by a person with the right", "B-O", "B-O", "B-O, warning at creation")},
	{[]Reason{AccountDeactivated}, []claim{
		{Marketing, "B-L", "B-L", deactivatedFor(day, false)},
		{Marketing, "B-L", "B-L", deactivatedFor(day, true)},
		{Transactional, "B-O", "B-O", deactivatedFor(day, false)},
		{Transactional, "except templates tagged `closing` for 90 days", "A-T", deactivatedFor(0, true)},
		{Transactional, "except templates tagged `closing` for 90 days", "A-T", deactivatedFor(90*day-1, true)},
		{Transactional, "except templates tagged `closing` for 90 days", "B-O", deactivatedFor(90*day, true)},
		{Transactional, "B-O", "B-O", func(q *Query, _ *Row) { q.Closing = true }},                                   // no one knows since when
		{Transactional, "B-O", "B-O", func(q *Query, r *Row) { q.Closing, r.Since, q.Now = true, now, time.Time{} }}, // nor what time it is
		{Service, "B-L", "B-L", deactivatedFor(day, true)},
		{Mandatory, "A-T", "A-T", deactivatedFor(day, false)},
	}},
	{[]Reason{Erasure}, four("B-L; lifted only by a new, evidenced opt-in", "B-O; lifted by re-registration", "B-L", "B-O + event")},
	{[]Reason{SharingOptOut}, []claim{
		{Marketing, "A-T own brand", "A-T", nil},
		{Marketing, "**B-L** if advertiser ≠ sender", "B-L", shared},
		{Transactional, "A-L", "A-L", shared},
		{Service, "A-L", "A-L", shared},
		{Mandatory, "A-L", "A-L", shared},
		{Transactional, "A-L", "A-L", nil},
		{Service, "A-L", "A-L", nil},
		{Mandatory, "A-L", "A-L", nil},
	}},
	{[]Reason{LegalHold}, four("B-O", "A-T (review if a counter-party flag is set)", "A-T", "A-T")},
	{[]Reason{NoConsent}, four("B-L", "A-T°", "A-T°", "A-L°")},
	{[]Reason{ConsentExpired}, four("B-L°", "A-T°", "A-T°", "A-L°")},
	{[]Reason{NumberReassigned}, four("B-L°", "hold", "hold°", "R-O°")},
	{[]Reason{RoleOrTrap}, four("B-O°", "A-T°", "A-T°", "A-L°")},
	{[]Reason{Underage}, four("B-L", "A-T°", "A-T°", "A-L°")},
	{[]Reason{DNCRegistry}, []claim{
		{Marketing, "B-O", "B-O", sms},
		{Transactional, "A-T°", "A-T", sms},
		{Service, "A-T°", "A-T", sms},
		{Mandatory, "A-L°", "A-L", sms},
		{Mandatory, "A-L°", "A-L", email},
	}},
	{[]Reason{GDPRRestriction}, four("B-L", "B-O", "B-O°", "A-T°")},
	{[]Reason{QuietHours}, []claim{
		{Marketing, "defer", "defer", nil},
		{Transactional, "A-T°", "A-T", nil},
		{Service, "defer or A-T by config°", "A-T", nil},
		{Mandatory, "A-L", "A-L", nil},
	}},
	{[]Reason{FrequencyCap}, four("defer", "A-T°", "A-T°", "A-L°")},
}

// actionOf is what the legend of the source says a cell does.
var actionOf = map[string]Action{
	"A-L": Allow, "A-T": Allow, "B-L": Block, "B-O": Block, "R-L": Reroute, "R-O": Reroute, "defer": Defer, "hold": Hold,
}

func TestMatrix_EveryCellSaysWhatPolicySays(t *testing.T) { // 19 × 4 cells
	table := Default()
	text := sourceCells(t)
	if len(claims) != 19 || len(text) != 19 {
		t.Fatalf("the policy has 19 rows; there are %d claims and %d quoted rows", len(claims), len(text))
	}
	for i, c := range claims {
		said := map[Class]int{}
		for _, claim := range c.claims {
			said[claim.class]++
			if !strings.Contains(text[i][claim.class], claim.quote) {
				t.Errorf("row %d %v: the policy does not say %q, it says %q", i+1, claim.class, claim.quote, text[i][claim.class])
			}
			for _, reason := range c.reasons {
				if !strings.Contains(text[i][0], "`"+reason.String()+"`") {
					t.Errorf("row %d is %q, not %v", i+1, text[i][0], reason)
				}
				checkClaim(t, table, reason, claim)
			}
		}
		if len(said) != 4 {
			t.Errorf("row %d: only %d of its 4 cells are claimed", i+1, len(said))
		}
	}
}

func checkClaim(t *testing.T, table *Table, reason Reason, c claim) {
	t.Helper()
	until := now.Add(time.Hour)
	for _, channel := range []Channel{Email, SMS} {
		q := Query{Channel: channel, Class: c.class, Now: now}
		r := Row{Reason: reason, Until: until}
		if c.set != nil {
			c.set(&q, &r)
		}
		v := table.Decide(q, []Row{r})
		l, _, ok := find(v.Rule)
		if !ok || v.Row != 0 || v.Reason != reason {
			t.Errorf("%v/%v on %v: %+v does not name its row", reason, c.class, channel, v)
			continue
		}
		if got := matrix[l].cells[c.class-1].String(); got != c.want || v.Action != actionOf[c.want] {
			t.Errorf("%v/%v on %v (%s): cell %s and %v, want %s and %v", reason, c.class, channel, c.quote, got, v.Action, c.want, actionOf[c.want])
		}
		if v.Action == Defer && !v.Until.Equal(until) {
			t.Errorf("%v/%v defers until %v, want %v", reason, c.class, v.Until, until)
		}
	}
}

// sourceCells splits the source into rows; element 0 of a row is its name, element c the cell of class c.
func sourceCells(t *testing.T) [][]string {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(source) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 6 {
			t.Fatalf("%d cells in %q", len(cells), line)
		}
		rows = append(rows, cells[1:])
	}
	return rows
}

func TestUnsubscribeAll_SpeaksForItsOwnChannelUnlessMadeForAll(t *testing.T) {
	q := Query{Channel: SMS, Class: Marketing, Now: now}
	for _, c := range []struct {
		row  Row
		want Action
	}{
		{Row{Reason: UnsubscribeAll, Channel: SMS}, Block},
		{Row{Reason: UnsubscribeAll}, Block},
		{Row{Reason: UnsubscribeAll, Channel: Email}, Allow},
		{Row{Reason: UnsubscribeAll, Channel: Email, AllChannels: true}, Block},
		{Row{Reason: HardBounce, Channel: Email, AllChannels: true}, Allow},
	} {
		if v := Default().Decide(q, []Row{c.row}); v.Action != c.want {
			t.Errorf("%+v: %v, want %v", c.row, v.Action, c.want)
		}
	}
}
