package screen

import (
	"regexp"
	"slices"
	"strings"
)

// A plate has three letters, two digits and a digit or letter; I, Q, V, Å, Ä and Ö
// are not used, nor O at the end (Transportstyrelsen).
var (
	apartForm    = regexp.MustCompile(`[A-HJ-PR-UW-Z]{3}[ -][0-9]{2}[0-9A-HJ-NPR-UW-Z]`)
	togetherForm = regexp.MustCompile(`(?i)[A-HJ-PR-UW-Z]{3}[0-9]{2}[0-9A-HJ-NPR-UW-Z]`)
	saidForm     = regexp.MustCompile(`(?i)reg(?:istrerings)?[. ]{0,2}(?:nr|nummer|no)?[.:]? ?([A-HJ-PR-UW-Z]{3}[ -]?[0-9]{2}[0-9A-HJ-NPR-UW-Z])`)
)

// words are three letters that stand before numbers and are no plate.
func words() []string {
	return []string{
		"AND", "ANN", "BRF", "BUS", "DEN", "DET", "EAN", "ETT", "FAR", "FOR", "GPS", "HAR", "HUS", "ICA", "ISO",
		"LED", "LGH", "LTE", "MAX", "MMS", "NCC", "NOR", "NYA", "OCH", "PET", "PLC", "POS", "RAL", "RUM", "SAP",
		"SMS", "SOM", "SYD", "TEL", "THE", "TOM", "UTE", "DIN", "BLK", "SKU", "LUX",
	}
}

func plates(text string) [][2]int {
	if !strings.ContainsAny(text, "0123456789") {
		return nil
	}
	text = blank(text, referenceForm)
	var found [][2]int
	for _, m := range saidForm.FindAllStringSubmatchIndex(text, -1) {
		if !wordBefore(text, m[0]) && !wordAfter(text, m[3]) {
			found = append(found, [2]int{m[2], m[3]})
		}
	}
	noWord := func(s string) bool { return !slices.Contains(words(), strings.ToUpper(s[:3])) }
	found = append(found, matching(text, [2]int{0, len(text)}, apartForm, noWord)...)
	return append(found, matching(text, [2]int{0, len(text)}, togetherForm, noWord)...)
}
