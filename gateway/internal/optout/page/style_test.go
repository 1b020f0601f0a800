package page

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Colours keep the contrast that the stylesheet's comment promises, in both schemes.
func TestStyle_ContrastInBothSchemes(t *testing.T) { // WCAG 2.2: 1.4.3, 1.4.6, 1.4.11
	light, dark, found := strings.Cut(string(stylesheet), "prefers-color-scheme: dark")
	if !found {
		t.Fatal("no dark scheme")
	}
	for name, css := range map[string]string{"light": light, "dark": dark} {
		colour := variables(t, css)
		check := func(front, back string, least float64) {
			t.Helper()
			if got := contrast(colour[front], colour[back]); got < least {
				t.Errorf("%s: %s on %s has %.1f:1, want %v:1", name, front, back, got, least)
			}
		}
		check("ink", "sheet", 7)
		check("quiet", "sheet", 7)
		check("on-act", "act", 4.5)
		check("edge", "sheet", 3)
		check("act", "sheet", 3)
		check("act", "ground", 3)
	}
}

// What a person presses is large enough, and nothing comes from elsewhere.
func TestStyle_TargetsAndSources(t *testing.T) { // WCAG 2.2: 2.5.5 (44 px)
	css := string(stylesheet)
	for _, m := range regexp.MustCompile(`min-block-size: ([\d.]+)rem`).FindAllStringSubmatch(css, -1) {
		if rem, err := strconv.ParseFloat(m[1], 64); err != nil || rem*16 < 44 {
			t.Errorf("%s is below 44 px", m[0])
		}
	}
	for _, foreign := range []string{"url(", "@import", "http"} {
		if strings.Contains(css, foreign) {
			t.Errorf("the stylesheet asks for %s", foreign)
		}
	}
}

func variables(t *testing.T, css string) map[string][3]float64 {
	t.Helper()
	colours := map[string][3]float64{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
		rgb, err := strconv.ParseUint(m[2], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		colours[m[1]] = [3]float64{float64(rgb >> 16), float64(rgb >> 8 & 0xff), float64(rgb & 0xff)}
	}
	if len(colours) != 7 {
		t.Fatalf("%d colours in a scheme, want 7", len(colours))
	}
	return colours
}

// contrast is WCAG 2.2's contrast ratio.
func contrast(a, b [3]float64) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is WCAG 2.2's relative luminance.
func luminance(rgb [3]float64) float64 {
	var linear [3]float64
	for i, c := range rgb {
		if c /= 255; c <= 0.04045 {
			linear[i] = c / 12.92
		} else {
			linear[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*linear[0] + 0.7152*linear[1] + 0.0722*linear[2]
}
