package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"sportello/booking"
)

// Page is what a template is executed with. Handlers fill what they know, and
// render adds the rest.
type Page struct {
	Data   any
	Crumbs []Crumb // after "Home"; the last one is the page itself
	// Bundle names the stylesheet and the script: "public" unless set.
	Bundle string
	// NoSwitch hides the language switch where the address holds only in one.
	NoSwitch bool

	Lang   *Language
	Other  *Language // of the language switch
	Switch string    // where it leads
	Town   Town
	Path   string
	Staff  any // who is signed in; the staff's layout knows its type
}

// Crumb is a step of the breadcrumb.
type Crumb struct{ Text, Path string }

// renderer holds the templates of every page that was asked for, once per
// language, since the functions in them are bound to one. Each page has the
// layout's trees to itself: all of them together are most of an idle program.
type renderer struct {
	files  fs.FS
	texts  *catalogue
	assets *assets
	reload bool
	// mailbox says whether there is one to see.
	mailbox bool
	sets    map[string]map[string]func() (*template.Template, error) // language → page → set
}

func newRenderer(files fs.FS, texts *catalogue, a *assets, reload, mailbox bool) (*renderer, error) {
	r := &renderer{files: files, texts: texts, assets: a, reload: reload, mailbox: mailbox, sets: map[string]map[string]func() (*template.Template, error){}}
	pages, err := fs.Glob(files, "templates/*/*.html")
	if err != nil {
		return nil, fmt.Errorf("web: list templates: %w", err)
	}
	for i, l := range texts.languages {
		r.sets[l.Code] = map[string]func() (*template.Template, error){}
		for _, p := range pages {
			name := strings.TrimPrefix(p, "templates/")
			if strings.HasPrefix(path.Base(p), "_") {
				continue
			}
			if i == 0 { // a page that cannot be parsed ends the start, in whatever language
				if _, err := r.parse(l, name); err != nil {
					return nil, err
				}
			}
			r.sets[l.Code][name] = sync.OnceValues(func() (*template.Template, error) { return r.parse(l, name) })
		}
	}
	return r, nil
}

// parse joins a page with the shared templates: base/_*.html, then _*.html of
// its own folder, which may redefine blocks of the layout.
func (r *renderer) parse(l *Language, name string) (*template.Template, error) {
	patterns := []string{"templates/base/_*.html"}
	if own, err := fs.Glob(r.files, "templates/"+path.Dir(name)+"/_*.html"); err == nil && len(own) > 0 && path.Dir(name) != "base" {
		patterns = append(patterns, "templates/"+path.Dir(name)+"/_*.html")
	}
	patterns = append(patterns, "templates/"+name)
	t, err := template.New(path.Base(name)).Funcs(r.funcs(l)).Option("missingkey=error").ParseFS(r.files, patterns...)
	if err != nil {
		return nil, fmt.Errorf("web: template %s: %w", name, err)
	}
	return t, nil
}

// funcs are the words that templates know.
func (r *renderer) funcs(l *Language) template.FuncMap {
	return template.FuncMap{
		"t":            l.T,
		"path":         l.Path,
		"asset":        r.assets.url,
		"has":          r.assets.has,
		"text":         func(t booking.Text) string { return t.In(l.Code) },
		"lines":        lines,
		"date":         l.Date,
		"dateShort":    l.DateShort,
		"decimal":      l.Decimal,
		"dayMonth":     l.DayMonth,
		"weekday":      l.Weekday,
		"weekdayShort": l.WeekdayShort,
		"monthYear":    l.MonthYear,
		"clock":        l.Clock,
		"zone":         func(t time.Time) string { return t.Location().String() },
		"iso":          func(t time.Time) string { return t.Format(time.RFC3339) },
		"day":          func(t time.Time) string { return t.Format(time.DateOnly) },
		"minutes":      Minutes,
		"percent":      percent,
		"span":         l.Span,
		"upper":        upperFirst,
		"icon":         r.icon,
		"adminNav":     func(here string) adminNav { return adminNavAt(here, r.mailbox) },
		"dict":         dict,
		"add":          func(a, b int) int { return a + b },
	}
}

// icon draws a symbol of bootstrap-italia's sprite: {{icon "it-calendar" "icon-primary"}}.
func (r *renderer) icon(name, class string) template.HTML {
	return template.HTML(fmt.Sprintf( //nolint:gosec // escaped below, and called with constants of templates
		`<svg class="icon %s" aria-hidden="true" focusable="false"><use href="%s#%s"></use></svg>`,
		template.HTMLEscapeString(class), template.HTMLEscapeString(r.assets.url("sprites.svg")), template.HTMLEscapeString(name)))
}

// dict passes several values to a template: {{template "x" dict "A" 1 "B" 2}}.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d values do not pair", len(pairs))
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: key %v is no string", pairs[i])
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

// render writes a page. It is built in memory first, so that a template that
// fails never leaves half a page.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, p Page) error {
	p.Lang = s.lang(r)
	p.Other = s.texts.other(p.Lang)
	p.Town = s.town
	p.Path = r.URL.Path
	if p.Bundle == "" {
		p.Bundle = "public"
	}
	p.Switch = p.Other.Path("/")
	if rest, ok := strings.CutPrefix(r.URL.Path, "/"+p.Lang.Code+"/"); ok && r.Method == http.MethodGet && status < http.StatusBadRequest {
		p.Switch = p.Other.Path("/" + rest)
		if r.URL.RawQuery != "" {
			p.Switch += "?" + r.URL.RawQuery
		}
	}
	set, err := s.pages.page(p.Lang, name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, "layout", p); err != nil {
		return fmt.Errorf("web: render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", p.Lang.Code)
	w.WriteHeader(status)
	writeBody(r, w, s.log, b.Bytes())
	return nil
}

// fragment writes one named template of a page's set, for live updates.
func (s *Server) fragment(l *Language, page, name string, data any) ([]byte, error) {
	set, err := s.pages.page(l, page)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("web: render %s of %s: %w", name, page, err)
	}
	return b.Bytes(), nil
}

func (r *renderer) page(l *Language, name string) (*template.Template, error) {
	if r.reload {
		return r.parse(l, name)
	}
	set, ok := r.sets[l.Code][name]
	if !ok {
		return nil, fmt.Errorf("web: no template %s", name)
	}
	return set()
}
