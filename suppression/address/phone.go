package address

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers/v2"
)

// maxPhoneInput bounds what the parser sees; E.164 has 15 digits, the rest is punctuation.
const maxPhoneInput = 64

var (
	errDigits   = fault("a phone number is digits, spaces and punctuation: write letters as digits and leave an extension out")
	errPossible = fault("no country has phone numbers like this: write +, country code and number")
)

// AppendPhone appends the E.164 form of a phone number. region (ISO 3166-1 alpha-2 in either case, may be "") is the country of
// numbers written without "+"; it is never guessed.
//
// Any number that is possible by length in its country's plan is taken, in use or not: plans change faster than tables, and an
// opt-out refused because a number looks invalid is the worst error. So a number written without its area code is taken, too, and
// matches that spelling alone. Letters are refused, be it a vanity number (no
// STOP comes from one) or an extension (no text reaches one), and so are "tel:" and its parameters; so is more than one "+".
//
// Errors: ErrRegion for a national number without a known region, else ErrSyntax; ErrTooLong past 64 bytes.
// Cost: for a number in E.164 some tens of nanoseconds and no allocation, mostly; else some microseconds and a few tens of
// allocations. The first call builds the table of plans, in some milliseconds. After an error dst is returned as it was.
func AppendPhone(dst, number []byte, region string) ([]byte, error) {
	number = bytes.TrimSpace(number)
	if len(number) > maxPhoneInput {
		return dst, ErrTooLong
	}
	if settled(number) {
		return append(dst, number...), nil
	}
	if !dialable(number) {
		return dst, errDigits
	}
	region = strings.ToUpper(region)
	if !bytes.ContainsFunc(number, isPlus) && phonenumbers.GetCountryCodeForRegion(region) == 0 {
		return dst, ErrRegion
	}
	form := string(number)
	for range maxPrefixes {
		next, ok := format(form, region)
		if !ok {
			break
		}
		if next == form || settled([]byte(next)) {
			return append(dst, next...), nil
		}
		form = next
	}
	return dst, errPossible
}

// maxPrefixes bounds how often a form is read again until it stays as it is: a number nobody has, such as +358 000 000 000,
// sheds a national prefix at each reading.
const maxPrefixes = 8

// format reads a number once.
func format(number, region string) (string, bool) {
	parsed, err := phonenumbers.Parse(number, region)
	if err != nil || !phonenumbers.IsPossibleNumber(parsed) {
		return "", false
	}
	form := phonenumbers.Format(parsed, phonenumbers.E164)
	return form, e164(form)
}

// dialable reports whether a number is digits of any script and the punctuation people put between them, with at most one
// "+", before the first digit. Everything else the parser would try to make sense of is kept from it.
func dialable(number []byte) bool {
	digits, plus := 0, 0
	for _, r := range string(number) {
		switch {
		case unicode.IsDigit(r):
			digits++
		case isPlus(r):
			if plus++; plus > 1 || digits > 0 {
				return false
			}
		case !strings.ContainsRune(" \u00A0\u2009\u202F-./()\u2010\u2011\u2012\u2013\u2014\u2212\uFF0D\uFF08\uFF09", r):
			return false
		}
	}
	return digits > 0
}

func isPlus(r rune) bool { return r == '+' || r == '\uFF0B' }

// e164 reports whether s is "+" and 7 to 15 digits without a leading zero (E.164 §6.2.1).
func e164(s string) bool {
	if len(s) < 8 || len(s) > 16 || s[0] != '+' || s[1] == '0' {
		return false
	}
	for _, c := range []byte(s[1:]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
