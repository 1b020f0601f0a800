package sandbox

import (
	"strings"
	"unicode/utf16"
)

// The GSM 7-bit default alphabet and its extension, whose characters take two septets (3GPP TS 23.038 §6.2.1).
const (
	gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsm7Extension = "^{}\\[]~|€\f"
)

// segments counts the parts of a text as Twilio's num_segments does: 160 septets alone or 153 a part, or 70 and 67 UTF-16 units if a character is
// not in GSM-7. A pair is never split between parts.
func segments(text string) int {
	widths, ok := septets(text)
	if ok {
		return parts(widths, 160, 153)
	}
	widths = widths[:0]
	for _, r := range text {
		widths = append(widths, utf16.RuneLen(r))
	}
	return parts(widths, 70, 67)
}

func septets(text string) (widths []int, ok bool) {
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsm7, r):
			widths = append(widths, 1)
		case strings.ContainsRune(gsm7Extension, r):
			widths = append(widths, 2)
		default:
			return nil, false
		}
	}
	return widths, true
}

func parts(widths []int, alone, each int) int {
	total, used, n := 0, 0, 1
	for _, w := range widths {
		total += w
		if used+w > each {
			n, used = n+1, 0
		}
		used += w
	}
	if total <= alone {
		return 1
	}
	return n
}
