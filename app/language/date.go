package language

import (
	"time"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/en_001"
	"github.com/go-playground/locales/es"
	"github.com/go-playground/locales/fr"
	"github.com/go-playground/locales/it"
	"github.com/go-playground/locales/ja"
	"github.com/go-playground/locales/nl"
	"github.com/go-playground/locales/pl"
	"github.com/go-playground/locales/pt"
)

// dates knows how the languages that come with the service write dates (CLDR).
var dates = map[string]locales.Translator{
	"de": de.New(), "en": en_001.New(), "es": es.New(), "fr": fr.New(), "it": it.New(),
	"ja": ja.New(), "nl": nl.New(), "pl": pl.New(), "pt": pt.New(),
}

// Date writes a day as the language does. Languages that were added by a file write it
// by ISO 8601, which everyone can read.
func (l *Texts) Date(at time.Time) string {
	tag, found := Lookup(l.Tag, func(tag string) bool { return dates[tag] != nil })
	if !found {
		return at.UTC().Format(time.DateOnly)
	}
	return dates[tag].FmtDateLong(at.UTC())
}

// Time writes a minute of a day, in UTC.
func (l *Texts) Time(at time.Time) string {
	return l.Text("language.time", "date", l.Date(at), "time", at.UTC().Format("15:04"))
}

// Ago says how long ago something was, and from a day on, the date.
func (l *Texts) Ago(at, now time.Time) string {
	switch minutes := int(now.Sub(at).Minutes()); {
	case minutes < 1:
		return l.Text("language.justNow")
	case minutes < 60:
		return l.Count("language.minutesAgo", minutes)
	case minutes < 24*60:
		return l.Count("language.hoursAgo", minutes/60)
	default:
		return l.Date(at)
	}
}
