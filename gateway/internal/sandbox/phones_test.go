package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"heed/gateway/internal/sandbox"
)

const (
	account = "AC00000000000000000000000000000001"
	token   = "0123456789abcdef"
)

func startPhones(t *testing.T) string {
	t.Helper()
	o := sandbox.PhonesOptions{HTTP: listen(t), AccountSid: account, AuthToken: token}
	run(t, sandbox.NewPhones(o).Run)
	return "http://" + o.HTTP.Addr().String()
}

// call asks the API as Twilio's clients do and decodes the answer.
func call(t *testing.T, method, address, password string, form url.Values) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(account, password)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	answer := map[string]any{}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return r.StatusCode, answer
}

func create(t *testing.T, base string, pairs ...string) (int, map[string]any) {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return call(t, http.MethodPost, base+"/2010-04-01/Accounts/"+account+"/Messages.json", token, form)
}

// Twilio, Message resource: create.
func TestPhones_TakeAText(t *testing.T) {
	base := startPhones(t)
	status, answer := create(t, base, "To", "+14155552671", "From", "+15005550006", "Body", "Hello é")
	sid, _ := answer["sid"].(string)
	if status != 201 || !regexp.MustCompile(`^SM[0-9a-f]{32}$`).MatchString(sid) || answer["status"] != "queued" || answer["num_segments"] != "1" {
		t.Fatalf("%d %v", status, answer)
	}
	for _, to := range []string{"+14155552671", "%2B14155552671"} {
		found := find(t, base, to)
		if len(found) != 1 || string(found[0].Raw) != "Hello é" || found[0].ID != sid || found[0].From != "+15005550006" || found[0].BeganAt == "" {
			t.Errorf("to=%s: %+v", to, found)
		}
	}
	status, again := call(t, http.MethodGet, base+"/2010-04-01/Accounts/"+account+"/Messages/"+sid+".json", token, nil)
	if status != 200 || again["sid"] != sid || again["body"] != "Hello é" {
		t.Errorf("%d %v", status, again)
	}
}

func TestPhones_WithAServiceTheNumberComesLater(t *testing.T) {
	status, answer := create(t, startPhones(t), "To", "+14155552671", "MessagingServiceSid", "MG00000000000000000000000000000001", "Body", "x")
	if status != 201 || answer["status"] != "accepted" || answer["num_segments"] != "0" || answer["from"] != nil {
		t.Errorf("%d %v", status, answer)
	}
}

// Twilio, test credentials: the magic numbers.
func TestPhones_TestNumbers(t *testing.T) {
	base := startPhones(t)
	check := func(to, from, body string, want float64) {
		t.Helper()
		status, answer := create(t, base, "To", to, "From", from, "Body", body)
		if status != 400 || answer["code"] != want || answer["status"] != 400.0 || answer["message"] == "" {
			t.Errorf("%s to %s: %d %v, want %v", from, to, status, answer, want)
		}
	}
	const good, from = "+14155552671", "+15005550006"
	check("+15005550001", from, "x", 21211)
	check("+15005550002", from, "x", 21612)
	check("+15005550003", from, "x", 21408)
	check("+15005550004", from, "x", 21610)
	check("+15005550009", from, "x", 21614)
	check(good, "+15005550001", "x", 21212)
	check(good, "+15005550007", "x", 21606)
	check(good, "+15005550008", "x", 21611)
	check("ann@example.org", from, "x", 21211)
	check("", from, "x", 21604)
	check(good, "", "x", 21603)
	check(good, from, "", 21602)
	check(good, from, strings.Repeat("x", 1601), 21617)
	if n := len(find(t, base, good)); n != 0 {
		t.Errorf("%d refused texts are shown", n)
	}
}

func TestPhones_AskWhoCalls(t *testing.T) {
	base := startPhones(t)
	form := url.Values{"To": {"+14155552671"}, "From": {"+15005550006"}, "Body": {"x"}}
	if status, answer := call(t, http.MethodPost, base+"/2010-04-01/Accounts/"+account+"/Messages.json", "wrong", form); status != 401 || answer["code"] != 20003.0 {
		t.Errorf("%d %v", status, answer)
	}
	if status, _ := call(t, http.MethodPost, base+"/2010-04-01/Accounts/AC2/Messages.json", token, form); status != 401 {
		t.Errorf("another account: %d", status)
	}
	for _, sid := range []string{"SM0", "SM0123456789abcdef0123456789abcdef.json", "..json"} {
		if status, answer := call(t, http.MethodGet, base+"/2010-04-01/Accounts/"+account+"/Messages/"+sid, token, nil); status != 404 || answer["code"] != 20404.0 {
			t.Errorf("%s: %d %v", sid, status, answer)
		}
	}
}

// A text that looks like a mail is a text.
func TestPhones_ShowATextAsItIs(t *testing.T) {
	base := startPhones(t)
	const body = "Subject: =?utf-8?q?no?=\n\n<b>tom & ann</b>"
	_, answer := create(t, base, "To", "+14155552671", "From", "+15005550006", "Body", body)
	shown := "Subject: =?utf-8?q?no?=\n\n&lt;b&gt;tom &amp; ann&lt;/b&gt;"
	if list := string(get(t, base+"/", 200, nil)); !strings.Contains(list, shown) || !strings.Contains(list, "/messages/"+answer["sid"].(string)) {
		t.Errorf("%s", list)
	}
	if one := string(get(t, base+"/messages/"+answer["sid"].(string), 200, nil)); !strings.Contains(one, ">"+shown+"</pre>") || strings.Contains(one, "<iframe") {
		t.Errorf("%s", one)
	}
	get(t, base+"/messages/0", 404, nil)
}
