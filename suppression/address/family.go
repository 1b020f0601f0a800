package address

import "bytes"

// provider is what is known of how a mail provider reads local parts.
type provider struct {
	domain string // the name the family goes by
	dots   bool   // dots in the local part mean nothing
}

// providers is the table of domains that deliver name+anything to name. Only what the provider documents is in it: yahoo's
// "-" makes addresses of their own, and a company's domain may mean anything by "+".
var providers = map[string]provider{
	"gmail.com":      {domain: "gmail.com", dots: true},
	"googlemail.com": {domain: "gmail.com", dots: true},
	"outlook.com":    {domain: "outlook.com"},
	"hotmail.com":    {domain: "hotmail.com"},
	"live.com":       {domain: "live.com"},
	"icloud.com":     {domain: "icloud.com"},
	"me.com":         {domain: "me.com"},
	"mac.com":        {domain: "mac.com"},
	"fastmail.com":   {domain: "fastmail.com"},
	"fastmail.fm":    {domain: "fastmail.fm"},
	"proton.me":      {domain: "proton.me"},
	"protonmail.com": {domain: "protonmail.com"},
	"pm.me":          {domain: "pm.me"},
}

// AppendFamily appends the family form of a canonical address, which every spelling shares that its provider is known to
// deliver to the same mailbox: +tag dropped, at Gmail dots too, googlemail.com as gmail.com. It reports whether the address
// has a family at all. It can have one and be spelled like it: ann@gmail.com is its own family's form, and must be looked up
// and stored by it, or it would miss what ann+x@gmail.com said. Without a family dst is returned as it was; phone numbers
// and quoted local parts have none.
//
// Family forms only ever add suppressions. Messages are never merged by them. The price: leaving everything as a+x@gmail.com
// silences a+y@gmail.com too.
// Requires: canonical comes from AppendEmail or AppendPhone. Cost: one look-up, no allocation beyond dst.
func AppendFamily(dst, canonical []byte) ([]byte, bool) {
	at := bytes.LastIndexByte(canonical, '@')
	if at < 0 || canonical[0] == '"' {
		return dst, false
	}
	p, ok := providers[string(canonical[at+1:])]
	if !ok {
		return dst, false
	}
	name, _, _ := bytes.Cut(canonical[:at], []byte("+"))
	if len(name) == 0 { // "+tag@": no mailbox of that name
		return dst, false
	}
	dst = appendName(dst, name, p.dots)
	return append(append(dst, '@'), p.domain...), true
}

func appendName(dst, name []byte, dots bool) []byte {
	if !dots {
		return append(dst, name...)
	}
	for _, c := range name {
		if c != '.' {
			dst = append(dst, c)
		}
	}
	return dst
}
