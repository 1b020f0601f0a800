package intake

import "heed/suppression/policy"

// Explain gives the words for a code that a stored recipient has: those of the answer to its call, in general terms where the answer knew more
// than the code tells. "" for codes of others. The cost is a map look-up.
func Explain(code string) string { return words[code] }

var words = func() map[string]string {
	m := map[string]string{
		"address_syntax":   "this is not an address of the channel that can be sent to",
		"missing_variable": "a variable of the content is missing: add it to the recipient's vars, to the shared vars, or give it a default",
		"undeliverable":    "not on this channel, and there was no fallback that could be used",
	}
	for _, w := range []*why{longAddress, badFallback, repeated, held, tooLate, elsewhere, unexplained} {
		m[w.code] = w.detail
	}
	for r := range policy.FrequencyCap + 1 {
		if w := reasons[r]; w != nil {
			m[w.code] = w.detail
		}
	}
	return m
}()
