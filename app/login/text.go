package login

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// blank are characters that count as graphic and show nothing, or nothing of their
// own: two texts that differ by one look alike.
var blank = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x2800, Hi: 0x2800, Stride: 1}, // braille pattern without dots
		{Lo: 0xfffc, Hi: 0xfffd, Stride: 1}, // object replacement; replacement for undecodable bytes
	},
	R32: []unicode.Range32{
		{Lo: 0x13441, Hi: 0x13442, Stride: 1}, // Egyptian blanks
		{Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, // Khitan filler
		{Lo: 0x1d159, Hi: 0x1d159, Stride: 1}, // musical null notehead
	},
}

// hidden reports characters that no address, name or label may have: control, format,
// private use, surrogates, line and paragraph separators, unassigned (Cc, Cf, Co, Cs,
// Zl, Zp, Cn: all that is not graphic), and graphic ones that cannot be seen. This
// includes the joiners, which some names are written with, because they also make
// different names look alike (decision 10).
func hidden(r rune) bool {
	return r < ' ' || r > '~' && (!unicode.IsGraphic(r) || unicode.In(r,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, blank))
}

// refuseHidden names the first hidden character of a text, by its number.
func refuseHidden(field, text string) error {
	for _, r := range text {
		if hidden(r) {
			return Invalid(field, "must not hold %U, a character that cannot be seen or has no fixed meaning; type the text instead of pasting it", r)
		}
	}
	return nil
}

// label makes a text that only describes, such as a client's name, fit to be
// shown: a browser's odd way to call itself must not cost anyone their sign-in.
func label(text string) string {
	return norm.NFC.String(strings.TrimSpace(strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, text)))
}
