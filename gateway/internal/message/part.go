package message

import (
	"bytes"
	"slices"
	"strings"
)

// part is a body part in quoted-printable.
type part struct {
	header []byte // its MIME header fields and the empty line after them
	pieces []piece
	plain  *plain
}

// compilePart compiles the HTML or the text of a mail.
func (c *compiler) compilePart(pointer, subtype, src string, p *plain) (part, error) {
	if !strings.HasSuffix(src, "\n") {
		src += "\r\n" // so that every line is ended, where the last blank is mended
	}
	pieces, err := c.compile(pointer, src, maxPart, false, func(literal string) piece {
		encoded, column := appendQuoted(nil, 0, literal, &plainText) // the author's markup stays markup
		return piece{literal: encoded, column: column}
	})
	for i := range len(pieces) - 1 {
		pieces[i].lineEnd = bytes.HasPrefix(pieces[i+1].literal, []byte("\r\n"))
	}
	header := "Content-Type: text/" + subtype + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	return part{[]byte(header), pieces, p}, err
}

// append writes the part's body. It stops once dst is longer than limit, which the caller tells by its length.
func (p *part) append(dst []byte, values []string, limit int) []byte {
	for i := range p.pieces {
		piece := &p.pieces[i]
		dst = append(dst, piece.literal...)
		if piece.variable == none || len(dst) > limit {
			return dst
		}
		var column int
		dst, column = appendQuoted(dst, piece.column, piece.valueOf(values), p.plain)
		if column > 0 && !(piece.lineEnd && !blank(dst[len(dst)-1])) {
			dst = append(dst, softBreak...)
		}
	}
	return dst
}

// The footers that marketing mail gets when its author forgot the link. They say one thing, in markup that screen readers announce as a link and
// that takes the colours of the mail around it.
const (
	htmlFooter = `<p style="margin:2em 0 1em;text-align:center;font-size:.875em"><a href="{{unsubscribe_url}}" style="color:inherit">` +
		`Unsubscribe</a></p>` + "\r\n"
	textFooter = "\r\n-- \r\nUnsubscribe:\r\n{{unsubscribe_url}}\r\n"
)

// withLink returns an HTML part that shows the recipient's page: as it is if it uses the link outside of comments, else with a footer
// before </body>. A template that does not parse gets one too: its fault is found when it is compiled.
func withLink(html string) string {
	tokens, _ := parseText(html)
	var place markup
	for _, t := range tokens {
		if place = place.after(t.literal); t.isLink() && place != inComment {
			return html
		}
	}
	at := lastBodyEnd(html)
	return html[:at] + htmlFooter + html[at:]
}

func textWithLink(text string) string {
	tokens, _ := parseText(text)
	if slices.ContainsFunc(tokens, token.isLink) {
		return text
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\r\n"
	}
	return text + textFooter
}

// lastBodyEnd is where the last </body> of an HTML document stands, or its end.
func lastBodyEnd(html string) int {
	const tag = "</body"
	for i := len(html) - len(tag); i >= 0; i-- {
		if html[i] == '<' && strings.EqualFold(html[i:i+len(tag)], tag) {
			return i
		}
	}
	return len(html)
}
