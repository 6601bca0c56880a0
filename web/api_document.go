package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// apiDocument is openapi.json as far as the page that renders it goes; what
// the document gains and this does not know is found by a test.
type apiDocument struct {
	Info struct {
		apiText
		Title   string `json:"title"`
		Version string `json:"version"`
	} `json:"info"`
	Servers []struct {
		URL string `json:"url"`
	} `json:"servers"`
	Tags []struct {
		apiText
		Name string `json:"name"`
	} `json:"tags"`
	Paths      ordered[ordered[apiDocOperation]] `json:"paths"`
	Components struct {
		Parameters map[string]apiDocParameter `json:"parameters"`
		Responses  map[string]apiDocResponse  `json:"responses"`
		Schemas    ordered[apiSchema]         `json:"schemas"`
		Security   ordered[apiText]           `json:"securitySchemes"`
	} `json:"components"`
}

// apiText is what the document says of a thing: in English, and under x-it in Italian.
type apiText struct {
	Summary     string `json:"summary"`
	Description string `json:"description"`
	It          struct {
		Name        string `json:"name"`
		Summary     string `json:"summary"`
		Description string `json:"description"`
	} `json:"x-it"`
}

func (t apiText) summaryIn(l *Language) string {
	if l.Code == "it" {
		return t.It.Summary
	}
	return t.Summary
}

func (t apiText) descriptionIn(l *Language) string {
	if l.Code == "it" {
		return t.It.Description
	}
	return t.Description
}

type apiDocOperation struct {
	apiText
	ID         string                  `json:"operationId"`
	Tags       []string                `json:"tags"`
	Security   []json.RawMessage       `json:"security"`
	Scope      string                  `json:"x-scope"`
	Parameters []apiDocParameter       `json:"parameters"`
	Body       apiDocContent           `json:"requestBody"`
	Responses  ordered[apiDocResponse] `json:"responses"`
}

type apiDocParameter struct {
	apiText
	Ref      string    `json:"$ref"`
	Name     string    `json:"name"`
	In       string    `json:"in"`
	Required bool      `json:"required"`
	Schema   apiSchema `json:"schema"`
	Example  string    `json:"example"`
}

type apiDocContent struct {
	Content ordered[struct {
		Schema  apiSchema       `json:"schema"`
		Example json.RawMessage `json:"example"`
	}] `json:"content"`
}

type apiDocResponse struct {
	apiText
	apiDocContent
	Ref     string           `json:"$ref"`
	Headers ordered[apiText] `json:"headers"`
}

type apiSchema struct {
	apiText
	Ref        string             `json:"$ref"`
	Type       oneOrMore          `json:"type"`
	Format     string             `json:"format"`
	Enum       []string           `json:"enum"`
	Const      json.RawMessage    `json:"const"`
	Default    json.RawMessage    `json:"default"`
	Minimum    *int               `json:"minimum"`
	MaxLength  *int               `json:"maxLength"`
	MaxItems   *int               `json:"maxItems"`
	Items      *apiSchema         `json:"items"`
	Required   []string           `json:"required"`
	Properties ordered[apiSchema] `json:"properties"`
	Codes      []apiDocCode       `json:"x-codes"` // of the problems
}

// apiDocCode says when a problem's type is met.
type apiDocCode struct {
	apiText
	Code       string   `json:"code"`
	Status     int      `json:"status"`
	Operations []string `json:"operations"` // the only ones, where not all that have the status
}

// ordered is an object whose members keep the order they are written in, which
// is the one to read them in.
type ordered[T any] []member[T]

type member[T any] struct {
	Name  string
	Value T
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *ordered[T]) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return fmt.Errorf("an object is wanted, not %.20s", data)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		m := member[T]{Name: fmt.Sprint(name)}
		if err := d.Decode(&m.Value); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		*o = append(*o, m)
	}
	return nil
}

func (o ordered[T]) get(name string) (T, bool) {
	for _, m := range o {
		if m.Name == name {
			return m.Value, true
		}
	}
	var none T
	return none, false
}

// oneOrMore is a name, or a list of them.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *oneOrMore) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*[]string)(t))
	}
	*t = make(oneOrMore, 1)
	return json.Unmarshal(data, &(*t)[0])
}

// readAPIDocument reads the embedded document, once it is asked for.
var readAPIDocument = sync.OnceValues(func() (*apiDocument, error) { //nolint:gochecknoglobals // what is embedded does not change
	var d apiDocument
	if err := json.Unmarshal(openAPI, &d); err != nil {
		return nil, fmt.Errorf("web: openapi.json: %w", err)
	}
	return &d, nil
})

// refName is the last part of a reference within the document.
func refName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }
