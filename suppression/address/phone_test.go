package address

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAppendPhone_GivesE164(t *testing.T) { // ITU-T E.164
	check := func(want, region string, numbers ...string) {
		t.Helper()
		for _, n := range numbers {
			got, err := AppendPhone([]byte("x:"), []byte(n), region)
			if err != nil || string(got) != "x:"+want {
				t.Errorf("%q in %q: %q, %v; want %q", n, region, got, err, want)
			}
		}
	}
	check("+4790000000", "", "+4790000000", " +47 900 00 000 ", "+47-900-00-000", "(+47) 900.00.000", "＋４７９０００００００", "+47\u00a0900\u00a000\u00a0000")
	check("+4790000000", "NO", "90000000", "900 00 000", "004790000000", "+4790000000")
	check("+4790000000", "no", "90000000")
	check("+4790000000", "US", "+4790000000", "011 47 90000000") // "+" beats the region
	check("+447911123456", "GB", "07911 123456", "+44 (0)7911 123456", "0044 7911 123456")
	check("+14155552671", "US", "(415) 555-2671", "1-415-555-2671", "+1 415.555.2671")
	check("+390236618300", "IT", "02 36618300") // the zero belongs to the number
	check("+4915112345678", "DE", "0151/12345678")
	check("+966501234567", "SA", "٠٥٠١٢٣٤٥٦٧")
	check("+12015550123", "", "+12015550123") // possible, in no one's use
	check("+18005551234", "", "+18005551234")
	check("+15552671", "US", "555-2671", "+1 555 2671") // possible within its area
}

func TestAppendPhone_RefusesAndSaysWhy(t *testing.T) {
	check := func(want error, region string, numbers ...string) {
		t.Helper()
		for _, n := range numbers {
			got, err := AppendPhone([]byte("kept"), []byte(n), region)
			if err != want || string(got) != "kept" {
				t.Errorf("%q in %q: %q, %v; want %v", n, region, got, err, want)
			}
		}
	}
	check(ErrRegion, "", "90000000", "004790000000", "07911 123456") // never guessed
	check(ErrRegion, "XX", "90000000")
	check(errDigits, "US", "", " ", "+", "ann@example.org", "1-800-FLOWERS", "+1 415 555 2671 ext. 5", "+14155552671x5", "tel:+14155552671",
		"+1415;phone-context=x", "++14155552671", "+1415+5552671", "415+5552671", "+1415\r\n5552671", "+1415\x005552671", "#31#4155552671", "*100#", "+1,2")
	check(errPossible, "US", "+1", "+12", "911", "+999123456789", "+1415555267199999", "+0123456789", strings.Repeat("1", 40))
	check(ErrTooLong, "US", strings.Repeat("1", 65), "+1"+strings.Repeat(" ", 62)+"5")
	if !errors.Is(ErrRegion, ErrSyntax) || !errors.Is(errDigits, ErrSyntax) || !errors.Is(errPossible, ErrSyntax) {
		t.Error("a refusal is not ErrSyntax")
	}
}

func TestAppendPhone_IsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`\+?[0-9]{3,15}`).Draw(t, "number")
		region := rapid.SampledFrom([]string{"", "NO", "US", "GB", "DE", "IT", "AR", "BR", "MX", "RU", "HU", "CI"}).Draw(t, "region")
		checkPhone(t, number, region)
	})
}

func checkPhone(t interface {
	Helper()
	Fatalf(string, ...any)
}, number, region string) {
	t.Helper()
	form, err := AppendPhone(nil, []byte(number), region)
	if err != nil {
		if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrTooLong) || form != nil {
			t.Fatalf("%q: %q, %v", number, form, err)
		}
		return
	}
	for _, region := range []string{"", region, "US"} {
		again, err := AppendPhone(nil, form, region)
		if err != nil || string(again) != string(form) {
			t.Fatalf("%q: %q became %q in %q, %v", number, form, again, region, err)
		}
	}
}

// The table may only say no too often: what it lets through is what the parser gives back.
func TestAppendPhone_TheTableAgreesWithTheParser(t *testing.T) {
	settledOnes := 0
	check := func(t interface {
		Helper()
		Fatalf(string, ...any)
	}, number string) {
		t.Helper()
		if !settled([]byte(number)) {
			return
		}
		settledOnes++
		if again, ok := format(number, ""); !ok || again != number {
			t.Fatalf("%s is read as %q, %v", number, again, ok)
		}
	}
	for code := range plans() {
		for first := range 10 {
			for rest := 3; rest < 12; rest++ {
				check(t, fmt.Sprintf("+%d%d%s", code, first, "23456789012"[:rest]))
			}
		}
	}
	if settledOnes < 1000 {
		t.Errorf("only %d numbers were settled", settledOnes)
	}
	rapid.Check(t, func(t *rapid.T) { check(t, rapid.StringMatching(`\+[1-9][0-9]{6,14}`).Draw(t, "number")) })
}

func TestAppendPhone_AllocatesNothingForE164(t *testing.T) {
	dst := make([]byte, 0, 16)
	for _, number := range []string{"+4790000000", "+447911123456", "+14155552671", "+4915112345678", "+33612345678", "+919876543210"} {
		number := []byte(number)
		if n := testing.AllocsPerRun(100, func() {
			if form, err := AppendPhone(dst, number, ""); err != nil || len(form) != len(number) {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", number, n)
		}
	}
}

func FuzzAppendPhone(f *testing.F) {
	for _, seed := range [][2]string{{"+47 900 00 000", ""}, {"07911 123456", "GB"}, {"(415) 555-2671", "us"}, {"٠٥٠١٢٣٤٥٦٧", "SA"}, {"+54 9 11 1234 5678", "AR"},
		{"011 15 1234 5678", "AR"}, {"8 10 47 90000000", "RU"}, {"+800 1234 5678", ""}, {"1;ext=2", "US"}, {"+44(0)", "GB"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, number, region string) { checkPhone(t, number, region) })
}
