package message

import "strings"

// The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038 §6.2.1). A character of the extension takes two septets.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtra = "\f^{}\\[~]|€"
)

// Segments tells how many SMS a text takes and in which encoding, "GSM-7" or "UCS-2": 160 septets or 70 UTF-16 units alone, 153 or 67 a part
// (3GPP TS 23.040 §9.2.3.24.1). What takes two units is never split across parts. An empty text takes one.
func Segments(text string) (n int, encoding string) {
	if parts, ok := countParts(text, septets, 160, 153); ok {
		return parts, "GSM-7"
	}
	parts, _ := countParts(text, utf16Units, 70, 67)
	return parts, "UCS-2"
}

// septets is the length of r in GSM-7, 0 if it cannot be written so.
func septets(r rune) int {
	switch {
	case strings.ContainsRune(gsmBasic, r):
		return 1
	case strings.ContainsRune(gsmExtra, r):
		return 2
	}
	return 0
}

// countParts fills parts with characters of the given size; ok is false when a character has none.
func countParts(text string, size func(rune) int, alone, part int) (n int, ok bool) {
	total, parts, used := 0, 1, 0
	for _, r := range text {
		units := size(r)
		if units == 0 {
			return 0, false
		}
		if used+units > part {
			parts, used = parts+1, 0
		}
		total, used = total+units, used+units
	}
	if total <= alone {
		return 1, true
	}
	return parts, true
}
