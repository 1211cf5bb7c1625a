package problem

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The codes of a text that cannot be kept.
const (
	NotUTF8          = "not-utf-8"
	ControlCharacter = "control-character"
)

// TextFault returns the code of what makes a text unfit to be kept, and what
// would be right; both are empty if nothing does. Text is UTF-8 without control
// characters other than TAB, LF and CR, through whichever door it comes.
func TextFault(text string) (code, detail string) {
	switch {
	case !utf8.ValidString(text):
		return NotUTF8, "must be UTF-8"
	case strings.ContainsFunc(text, refused):
		return ControlCharacter, "must not hold control characters other than tab and line breaks"
	}
	return "", ""
}

func refused(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' }
