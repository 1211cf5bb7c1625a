package screen_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kantsten/kantsten/internal/screen"
)

// shown writes findings as "kind:what was written".
func shown(text string) []string {
	var all []string
	for _, f := range screen.Find(text) {
		all = append(all, fmt.Sprintf("%s:%s", f.Kind, string([]rune(text)[f.Start:f.End])))
	}
	return all
}

func TestFind(t *testing.T) {
	t.Parallel()
	// The personal numbers are the tax agency's published test numbers and numbers
	// that were made to have, or not to have, the checksum.
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"ring Anna på 850709-9805 tack", []string{"personal-number:850709-9805"}},
		{"8507099805", []string{"personal-number:8507099805"}},
		{"19850709-9805.", []string{"personal-number:19850709-9805"}},
		{"198507099805", []string{"personal-number:198507099805"}},
		{"850709 9805", []string{"personal-number:850709 9805"}},
		{"föddes 120709+9803, hundra år", []string{"personal-number:120709+9803"}},
		{"samordning 701063-2391", []string{"personal-number:701063-2391"}},
		{"pnr:850709–9805 (tankstreck)", []string{"personal-number:850709–9805"}},
		{"８５０７０９-９８０５", []string{"personal-number:８５０７０９-９８０５"}},
		{"85\u200b0709-98\u200b05", []string{"personal-number:85\u200b0709-98\u200b05"}},
		{"٨٥٠٧٠٩-٩٨٠٥", []string{"personal-number:٨٥٠٧٠٩-٩٨٠٥"}},

		{"1985-07-09-9805", []string{"personal-number:1985-07-09-9805"}},
		{"född 1985-07-09 9805.", []string{"personal-number:1985-07-09 9805"}},
		{"1985-07-09–9805", []string{"personal-number:1985-07-09–9805"}},
		{"pnr850709-9805", []string{"personal-number:850709-9805"}},
		{"850709-9805pnr", []string{"personal-number:850709-9805"}},

		{"070.174.06.05", []string{"phone:070.174.06.05"}},
		{"nr 073.123.45.67, ring", []string{"phone:073.123.45.67"}},
		{"076.1234567", []string{"phone:076.1234567"}},
		{"079-174.06.05", []string{"phone:079-174.06.05"}},
		{"0701740605kl8", []string{"phone:0701740605"}},
		{"tel0721740605", []string{"phone:0721740605"}},
		{"mobil070-1740605efter fem", []string{"phone:070-1740605"}},

		{"ring 070-174 06 05", []string{"phone:070-174 06 05"}},
		{"0701740605", []string{"phone:0701740605"}},
		{"tel 070 1740605", []string{"phone:070 1740605"}},
		{"+46 70 174 06 05", []string{"phone:+46 70 174 06 05"}},
		{"+46701740605", []string{"phone:+46701740605"}},
		{"0046 70 174 06 05", []string{"phone:0046 70 174 06 05"}},
		{"+46 (0)70-174 06 05", []string{"phone:+46 (0)70-174 06 05"}},
		{"växeln 060-19 10 00", []string{"phone:060-19 10 00"}},
		{"08-508 00 508", []string{"phone:08-508 00 508"}},
		{"(08) 123 45 67", []string{"phone:(08) 123 45 67"}},
		{"0455-123 45", []string{"phone:0455-123 45"}},
		{"+47 22 12 34 56 i Oslo", []string{"phone:+47 22 12 34 56"}},
		{"+1 (212) 555-0123", []string{"phone:+1 (212) 555-0123"}},
		{"070-174 06 05/073-123 45 67", []string{"phone:070-174 06 05", "phone:073-123 45 67"}},
		{"070 174 06 05 073 123 45 67", []string{"phone:070 174 06 05", "phone:073 123 45 67"}},
		{"070-174 06 05, 2 tr, 850709-9805/070-174 06 05", []string{"phone:070-174 06 05", "personal-number:850709-9805", "phone:070-174 06 05"}},
		{"070-174 06 05 24 timmar", []string{"phone:070-174 06 05"}},
		{"nr 12 ring 073-123 45 67.", []string{"phone:073-123 45 67"}},
		{"070\u00a0174\u00a006\u00a005", []string{"phone:070\u00a0174\u00a006\u00a005"}},

		{"skriv till kim.ek+gata@mejl.example.se!", []string{"email:kim.ek+gata@mejl.example.se"}},
		{"åsa@räksmörgås.se", []string{"email:åsa@räksmörgås.se"}},
		{"mailto:kim@example.se", []string{"email:kim@example.se"}},

		{"se https://example.com/bild?id=1.", []string{"link:https://example.com/bild?id=1"}},
		{"WWW.Example.org, tack", []string{"link:WWW.Example.org"}},
		{"finns på sundsvall.se/gator", []string{"link:sundsvall.se/gator"}},
		{"bit.ly/x1", []string{"link:bit.ly/x1"}},
		{"ftp://10.0.0.1/a", []string{"link:ftp://10.0.0.1/a"}},

		{"bilen ABC 123 står kvar", []string{"plate:ABC 123"}},
		{"ABC123", []string{"plate:ABC123"}},
		{"abc12d står där", []string{"plate:abc12d"}},
		{"MLB 84A", []string{"plate:MLB 84A"}},
		{"regnr: abc 123", []string{"plate:abc 123"}},
		{"reg.nr ABC-123", []string{"plate:ABC-123"}},

		{"Ägaren (ABC 123) nås på 070-174 06 05 eller a@b.se", []string{"plate:ABC 123", "phone:070-174 06 05", "email:a@b.se"}},
	} {
		if got := shown(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// What the package says it does not find: where that changes, the words change too.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"08.508.00.508", "070,174,06,05", "pnr8507099805", "pnr19850709-9805", "noll sju noll"} {
		if got := shown(text); len(got) > 0 {
			t.Errorf("%q: %q is found after all", text, got)
		}
	}
}

