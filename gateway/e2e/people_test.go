package e2e

import (
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// person is one line of identity behind one or more lines of a marketing team's list.
type person struct {
	id      int
	channel string   // "email" or "sms"
	country string   // of a phone: ISO 3166-1
	written []string // spellings in the list: the first is the person's own, later ones are duplicates
	other   string   // yet another spelling of the same address, as an opt-out form or an old export has it
	number  string   // E.164, phones only
	out     bool     // opted out before the campaign
	leaves  bool     // opts out while the campaign runs
	broken  bool     // not an address at all
}

// country tells how a country's mobile numbers are written: # is a digit of the subscriber's.
type country struct {
	region, code, trunk string
	mobile              string // national significant number, # being free digits
	group               []int  // digits per group when written nicely
}

var countries = []country{
	{"NO", "47", "", "9#######", []int{3, 2, 3}},
	{"SE", "46", "0", "70#######", []int{2, 3, 2, 2}},
	{"DK", "45", "", "20######", []int{2, 2, 2, 2}},
	{"FI", "358", "0", "40#######", []int{2, 3, 4}},
	{"DE", "49", "0", "1512#######", []int{4, 7}},
	{"FR", "33", "0", "6########", []int{1, 2, 2, 2, 2}},
	{"GB", "44", "0", "7400######", []int{4, 6}},
	{"ES", "34", "", "612######", []int{3, 3, 3}},
	{"IT", "39", "", "312#######", []int{3, 3, 4}},
	{"PT", "351", "", "912######", []int{3, 3, 3}},
	{"NL", "31", "0", "6########", []int{1, 8}},
	{"BE", "32", "0", "470######", []int{3, 2, 2, 2}},
	{"CH", "41", "0", "78#######", []int{2, 3, 2, 2}},
	{"AT", "43", "0", "664######", []int{3, 6}},
	{"PL", "48", "", "512######", []int{3, 3, 3}},
	{"US", "1", "", "415555####", []int{3, 3, 4}},
	{"AU", "61", "0", "412######", []int{3, 3, 3}},
	{"JP", "81", "0", "90########", []int{2, 4, 4}},
	{"IN", "91", "0", "81234#####", []int{5, 5}},
	{"BR", "55", "0", "11961######", []int{2, 5, 4}},
}

// domains of the list; several are international.
var domains = []string{"example.com", "example.org", "mail.example.net", "bücher.example", "例え.example", "xn--bcher-kva.example", "SUB.Example.COM", "пример.example"}

// people makes a list of n lines' worth of persons: a ninth of them has a phone, one in fifty is there twice, one in a hundred is broken,
// one in twenty has opted out, one in a hundred will.
func people(seed uint64, n int) []*person {
	r := rand.New(rand.NewPCG(seed, 0x68656564))
	list := make([]*person, n)
	for i := range list {
		p := &person{id: i, channel: "email"}
		if i%10 == 9 {
			p.phone(r)
		} else {
			p.mailbox(r)
		}
		p.fate(r)
		list[i] = p
	}
	return list
}

func (p *person) fate(r *rand.Rand) {
	switch k := r.IntN(100); {
	case k == 0:
		p.broken = true
		p.written = []string{brokenSpellings[r.IntN(len(brokenSpellings))]}
		if p.channel == "sms" {
			p.written = []string{[]string{"+", "12", "call me", "+47 9", "+999999999999999999"}[r.IntN(5)]}
		}
	case k <= 5:
		p.out = true
	case k == 6:
		p.leaves = true
	}
	if !p.broken && r.IntN(50) == 0 {
		p.written = append(p.written, p.other)
	}
}

var brokenSpellings = []string{"", "no-at-sign.example.com", "two@@example.com", "@example.com", "dot.@example.com", ".dot@example.com", "a..b@example.com",
	"space in@example.com", "a@b> NOTIFY=NEVER", "trailing@", "a@-bad-.example", "\"unclosed@example.com", "a@example..com"}

// mailbox gives the person an email address with a local part that names them, and two spellings.
func (p *person) mailbox(r *rand.Rand) {
	domain := domains[r.IntN(len(domains))]
	local := fmt.Sprintf("p%06d", p.id)
	switch r.IntN(6) {
	case 0:
		local = fmt.Sprintf("P%06d.Mixed.Case", p.id)
	case 1:
		local = fmt.Sprintf("p%06d+news", p.id)
	case 2:
		local = fmt.Sprintf(`"p%06d"`, p.id) // needless quotes
	case 3:
		local = fmt.Sprintf(`"p%06d with space"`, p.id)
	}
	p.written = []string{local + "@" + domain}
	p.other = strings.ToUpper(local) + "@" + strings.ToUpper(domain)
}

// phone gives the person a mobile number of one of the countries, in national or international form.
func (p *person) phone(r *rand.Rand) {
	c := countries[(p.id/10)%len(countries)]
	national := fill(c.mobile, p.id/10/len(countries))
	p.channel, p.country, p.number = "sms", c.region, "+"+c.code+national
	spaced := groups(national, c.group)
	forms := []string{p.number, "+" + c.code + " " + spaced, c.trunk + spaced, "+" + c.code + "-" + strings.ReplaceAll(spaced, " ", "-")}
	p.written = []string{forms[r.IntN(len(forms))]}
	p.other = forms[r.IntN(len(forms))]
}

// fill writes a counter into the free digits of a pattern.
func fill(pattern string, n int) string {
	free := strings.Count(pattern, "#")
	digits := fmt.Sprintf("%0*d", free, n)
	return strings.Replace(pattern, strings.Repeat("#", free), digits, 1)
}

func groups(digits string, sizes []int) string {
	var parts []string
	for _, n := range sizes {
		parts = append(parts, digits[:n])
		digits = digits[n:]
	}
	return strings.Join(append(parts, digits), " ")
}

// writeCSV writes the list as a marketing team has it: a header, quoted fields, people out of order only by their duplicates.
func writeCSV(w io.Writer, list []*person) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"email", "mobile", "country", "first name", "customer"})
	for _, p := range list {
		for _, spelling := range p.written {
			row := []string{spelling, "", p.country, firstNames[p.id%len(firstNames)], fmt.Sprint(p.id)}
			if p.channel == "sms" {
				row[0], row[1] = "", spelling
			}
			_ = out.Write(row)
		}
	}
	out.Flush()
	return out.Error()
}

var firstNames = []string{"Ann", "Bjørn", "Chloé", "O'Neil", "李雷", "محمد", "Zoë <b>", "=1+1", "Jürgen", "🙂"}
