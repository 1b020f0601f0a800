package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"heed/suppression/policy"
)

// read gives what a reader makes of a file, a line an entry or reject.
func read(t testing.TB, r *Reader) []string {
	t.Helper()
	var got []string
	var e Entry
	for {
		err := r.Next(&e)
		var rejected *RowError
		switch {
		case err == io.EOF:
			return got
		case errors.As(err, &rejected):
			got = append(got, fmt.Sprintf("%d! %s", rejected.Line, rejected.Code))
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, show(&e))
		}
	}
}

func show(e *Entry) string {
	s := fmt.Sprintf("%d %v %s %v", e.Line, e.Channel, e.Address, e.Reason)
	if e.Keyed {
		s = fmt.Sprintf("%d %x %v", e.Line, e.Key, e.Reason)
	}
	if e.Topic != "" {
		s += " " + e.Topic
	}
	if e.Class != 0 {
		s += " " + e.Class.String()
	}
	if !e.At.IsZero() {
		s += " " + e.At.Format("2006-01-02T15:04:05Z07:00")
	}
	return s
}

func open(t testing.TB, name string, d Defaults) *Reader {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(bytes.NewReader(data), d)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// samples are the files in testdata, as their makers write them, and what they state.
var samples = []struct {
	name string
	d    Defaults
	want string
}{
	{"heed.csv", Defaults{Format: Heed}, `
		2 email Ann@Example.org unsubscribe_all 2026-01-31T12:00:00Z
		4 email bob@example.org unsubscribe_topic weekly 2026-01-01T00:00:00Z
		5 sms +4790000000 sms_stop 2026-01-31T11:00:00Z
		7 email "carl c"@example.org complaint
		8 email dora@ hard_bounce
		9! reason
		10! channel
		11! channel
		12! address_missing
		13! time`},
	{"heed.ndjson", Defaults{Format: Heed, Channel: policy.Email}, `
		1 email ann@example.org unsubscribe_all 2026-01-31T12:00:00Z
		2 email bob@example.org unsubscribe_topic weekly/u 2026-01-01T00:00:00Z
		3! unreadable
		4! unreadable
		5! unreadable
		6 email eve@example.org complaint
		7! unreadable
		8! reason
		9 email gus@example.org complaint`},
	{"sendgrid_bounces.csv", Defaults{Format: SendGridBounces}, `
		2 email ann@example.org hard_bounce 2023-11-14T22:13:20Z
		3 email bob@example.org hard_bounce 2023-11-14T22:13:21Z`},
	{"sendgrid_bounces.json", Defaults{Format: SendGridBounces}, `
		2 email ann@example.org hard_bounce 2015-09-30T22:12:05Z
		8 email bob@example.org hard_bounce 2015-06-08T21:51:43Z`},
	{"sendgrid_blocks.csv", Defaults{Format: SendGridBlocks}, `
		2! temporary`},
	{"sendgrid_spam_reports.csv", Defaults{Format: SendGridSpamReports}, `
		2 email ann@example.org complaint 2023-11-14T22:13:20Z`},
	{"sendgrid_invalid_emails.csv", Defaults{Format: SendGridInvalidEmails}, `
		2 email ann@exa_mple hard_bounce 2023-11-14T22:13:20Z
		3 email bob@example.org hard_bounce 2023-11-14T22:13:20Z`},
	{"sendgrid_unsubscribes.csv", Defaults{Format: SendGridUnsubscribes}, `
		2 email ann@example.org unsubscribe_all 2023-11-14T22:13:20Z`},
	{"sendgrid_group_unsubscribes.json", Defaults{Format: SendGridGroupUnsubscribes}, `
		1 email ann@example.org unsubscribe_topic weekly 2023-11-14T22:13:20Z
		1! topic_missing`},
	{"sendgrid_group_unsubscribes.json", Defaults{Format: SendGridGroupUnsubscribes, Topic: "news"}, `
		1 email ann@example.org unsubscribe_topic weekly 2023-11-14T22:13:20Z
		1 email bob@example.org unsubscribe_topic news 2023-11-14T22:13:21Z`},
	{"mailgun_bounces.json", Defaults{Format: MailgunBounces}, `
		1 email ann@example.org hard_bounce 2011-10-21T11:02:55Z
		2 email bob@example.org hard_bounce 2011-10-21T11:02:56Z`},
	{"mailgun_bounces.csv", Defaults{Format: MailgunBounces}, `
		2 email ann@example.org hard_bounce 2011-10-21T11:02:55Z`},
	{"mailgun_unsubscribes.json", Defaults{Format: MailgunUnsubscribes}, `
		3 email ann@example.org unsubscribe_all 2011-10-21T11:02:55Z
		4 email bob@example.org unsubscribe_topic weekly
		4 email bob@example.org unsubscribe_topic offers
		5 email carl@example.org unsubscribe_all`},
	{"mailgun_unsubscribes.csv", Defaults{Format: MailgunUnsubscribes}, `
		2 email ann@example.org unsubscribe_all 2011-10-21T11:02:55Z
		3 email bob@example.org unsubscribe_topic weekly
		3 email bob@example.org unsubscribe_topic offers`},
	{"mailgun_complaints.json", Defaults{Format: MailgunComplaints}, ``},
	{"postmark.json", Defaults{Format: Postmark}, `
		3 email ann@example.org unsubscribe_all 2019-12-17T13:58:33Z
		9 email bob@example.org hard_bounce 2019-12-17T13:58:33Z
		15 email carl@example.org complaint 2019-12-17T13:58:33Z
		21 email dora@example.org manual_block 2019-12-17T13:58:33Z`},
	{"postmark.csv", Defaults{Format: Postmark}, `
		2 email ann@example.org hard_bounce 2019-12-17T13:58:33Z
		3! reason`},
	{"ses.csv", Defaults{Format: SES}, `
		1 email ann@example.org hard_bounce
		2 email bob@example.org complaint`},
	{"ses.ndjson", Defaults{Format: SES}, `
		1 email ann@example.org hard_bounce 2020-04-10T20:14:44Z
		2 email bob@example.org complaint 2020-04-10T20:14:44Z`},
	{"ses.json", Defaults{Format: SES}, `
		1 email ann@example.org hard_bounce 2020-04-10T21:03:05Z`},
}

func lines(s string) []string {
	var list []string
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			list = append(list, l)
		}
	}
	return list
}

