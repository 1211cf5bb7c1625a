package api

import (
	"cmp"

	"golang.org/x/text/language"
)

// languages are those in which Kantsten speaks, the default first.
var languages = language.NewMatcher([]language.Tag{language.Swedish, language.English})

// languageOf picks the language that an Accept-Language header likes best (RFC
// 9110, 12.5.4): "sv" or "en".
func languageOf(accept string) string {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return "sv"
	}
	_, i, _ := languages.Match(tags...)
	return [...]string{"sv", "en"}[i]
}

// reporterLanguage is what a reporter says, else what their browser reads.
func reporterLanguage(said, accept string) string { return cmp.Or(said, languageOf(accept)) }
