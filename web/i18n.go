package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// noText is what the log says of a text that is in no catalogue.
const noText = "a text is missing"

// Language speaks to a reader in one language: catalogue texts, dates, and the
// addresses of its pages.
type Language struct {
	Code      string // "it" or "en"
	localizer *i18n.Localizer
	names     calendarNames
	missing   func(key, code string) // is told of a text that is not there
}

// T is the text under key. Pairs of name and value fill its placeholders;
// where "Count" is among them, it chooses the plural form; "Phone" is kept on one
// line. A key that is missing shows as itself, and the log says so: no test may meet one.
func (l *Language) T(key string, pairs ...any) string {
	text, ok := l.find(key, pairs...)
	if !ok {
		l.missing(key, l.Code)
	}
	return cmp.Or(text, key)
}

// find is T for a key that may be missing.
func (l *Language) find(key string, pairs ...any) (string, bool) {
	c := i18n.LocalizeConfig{MessageID: key}
	if len(pairs) > 0 {
		data := make(map[string]any, len(pairs)/2)
		for i := 0; i+1 < len(pairs); i += 2 {
			name, _ := pairs[i].(string)
			data[name] = pairs[i+1]
			switch name {
			case "Count":
				c.PluralCount = pairs[i+1]
			case "Phone":
				data[name] = strings.ReplaceAll(fmt.Sprint(pairs[i+1]), " ", "\u00a0")
			}
		}
		c.TemplateData = data
	}
	text, err := l.localizer.Localize(&c)
	// A text without a form for one is said in the form for many, with an error.
	var none *i18n.MessageNotFoundErr
	return text, text != "" && !errors.As(err, &none)
}

// Path is the address of a page in this language: Path("/prenota").
func (l *Language) Path(p string) string { return "/" + l.Code + p }

// catalogue holds the languages of the site; the first is the default.
type catalogue struct {
	languages []*Language
	matcher   language.Matcher
}

// loadCatalogue reads locales/*.json: it.json and en.json for everybody,
// staff.it.json and the like for the parts. The file's name says the language.
// Missing is told of each text that is asked for in vain, and the language.
func loadCatalogue(files fs.FS, missing func(key, code string)) (*catalogue, error) {
	bundle := i18n.NewBundle(language.Italian)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	names, err := fs.Glob(files, "locales/*.json")
	if err != nil {
		return nil, fmt.Errorf("web: list catalogues: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("web: no catalogue in locales/")
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("web: catalogue %s: %w", name, err)
		}
		if _, err := bundle.ParseMessageFileBytes(data, path.Base(name)); err != nil {
			return nil, fmt.Errorf("web: catalogue %s: %w", name, err)
		}
	}
	c := &catalogue{
		matcher: language.NewMatcher([]language.Tag{language.Italian, language.English}),
		languages: []*Language{
			{Code: "it", localizer: i18n.NewLocalizer(bundle, "it"), names: italianNames(), missing: missing},
			{Code: "en", localizer: i18n.NewLocalizer(bundle, "en"), names: englishNames(), missing: missing},
		},
	}
	return c, nil
}

// match picks the language for an Accept-Language header.
func (c *catalogue) match(accept string) *Language {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return c.languages[0]
	}
	_, i, confidence := c.matcher.Match(tags...)
	if confidence == language.No {
		return c.languages[0]
	}
	return c.languages[i]
}

// byCode finds a language by its code.
func (c *catalogue) byCode(code string) (*Language, bool) {
	for _, l := range c.languages {
		if l.Code == code {
			return l, true
		}
	}
	return nil, false
}

// other is the language that the switch in the header leads to.
func (c *catalogue) other(l *Language) *Language {
	for _, o := range c.languages {
		if o.Code != l.Code {
			return o
		}
	}
	return l
}

// lang is the language of a request: the route's, else by path, else by header.
func (s *Server) lang(r *http.Request) *Language {
	if l, ok := r.Context().Value(ctxLanguage).(*Language); ok {
		return l
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if l, ok := s.texts.byCode(first); ok {
		return l
	}
	return s.texts.match(r.Header.Get("Accept-Language"))
}
