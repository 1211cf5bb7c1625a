package problem

import "testing"

func TestTextFault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                      "",
		"Hål i vägen 🕳\tså\r\n": "",
		"\x00":                  ControlCharacter,
		"\x1b[31m":              ControlCharacter,
		"\u0085":                ControlCharacter, // next line, a C1 control
		"\xff":                  NotUTF8,
		"\xed\xa0\x80":          NotUTF8, // half a surrogate
	} {
		code, detail := TextFault(text)
		if code != want || (detail == "") != (want == "") {
			t.Errorf("%q: %q, %q, want %q", text, code, detail, want)
		}
	}
}
