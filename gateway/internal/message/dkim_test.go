package message

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func testKey(t rapid.TB, kind string) SigningKey {
	t.Helper()
	text, err := GenerateKey(kind)
	if err != nil {
		t.Fatal(err)
	}
	return SigningKey{Domain: "example.com", Selector: kind, PEM: text}
}

// zone answers TXT questions as DNS would.
type zone map[string]string

func (z zone) publish(t rapid.TB, k SigningKey) {
	t.Helper()
	record, err := DNSRecord(k.PEM)
	if err != nil {
		t.Fatal(err)
	}
	z[k.Selector+"._domainkey."+k.Domain] = record
}

// verify is a verifier written from RFC 6376 §6.1 with regular expressions, as unlike the signer as can be; it is itself tried on the example of
// RFC 8463 first. It checks every DKIM-Signature of a mail and returns how many there are.
func verify(z zone, mail string) (int, error) {
	header, body, found := strings.Cut(mail, "\r\n\r\n")
	if !found {
		return 0, errors.New("no body")
	}
	fields := regexp.MustCompile(`(?m)^[^ \t\r\n](?:[^\r\n]|\r\n[ \t])*`).FindAllString(header, -1)
	signatures := 0
	for _, f := range fields {
		if name, _, _ := strings.Cut(f, ":"); strings.EqualFold(name, "DKIM-Signature") {
			signatures++
			if err := verifyOne(z, fields, f, body); err != nil {
				return signatures, err
			}
		}
	}
	return signatures, nil
}

func verifyOne(z zone, fields []string, signature, body string) error {
	tags := tagsOf(signature[strings.IndexByte(signature, ':')+1:])
	bodyHash := sha256.Sum256([]byte(relaxBody(body)))
	if got := base64.StdEncoding.EncodeToString(bodyHash[:]); got != tags["bh"] {
		return fmt.Errorf("body hash %s, want %s", got, tags["bh"])
	}
	var signed strings.Builder
	left := slices.Clone(fields)
	for _, name := range strings.Split(tags["h"], ":") {
		for i := len(left) - 1; i >= 0; i-- {
			if field, _, _ := strings.Cut(left[i], ":"); strings.EqualFold(strings.TrimSpace(field), name) {
				signed.WriteString(relaxField(left[i]) + "\r\n")
				left = slices.Delete(left, i, i+1)
				break
			}
		}
	}
	signed.WriteString(relaxField(regexp.MustCompile(`([;\s]b\s*=)[^;]*`).ReplaceAllString(signature, "$1")))
	digest := sha256.Sum256([]byte(signed.String()))
	return checkSignature(tagsOf(z[tags["s"]+"._domainkey."+tags["d"]]), tags, digest[:])
}

func checkSignature(key, tags map[string]string, digest []byte) error {
	public, _ := base64.StdEncoding.DecodeString(key["p"])
	b, err := base64.StdEncoding.DecodeString(tags["b"])
	if err != nil {
		return err
	}
	if tags["a"] == "ed25519-sha256" && key["k"] == "ed25519" {
		if !ed25519.Verify(public, digest, b) {
			return errors.New("signature is wrong")
		}
		return nil
	}
	parsed, err := x509.ParsePKIXPublicKey(public)
	if err != nil || tags["a"] != "rsa-sha256" {
		return fmt.Errorf("key of %q: %v", tags["a"], err)
	}
	return rsa.VerifyPKCS1v15(parsed.(*rsa.PublicKey), crypto.SHA256, digest, b)
}

// tagsOf reads a tag list (§3.2); space in the values of h, b and bh means nothing.
func tagsOf(s string) map[string]string {
	tags := map[string]string{}
	for _, t := range strings.Split(s, ";") {
		name, value, _ := strings.Cut(t, "=")
		tags[strings.TrimSpace(name)] = regexp.MustCompile(`\s+`).ReplaceAllString(value, "")
	}
	return tags
}

func relaxField(f string) string {
	name, value, _ := strings.Cut(strings.ReplaceAll(f, "\r\n", ""), ":")
	return strings.ToLower(strings.TrimSpace(name)) + ":" + strings.Trim(regexp.MustCompile(`[ \t]+`).ReplaceAllString(value, " "), " ")
}

func relaxBody(body string) string {
	lines := strings.Split(body, "\r\n")
	for i := range lines {
		lines[i] = strings.TrimRight(regexp.MustCompile(`[ \t]+`).ReplaceAllString(lines[i], " "), " ")
	}
	joined := strings.TrimRight(strings.Join(lines, "\r\n"), "\r\n")
	if joined == "" {
		return ""
	}
	return joined + "\r\n"
}

// The example of RFC 8463 appendix A proves the tests' verifier before it proves the signer.
func TestVerify_AcceptsTheExample(t *testing.T) {
	z := zone{
		"brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
	}
	mail := strings.ReplaceAll(`DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
`, "\n", "\r\n")
	if n, err := verify(z, mail); n != 1 || err != nil {
		t.Errorf("%d signatures, %v", n, err)
	}
	if _, err := verify(z, strings.Replace(mail, "dinner", "lunch", 1)); err == nil {
		t.Error("a changed subject is accepted")
	}
	if _, err := verify(z, strings.Replace(mail, "lost", "won", 1)); err == nil {
		t.Error("a changed body is accepted")
	}
}

func signedMail(t rapid.TB, s *Signer, mail []byte) []byte {
	t.Helper()
	out, err := s.AppendSigned([]byte("kept"), mail)
	if err != nil || !bytes.HasPrefix(out, []byte("kept")) || !bytes.HasSuffix(out, mail) {
		t.Fatalf("sign: %v: %q", err, out)
	}
	out = out[len("kept"):]
	checkLines(t, out)
	return out
}

