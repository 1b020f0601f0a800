package message

import (
	"strings"
	"testing"
)

func mustCompileSMS(t testing.TB, c Content) *Template {
	t.Helper()
	tpl, err := CompileSMS(c)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func TestSMS_SaysItsText(t *testing.T) {
	check := func(body string, vars map[string]string, want string) {
		t.Helper()
		r := recipient()
		r.Vars = vars
		got, err := mustCompileSMS(t, Content{Body: body, Vars: map[string]string{"shop": "Ann's"}}).AppendSMS([]byte("kept"), r)
		if err != nil || string(got) != "kept"+want {
			t.Errorf("%q: got %q, %v", body, got, err)
		}
	}
	check("Hi {{name}} <b> & {{shop}}", map[string]string{"name": "<Zoë> 🎉"}, "Hi <Zoë> 🎉 <b> & Ann's")
	check("one\r\ntwo\n{{v}}", map[string]string{"v": "three\r\nfour"}, "one\ntwo\nthree\nfour")
	check(`{{v | default: "there"}}`, nil, "there")
	check("{{v}}", map[string]string{"v": "Zo\ufffd"}, "Zo\ufffd") // what an export has spoilt is still text
	check("stop: {{unsubscribe_url}}", nil, "stop: https://heed.example/p/v1.k.p.m")
}

func TestSMS_Faults(t *testing.T) {
	checkBody := func(body, code string) {
		t.Helper()
		_, err := CompileSMS(Content{Body: body})
		if !isFault(err, "/body") || err.(*Fault).Code != code {
			t.Errorf("%q: %v", body, err)
		}
	}
	checkBody(" \n", "missing")
	checkBody("{{a", "template_syntax")
	checkBody("a\x00", "control_character")
	checkBody("\xff", "control_character")
	checkBody(strings.Repeat("x", maxSMSGiven+1), "too_long")

	checkValue := func(value, pointer string) {
		t.Helper()
		r := recipient()
		r.Vars = map[string]string{"v": value}
		got, err := mustCompileSMS(t, Content{Body: "{{v}}{{v}}"}).AppendSMS([]byte("kept"), r)
		if !isFault(err, pointer) || string(got) != "kept" {
			t.Errorf("%.20q: %q, %v", value, got, err)
		}
	}
	checkValue("a\x00b", "/vars/v")
	checkValue("a\rb", "/vars/v")
	checkValue(strings.Repeat("x", 801), "/vars")
	checkValue(strings.Repeat("🎉", 401), "/vars")
	checkValue(strings.Repeat("x", 1<<20), "/vars")
	if _, err := mustCompileSMS(t, Content{Body: "{{v}}"}).AppendSMS(nil, recipient()); !isFault(err, "/vars/v") {
		t.Errorf("%v", err)
	}
}

func TestSegments_KnownTexts(t *testing.T) { // 3GPP TS 23.038 §6.2.1, TS 23.040 §9.2.3.24.1
	digits := func(n int) string { return strings.Repeat("7", n) }
	check := func(text string, n int, encoding string) {
		t.Helper()
		if gotN, gotEncoding := Segments(text); gotN != n || gotEncoding != encoding {
			t.Errorf("%q: %d %s, want %d %s", text, gotN, gotEncoding, n, encoding)
		}
	}
	check("", 1, "GSM-7")
	check(digits(160), 1, "GSM-7")
	check(digits(161), 2, "GSM-7")
	check(digits(306), 2, "GSM-7")
	check(digits(307), 3, "GSM-7")
	check("😜"+digits(68), 1, "UCS-2")
	check("😜"+digits(69), 2, "UCS-2")
	check("😜"+digits(133), 3, "UCS-2")
	check("🇮🇹"+digits(66), 1, "UCS-2")
	check("🏳️‍🌈"+digits(64), 1, "UCS-2")
	for _, r := range `|^€{}[]~\` {
		check(string(r)+digits(158), 1, "GSM-7")
		check(string(r)+digits(159), 2, "GSM-7")
	}
	check("à"+digits(159), 1, "GSM-7")
	check("á"+digits(69), 1, "UCS-2")
	check("á"+digits(70), 2, "UCS-2")
	check(digits(152)+"€"+digits(151), 2, "GSM-7")   // the euro opens the second part
	check(digits(152)+"€"+digits(152), 3, "GSM-7")   // and leaves room for 151
	check("á"+digits(65)+"😜"+digits(66), 3, "UCS-2") // so does a surrogate pair, for 65
}

func TestAppendSMS_DoesNotAllocate(t *testing.T) {
	tpl, r := mustCompileSMS(t, Content{Body: "Hi {{name}}, see {{unsubscribe_url}}"}), recipient()
	r.Vars = map[string]string{"name": "Zoë"}
	buf := make([]byte, 0, 1<<10)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := tpl.AppendSMS(buf, r); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
