package intake

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/keys"
	"heed/gateway/internal/queue"
	"heed/suppression/policy"

	"github.com/google/go-cmp/cmp"
)

// P2: a 202 means that every recipient is stored, with its state and the reason.
func TestAccept_StoresEachRecipientWithItsState(t *testing.T) {
	f := setup(t)
	f.list.suppress(t, "gone@example.org", policy.UnsubscribeAll, "")
	f.list.suppress(t, "left@example.org", policy.UnsubscribeTopic, "weekly")
	f.list.suppress(t, "other@example.org", policy.UnsubscribeTopic, "daily")
	r := to(" Ann@Example.org ", "gone@example.org", "not an address", "ann@example.ORG", "LEFT@example.org", "other@example.org")
	r[0].Vars, r[1].Vars = []byte(`{"name":"Ann"}`), []byte(`{"name":"Gone"}`)

	got := f.accept(mail(), r)
	want := reply{
		ID: got.ID, Status: "accepted", Accepted: 2, Suppressed: 2, Invalid: 1, Duplicate: 1,
		Results: []result{
			{Index: 1, To: "gone@example.org", Status: "suppressed", Code: "unsubscribe_all", Detail: "the recipient has unsubscribed from everything"},
			{Index: 2, To: "not an address", Status: "invalid", Code: "address_syntax", Detail: badEmail.detail},
			{Index: 3, To: "ann@example.ORG", Status: "duplicate", Code: "duplicate", Detail: repeated.detail},
			{Index: 4, To: "LEFT@example.org", Status: "suppressed", Code: "unsubscribe_topic", Detail: "the recipient has left this topic"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	stored := []string{
		`queued Ann@Example.org  {"name":"Ann"}`, "suppressed gone@example.org unsubscribe_all ", "invalid not an address address_syntax ",
		"duplicate ann@example.ORG duplicate ", "suppressed LEFT@example.org unsubscribe_topic ", "queued other@example.org  ",
	}
	if diff := cmp.Diff(stored, f.stored(got.ID)); diff != "" {
		t.Error(diff)
	}
	if _, sent := f.lease("email"); !cmp.Equal(sent, []string{"Ann@Example.org", "other@example.org"}) {
		t.Errorf("leased %v", sent)
	}
	if f.list.checks != 1 {
		t.Errorf("%d checks for one chunk", f.list.checks)
	}
}

// P1, P4: the same opt-out never holds a service notice back.
func TestAccept_ServiceNoticesReachThoseWhoOptedOut(t *testing.T) {
	f := setup(t)
	f.list.suppress(t, "gone@example.org", policy.UnsubscribeAll, "")
	for _, class := range []string{"transactional", "service", "mandatory"} {
		s := mail()
		s.Class = class
		if got := f.accept(s, to("gone@example.org")); got.Accepted != 1 || got.Suppressed != 0 {
			t.Errorf("%s: %+v", class, got)
		}
	}
}

func TestAccept_FamilyRowsHoldEverySpelling(t *testing.T) {
	f := setup(t)
	f.list.suppress(t, "a.n.n+news@gmail.com", policy.UnsubscribeAll, "")
	f.list.suppress(t, "bob+news@gmail.com", policy.UnsubscribeTopic, "weekly") // of this spelling only: address.AppendFamily
	got := f.accept(mail(), to("Ann@googlemail.com", "bob@gmail.com"))
	if got.Suppressed != 1 || got.Results[0].Index != 0 {
		t.Errorf("%+v", got)
	}
}

// A filter that answers "maybe" for all, as while it is being rebuilt, changes nothing but the cost.
func TestAccept_FalsePositivesSuppressNobody(t *testing.T) {
	f := setup(t)
	f.list.eager = true
	if got := f.accept(mail(), to("a@example.org", "b@gmail.com")); got.Accepted != 2 || f.list.rowsAsked != 3 {
		t.Errorf("%+v, %d rows asked for", got, f.list.rowsAsked)
	}
}

// P5: when the list cannot answer, nothing is queued, whichever answer fails.
func TestAccept_FailsClosedWhenTheListFails(t *testing.T) {
	down := errors.New("list down")
	for name, breaks := range map[string]func(*rowsOf){
		"check":        func(l *rowsOf) { l.checkErr = down },
		"second check": func(l *rowsOf) { l.checkErr, l.afterChecks = down, 1 },
		"rows":         func(l *rowsOf) { l.eager, l.rowsErr = true, down },
	} {
		f := setup(t)
		breaks(f.list)
		var r []batchjson.Recipient
		for i := range 1500 {
			r = append(r, to(fmt.Sprintf("u%d@example.org", i))...)
		}
		if fault := f.refused(mail(), r, 503, "list_unavailable", ""); !errors.Is(fault, down) {
			t.Errorf("%s: the cause is lost: %v", name, fault.Cause)
		}
	}
}

type brokenQueue struct {
	*queue.Queue
	err error
}

func (q brokenQueue) Append(queue.Batch) error { return q.err }

func TestAccept_QueueFailureIsA503(t *testing.T) {
	for code, err := range map[string]error{"no_room": queue.ErrFull, "queue_unavailable": errors.New("disk gone")} {
		f := setup(t)
		f.Intake.o.Queue = brokenQueue{f.queue, err}
		if fault := f.refused(mail(), to("a@example.org"), 503, code, ""); !errors.Is(fault, err) {
			t.Errorf("the cause is lost: %v", fault.Cause)
		}
	}
}

// The class is never free to declare, and what is unknown is an error, not a default.
func TestAccept_ClassNeedsItsScope(t *testing.T) {
	scope := map[string]keys.Scope{
		"marketing": keys.SendMarketing, "transactional": keys.SendTransactional, "service": keys.SendService, "mandatory": keys.SendMandatory,
	}
	for class := range scope {
		for other, has := range scope {
			f := setup(t)
			f.call.Principal.Scopes = has
			s := mail()
			s.Class = class
			if class == other {
				f.accept(s, to("a@example.org"))
			} else {
				f.refused(s, to("a@example.org"), 403, "scope_missing", "/class")
			}
		}
	}
	f := setup(t)
	f.call.Principal.Scopes = keys.SendMarketing
	s := mail()
	s.Class = ""
	if got := f.accept(s, to("a@example.org")); f.head(got.ID).Class != policy.Marketing {
		t.Error("no class is not marketing")
	}
}

// RFC 8058 §3.1: a gateway nobody outside can reach has no working unsubscribe to offer.
func TestAccept_MarketingMailNeedsAPublicAddress(t *testing.T) {
	for _, class := range []string{"marketing", "transactional", "service", "mandatory"} {
		f := setup(t, func(o *Options) { o.NoLinks = true })
		s := mail()
		s.Class = class
		if class == "marketing" {
			f.refused(s, to("a@example.org"), 422, "no_public_url", "/class")
		} else {
			f.accept(s, to("a@example.org"))
		}
	}
}

func TestAccept_RefusesASharedPartThatCannotBeMeant(t *testing.T) {
	check := func(code, pointer string, change func(*batchjson.Shared)) {
		t.Helper()
		f := setup(t, func(o *Options) { o.AutoTopics = false })
		if _, err := f.catalog.PutTopic("acme", catalog.Topic{ID: "weekly", Name: "Weekly"}); err != nil {
			t.Fatal(err)
		}
		s := mail()
		change(s)
		f.refused(s, to("a@example.org"), 422, code, pointer)
	}
	check("unknown_channel", "/channel", func(s *batchjson.Shared) { s.Channel = "" })
	check("unknown_channel", "/channel", func(s *batchjson.Shared) { s.Channel = "Email" })
	check("unknown_class", "/class", func(s *batchjson.Shared) { s.Class = "promo" })
	check("unknown_topic", "/topic", func(s *batchjson.Shared) { s.Topic = "daily" })
	check("missing", "/subject", func(s *batchjson.Shared) { s.Subject = "" })
	check("missing", "/html", func(s *batchjson.Shared) { s.Text = "" })
	check("too_long", "/subject", func(s *batchjson.Shared) { s.Subject = strings.Repeat("a", 999) })
	check("too_long", "/html", func(s *batchjson.Shared) { s.HTML = strings.Repeat("a", 1<<20) })
	check("too_long", "/body", func(s *batchjson.Shared) { s.Body = strings.Repeat("é", 1601) })
	check("too_many", "/headers", func(s *batchjson.Shared) {
		for i := range 33 {
			s.Headers = append(s.Headers, [2]string{fmt.Sprintf("X-%d", i), "v"})
		}
	})
	check("header_forbidden", "/headers/DKIM-Signature", func(s *batchjson.Shared) { s.Headers = [][2]string{{"DKIM-Signature", "v"}} })
	check("control_character", "/subject", func(s *batchjson.Shared) { s.Subject = "a\r\nBcc: x@example.org" })
	check("invalid_time", "/send_at", func(s *batchjson.Shared) { s.SendAt = "tomorrow" })
	check("too_far_ahead", "/send_at", func(s *batchjson.Shared) { s.SendAt = "2027-11-21T12:00:01Z" })
	check("invalid_time", "/expires_at", func(s *batchjson.Shared) { s.ExpiresAt = "2026-11-22" })
	check("already_expired", "/expires_at", func(s *batchjson.Shared) { s.ExpiresAt = "2026-11-21T12:00:00Z" })
	check("already_expired", "/expires_at", func(s *batchjson.Shared) { s.SendAt, s.ExpiresAt = "2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z" })
	check("too_far_ahead", "/expires_at", func(s *batchjson.Shared) { s.ExpiresAt = "2036-11-22T12:00:00Z" })
	check("unknown_template", "/template_id", func(s *batchjson.Shared) { s.Subject, s.Text, s.TemplateID = "", "", "none" })
	check("content_and_template", "/template_id", func(s *batchjson.Shared) { s.TemplateID = "none" })

	f := setup(t)
	f.refused(mail(), nil, 422, "missing", "/recipients")
	f = setup(t, func(o *Options) { o.From = func(string, policy.Channel) string { return "" } })
	s := mail()
	s.From = ""
	f.refused(s, to("a@example.org"), 422, "missing", "/from")
	f = setup(t, func(o *Options) {
		o.Senders = func(tenant string, c policy.Channel, from string) error { return errors.New("not your domain") }
	})
	f.refused(mail(), to("a@example.org"), 403, "sender_not_allowed", "/from")
}

func TestAccept_TopicsAreMadeOrAskedFor(t *testing.T) {
	f := setup(t)
	f.accept(mail(), to("a@example.org"))
	if topic, err := f.catalog.Topic("acme", "weekly"); err != nil || topic.Name != "weekly" {
		t.Errorf("%+v %v", topic, err)
	}
	f = setup(t)
	if _, err := f.catalog.PutTopic("acme", catalog.Topic{ID: "weekly", Name: "Weekly"}); err != nil {
		t.Fatal(err)
	}
	if err := f.catalog.ArchiveTopic("acme", "weekly"); err != nil {
		t.Fatal(err)
	}
	f.refused(mail(), to("a@example.org"), 422, "topic_archived", "/topic") // AutoTopics does not bring it back
	s := mail()
	s.Topic = "No Topic"
	f.refused(s, to("a@example.org"), 422, "invalid_topic", "/topic")
	s.Topic = ""
	f.accept(s, to("a@example.org"))
}

func TestAccept_TimesAndPriorities(t *testing.T) {
	f := setup(t)
	priorities := map[string]uint8{"mandatory": 0, "service": 1, "transactional": 2, "marketing": 3}
	for class, want := range priorities {
		s := mail()
		s.Class = class
		p, err := f.plan(f.call, s)
		if err != nil || p.priority != want {
			t.Errorf("%s: %d %v", class, p.priority, err)
		}
		life := 4 * 24 * time.Hour
		if class == "marketing" {
			life = 24 * time.Hour
		}
		if !p.expires.Equal(noon.Add(life)) || !p.due.IsZero() {
			t.Errorf("%s: due %v, expires %v", class, p.due, p.expires)
		}
	}
	s := mail()
	s.SendAt, s.ExpiresAt = "2026-11-22T13:00:00+01:00", ""
	p, err := f.plan(f.call, s)
	if err != nil || !p.due.Equal(noon.Add(24*time.Hour)) || !p.expires.Equal(noon.Add(48*time.Hour)) {
		t.Errorf("due %v, expires %v, %v", p.due, p.expires, err)
	}
	s.ExpiresAt = "2026-11-22T12:30:00Z"
	if p, err = f.plan(f.call, s); err != nil || !p.expires.Equal(noon.Add(24*time.Hour+30*time.Minute)) {
		t.Errorf("expires %v, %v", p.expires, err)
	}
	got := f.accept(s, to("a@example.org"))
	if h := f.head(got.ID); !h.SendAt.Equal(noon.Add(24*time.Hour)) || h.Count != 1 || h.Tenant != "acme" || !h.Created.Equal(noon) {
		t.Errorf("%+v", h)
	}
}

// docs/policy.md: service and mandatory carry an approved template's words.
func TestAccept_NoticesNeedAnApprovedTemplate(t *testing.T) {
	f := setup(t, func(o *Options) { o.RequireTemplate = true })
	tmpl := catalog.Template{ID: "outage", Channel: "email", Class: "service", Subject: "Outage at {{when}}, {{name}}", Text: "t {{place}}",
		Variables: map[string]string{"when": "", "place": "Oslo"}}
	if _, err := f.catalog.PutTemplate("acme", tmpl); err != nil {
		t.Fatal(err)
	}
	s := mail()
	s.Class = "service"
	f.refused(s, to("a@example.org"), 422, "template_required", "/template_id")
	s.Subject, s.Text, s.TemplateID, s.Vars = "", "", "outage", map[string]string{"when": "noon"}
	f.refused(s, to("a@example.org"), 422, "template_not_approved", "/template_id")
	if _, err := f.catalog.Approve("acme", "outage", 1, "heed_admin", true); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"marketing", "template_class"}, {"mandatory", "template_class"}} {
		s.Class = c[0]
		f.refused(s, to("a@example.org"), 422, c[1], "/template_id")
	}
	s.Class = "service"
	for _, id := range []string{"outage@2", "outage@0", "outage@x", "@", "outage@"} {
		s.TemplateID = id
		f.refused(s, to("a@example.org"), 422, "unknown_template", "/template_id")
	}
	sms := text()
	sms.Class, sms.Body, sms.TemplateID = "service", "", "outage"
	f.refused(sms, to("+4790000000"), 422, "template_channel", "/template_id")

	s.TemplateID = "outage@1"
	r := to("a@example.org", "b@example.org")
	r[1].Vars = []byte(`{"name":"Bob"}`)
	got := f.accept(s, r)
	h := f.head(got.ID)
	if h.Template != "outage@1" || !h.Closing || h.Subject != tmpl.Subject || !cmp.Equal(h.Vars, map[string]string{"when": "noon", "place": "Oslo"}) {
		t.Errorf("%+v", h)
	}
	if got.Accepted != 1 || got.Invalid != 1 || got.Results[0].Index != 0 || got.Results[0].Code != "missing_variable" || !strings.Contains(got.Results[0].Detail, `"name"`) {
		t.Errorf("%+v", got)
	}
}

// A recipient that was refused for its variables does not make the next one a duplicate.
func TestAccept_MissingVariableNamesIt(t *testing.T) {
	f := setup(t)
	s := mail()
	s.Subject, s.Vars = "{{a}} {{b}} {{c}}", map[string]string{"c": "3"}
	r := to("a@example.org", "a@example.org", "b@example.org")
	r[0].Vars, r[1].Vars, r[2].Vars = []byte(`{"a":"1"}`), []byte(`{"b":null,"a":1,"z":2}`), []byte(`{"b":"1"}`)
	got := f.accept(s, r)
	if got.Accepted != 1 || got.Invalid != 2 || !strings.Contains(got.Results[0].Detail, `"b"`) || !strings.Contains(got.Results[1].Detail, `"a"`) {
		t.Errorf("%+v", got)
	}
}

func TestAccept_NumbersAreStoredInE164(t *testing.T) {
	f := setup(t)
	f.list.suppress(t, "+4790000001", policy.NoConsent, "")
	s := text()
	s.Class = "marketing"
	got := f.accept(s, to("900 00 000", "+47 900 00 000", "900 00 001", "+1 415 555 2671", "12"))
	if got.Accepted != 2 || got.Duplicate != 1 || got.Suppressed != 1 || got.Invalid != 1 || got.Results[1].To != "900 00 001" {
		t.Errorf("%+v", got)
	}
	if _, sent := f.lease("sms"); !cmp.Equal(sent, []string{"+4790000000", "+14155552671"}) {
		t.Errorf("leased %v", sent)
	}
	f = setup(t, func(o *Options) { o.Region = nil })
	if got := f.accept(text(), to("900 00 000")); got.Invalid != 1 || got.Results[0].Detail != noRegion.detail {
		t.Errorf("%+v", got)
	}
}

func TestAccept_ResultsAsAskedFor(t *testing.T) {
	f := setup(t)
	f.call.Results = "all"
	got := f.accept(mail(), to("a@example.org", "bad"))
	id := strings.TrimPrefix(got.ID, "bat_")
	want := []result{
		{Index: 0, To: "a@example.org", Status: "accepted", MessageID: "msg_" + id + "-0"},
		{Index: 1, To: "bad", Status: "invalid", Code: "address_syntax", Detail: badEmail.detail},
	}
	if diff := cmp.Diff(want, got.Results); diff != "" {
		t.Error(diff)
	}
	f.call.Results = "none"
	a, err := f.Accept(t.Context(), f.call, mail(), to("a@example.org", "bad"))
	if read(t, a, err); a.Status != http.StatusAccepted || strings.Contains(string(a.Body), "results") {
		t.Errorf("%s", a.Body)
	}
	f.call.Results = ""
	if a, err = f.Accept(t.Context(), f.call, mail(), to("a@example.org")); err != nil || !strings.HasSuffix(string(a.Body), `"results":[]}`) {
		t.Errorf("%s %v", a.Body, err)
	}
}

func TestAccept_CutsWhatIsTooLongToBeAnAddress(t *testing.T) {
	f := setup(t)
	long := strings.Repeat("é", 1000) + "@example.org"
	got := f.accept(mail(), to(long))
	if want := strings.Repeat("é", 160); got.Results[0].To != want || f.stored(got.ID)[0] != "invalid "+want+" address_too_long " {
		t.Errorf("%+v %v", got, f.stored(got.ID))
	}
}

// validation=strict: all or nothing, but for what the list keeps back.
func TestAccept_StrictIsAllOrNothing(t *testing.T) {
	f := setup(t)
	f.call.Strict = true
	f.list.suppress(t, "gone@example.org", policy.UnsubscribeAll, "")
	fault := f.refused(mail(), to("a@example.org", "bad", "gone@example.org", "a@example.org"), 422, "invalid_recipients", "")
	want := []Item{
		{Pointer: "/recipients/1/to", Code: "address_syntax", Detail: badEmail.detail},
		{Pointer: "/recipients/3/to", Code: "duplicate", Detail: repeated.detail},
	}
	if diff := cmp.Diff(want, fault.Errors); diff != "" {
		t.Error(diff)
	}
	if got := f.accept(mail(), to("a@example.org", "gone@example.org")); got.Accepted != 1 || got.Suppressed != 1 {
		t.Errorf("%+v", got)
	}
	f = setup(t)
	f.call.Strict = true
	var bad []string
	for range 3000 {
		bad = append(bad, "bad")
	}
	if fault := f.refused(mail(), to(bad...), 422, "invalid_recipients", ""); len(fault.Errors) != maxItems {
		t.Errorf("%d errors", len(fault.Errors))
	}
}

func TestAccept_DryRunQueuesNothing(t *testing.T) {
	f := setup(t)
	f.call.DryRun, f.call.Results = true, "all"
	f.list.suppress(t, "gone@example.org", policy.UnsubscribeAll, "")
	a, err := f.Accept(t.Context(), f.call, mail(), to("a@example.org", "gone@example.org"))
	got := read(t, a, err)
	if a.Status != http.StatusOK || !got.DryRun || got.ID != "" || got.Accepted != 1 || got.Suppressed != 1 || got.Results[0].MessageID != "" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if f.queue.Depth()["email"] != (queue.Counts{}) {
		t.Error("something was queued")
	}
	if _, err := f.catalog.Topic("acme", "weekly"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a topic was made: %v", err)
	}
	s := mail()
	s.Topic = "No Topic"
	f.refused(s, to("a@example.org"), 422, "invalid_topic", "/topic")
}

func TestAccept_RefusedCallMakesNoTopic(t *testing.T) {
	f := setup(t)
	s := mail()
	s.Subject = ""
	f.refused(s, to("a@example.org"), 422, "missing", "/subject")
	if _, err := f.catalog.Topic("acme", "weekly"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a topic was made: %v", err)
	}
}

// Memory is reused from batch to batch: nothing of one may be seen in the next, nor in what was stored.
func TestAccept_BatchesDoNotMix(t *testing.T) {
	f := setup(t)
	f.list.suppress(t, "gone@example.org", policy.UnsubscribeAll, "")
	body := []byte("a@example.orgb@example.org")
	r := []batchjson.Recipient{{To: body[:13]}, {To: []byte("gone@example.org")}, {To: body[13:]}}
	first := f.accept(mail(), r)
	for i := range body {
		body[i] = 'X' // the body belongs to the caller again
	}
	second := f.accept(mail(), to("gone@example.org", "a@example.org", "c@example.org", "bad"))
	if diff := cmp.Diff([]string{"queued a@example.org  ", "suppressed gone@example.org unsubscribe_all ", "queued b@example.org  "}, f.stored(first.ID)); diff != "" {
		t.Error(diff)
	}
	if second.Accepted != 2 || len(second.Results) != 2 || second.Duplicate != 0 {
		t.Errorf("%+v", second)
	}
}

func TestAcceptOne_AnswersForItsOneRecipient(t *testing.T) {
	f := setup(t)
	f.list.suppress(t, "gone@example.org", policy.UnsubscribeAll, "")
	one := func(s string) reply {
		a, err := f.AcceptOne(t.Context(), f.call, mail(), to(s)[0])
		return read(t, a, err)
	}
	got := one("a@example.org")
	if id := strings.TrimPrefix(got.BatchID, "bat_"); got.ID != "msg_"+id+"-0" || got.Status != "accepted" || len(id) != 26 {
		t.Errorf("%+v", got)
	}
	got = one("gone@example.org")
	if got.Status != "suppressed" || got.Code != "unsubscribe_all" || got.Detail == "" || f.stored(got.BatchID)[0] != "suppressed gone@example.org unsubscribe_all " {
		t.Errorf("%+v", got)
	}
	f = setup(t)
	a, err := f.AcceptOne(t.Context(), f.call, mail(), to("bad")[0])
	f.fault(a, err, 422, "address_syntax", "/to")
	f.call.DryRun = true
	if got = one("a@example.org"); !got.DryRun || got.ID != "" || got.BatchID != "" || got.Status != "accepted" {
		t.Errorf("%+v", got)
	}
}
