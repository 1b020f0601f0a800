package e2e

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"maps"
)

// textStop does what Twilio does when a person texts STOP: a signed form post to the inbound webhook. It returns when the 200 was in.
func (g *gateway) textStop(from, to string) (time.Time, error) {
	form := url.Values{"MessageSid": {"SM" + strings.Repeat("0", 32)}, "From": {from}, "To": {to}, "Body": {"STOP"}, "NumMedia": {"0"}}
	req, err := http.NewRequest("POST", g.TwilioInboundURL, strings.NewReader(form.Encode()))
	if err != nil {
		return time.Time{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", sign(g.TwilioAuthToken, g.TwilioInboundURL, form))
	res, err := client.Do(req)
	if err != nil {
		return time.Time{}, err
	}
	defer res.Body.Close()
	at := time.Now()
	text, err := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		return at, fmt.Errorf("STOP: %s %s", res.Status, text)
	}
	return at, err
}

// sign is X-Twilio-Signature as Twilio documents it: the URL, then each field's name and value in order of names, under HMAC-SHA1.
func sign(token, uri string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	io.WriteString(mac, uri)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		io.WriteString(mac, name+form.Get(name))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
