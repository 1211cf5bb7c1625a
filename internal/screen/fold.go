package screen

import (
	"strings"
	"unicode"
)

// folded is a text with what hides a number from a pattern taken away: digits of
// other scripts, spaces that do not break, dashes of all lengths and what has no
// width.
type folded struct {
	text string
	at   []int // for each byte of text, which character of the original it stands for
}

func fold(text string) folded {
	var b strings.Builder
	b.Grow(len(text))
	at := make([]int, 0, len(text))
	n := 0
	for _, r := range text {
		if plain := foldRune(r); plain >= 0 {
			size, _ := b.WriteRune(plain) // a builder never fails to write
			for range size {
				at = append(at, n)
			}
		}
		n++
	}
	return folded{b.String(), at}
}

// foldRune returns what to read for a character, negative for nothing.
func foldRune(r rune) rune {
	switch {
	case r < 0x80:
		return r
	case r == '\u00ad' || unicode.Is(unicode.Cf, r): // soft hyphen, zero width
		return -1
	case unicode.Is(unicode.Pd, r) || r == '\u2212': // dashes, minus
		return '-'
	case unicode.Is(unicode.Zs, r):
		return ' '
	case r >= '\uff01' && r <= '\uff5e': // full width
		return r - 0xfee0
	case unicode.IsDigit(r):
		return digit(r)
	}
	return r
}

// digit is the ASCII digit of a decimal digit of any script: Unicode lays each
// script's ten out in a row, from zero.
func digit(r rune) rune {
	for _, rng := range unicode.Nd.R16 {
		if lo := rune(rng.Lo); r >= lo && r <= rune(rng.Hi) {
			return '0' + (r-lo)%10
		}
	}
	for _, rng := range unicode.Nd.R32 {
		if lo := rune(rng.Lo); r >= lo && r <= rune(rng.Hi) { // #nosec G115 -- code points
			return '0' + (r-lo)%10
		}
	}
	return r
}
