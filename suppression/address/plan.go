package address

import (
	"regexp/syntax"
	"sync"

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/nyaruka/phonenumbers/v2/metadata"
)

// plan is what a country's numbering plan says of numbers that are in E.164 already: enough to see that the parser would hand
// them back as they are, a hundred times faster than asking it.
type plan struct {
	lengths uint32 // bit n: national numbers may have n digits
	plain   uint16 // bit d: no national prefix begins with digit d, so none can be taken for one
}

// plans gives the plan of each calling code, from the parser's own tables. Made once, at first use.
var plans = sync.OnceValue(func() *[1000]plan {
	var plans [1000]plan
	for code, regions := range metadata.CountryCodeToRegion() {
		m, ok := metadata.RegionMetadata(regions[0])
		if !ok {
			m, ok = metadata.NonGeoMetadata(code)
		}
		if ok && code < len(plans) {
			plans[code] = planOf(m)
		}
	}
	return &plans
})

func planOf(m *phonenumbers.PhoneMetadata) (p plan) {
	for _, n := range m.GetGeneralDesc().GetPossibleLength() {
		if n > 0 && n < 32 {
			p.lengths |= 1 << n
		}
	}
	p.plain = ^begins(m.GetNationalPrefixForParsing())
	return p
}

// begins gives the digits that a match of the pattern can begin with; all of them if it can match nothing.
func begins(pattern string) uint16 {
	const all = 1<<10 - 1
	if pattern == "" {
		return 0
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return all
	}
	digits, empty := firstDigits(re.Simplify())
	if empty {
		return all
	}
	return digits
}

// firstDigits gives the digits that a match can begin with, and whether it can be empty. What it does not know it takes for both.
func firstDigits(re *syntax.Regexp) (digits uint16, empty bool) {
	switch re.Op {
	case syntax.OpLiteral:
		return digitBit(re.Rune[0]), false
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			for r := max(re.Rune[i], '0'); r <= min(re.Rune[i+1], '9'); r++ {
				digits |= digitBit(r)
			}
		}
		return digits, false
	case syntax.OpCapture, syntax.OpPlus:
		return firstDigits(re.Sub[0])
	case syntax.OpStar, syntax.OpQuest:
		digits, _ = firstDigits(re.Sub[0])
		return digits, true
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			d, e := firstDigits(sub)
			digits, empty = digits|d, empty || e
		}
		return digits, empty
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			d, e := firstDigits(sub)
			if digits |= d; !e {
				return digits, false
			}
		}
		return digits, true
	}
	return ^uint16(0), true
}

func digitBit(r rune) uint16 {
	if r < '0' || r > '9' {
		return 0
	}
	return 1 << (r - '0')
}

// settled reports whether a number is E.164 that reading it again would not change. It may say no too often.
func settled(number []byte) bool {
	if len(number) < 8 || len(number) > 16 || number[0] != '+' || number[1] == '0' {
		return false
	}
	code := 0
	for i, c := range number[1:] {
		if c < '0' || c > '9' {
			return false
		}
		if i > 2 {
			continue
		}
		code = 10*code + int(c-'0')
		if p := &plans()[code]; p.lengths != 0 {
			return p.settled(number[i+2:])
		}
	}
	return false
}

func (p *plan) settled(national []byte) bool {
	for _, c := range national {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(national) > 0 && national[0] != '0' && p.lengths>>len(national)&1 == 1 && p.plain>>(national[0]-'0')&1 == 1
}
