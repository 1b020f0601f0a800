package textin

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestClassify_ByStep(t *testing.T) { // 47 CFR 64.1200(a)(10)
	check := func(want Act, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if got := Classify(text, ""); got != want {
				t.Errorf("%q: %d, want %d", text, got, want)
			}
		}
	}
	// Step 3 and 4: case, punctuation, accents, emoji and invisible characters do not invalidate a keyword (CTIA 5.1.3).
	check(Stop, "STOP", "stop", "Stop.", "STOP!!", "\tStop 🛑", "ST\u200bOP", "\u202eSTOP\u202c", "ＳＴＯＰ", "«Stop»", "s t o p", "STOP?",
		"stop\u0301", "'stop'", "STOP\x00", "sto\xffp", "Stop 👍🏽", "\ufeffSTOP")
	// The seven words of 47 CFR 64.1200(a)(10), then the other columns of the union.
	check(Stop, "stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe")
	check(Stop, "StopAll", "stop all", "OPT-OUT", "optout", "remove", "arret", "ARRÊT", "td", "please opt me out")
	check(Stop, "Parar", "BAJA", "cancelar", "stopp", "Abmelden", "SAIR", "afmelden", "停止", "退订", "توقف", "Désabonner", "STOPPEN", "keskeyta")
	// Step 5.
	check(Stop, "Stop it!", "STOP PLEASE", "Unsubscribe me", "quit texting me now ok", "opt out please", "stop all of it")
	check(None, "Stop by at 5?", "stop？ no wait", "Stop sending me these messages now please", "توقف هنا؟")
	// What other people say with the same words.
	check(None, "", "  ", "🙂", "Can you cancel my appointment?", "When does it end?", "Please don't stop", "the end is near", "yes", "non stop")
	check(None, "Stopwatch", "endless", "quitting", "cancel my order of Tuesday")
	// Step 2: reactions quote our own footer.
	check(None, `Liked “Sale! Reply STOP to end”`, `Loved "STOP"`, "Emphasized “stop”", "Questioned “Reply STOP”", "👍 to “Reply STOP”",
		"\u200b👍🏽\u200b to \u200b“STOP”", `Laughed at “STOP”`, `Removed a like from “STOP”`, "Reacted 👍 to “STOP”")
	check(Stop, "“STOP”", `"stop"`)
	check(Start, "START", "Unstop!", "start.")
	check(Help, "HELP", "info", "Help?")
	check(None, "start over", "help me")
}

func TestClassify_ProvidersStopAlwaysWins(t *testing.T) { // 47 CFR 64.1200(a)(10)
	check := func(body, optOutType string, want Act) {
		t.Helper()
		if got := Classify(body, optOutType); got != want {
			t.Errorf("%q, %q: %d, want %d", body, optOutType, got, want)
		}
	}
	check("schluss jetzt", "STOP", Stop)
	check("Liked “STOP”", "STOP", Stop)
	check("START", "stop ", Stop)
	check("los", "START", Start)
	check("was", "HELP", Help)
	check("STOP", "START", Stop)
	check("hello", "OTHER", None)
}

// Decoration around a keyword, of any sort that CTIA names, never hides it.
func TestClassify_DecorationNeverHidesAKeyword(t *testing.T) { // CTIA 5.1.3
	decoration := rapid.StringOfN(rapid.SampledFrom([]rune(" \t\n.,;!¡*-_~()[]🛑👍\u200b\u200d\ufe0f\u202e")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		keyword := rapid.SampledFrom([]string{"stop", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "arrêt", "退订"}).Draw(t, "keyword")
		if rapid.Bool().Draw(t, "upper") {
			keyword = strings.ToUpper(keyword)
		}
		text := decoration.Draw(t, "before") + keyword + decoration.Draw(t, "after")
		if Classify(text, "") != Stop {
			t.Fatalf("%q", text)
		}
	})
}

func FuzzClassify(f *testing.F) {
	for _, text := range []string{"STOP", "Liked “STOP”", "👍 to “x”", "stop by?", "\xed\xa0\x80stop", strings.Repeat("\u0301", 100)} {
		f.Add(text, "")
	}
	f.Add("x", "STOP")
	f.Fuzz(func(t *testing.T, body, optOutType string) {
		act := Classify(body, optOutType)
		if act > Help || act != Stop && strings.EqualFold(optOutType, "stop") {
			t.Errorf("%q %q: %d", body, optOutType, act)
		}
	})
}
