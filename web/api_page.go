package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// apiDocPath is the page that shows openapi.json to people.
const apiDocPath = "/api"

// apiPageView is the document, said in one language.
type apiPageView struct {
	Server   string // absolute
	Document string
	Version  string
	Intro    string
	Security []apiField
	Groups   []apiGroup
	Codes    []apiCode
	Problem  apiAnswer
	Headers  []apiField // of a problem
	Schemas  []apiField
}

type apiGroup struct {
	ID, Name, Text string
	Operations     []apiOp
}

type apiOp struct {
	ID, Method, Path, Summary, Text, Scope string
	Open                                   bool // to everybody
	Parameters                             []apiField
	Body                                   *apiField
	Curl                                   string
	Answers                                []apiAnswer
	Problems                               []apiCode
}

type apiAnswer struct {
	Status  int
	Text    string
	Schema  apiField
	Example string
}

type apiCode struct {
	Status     int
	Code, Text string
	operations []string
}

// apiField is a parameter, a schema or a member of one.
type apiField struct {
	Name, Text string
	In         string // of a parameter: query or header
	Type       string
	List, Null bool
	Ref        string // the schema that says the rest
	Required   bool
	Always     bool // in answers, instead of Required
	Values     []string
	Const      string
	Default    string
	MaxLength  int
	MaxItems   int
	Fields     []apiField
}

// apiPage is the document for who reads rather than parses.
func (s *Server) apiPage(w http.ResponseWriter, r *http.Request) error {
	d, err := readAPIDocument()
	if err != nil {
		return err
	}
	l := s.lang(r)
	return s.render(w, r, http.StatusOK, "public/api.html", Page{Crumbs: []Crumb{{Text: l.T("api.title")}}, Data: s.apiPageView(l, d)})
}

// apiHome leads from the API's own address to the page.
func (s *Server) apiHome(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept-Language")
	http.Redirect(w, r, s.texts.match(r.Header.Get("Accept-Language")).Path(apiDocPath), http.StatusFound)
}

// apiPageLinks tells a program that reads the document where its page is (RFC 8631).
func (s *Server) apiPageLinks() string {
	var links []string
	for _, l := range s.texts.languages {
		links = append(links, "<"+l.Path(apiDocPath)+`>; rel="service-doc"; type="text/html"; hreflang="`+l.Code+`"`)
	}
	return strings.Join(links, ", ")
}

func (s *Server) apiPageView(l *Language, d *apiDocument) apiPageView {
	v := apiPageView{Server: s.link(d.Servers[0].URL), Version: d.Info.Version, Intro: d.Info.descriptionIn(l)}
	v.Document = v.Server + "/openapi.json"
	for _, m := range d.Components.Security {
		v.Security = append(v.Security, apiField{Name: m.Name, Text: m.Value.descriptionIn(l)})
	}
	for _, t := range d.Tags {
		g := apiGroup{ID: t.Name, Name: t.Name, Text: t.descriptionIn(l)}
		if l.Code == "it" {
			g.Name = t.It.Name
		}
		for _, path := range d.Paths {
			for _, o := range path.Value {
				if slices.Contains(o.Value.Tags, t.Name) {
					g.Operations = append(g.Operations, d.operation(l, v.Server, path.Name, o))
				}
			}
		}
		v.Groups = append(v.Groups, g)
	}
	v.Codes = d.codes(l)
	problem := d.Components.Responses["Problem"]
	v.Problem = apiAnswer{Text: problem.descriptionIn(l), Example: indented(problem.Content[0].Value.Example)}
	for _, h := range problem.Headers {
		v.Headers = append(v.Headers, apiField{Name: h.Name, Text: h.Value.descriptionIn(l)})
	}
	asked := map[string]bool{}
	for _, g := range v.Groups {
		for _, o := range g.Operations {
			if o.Body != nil {
				asked[o.Body.Ref] = true
			}
		}
	}
	for _, m := range d.Components.Schemas {
		f := m.Value.field(l, m.Name, false)
		if !asked[m.Name] {
			f.answered()
		}
		v.Schemas = append(v.Schemas, f)
	}
	return v
}

// answered says of the members that must be there that they always are.
func (f *apiField) answered() {
	f.Always, f.Required = f.Required, false
	for i := range f.Fields {
		f.Fields[i].answered()
	}
}

