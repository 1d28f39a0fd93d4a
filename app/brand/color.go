package brand

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// Colors are the owner's colours, each as #rrggbb or empty.
type Colors struct {
	Accent string `json:"accent"` // buttons and links
	Page   string `json:"page"`
	Card   string `json:"card"` // what a form stands on
	Text   string `json:"text"`
}

// Scheme are all colours of pages and mails that depend on the brand, as #rrggbb.
type Scheme struct {
	Colors
	Soft         string // less important text
	Line         string // ornament
	Edge         string // of an input
	AccentStrong string // of a button under the pointer
	OnAccent     string // text on a button
}

var (
	builtInLight = Colors{Accent: "#2f4bc7", Page: "#f4f5f8", Card: "#ffffff", Text: "#1a1d27"}
	builtInDark  = Colors{Accent: "#a3b4ff", Page: "#12141b", Card: "#1b1e28", Text: "#eceef4"}
	// errorText is the colour of errors in the stylesheet.
	errorText = map[string]string{"light": "#b3202c", "dark": "#ff9d9d"}
)

const (
	// textContrast and edgeContrast are what WCAG 2.2 AA asks for (1.4.3 and 1.4.11).
	textContrast = 4.5
	edgeContrast = 3
	white, black = "#ffffff", "#000000"
)

var hexColor = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// scheme fills in the colours that the owner does not set. It refuses colours that
// people could not read.
func scheme(name string, c, builtIn Colors) (Scheme, error) {
	for _, color := range []struct{ set, builtIn *string }{
		{&c.Accent, &builtIn.Accent}, {&c.Page, &builtIn.Page}, {&c.Card, &builtIn.Card}, {&c.Text, &builtIn.Text},
	} {
		if *color.set == "" {
			*color.set = *color.builtIn
		}
		if !hexColor.MatchString(*color.set) {
			return Scheme{}, fmt.Errorf("%s: the %s colour %q is not of the form #1a2b3c", settingsFile, name, *color.set)
		}
	}
	var problems []error
	for _, pair := range []struct{ what, color, on, ground string }{
		{"text", c.Text, "card", c.Card}, {"text", c.Text, "page", c.Page},
		{"accent", c.Accent, "card", c.Card}, {"accent", c.Accent, "page", c.Page},
		{"the errors' red", errorText[name], "card", c.Card},
	} {
		if got := contrast(pair.color, pair.ground); got < textContrast {
			problems = append(problems, fmt.Errorf("%s: %s on %s (%s on %s) has a contrast of %.2f:1 in the %s colours; WCAG 2.2 AA asks for %.1f:1",
				settingsFile, pair.what, pair.on, pair.color, pair.ground, got, name, textContrast))
		}
	}
	s := Scheme{Colors: c, Line: mix(c.Text, c.Card, 0.16), OnAccent: white}
	if contrast(black, c.Accent) > contrast(white, c.Accent) {
		s.OnAccent = black
	}
	// Away from the text on the button, so that it stays readable.
	away := map[string]string{white: black, black: white}[s.OnAccent]
	s.AccentStrong = mix(away, c.Accent, 0.18)
	s.Soft = readable(c.Text, 0.65, textContrast, c.Card, c.Page)
	s.Edge = readable(c.Text, 0.45, edgeContrast, c.Card)
	return s, errors.Join(problems...)
}

// readable mixes a colour with its ground, from a share upwards, until it has a contrast
// on each ground.
func readable(color string, share, least float64, grounds ...string) string {
	for ; share < 1; share += 0.05 {
		mixed, enough := mix(color, grounds[0], share), true
		for _, ground := range grounds {
			enough = enough && contrast(mixed, ground) >= least
		}
		if enough {
			return mixed
		}
	}
	return color
}

// readableOn lightens a colour until it can be read on a dark card.
func readableOn(color, card, builtIn string) string {
	if !hexColor.MatchString(card) {
		card = builtIn
	}
	for share := 0.0; share < 1; share += 0.05 {
		if mixed := mix(white, color, share); contrast(mixed, card) >= textContrast+1 {
			return mixed
		}
	}
	return white
}

// mix is a share of one colour and the rest of another.
func mix(a, b string, share float64) string {
	x, y := rgb(a), rgb(b)
	var mixed [3]int
	for i := range mixed {
		mixed[i] = int(math.Round(x[i]*share + y[i]*(1-share)))
	}
	return fmt.Sprintf("#%02x%02x%02x", mixed[0], mixed[1], mixed[2])
}

// contrast is the contrast ratio of WCAG 2.2.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(color string) float64 {
	var linear [3]float64
	for i, c := range rgb(color) {
		c /= 255
		if c <= 0.04045 {
			linear[i] = c / 12.92
		} else {
			linear[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*linear[0] + 0.7152*linear[1] + 0.0722*linear[2]
}

func rgb(color string) [3]float64 {
	n, _ := strconv.ParseUint(color[1:], 16, 32)
	return [3]float64{float64(n >> 16 & 255), float64(n >> 8 & 255), float64(n & 255)}
}
