package screen

import (
	"regexp"
	"strings"
)

// A domain's last label in what is written without "www" or "https://". Others
// exist, but "lampan.trasig" is more often a forgotten space than a site.
const topLevel = `se|nu|com|org|net|eu|info|io|me|no|dk|fi|de|uk|us|ru|cn|app|dev|shop|site|online|xyz|biz|ly|gl|link|top|click`

var (
	emailForm = regexp.MustCompile(`[\p{L}\p{N}._%+'-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}`)
	linkForm  = regexp.MustCompile(`(?i:\b[a-z][a-z0-9+.-]{1,20}://[^\s<>"]+|\bwww\.[^\s<>"]+)|\b[\pL\pN](?:[\pL\pN-]{0,62}\.)+(?:` + topLevel + `)(?:[:/?#][^\s<>"]*)?`)
)

func emails(text string) [][2]int {
	return inWords(text, "@", func(word string) (found [][2]int) {
		for _, m := range emailForm.FindAllStringIndex(word, -1) {
			found = append(found, [2]int{m[0], m[1]})
		}
		return found
	})
}

func links(text string) [][2]int {
	return inWords(text, ".:", func(word string) (found [][2]int) {
		for _, m := range linkForm.FindAllStringIndex(word, -1) {
			end := m[0] + len(strings.TrimRight(word[m[0]:m[1]], ".,;:!?)'")) // the sentence's, not the address's
			if end > m[0] && !wordBefore(word, m[0]) && !wordAfter(word, end) {
				found = append(found, [2]int{m[0], end})
			}
		}
		return found
	})
}

// inWords looks into the words that hold one of some signs: most have none.
func inWords(text, signs string, look func(word string) [][2]int) [][2]int {
	var found [][2]int
	at := 0
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }) {
		at += strings.Index(text[at:], word)
		if strings.ContainsAny(word, signs) {
			for _, span := range look(word) {
				found = append(found, [2]int{at + span[0], at + span[1]})
			}
		}
		at += len(word)
	}
	return found
}
