package screen

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// Numbers that are something else: references of reports, coordinates and
	// other decimals, dates.
	referenceForm = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9.]*-(?:19|20)[0-9]{2}-[0-9]{6,12}`)
	decimalForm   = regexp.MustCompile(`[0-9]+[.,][0-9]{3,}`)
	dateForm      = regexp.MustCompile(`(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]`)

	personalForm = regexp.MustCompile(`(?:18|19|20)?[0-9]{6} ?[-+]? ?[0-9]{4}`)
	// With its date written as one, and with letters that touch it: what stands
	// apart is a date or a word to the forms above.
	datedForm    = regexp.MustCompile(`(?:18|19|20)[0-9]{2}-[0-9]{2}-[0-9]{2} ?[-+ ] ?[0-9]{4}`)
	touchingForm = regexp.MustCompile(`[0-9]{6}[-+][0-9]{4}`)
	// A mobile number: ten digits, by dots and by letters that touch it. No other
	// area code is written so safely: "08.30.15.00" is a time.
	mobileForm = regexp.MustCompile(`07[02369](?:[0-9]{7}|[.-]?[0-9]{3}[. ]?[0-9]{2}[. ]?[0-9]{2})`)

	abroadForm  = regexp.MustCompile(`(?:\+ ?|00)[1-9][0-9]{0,2}[0-9 ().-]{5,20}[0-9]`)
	areaForm    = regexp.MustCompile(`\(?0[1-9][0-9]{0,2}\)? ?[-/ ]? ?[0-9]{2,8}(?:[ -][0-9]{2,4}){0,4}`)
	mobileStart = regexp.MustCompile(`^07[02369]`)
)

// blank overwrites what matches a form, so that offsets stay as they are.
func blank(text string, forms ...*regexp.Regexp) string {
	for _, form := range forms {
		text = form.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("\x00", len(s)) })
	}
	return text
}

// shortestNumber is how many digits the shortest number has that is looked for.
const shortestNumber = 8

// numberRuns returns where a text has digits and what is written between them,
// with as many digits as a number that is looked for: most texts have no such
// place, and in the others it is short.
func numberRuns(text string) [][2]int {
	var runs [][2]int
	start, digits := 0, 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && strings.IndexByte("0123456789 +()./-", text[i]) >= 0 {
			if text[i] >= '0' && text[i] <= '9' {
				digits++
			}
			continue
		}
		if digits >= shortestNumber {
			runs = append(runs, [2]int{start, i})
		}
		start, digits = i+1, 0
	}
	return runs
}

// personalNumbers finds personnummer and samordningsnummer of ten or twelve
// digits, by a date that can be and the checksum over the last ten.
func personalNumbers(text string) [][2]int {
	if len(numberRuns(text)) == 0 {
		return nil
	}
	is := func(s string) bool {
		digits := digitsOf(s)
		if len(digits) < 10 { // only the beginning of what has the form
			return false
		}
		ten := digits[len(digits)-10:]
		return birthday(ten) && luhn(ten) && !likelyMobile(s)
	}
	text = blank(text, referenceForm, decimalForm)
	found := append(inNumbers(text, datedForm, is), inNumbers(text, personalForm, is)...)
	return append(found, touching(text, touchingForm, is)...)
}

// touching finds a form that letters may touch on one side or both, but no digits:
// "pnr850709-9805", "0701740605kl8".
func touching(text string, form *regexp.Regexp, is func(string) bool) [][2]int {
	var found [][2]int
	for _, run := range numberRuns(text) {
		for _, m := range form.FindAllStringIndex(text[run[0]:run[1]], -1) {
			start, end := run[0]+m[0], run[0]+m[1]
			if !digitBefore(text, start) && !digitAfter(text, end) && is(text[start:end]) {
				found = append(found, [2]int{start, end})
			}
		}
	}
	return found
}

// digitBefore reports whether a number goes on into what begins at i, and
// digitAfter whether it goes on after i; "\x00" stands where something else was found.
func digitBefore(text string, i int) bool {
	return i > 0 && (text[i-1] == 0 || isDigit(text[i-1])) ||
		i > 1 && strings.IndexByte("-+.,:/", text[i-1]) >= 0 && (text[i-2] == 0 || isDigit(text[i-2]))
}

func digitAfter(text string, i int) bool {
	return i < len(text) && (text[i] == 0 || isDigit(text[i])) ||
		i+1 < len(text) && strings.IndexByte("-.,:", text[i]) >= 0 && (text[i+1] == 0 || isDigit(text[i+1]))
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// birthday reports whether ten digits begin with a date. A samordningsnummer adds
// 60 to the day, and has 60 and month 00 where those are not known
// (Skatteverket, SKV 707).
func birthday(ten string) bool {
	month, day := int(ten[2]-'0')*10+int(ten[3]-'0'), int(ten[4]-'0')*10+int(ten[5]-'0')
	if day >= 60 {
		return month <= 12 && day <= 91
	}
	longest := [...]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	return month >= 1 && month <= 12 && day >= 1 && day <= longest[month]
}

// luhn reports whether the last digit is the checksum of the others.
func luhn(digits string) bool {
	sum := 0
	for i, d := range []byte(digits) {
		n := int(d - '0')
		if (len(digits)-i)%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// likelyMobile tells a mobile number written together from a samordningsnummer
// of the years 00 to 09: one in ten has the checksum by chance.
func likelyMobile(written string) bool {
	return len(written) == 10 && mobileStart.MatchString(written) && written[4] >= '6'
}

// phones finds Swedish numbers, and others by their country code.
func phones(text string) [][2]int {
	if len(numberRuns(text)) == 0 {
		return nil
	}
	mobiles := touching(blank(text, referenceForm), mobileForm, func(s string) bool { return len(digitsOf(s)) == 10 })
	text = blank(text, referenceForm, decimalForm, dateForm)
	found := inNumbers(text, abroadForm, func(s string) bool {
		n := len(digitsOf(s))
		return n >= 8 && n <= 17 // E.164 has at most 15, and 00 stands before them
	})
	return slices.Concat(found, inNumbers(text, areaForm, swedishPhone), mobiles)
}

// swedishPhone reports whether what looks like an area code and a number has as
// many digits as one (PTS, the Swedish numbering plan): 08 and seven to nine, or
// any other area code and five to eight, ten in all at most.
func swedishPhone(written string) bool {
	digits := digitsOf(written)
	together := len(digits) == len(written)
	switch {
	case strings.HasPrefix(digits, "07"):
		return len(digits) == 10
	case strings.HasPrefix(digits, "08"):
		return len(digits) >= 9 && len(digits) <= 11
	case together:
		return len(digits) >= 9 && len(digits) <= 10
	case len(digits) < 8 || len(digits) > 10:
		return false
	}
	area := strings.IndexFunc(strings.TrimPrefix(written, "("), func(r rune) bool { return !unicode.IsDigit(r) })
	return area == 3 || area == 4
}

// inNumbers is matching in the runs of numbers.
func inNumbers(text string, form *regexp.Regexp, is func(string) bool) [][2]int {
	var found [][2]int
	for _, run := range numberRuns(text) {
		found = append(found, matching(text, run, form, is)...)
	}
	return found
}

// matching finds, in a part of a text, a form where a number or word neither goes
// before nor after it and which also passes a test. Where all that has the form
// does not pass, its beginning may: "070-174 06 05 24".
func matching(text string, part [2]int, form *regexp.Regexp, is func(string) bool) [][2]int {
	var found [][2]int
	for at := part[0]; at < part[1]; {
		m := form.FindStringIndex(text[at:part[1]])
		if m == nil {
			break
		}
		start, end := at+m[0], at+m[1]
		at = start + 1 // another may begin inside what was none
		if numberBefore(text, start) {
			continue
		}
		for ; end > start; end = start + shorter(text[start:end]) {
			if !wordAfter(text, end) && is(text[start:end]) {
				found, at = append(found, [2]int{start, end}), end
				break
			}
		}
	}
	return found
}

// shorter returns how long a number is without its last group of digits.
func shorter(written string) int {
	group := strings.LastIndexAny(written, " +()./-")
	return len(strings.TrimRight(written[:max(0, group)], " +()./-"))
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// numberBefore reports whether a number or word goes on into what begins at i:
// "x0", "12-0", "1,0". A stroke parts two.
func numberBefore(text string, i int) bool {
	if wordBefore(text, i) {
		return true
	}
	return i >= 2 && strings.IndexByte("-+.,:", text[i-1]) >= 0 && text[i-2] >= '0' && text[i-2] <= '9'
}

func wordBefore(text string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(text[:i])
	return i > 0 && isWord(r)
}

// wordAfter reports whether a word or number goes on after i: "0x", "0-1", "0,1".
func wordAfter(text string, i int) bool {
	if i == len(text) {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(text[i:]); isWord(r) {
		return true
	}
	return i+1 < len(text) && strings.IndexByte("-.,:", text[i]) >= 0 && text[i+1] >= '0' && text[i+1] <= '9'
}

func isWord(r rune) bool { return r == 0 || unicode.IsLetter(r) || unicode.IsDigit(r) }