// codes are the problems that there are, as the schema of a problem's type lists them.
func (d *apiDocument) codes(l *Language) []apiCode {
	problem, _ := d.Components.Schemas.get("Problem")
	kind, _ := problem.Properties.get("type")
	var out []apiCode
	for _, c := range kind.Codes {
		out = append(out, apiCode{c.Status, c.Code, c.descriptionIn(l), c.Operations})
	}
	slices.SortStableFunc(out, func(a, b apiCode) int { return a.Status - b.Status })
	return out
}

func (d *apiDocument) operation(l *Language, server, path string, m member[apiDocOperation]) apiOp {
	o := m.Value
	out := apiOp{
		ID: o.ID, Method: strings.ToUpper(m.Name), Path: path, Summary: o.summaryIn(l), Text: o.descriptionIn(l),
		Scope: o.Scope, Open: len(o.Security) == 0,
	}
	var parameters []apiDocParameter
	for _, p := range o.Parameters {
		if p.Ref != "" {
			p = d.Components.Parameters[refName(p.Ref)]
		}
		parameters = append(parameters, p)
		f := p.Schema.field(l, p.Name, p.Required)
		f.In, f.Text = p.In, p.descriptionIn(l)
		out.Parameters = append(out.Parameters, f)
	}
	var body json.RawMessage
	if len(o.Body.Content) > 0 {
		content := o.Body.Content[0].Value
		body = content.Example
		f := content.Schema.field(l, "", true)
		out.Body = &f
	}
	out.Curl = out.curl(server, parameters, body)
	for _, r := range o.Responses {
		status, _ := strconv.Atoi(r.Name)
		if r.Value.Ref == "" {
			content := r.Value.Content[0].Value
			f := content.Schema.field(l, "", false)
			f.answered()
			out.Answers = append(out.Answers, apiAnswer{status, r.Value.descriptionIn(l), f, indented(content.Example)})
			continue
		}
		for _, c := range d.codes(l) {
			if c.Status == status && (c.operations == nil || slices.Contains(c.operations, o.ID)) {
				out.Problems = append(out.Problems, c)
			}
		}
	}
	return out
}

// curl is the operation's example as a command. Secrets come from variables:
// what is typed stays in the history of the shell.
func (o apiOp) curl(server string, parameters []apiDocParameter, body json.RawMessage) string {
	var query []string
	for _, p := range parameters {
		if p.Example != "" {
			query = append(query, p.Name+"="+url.QueryEscape(p.Example))
		}
	}
	address := server + o.Path
	if len(query) > 0 {
		address += "?" + strings.Join(query, "&")
	}
	words := []string{"curl " + shellQuote(address)}
	if o.Method != http.MethodGet {
		words[0] = "curl -X " + o.Method + " " + shellQuote(address)
	}
	if !o.Open {
		words = append(words, `-H "Authorization: Bearer $TOKEN"`)
	}
	for _, p := range parameters {
		if p.In == "header" {
			words = append(words, `-H "`+p.Name+`: $SECRET"`)
		}
	}
	if len(body) > 0 {
		words = append(words, `-H "Content-Type: application/json"`, "-d "+shellQuote(indented(body)))
	}
	return strings.Join(words, " \\\n  ")
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// indented is an example as one reads it.
func indented(example json.RawMessage) string {
	var b bytes.Buffer
	if len(example) == 0 || json.Indent(&b, example, "", "  ") != nil {
		return ""
	}
	return b.String()
}

// field says in one language what a schema takes.
func (s apiSchema) field(l *Language, name string, required bool) apiField {
	f := apiField{Name: name, Text: s.descriptionIn(l), Required: required, Ref: refName(s.Ref), Values: s.Enum, Const: string(s.Const), Default: string(s.Default)}
	if s.MaxItems != nil {
		f.MaxItems = *s.MaxItems
	}
	inner := s
	if s.Items != nil {
		f.List, inner = true, *s.Items
		f.Ref = refName(inner.Ref)
		f.Values = inner.Enum
	}
	for _, t := range inner.Type {
		if t == "null" {
			f.Null = true
			continue
		}
		f.Type = t
	}
	if inner.Format != "" {
		f.Type += " (" + inner.Format + ")"
	}
	if inner.MaxLength != nil {
		f.MaxLength = *inner.MaxLength
	}
	for _, m := range inner.Properties {
		f.Fields = append(f.Fields, m.Value.field(l, m.Name, slices.Contains(inner.Required, m.Name)))
	}
	return f
}
