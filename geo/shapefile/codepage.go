package shapefile

// codePage is a way to write text in single bytes: the 128 characters from 0x80
// on, as the lower half of each is ASCII. U+FFFD stands where it has none.
//
// The tables are those that Unicode publishes at
// https://www.unicode.org/Public/MAPPINGS/, from the file named at each. They
// stand here, and are not taken from golang.org/x/text, so that who uses package
// geo need not take that, too; a test compares them.
type codePage string

// as is the page as an encoding, by the name that errors give it.
func (p codePage) as(name string) encoding { return encoding{name, []rune(string(p))} }

const (
	// VENDORS/MICSFT/WINDOWS/CP1252.TXT
	windows1252 codePage = "€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd" +
		"\ufffd‘’“”•–—˜™š›œ\ufffdžŸ" +
		"\u00a0¡¢£¤¥¦§¨©ª«¬\u00ad®¯" +
		"°±²³´µ¶·¸¹º»¼½¾¿" +
		"ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏ" +
		"ÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß" +
		"àáâãäåæçèéêëìíîï" +
		"ðñòóôõö÷øùúûüýþÿ"

	// ISO8859/8859-10.TXT, which is for the Nordic languages
	iso8859x10 codePage = controls +
		"\u00a0ĄĒĢĪĨĶ§ĻĐŠŦŽ\u00adŪŊ" +
		"°ąēģīĩķ·ļđšŧž―ūŋ" +
		"ĀÁÂÃÄÅÆĮČÉĘËĖÍÎÏ" +
		"ÐŅŌÓÔÕÖŨØŲÚÛÜÝÞß" +
		"āáâãäåæįčéęëėíîï" +
		"ðņōóôõöũøųúûüýþĸ"

	// ISO8859/8859-15.TXT, which is Latin-1 with the euro
	iso8859x15 codePage = controls +
		"\u00a0¡¢£€¥Š§š©ª«¬\u00ad®¯" +
		"°±²³Žµ¶·ž¹º»ŒœŸ¿" +
		"ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏ" +
		"ÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß" +
		"àáâãäåæçèéêëìíîï" +
		"ðñòóôõö÷øùúûüýþÿ"

	// VENDORS/MICSFT/PC/CP437.TXT, of DOS in America
	dos437 codePage = "ÇüéâäàåçêëèïîìÄÅ" +
		"ÉæÆôöòûùÿÖÜ¢£¥₧ƒ" +
		"áíóúñÑªº¿⌐¬½¼¡«»" +
		"░▒▓│┤╡╢╖╕╣║╗╝╜╛┐" +
		"└┴┬├─┼╞╟╚╔╩╦╠═╬╧" +
		"╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
		"αßΓπΣσµτΦΘΩδ∞φε∩" +
		"≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0"

	// VENDORS/MICSFT/PC/CP850.TXT, of DOS in Western Europe
	dos850 codePage = "ÇüéâäàåçêëèïîìÄÅ" +
		"ÉæÆôöòûùÿÖÜø£Ø×ƒ" +
		"áíóúñÑªº¿®¬½¼¡«»" +
		"░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐" +
		"└┴┬├─┼ãÃ╚╔╩╦╠═╬¤" +
		"ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀" +
		"ÓßÔÒõÕµþÞÚÛÙýÝ¯´" +
		"\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0"

	// VENDORS/MICSFT/PC/CP865.TXT, of DOS in Denmark and Norway
	dos865 codePage = "ÇüéâäàåçêëèïîìÄÅ" +
		"ÉæÆôöòûùÿÖÜø£Ø₧ƒ" +
		"áíóúñÑªº¿⌐¬½¼¡«¤" +
		"░▒▓│┤╡╢╖╕╣║╗╝╜╛┐" +
		"└┴┬├─┼╞╟╚╔╩╦╠═╬╧" +
		"╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
		"αßΓπΣσµτΦΘΩδ∞φε∩" +
		"≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0"
)

// controls are the bytes from 0x80 to 0x9F in the pages of ISO 8859: control
// characters of terminals, which no text of a .dbf means. They are taken as none,
// so that text which is in another encoding is noticed.
const controls = "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd" +
	"\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd"
