package textin

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Act is what a text asks for.
type Act uint8

// The acts. None is every text that says nothing about stopping, or not clearly.
const (
	None Act = iota
	Stop
	Start
	Help
)

// Classify tells what a text asks for, by the first of these that fits (47 CFR 64.1200(a)(10)):
//
//  1. the provider has taken it as STOP, whatever the text;
//  2. a reaction that quotes a text of ours, which may end in "Reply STOP": None;
//  3. the whole text, without case, accents, punctuation, emoji and invisible characters, is a keyword;
//  4. it opens with a word that means nothing else, in at most five words, and is no question: Stop;
//  5. the provider has taken it as START or HELP.
//
// A stop of ours beats the provider's START: stopping too much is the smaller error. Pure; linear in the text.
func Classify(body, optOutType string) Act {
	provider := providerActs[strings.ToUpper(strings.TrimSpace(optOutType))]
	if provider == Stop {
		return Stop
	}
	visible := fold(body)
	if isReaction(visible) {
		return None
	}
	words := words(visible)
	if act := keywords[strings.Join(words, "")]; act != None {
		return act
	}
	if opensWithStop(words) && !strings.ContainsAny(visible, "?؟") {
		return Stop
	}
	return provider
}

var providerActs = map[string]Act{"STOP": Stop, "START": Start, "HELP": Help}

// keywords, folded and without spaces, so that "stop all", "StopAll" and "s t o p" are all found. The stops are the union of what
// the FCC, Twilio, AWS, Telnyx and CTIA list, and translations. YES is no START here: it answers too many other questions.
var keywords = keywordTable(map[Act]string{
	Stop: "stop stopall unsubscribe cancel end quit revoke optout pleaseoptmeout remove arret td " +
		"parar baja cancelar stopp abmelden sair afmelden lopeta avsluta keskeytä annulla disiscriviti désabonner stoppen " +
		"停止 退订 退訂 取消 配信停止 解除 توقف إيقاف الغاء стоп",
	Start: "start unstop",
	Help:  "help info",
})

func keywordTable(lists map[Act]string) map[string]Act {
	table := map[string]Act{}
	for act, list := range lists {
		for keyword := range strings.FieldsSeq(list) {
			table[strings.Join(words(fold(keyword)), "")] = act
		}
	}
	return table
}

// openers mean a stop even when more follows, "Stop it!", "UNSUBSCRIBE me".
var openers = []string{"stop", "stopall", "unsubscribe", "quit", "revoke", "optout"}

const maxOpened = 5 // words

func opensWithStop(words []string) bool {
	if len(words) < 2 || len(words) > maxOpened {
		return false // a single opener is a keyword already
	}
	return slices.Contains(openers, words[0]) || slices.Contains(openers, words[0]+words[1])
}

// fold makes equal what a reader takes for equal: compatibility forms (NFKD), case, accents; and drops what nobody sees.
func fold(text string) string {
	decomposed := norm.NFKD.String(strings.ToValidUTF8(text, " "))
	return cases.Fold().String(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r == '\u034f' {
			return -1 // accents, variation selectors, zero-width and bidi marks
		}
		return r
	}, decomposed))
}

// words are the runs of letters and digits; an apostrophe does not part a word.
func words(folded string) []string {
	folded = strings.NewReplacer("'", "", "’", "").Replace(folded)
	return strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// reactions are how phones without RCS or iMessage tell of one: a verb and the text in quotes.
var reactions = []string{"liked", "loved", "disliked", "emphasized", "emphasised", "questioned", "laughed at", "reacted", "removed a"}

// isReaction tells of `Liked “…”` and `👍 to “…”`.
func isReaction(folded string) bool {
	quote := strings.IndexAny(folded, "\"“„«")
	if quote < 0 {
		return false
	}
	before := strings.TrimSpace(folded[:quote])
	if rest, ok := strings.CutSuffix(before, " to"); ok && len(words(rest)) == 0 {
		return true
	}
	return slices.ContainsFunc(reactions, func(verb string) bool { return strings.HasPrefix(before, verb) })
}
