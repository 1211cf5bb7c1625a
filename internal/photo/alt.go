package photo

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kantsten/kantsten/internal/problem"
)

// MaxAlt is the most that the text of a photo may have, in characters.
const MaxAlt = 500

// CheckAlt tidies the text that says what a photo shows, for those who cannot see
// it, or refuses it with the name of its field. It is the sender's own words, and
// goes when the photo is erased.
func CheckAlt(field, text string) (string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	code, detail := problem.TextFault(text)
	if code == "" && utf8.RuneCountInString(text) > MaxAlt {
		code, detail = "too-long", "at most "+strconv.Itoa(MaxAlt)+" characters"
	}
	if code != "" {
		return "", problem.Field(field, code, "%s", detail)
	}
	return text, nil
}