func same(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

func TestReader_ReadsFilesAsTheirMakersWriteThem(t *testing.T) {
	for _, s := range samples {
		if got := read(t, open(t, s.name, s.d)); !same(got, lines(s.want)) {
			t.Errorf("%s:\n%s", s.name, strings.Join(got, "\n"))
		}
	}
}

func TestReader_EveryFileInTestdataIsRead(t *testing.T) {
	names, _ := filepath.Glob("testdata/*.*")
	for _, name := range names {
		found := false
		for _, s := range samples {
			found = found || s.name == filepath.Base(name)
		}
		if !found {
			t.Errorf("%s is no sample", name)
		}
	}
}

func TestReader_ReadsTheSameByteByByte(t *testing.T) {
	for _, s := range samples {
		data, _ := os.ReadFile(filepath.Join("testdata", s.name))
		r, err := NewReader(iotest.OneByteReader(bytes.NewReader(data)), s.d)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, r); !same(got, lines(s.want)) {
			t.Errorf("%s:\n%s", s.name, strings.Join(got, "\n"))
		}
	}
}

func TestReader_GoesOnAtEveryMark(t *testing.T) {
	for _, s := range samples {
		data, _ := os.ReadFile(filepath.Join("testdata", s.name))
		checkResume(t, data, s.d, lines(s.want))
	}
}

// checkResume reads a file anew from behind each of its rows.
func checkResume(t testing.TB, data []byte, d Defaults, want []string) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(data), d)
	if err != nil {
		t.Fatal(err)
	}
	var e Entry
	for n := 0; ; n++ {
		if !r.Pending() {
			rest, err := Resume(bytes.NewReader(data), d, r.Mark())
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, rest); !same(got, want[n:]) {
				t.Fatalf("%s from %+v on:\n%s\nwant\n%s", d.Format, r.Mark(), strings.Join(got, "\n"), strings.Join(want[n:], "\n"))
			}
		}
		if r.Next(&e) == io.EOF {
			return
		}
	}
}

func TestReader_RefusesWhatIsNoFileOfTheFormat(t *testing.T) {
	check := func(d Defaults, data string) {
		t.Helper()
		if _, err := NewReader(strings.NewReader(data), d); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", data, err)
		}
	}
	check(Defaults{Format: "fax"}, "address\n")
	check(Defaults{}, "address\n")
	check(Defaults{Format: Heed, Reason: policy.QuietHours}, "address\n")
	check(Defaults{Format: Heed, Topic: "a\nb"}, "address\n")
	check(Defaults{Format: Heed}, "")
	check(Defaults{Format: Heed}, "mail;reason\nann@example.org;complaint\n")
	check(Defaults{Format: Heed}, "ann@example.org,complaint\n")
	check(Defaults{Format: SES}, "addr,why\n")
}

