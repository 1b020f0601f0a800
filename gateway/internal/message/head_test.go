package message

import (
	"regexp"
	"testing"

	"heed/gateway/internal/batch"
	"heed/suppression/policy"
)

func emailHead() *batch.Head {
	return &batch.Head{
		Tenant: "acme", Channel: policy.Email, Class: policy.Marketing, Topic: "news/weekly_digest", From: "News <news@Bücher.example>", Subject: "Hi", Text: "mail text", Body: "short text",
	}
}

func TestContentOf_ClassDecidesTheHeaders(t *testing.T) { // RFC 8058 §3.1, RFC 3834 §5
	for class, marketing := range map[policy.Class]bool{policy.Marketing: true, policy.Transactional: false, policy.Service: false, policy.Mandatory: false} {
		h := emailHead()
		h.Class = class
		if c := ContentOf(h, policy.Email); c.Marketing != marketing || c.Auto == marketing {
			t.Errorf("class %v: marketing %v, auto %v", class, c.Marketing, c.Auto)
		}
	}
}

func TestContentOf_NamesListAndFeedbackLoop(t *testing.T) { // RFC 2919 §2; Gmail: a:b:c:SenderId of 5 to 15 characters
	c := ContentOf(emailHead(), policy.Email)
	if c.ListID != "<news.weekly-digest.xn--bcher-kva.example>" || c.FeedbackID != "news-weekly-digest:marketing:heed-acme" {
		t.Errorf("got %q, %q", c.ListID, c.FeedbackID)
	}
	h := emailHead()
	h.Topic, h.Tenant = "", "a very long name of a tenant: é"
	c = ContentOf(h, policy.Email)
	if c.ListID != "" || !regexp.MustCompile(`^all:marketing:[a-z-]{5,15}$`).MatchString(c.FeedbackID) {
		t.Errorf("got %q, %q", c.ListID, c.FeedbackID)
	}
}

func TestContentOf_ReroutedContentCompiles(t *testing.T) {
	h := emailHead()
	if c := ContentOf(h, policy.SMS); c.Body != "short text" {
		t.Errorf("body %q", c.Body)
	}
	h.Body = ""
	if c := ContentOf(h, policy.SMS); c.Body != "mail text" {
		t.Errorf("body %q", c.Body)
	}
	sms := &batch.Head{Tenant: "acme", Channel: policy.SMS, Class: policy.Service, From: "+15005550006", Body: "Maintenance at {{hour}}"}
	c := ContentOf(sms, policy.Email)
	c.From = "service@example.com"
	if got := mustCompile(t, c).Required(); len(got) != 1 || c.Text != sms.Body {
		t.Errorf("required %q, text %q", got, c.Text)
	}
}
