package sandbox

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"net/url"
	"strings"
)

// Bounds of what is read of a mail for people; the source shows the rest.
const (
	maxLetter = 4 << 20   // bytes of a mail that are looked at
	maxShown  = 256 << 10 // bytes of a text, an HTML part or a source
	maxField  = 2 << 10   // bytes of a header field
	maxParts  = 64
	maxDepth  = 8
)

// letter is what a message says, read for people: header fields, text and HTML are decoded, and valid UTF-8.
type letter struct {
	Fields      []field
	Unsubscribe []string // pages of List-Unsubscribe that are on this machine
	Text, HTML  string
	parts       int
}

type field struct{ Name, Value string }

// shownFields are those that matter to a recipient.
var shownFields = []string{"From", "To", "Subject", "Date", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"}

// readMail reads a mail (RFC 5322, RFC 2045 to 2047) as far as it can be read; what is no mail is text. It takes any bytes. Cost: linear in
// the first 4 MiB, times the depth of parts, 8 at most.
func readMail(raw []byte) letter {
	m, err := mail.ReadMessage(bytes.NewReader(raw[:min(len(raw), maxLetter)]))
	if err != nil {
		return readText(raw)
	}
	var l letter
	for _, name := range shownFields {
		if v := m.Header.Get(name); v != "" {
			l.Fields = append(l.Fields, field{name, decodeField(v)})
		}
	}
	l.Unsubscribe = localPages(m.Header.Get("List-Unsubscribe"))
	l.read(textproto.MIMEHeader(m.Header), m.Body, 0)
	return l
}

// readText reads a text message, which is itself.
func readText(raw []byte) letter {
	return letter{Text: clip(string(raw[:min(len(raw), maxShown+1)]), maxShown)}
}

// read takes the first text and the first HTML of a part and the parts inside it.
func (l *letter) read(h textproto.MIMEHeader, body io.Reader, depth int) {
	kind, params, _ := mime.ParseMediaType(h.Get("Content-Type"))
	if !strings.Contains(kind, "/") {
		kind = "text/plain" // RFC 2045 §5.2
	}
	disposition, _, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	switch {
	case strings.HasPrefix(kind, "multipart/") && params["boundary"] != "":
		l.readParts(multipart.NewReader(body, params["boundary"]), depth)
	case disposition == "attachment":
	case kind == "text/plain" && l.Text == "":
		l.Text = decodeBody(body, h.Get("Content-Transfer-Encoding"), params["charset"])
	case kind == "text/html" && l.HTML == "":
		l.HTML = decodeBody(body, h.Get("Content-Transfer-Encoding"), params["charset"])
	}
}

func (l *letter) readParts(r *multipart.Reader, depth int) {
	for depth < maxDepth && l.parts < maxParts {
		part, err := r.NextRawPart()
		if err != nil {
			return
		}
		l.parts++
		l.read(part.Header, part, depth+1)
	}
}

// decodeBody gives as much of a body as can be decoded and may be shown (RFC 2045 §6).
func decodeBody(r io.Reader, encoding, charset string) string {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	b, _ := io.ReadAll(io.LimitReader(r, maxShown+1)) // a fault ends the part; the source shows it
	text := string(b)
	if c := strings.ToLower(charset); c == "iso-8859-1" || c == "windows-1252" {
		text = fromLatin1(b)
	}
	return clip(text, maxShown)
}

// fromLatin1: each byte is the code point of its number.
func fromLatin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// decodeField decodes the encoded words of a header field (RFC 2047); one that cannot be decoded stays as it is.
func decodeField(v string) string {
	v = clip(v, maxField)
	if decoded, err := new(mime.WordDecoder).DecodeHeader(v); err == nil {
		v = decoded
	}
	return clip(v, maxField)
}

// localPages gives the web pages of a List-Unsubscribe field (RFC 2369 §2) that are on loopback: no mail can have a developer's
// browser lead anywhere else.
func localPages(v string) (pages []string) {
	for _, item := range strings.Split(clip(v, maxField), ",") {
		item = strings.TrimSpace(item)
		if !strings.HasPrefix(item, "<") || !strings.HasSuffix(item, ">") {
			continue
		}
		if u, err := url.Parse(item[1 : len(item)-1]); err == nil && isLocal(u) {
			pages = append(pages, u.String())
		}
	}
	return pages
}

func isLocal(u *url.URL) bool {
	web := u.Scheme == "http" || u.Scheme == "https"
	ip := net.ParseIP(u.Hostname())
	return web && u.User == nil && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
