package shapefile

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// encoding says how text in a .dbf is to be read: by a code page, or as UTF-8 if
// there is none.
type encoding struct {
	name  string
	upper []rune // what the bytes from 0x80 on mean
}

// String is the name, as errors give it.
func (e encoding) String() string { return e.name }

// decode returns text with U+FFFD for what is not in the encoding.
func (e encoding) decode(raw []byte) string {
	if e.upper == nil {
		return strings.ToValidUTF8(string(withoutCut(raw)), "\ufffd")
	}
	var b strings.Builder
	for _, c := range raw {
		if c < utf8.RuneSelf {
			b.WriteByte(c)
		} else {
			b.WriteRune(e.upper[c-utf8.RuneSelf])
		}
	}
	return b.String()
}

// withoutCut takes away a character of UTF-8 of which a field had room only for the
// first bytes.
func withoutCut(raw []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(raw); n++ {
		if tail := raw[len(raw)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return raw[:len(raw)-n]
			}
			break
		}
	}
	return raw
}

func utf8Encoding() encoding { return encoding{name: "UTF-8"} }

// latin is Windows-1252 for ISO 8859-1, too: they differ only where the latter has
// control characters, which nobody means.
func latin() encoding { return windows1252.as("Windows-1252") }

// encoding finds out how the text is encoded: by the .cpg, else by the language
// driver of the .dbf, else by the text itself.
func (l *layer) encoding(driver byte, maxBytes int64) (encoding, error) {
	if l.cpg != nil {
		text, err := l.cpg.text()
		if err != nil {
			return encoding{}, fmt.Errorf("the .cpg: %w", err)
		}
		if text = strings.Trim(text, "\ufeff\x00 \t\r\n"); text != "" {
			e, ok := byName(text)
			if !ok {
				return e, fmt.Errorf("the .cpg: the encoding %.50q is not supported", text)
			}
			return e, nil
		}
	}
	e, known, ok := byDriver(driver)
	if !ok {
		return e, fmt.Errorf("the .dbf: its language driver 0x%02X is not supported; a .cpg beside it can say what it is", driver)
	}
	if known {
		return e, nil
	}
	yes, err := l.allUTF8(maxBytes)
	if err != nil {
		return e, fmt.Errorf("the .dbf: %w", err)
	}
	if yes {
		return utf8Encoding(), nil
	}
	return latin(), nil
}

// byName knows the encodings of Western and Northern Europe as programs name them:
// "UTF-8", "ISO-8859-1", "ISO 88591", "ANSI 1252", "OEM 850", "65001".
func byName(name string) (encoding, bool) {
	plain := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(name))
	for _, prefix := range []string{"windows", "ansi", "oem", "ibm", "cp"} {
		plain = strings.TrimPrefix(plain, prefix)
	}
	switch plain {
	case "utf8", "65001":
		return utf8Encoding(), true
	case "1252", "iso88591", "88591", "latin1", "l1", "usascii", "ascii", "28591":
		return latin(), true
	case "iso885915", "885915", "latin9", "28605":
		return iso8859x15.as("ISO 8859-15"), true
	case "iso885910", "885910", "latin6":
		return iso8859x10.as("ISO 8859-10"), true
	case "437":
		return dos437.as("code page 437"), true
	case "850":
		return dos850.as("code page 850"), true
	case "865":
		return dos865.as("code page 865"), true
	}
	return encoding{}, false
}

// byDriver knows the language drivers of dBASE. known is false for those that say
// nothing: none, and 0x57, "the ANSI of this computer", which programs also write
// over UTF-8.
func byDriver(driver byte) (e encoding, known, ok bool) {
	switch driver {
	case 0x00, 0x57:
		return encoding{}, false, true
	case 0x03, 0x58, 0x59:
		return latin(), true, true
	case 0x01, 0x09, 0x0B, 0x0D, 0x0F, 0x11, 0x15, 0x18, 0x19, 0x1B:
		return dos437.as("code page 437"), true, true
	case 0x02, 0x0A, 0x0E, 0x10, 0x12, 0x14, 0x16, 0x1A, 0x1D, 0x25, 0x37:
		return dos850.as("code page 850"), true, true
	case 0x08, 0x17, 0x66:
		return dos865.as("code page 865"), true, true
	}
	return encoding{}, false, false
}