func TestReader_PassesOnTheErrorOfItsFile(t *testing.T) {
	broken := errors.New("disk")
	if _, err := NewReader(iotest.ErrReader(broken), Defaults{Format: Heed}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	for _, head := range []string{"address,reason\n", "[\n"} {
		rest := strings.Repeat("{\"address\":\"ann@example.org\",\"reason\":\"complaint\"},\n", 8000)
		r, err := NewReader(io.MultiReader(strings.NewReader(head+rest), iotest.ErrReader(broken)), Defaults{Format: Heed, Channel: policy.Email})
		if err != nil {
			t.Fatal(err)
		}
		var e Entry
		for err = r.Next(&e); err == nil || errors.As(err, new(*RowError)); err = r.Next(&e) {
		}
		if err != broken {
			t.Errorf("%v", err)
		}
	}
}

// No other topic can be declared, so a row that leaves it would block nothing.
func TestReader_RefusesTopicsThatCannotBeDeclared(t *testing.T) {
	long := strings.Repeat("x", 64)
	bad := []string{long + "x", "\xff", "a\x00b", "Weekly", "a//b", "a/", "/a", "ü", "a b", ".a"}
	r, err := NewReader(strings.NewReader("address,topic\na@b,"+long+"\na@b,a/b-c_d.9\na@b,"+strings.Join(bad, "\na@b,")+"\n"),
		Defaults{Format: Heed, Channel: policy.Email, Reason: policy.UnsubscribeTopic})
	if err != nil {
		t.Fatal(err)
	}
	want := "2 email a@b unsubscribe_topic " + long + "\n3 email a@b unsubscribe_topic a/b-c_d.9\n" + numbered(4, 3+len(bad), "topic")
	want = strings.ReplaceAll(want, " topic\n", "! topic\n")
	if got := read(t, r); !same(got, lines(want)) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

func TestReader_ATemporaryBounceIsNoSuppression(t *testing.T) {
	check := func(f Format, file, want string) {
		t.Helper()
		r, err := NewReader(strings.NewReader(file), Defaults{Format: f})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, r); !same(got, lines(want)) {
			t.Errorf("%s", strings.Join(got, "\n"))
		}
	}
	check(SendGridBounces, "status,reason,email\n4.2.2,552 full,a@b\n4.2.2 mailbox full,,a@b\n5.2.2,452 full,a@b\n,452 4.2.2 full,a@b\n,4.2.2,a@b\n,40 days,a@b\n,,a@b\n",
		"2! temporary\n3! temporary\n4 email a@b hard_bounce\n5! temporary\n6! temporary\n7 email a@b hard_bounce\n8 email a@b hard_bounce")
	check(SendGridBounces, `[{"email":"a@b","status":"4.2.2"},{"email":"a@b","status":"5.1.1"}]`, "1! temporary\n1 email a@b hard_bounce")
	check(MailgunBounces, "address,code,error\na@b,452,full\na@b,550,gone\na@b,605,old\n", "2! temporary\n3 email a@b hard_bounce\n4 email a@b hard_bounce")
	check(MailgunBounces, `{"items":[{"address":"a@b","code":421},{"address":"a@b","code":"550"}]}`, "1! temporary\n1 email a@b hard_bounce")
}

func TestReader_SaysWhatIsWrongWithAFile(t *testing.T) {
	check := func(f Format, file, want string) {
		t.Helper()
		if _, err := NewReader(strings.NewReader(file), Defaults{Format: f}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s %q: %v", f, file, err)
		}
	}
	const bounces = "status,reason,email,created\n5.1.1,gone,a@b,1700000000\n"
	check("", "email\na@b\n", "the format is not given")
	for _, empty := range []string{"", "\r\n \n", "\xef\xbb\xbf"} {
		check(SendGridUnsubscribes, empty, "the file is empty")
	}
	for _, f := range []Format{SendGridUnsubscribes, SendGridGroupUnsubscribes, SendGridSpamReports, SendGridInvalidEmails} {
		check(f, bounces, "looks like sendgrid_bounces or sendgrid_blocks")
		check(f, `[{"created":1700000000,"email":"a@b","reason":"gone","status":"5.1.1"}]`, "looks like sendgrid_bounces or sendgrid_blocks")
	}
	check(SendGridUnsubscribes, "email,created,Reason\na@b,1,x\n", "looks like sendgrid_invalid_emails")
	check(SendGridUnsubscribes, "email,created,ip\na@b,1,x\n", "looks like sendgrid_spam_reports")
	check(MailgunUnsubscribes, `{"items":[{"address":"a@b","code":"550","error":"gone"}]}`, "looks like mailgun_bounces")
	check(MailgunComplaints, "address,code\na@b,550\n", "looks like mailgun_bounces")
}

func TestReader_AKeyNeedsPermission(t *testing.T) {
	const file = "key,reason\n000102030405060708090a0b0c0d0e0f,complaint\n00,complaint\nzz0102030405060708090a0b0c0d0e0f,complaint\n"
	check := func(d Defaults, want string) {
		t.Helper()
		r, err := NewReader(strings.NewReader(file), d)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, r); !same(got, lines(want)) {
			t.Errorf("%s", strings.Join(got, "\n"))
		}
	}
	check(Defaults{Format: Heed}, "2! key_not_permitted\n3! key_not_permitted\n4! key_not_permitted")
	check(Defaults{Format: Heed, Keys: true}, "2 000102030405060708090a0b0c0d0e0f complaint\n3! key\n4! key")
}

