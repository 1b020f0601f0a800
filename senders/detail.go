package senders

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxDetail = 200     // bytes of a Detail
	maxWords  = 4 << 10 // bytes of a peer's reply that are looked at
	hidden    = "[address]"
)

// Detail makes a peer's words fit for Result.Detail and Error.Detail: one printable line of at most 200 bytes in which the
// recipient's address (any letter case), every other mail address and, if the recipient is a phone number, every number of seven digits or
// more is replaced by "[address]". Cost: linear in words, of which 4 KiB are looked at.
func Detail(words, recipient string) string {
	s := oneLine(clip(words, maxWords))
	s = replaceFold(s, oneLine(recipient), hidden)
	s = replaceFold(s, oneLine(unquoted(recipient)), hidden)
	if isNumber(recipient) {
		s = hideNumbers(s)
	}
	return clip(hideMailboxes(s), maxDetail)
}

// unquoted is what stands within the quotes of a local part, "" if there are none: peers repeat it without them, and a mailbox with
// spaces is not found word by word.
func unquoted(recipient string) string {
	at := strings.LastIndex(recipient, `"@`)
	if at < 1 || recipient[0] != '"' {
		return ""
	}
	return strings.ReplaceAll(recipient[1:at], `\`, "")
}

// oneLine turns every run of white space, controls and broken UTF-8 into one space. Format characters go too: a soft
// hyphen or a bidi mark inside an address must not hide it from the search.
func oneLine(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Cf, r):
		case r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r):
			gap = b.Len() > 0
		default:
			if gap {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(r)
		}
	}
	return b.String()
}

// clip shortens s to at most n bytes at a rune's boundary, and drops the word that would be cut in two: half an address
// is not recognised as one.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	if i := strings.LastIndexByte(s[:n], ' '); i > n/2 {
		n = i
	}
	return s[:n]
}

func replaceFold(s, old, with string) string {
	if old == "" {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := foldedPrefix(s[i:], old); n > 0 {
			b.WriteString(with)
			i += n
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// foldedPrefix returns the length of the prefix of s that equals old but for letter case, or 0.
func foldedPrefix(s, old string) int {
	i := 0
	for _, want := range old {
		r, n := utf8.DecodeRuneInString(s[i:])
		if n == 0 || r != want && unicode.ToLower(r) != unicode.ToLower(want) {
			return 0
		}
		i += n
	}
	return i
}

// hideMailboxes replaces every word that holds an "@", but for the punctuation round it.
func hideMailboxes(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		n := strings.IndexFunc(s, isDelimiter)
		if n < 0 {
			n = len(s)
		}
		word := s[:n]
		if strings.Contains(word, "@") {
			word = hidden
		}
		b.WriteString(word)
		if n < len(s) {
			b.WriteByte(s[n])
			n++
		}
		s = s[n:]
	}
	return b.String()
}

func isDelimiter(r rune) bool { return strings.ContainsRune(" <>()[],;:\"'", r) }

func isNumber(recipient string) bool {
	end, digits := numberAt(recipient)
	return digits > 0 && end == len(recipient)
}

// hideNumbers replaces every run of seven digits or more, with or without the usual separators between them.
func hideNumbers(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		end, digits := numberAt(s[i:])
		switch {
		case digits >= 7:
			b.WriteString(hidden)
		case end == 0:
			end = 1
			fallthrough
		default:
			b.WriteString(s[i : i+end])
		}
		i += end
	}
	return b.String()
}

// numberAt measures the number that s starts with: its length up to the last digit, and its digits.
func numberAt(s string) (end, digits int) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
			end = i + 1
		case c == '+' && i == 0, digits > 0 && strings.IndexByte(" -./()", c) >= 0:
		default:
			return end, digits
		}
	}
	return end, digits
}
