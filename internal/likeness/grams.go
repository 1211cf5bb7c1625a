package likeness

import (
	"slices"
	"unicode"
)

// maxRunes is how much of a text is looked at; whoever writes more has said by
// then what it is about.
const maxRunes = 400

// filler reports whether a folded word stands in any description, Swedish or
// English, and so says nothing.
func filler(word string) bool {
	switch word {
	case "och", "det", "den", "de", "ar", "en", "ett", "i", "pa", "som", "av", "for", "med", "till", "har", "vid", "att", "inte",
		"the", "a", "an", "is", "are", "in", "on", "of", "and", "at", "to", "it", "this", "there", "with", "by", "not":
		return true
	}
	return false
}

// grams are the groups of three letters in a text's words, each once, in order.
// They find words again that were bent or put together: "hålet" in "potthål".
type grams []uint64

func gramsOf(text string) grams {
	var g grams
	var word []rune
	end := func() {
		if len(word) > 0 && !filler(string(word)) {
			g = g.add(word)
		}
		word = word[:0]
	}
	n := 0
	for _, r := range text {
		if n++; n > maxRunes {
			break
		}
		switch {
		case unicode.Is(unicode.Mn, r): // an accent written apart from its letter
		case unicode.IsLetter(r), unicode.IsDigit(r):
			word = append(word, fold(r))
		default:
			end()
		}
	}
	end()
	slices.Sort(g)
	return slices.Compact(g)
}

// add appends the grams of a word, with its beginning and end marked.
func (g grams) add(word []rune) grams {
	const bits = 21 // of a rune
	var last uint64
	for i, r := range append(append([]rune{' '}, word...), ' ') {
		last = (last<<bits | uint64(r)) & (1<<(3*bits) - 1) // #nosec G115 -- a rune is never negative here
		if i >= 2 {
			g = append(g, last)
		}
	}
	return g
}

// fold takes case and the common accents off a letter: who writes on a foreign
// keyboard writes "halet".
func fold(r rune) rune {
	r = unicode.ToLower(r)
	switch r {
	case 'å', 'ä', 'á', 'à', 'â', 'æ':
		return 'a'
	case 'ö', 'ø', 'ó', 'ô':
		return 'o'
	case 'é', 'è', 'ê', 'ë':
		return 'e'
	case 'ü', 'ú':
		return 'u'
	}
	return r
}

// like is Dice's coefficient of two sets: twice what they share over what both
// have, 0 to 1; 0 if one is empty.
func (g grams) like(o grams) float64 {
	if len(g) == 0 || len(o) == 0 {
		return 0
	}
	shared := 0
	for i, j := 0, 0; i < len(g) && j < len(o); {
		switch {
		case g[i] < o[j]:
			i++
		case g[i] > o[j]:
			j++
		default:
			shared, i, j = shared+1, i+1, j+1
		}
	}
	return 2 * float64(shared) / float64(len(g)+len(o))
}