// What people write about faults has many numbers; hardly anything of it is
// personal.
func TestOrdinaryTextsAreLeftAlone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "Stort hål i vägen.",
		"Storgatan 12", "Storgatan 12 B, port 3", "Kungsgatan 118A, 852 30 Sundsvall", "852 30", "SE-852 30 Sundsvall",
		"Väg 562 vid avfarten", "E4:an norrut, trafikplats 221", "E 18", "Rv 50, Lv 1023", "VÄG 562", "väg 562", "länsväg E 600",
		"Lampa 12345 lyser inte", "Stolpe nr 0012345", "lyktstolpe 01-2345", "stolpe 08-1234", "belysningspunkt 100200300", "Lampa 123 456", "skåp 12-34-56",
		"500 kr", "kostar 12 500 kr", "1 250 000 kronor", "12.500,50 kr", "1.234.567 kr",
		"2026-01-31", "den 31/1 2026", "2026-01-31 12:15", "01-02-2026", "31.1.2026", "2026-08-12 14 30 55", "kl 08:15-09:30", "kl. 08.15", "08/12 2026", "08-12 2026", "vecka 34-35", "sedan 2019-2020",
		"2281-2026-000123", "ärende 0180-2026-000123", "dnr KS-2026-001234", "se ärende 2281-2026-000123 från i går",
		"62.3908, 17.3069", "62.39080, 17.30690", "N 62.390800 E 17.306900", "62,3908123456", "59.3293235 18.0685808", "6919123, 617890", "N6919123 E617890",
		"850709-9804", "851309-9805", "850732-9805", "8507099804", // no checksum, no such month, no such day
		"hålet är 30x40 cm, 10 cm djupt", "ca 200-300 m", "50/30-skylten", "1+1=2", "10 000 000", "+5 grader", "-20 grader", "100%",
		"busshållplats 4, linje 123", "hus 123", "LED 100 W", "GPS 123", "RAL 700", "LGH 101", "bil 12", "nr 123", "kvarteret ABC", "IKEA 123", "ISO 900",
		"etc. och så vidare", "t.ex. här", "bl.a. m.m. o.s.v.", "kl.12", "vägen.Den är trasig", "Se bilden.Hålet är stort", "kvart.i.åtta", "fil.jpg", "nr.5",
		"@kommunen svara", "a @ b", "C/O Ek", "10-12 st", "3-0", "12 34 56", "112", "11414", "ring 112 om det brinner", "1177",
		"1985-07-09-9804", "1985-07-09 9804", "1985-13-09-9805", "2026-01-31 1215", "2026-08-12-0001", "pnr850709-9804", "x8507099804",
		"lampa0701234567890", "stolpe12-0701740605", "L0701740605123", "2281-2026-000123 070.17", "62.070174 17.070174", "17.0701740605", "070.174", "07.30.15", "08.30.15.00",
		"2281-2026-0701740605", "ks-2026-070174", "12.070.174 kr", "1.070.174.06.05", "priset 070,174,06,05",
		"fastighet Norrmalm 3:17", "Sundsvall Stenstaden 1:23", "kvadrat 33VXH1234", "SWEREF 99 TM",
	} {
		if got := shown(text); len(got) > 0 {
			t.Errorf("%q: %q is not personal", text, got)
		}
	}
}

func TestPositionsCountCharacters(t *testing.T) {
	t.Parallel()
	got := screen.Find("🕳 åäö a@b.se")
	if want := (screen.Finding{Kind: screen.Email, Start: 6, End: 12}); len(got) != 1 || got[0] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// FuzzFind holds what callers rely on: findings lie inside the text, in order and
// apart, and the same again.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		"", "850709-9805 070-174 06 05 a@b.se ABC 123 https://x.se", "\xff\xfe850709-9805", "٨٥٠٧٠٩-٩٨٠٥", "\u200b\u00ad", "𝟖𝟓𝟎𝟕𝟎𝟗-𝟗𝟖𝟎𝟓",
		strings.Repeat("070-", 500), strings.Repeat("a.", 500) + "se", strings.Repeat("@", 100), "\x00070-1740605\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, end := screen.Find(text), 0
		for _, one := range found {
			if one.Start < end || one.End <= one.Start || !slices.Contains(screen.Kinds(), one.Kind) {
				t.Fatalf("%q: %+v", text, found)
			}
			end = one.End
		}
		if end > utf8.RuneCountInString(text) {
			t.Fatalf("%q has %d characters: %+v", text, utf8.RuneCountInString(text), found)
		}
		if again := screen.Find(text); !slices.Equal(again, found) {
			t.Fatalf("%q: %+v and then %+v", text, found, again)
		}
	})
}

func BenchmarkFindIn4000Characters(b *testing.B) {
	text := strings.Repeat("Hålet är 30 cm djupt, ligger 12 m från lampa 12345. ", 77)
	for b.Loop() {
		if found := screen.Find(text); len(found) != 0 {
			b.Fatal(found)
		}
	}
}