func bothKeys(t rapid.TB) (*Signer, zone) {
	t.Helper()
	z, keys := zone{}, []SigningKey{testKey(t, Ed25519), testKey(t, RSA)}
	for _, k := range keys {
		z.publish(t, k)
	}
	s, err := NewSigner(keys)
	if err != nil {
		t.Fatal(err)
	}
	return s, z
}

func TestSigner_BothSignaturesVerify(t *testing.T) { // RFC 6376 §6.1, RFC 8463 §3
	s, z := bothKeys(t)
	for _, value := range naughtyBodies {
		if hasControl(value) {
			continue
		}
		c, r := content(), recipient()
		c.Marketing, c.Headers, r.Vars = true, [][2]string{{"X-Shop", "a  b"}}, map[string]string{"name": value[:min(len(value), 1000)]}
		c.ReplyTo = "Zoë <reply@example.com>"
		if n, err := verify(z, string(signedMail(t, s, mustRender(t, c, r)))); n != 2 || err != nil {
			t.Errorf("%.40q: %d signatures, %v", value, n, err)
		}
	}
}

func TestSigner_CoversWhatMatters(t *testing.T) { // RFC 8058 §3, RFC 6376 §8.15
	s, z := bothKeys(t)
	c, r := content(), recipient()
	c.Marketing, c.ReplyTo, c.ListID, c.FeedbackID, r.Vars = true, "reply@example.com", "<weekly.example.com>", "weekly:marketing:heed-acme", map[string]string{"name": "Ann"}
	mail := string(signedMail(t, s, mustRender(t, c, r)))
	check := func(what, changed string) {
		t.Helper()
		if changed == mail {
			t.Fatalf("%s: nothing was changed", what)
		}
		if _, err := verify(z, changed); err == nil {
			t.Errorf("%s: still verifies", what)
		}
	}
	for _, name := range []string{
		"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID",
	} {
		check("changed "+name, strings.Replace(mail, "\r\n"+name+": ", "\r\n"+name+": x", 1))
	}
	for _, name := range []string{"From", "To", "Subject", "Date"} {
		check("added "+name, strings.Replace(mail, "\r\nMIME-Version:", "\r\n"+name+": x\r\nMIME-Version:", 1))
	}
	check("changed body", strings.Replace(mail, "<p>Hi Ann", "<p>Hi Eve", 1))
}

func TestSigner_SameMailSameBytes(t *testing.T) { // P3
	s, _ := bothKeys(t)
	c, r := content(), recipient()
	r.Vars = map[string]string{"name": "Ann"}
	mail := mustRender(t, c, r)
	if !bytes.Equal(signedMail(t, s, mail), signedMail(t, s, mail)) {
		t.Error("a retry gives other bytes")
	}
}

// Relaxed forms of odd but valid mails: space runs, tabs, empty lines, no body, folded fields, space before the colon.
func TestSigner_AnyCanonicalForm(t *testing.T) { // RFC 6376 §3.4
	z, key := zone{}, testKey(t, Ed25519)
	z.publish(t, key)
	s, err := NewSigner([]SigningKey{key})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOf(rapid.StringMatching(`[ \tab.=]{0,12}`)).Draw(t, "lines"), "\r\n") + rapid.SampledFrom([]string{"", "\r\n", "\r\n\r\n", " \r\n"}).Draw(t, "end")
		value := rapid.StringMatching(`[ \ta]{0,10}(\r\n[ \t][ \tb]{0,5}c){0,2}`).Draw(t, "value")
		mail := "From:" + value + "\r\nSubject: x\r\n\r\n" + body
		out, err := s.AppendSigned(nil, []byte(mail))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := verify(z, string(out)); n != 1 || err != nil {
			t.Fatalf("%q: %v", mail, err)
		}
	})
}

func TestSigner_RefusesWhatItCannotVouchFor(t *testing.T) {
	s, _ := bothKeys(t)
	check := func(mail string, want error) {
		t.Helper()
		if out, err := s.AppendSigned([]byte("kept"), []byte(mail)); !errors.Is(err, want) || string(out) != "kept" {
			t.Errorf("%q: %v", mail, err)
		}
	}
	check("", errNoBody)
	check("From: a@b\r\n", errNoBody)
	check("From: a@b\n\n", errNoBody)
	check("Subject: x\r\n\r\n", errNoFrom)
	check("From: a@b\r\nfrom: c@d\r\n\r\n", errTwice)
	check("From: a@b\r\nnonsense\r\n\r\n", errMalformed)
}

func TestNewSigner_RefusesUnfitKeys(t *testing.T) {
	good := testKey(t, Ed25519)
	check := func(want string, keys ...SigningKey) {
		t.Helper()
		if _, err := NewSigner(keys); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	other := good
	other.Domain = "example.net"
	check("signer for each domain", good, other)
	check("no DKIM key")
	check("PEM", SigningKey{Domain: "example.com", Selector: "s", PEM: []byte("hello")})
	check("PKCS#8", SigningKey{Domain: "example.com", Selector: "s", PEM: []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")})
	check("host names", SigningKey{Domain: "example.com;", Selector: "s", PEM: good.PEM})
	check("host names", SigningKey{Domain: "example.com", Selector: "", PEM: good.PEM})
	if _, err := GenerateKey("dsa"); err == nil {
		t.Error("a kind nobody knows is made")
	}
}