// A row that never ends costs its first line, not the file.
func TestReader_ABrokenRowCostsALine(t *testing.T) {
	check := func(file string, want string) {
		t.Helper()
		r, err := NewReader(strings.NewReader(file), Defaults{Format: Heed, Channel: policy.Email, Reason: policy.Complaint})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, r); !same(got, lines(want)) {
			t.Errorf("%.40q:\n%.300s", file, strings.Join(got, "\n"))
		}
	}
	long := strings.Repeat("x", 3*maxRow)
	check("address\n\"open\nann@example.org\n", "2! unreadable\n3 email ann@example.org complaint")
	check("address\n"+long+"\nann@example.org\n", "2! row_too_long\n3 email ann@example.org complaint")
	check("address\n\""+long+"\"\nann@example.org\n", "2! row_too_long\n3 email ann@example.org complaint")
	check("address\n"+long[:maxRow+9]+"\nann@example.org", "2! row_too_long\n3 email ann@example.org complaint")
	check("address\n\""+strings.Repeat("a@b.org\n", 9000)[:8*9000-1], "2! row_too_long\n"+numbered(3, 9001, "email a@b.org complaint"))
	check(`{"address":"`+long+"\"}\n{\"address\":\"ann@example.org\"}", "1! row_too_long\n2 email ann@example.org complaint")
	check("[\n{\"address\":\"ann@example.org\"},\n{\"address\":", "2 email ann@example.org complaint\n3! unreadable\n3! unreadable") // the row, and the array
	check("[\n{\"address\":\"ann@example.org\"},\n", "2 email ann@example.org complaint\n3! unreadable")
	check(strings.Repeat("[", 20)+"\n{\"address\":\"ann@example.org\"}", "1! unreadable\n2 email ann@example.org complaint")
	check("{\"address\":\"ann\n@example.org\"}\n{\"address\":\"ann@example.org\"}", "1! unreadable\n2! unreadable\n3 email ann@example.org complaint")
}

func numbered(from, to int, s string) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, "%d %s\n", i, s)
	}
	return b.String()
}

func TestReader_AllocatesNothingPerRow(t *testing.T) {
	check := func(head, row string) {
		t.Helper()
		file := []byte(head + strings.Repeat(row, 5000))
		var e Entry
		r, err := NewReader(bytes.NewReader(file), Defaults{Format: Heed, Channel: policy.Email})
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(4000, func() {
			if err := r.Next(&e); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a row", row, n)
		}
	}
	check("address,reason,topic,at\n", "ann@example.org,unsubscribe_topic,weekly,2026-01-31T12:00:00Z\n")
	check("address,reason,topic,at\n", "\"ann@example.org\",unsubscribe_topic,\"weekly\",1767225600\n")
	check("", `{"address":"ann@example.org","reason":"unsubscribe_topic","topic":"weekly","at":"2026-01-31T12:00:00Z"}`+"\n")
}

func FuzzReader(f *testing.F) {
	formats := Formats()
	for _, s := range samples {
		data, err := os.ReadFile(filepath.Join("testdata", s.name))
		if err != nil {
			f.Fatal(err)
		}
		for i, format := range formats {
			if format == s.d.Format {
				f.Add(data, i)
			}
		}
	}
	f.Add([]byte("key,reason,all_channels\n000102030405060708090a0b0c0d0e0f,complaint,true"), 0)
	f.Fuzz(func(t *testing.T, data []byte, format int) {
		if format < 0 || format >= len(formats) {
			return
		}
		d := Defaults{Format: formats[format], Channel: policy.Email, Topic: "news", Keys: true}
		r, err := NewReader(bytes.NewReader(data), d)
		if err != nil {
			return
		}
		got := read(t, r)
		if len(got) > len(data) {
			t.Fatalf("%d entries of %d bytes", len(got), len(data))
		}
		if m := r.Mark(); m.Offset != int64(len(data)) || m.Line != 1+bytes.Count(data, newline) {
			t.Fatalf("ended at %+v of %d bytes", m, len(data))
		}
		if len(got) < 50 {
			checkResume(t, data, d, got)
		}
	})
}
