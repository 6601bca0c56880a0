package web

import (
	"context"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sportello/booking"
)

// texts are the sentences of the document in one language, and the names that
// programs write.
func (s apiSentences) of(v any, italian, inItalian bool) apiSentences {
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			text, isText := x.(string)
			switch {
			case key == "externalDocs" || key == "example": // what tools follow; what curl and answers show
			case key == "x-it":
				s = s.of(x, italian, true)
			case isText && italian == inItalian && (key == "description" || key == "summary"):
				s = append(s, text)
			default:
				s = s.of(x, italian, inItalian)
			}
		}
	case []any:
		for _, x := range v {
			s = s.of(x, italian, inItalian)
		}
	}
	return s
}

type apiSentences []string

func TestTheDocumentIsAPageToRead(t *testing.T) {
	w := newTown(t)
	var raw any
	if err := json.Unmarshal(openAPI, &raw); err != nil {
		t.Fatal(err)
	}
	d, err := readAPIDocument()
	if err != nil {
		t.Fatal(err)
	}
	it, en := apiSentences{}.of(raw, true, false), apiSentences{}.of(raw, false, false)
	if len(it) < 60 || len(it) != len(en) {
		t.Errorf("%d sentences in Italian, %d in English", len(it), len(en))
	}
	for lang, sentences := range map[string]apiSentences{"it": it, "en": en} {
		c := w.citizen()
		c.do(http.MethodGet, "/"+lang+"/api", nil)
		if c.status != http.StatusOK {
			t.Fatalf("%s: %d", lang, c.status)
		}
		page := html.UnescapeString(c.body)
		for _, text := range sentences {
			if !strings.Contains(page, text) {
				t.Errorf("the page in %s lacks %q", lang, text)
			}
		}
		for _, path := range d.Paths {
			for _, o := range path.Value {
				want := []string{"<code>" + path.Name + "</code>", `id="` + o.Value.ID + `"`}
				for _, p := range o.Value.Parameters {
					if p.Ref != "" {
						p = d.Components.Parameters[refName(p.Ref)]
					}
					want = append(want, "<code>"+p.Name+"</code>")
				}
				for _, x := range want {
					if !strings.Contains(page, x) {
						t.Errorf("%s %s %s: no %s", lang, o.Name, path.Name, x)
					}
				}
			}
		}
		for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
			if n := strings.Count(page, ` id="`+m[1]+`"`); n != 1 {
				t.Errorf("%s: %d places to land from #%s", lang, n, m[1])
			}
		}
	}
}

func TestTheDocumentLeadsToItsPage(t *testing.T) {
	c := newTown(t).citizen()
	c.do(http.MethodGet, "/api/v1/openapi.json", nil)
	if link := c.header.Get("Link"); !strings.Contains(link, `</it/api>; rel="service-doc"`) || !strings.Contains(link, "</en/api>") {
		t.Errorf("Link: %s", link)
	}
	for _, path := range []string{"/api/v1", "/api/v1/"} {
		c.do(http.MethodGet, path, nil, "Accept-Language", "en-GB")
		if c.status != http.StatusOK || c.at.Path != "/en/api" {
			t.Errorf("%s leads to %s, %d", path, c.at, c.status)
		}
	}
}

// TestTheDocumentKnowsEveryProblem holds its list to what the API answers.
func TestTheDocumentKnowsEveryProblem(t *testing.T) {
	d, err := readAPIDocument()
	if err != nil {
		t.Fatal(err)
	}
	problem, _ := d.Components.Schemas.get("Problem")
	kind, _ := problem.Properties.get("type")
	var listed, answered []apiProblem
	for _, c := range kind.Codes {
		listed = append(listed, apiProblem{Type: "urn:sportello:problem:" + c.Code, Title: c.Description, Status: c.Status})
	}
	errs := []error{&booking.FieldError{}, &booking.SlotTakenError{}, context.DeadlineExceeded, errPanicked}
	for _, f := range faults() {
		if f.code != "" {
			errs = append(errs, f.err)
		}
	}
	for _, err := range errs {
		p := apiProblemOf(err)
		p.Errors = nil
		if !slices.ContainsFunc(answered, func(x apiProblem) bool { return x.Type == p.Type }) {
			answered = append(answered, p)
		}
	}
	if len(listed) != len(answered) {
		t.Errorf("%d problems listed, %d answered", len(listed), len(answered))
	}
	for _, p := range answered {
		if !slices.ContainsFunc(listed, func(x apiProblem) bool { return x.Type == p.Type && x.Title == p.Title && x.Status == p.Status }) {
			t.Errorf("not listed as it is: %+v", p)
		}
	}
}

// words splits a command as a shell does, as far as the examples need it.
func words(command string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s\\]+`).FindAllString(command, -1) {
		out = append(out, strings.Trim(m, `'"`))
	}
	return out
}

// TestTheExamplesOfThePageWork does what the page says, in its order, in the
// demonstration's town and year.
func TestTheExamplesOfThePageWork(t *testing.T) {
	w := newTown(t)
	p := w.program(booking.APIToken{Name: "Sito", Scopes: bothScopes})
	c := w.citizen()
	c.do(http.MethodGet, "/it/api", nil)
	slots := p.slots("office=anagrafe&service=carta-identita&mode=in_person&from=2031-12-01")
	if len(slots) < 2 {
		t.Fatal("nothing free")
	}
	secret, ran := "", 0
	for _, m := range regexp.MustCompile(`(?s)<code>(curl .*?)</code>`).FindAllStringSubmatch(c.body, -1) {
		method, path, header := http.MethodGet, "", []string(nil)
		var body any
		command := words(html.UnescapeString(m[1]))
		for i := 1; i < len(command); i++ {
			switch word := command[i]; word {
			case "-X":
				i++
				method = command[i]
			case "-H":
				i++
				name, value, _ := strings.Cut(command[i], ": ")
				header = append(header, name, strings.NewReplacer("$TOKEN", p.token, "$SECRET", secret).Replace(value))
			case "-d":
				i++
				body = strings.NewReplacer(
					"2027-03-08T09:20:00+01:00", slots[0].Start.Format("2006-01-02T15:04:05Z07:00"),
					"2027-03-09T10:00:00+01:00", slots[1].Start.Format("2006-01-02T15:04:05Z07:00")).Replace(command[i])
			default:
				path = strings.ReplaceAll(strings.TrimPrefix(word, "http://sportello.test"+apiPath), "2027-03", "2031-12")
			}
		}
		if path == "/appointment/cancel" && secret == "" {
			t.Error("nothing to cancel")
		}
		got := p.call(method, path, body, header...)
		if got.status >= http.StatusMultipleChoices {
			t.Errorf("%s: %d %s", m[1], got.status, got.body)
		}
		if path == "/holds" {
			var hold apiBooked
			got.into(t, &hold)
			secret = hold.Secret
		}
		ran++
	}
	if ran != len(w.server.apiOperations()) {
		t.Errorf("%d examples for %d operations", ran, len(w.server.apiOperations()))
	}
}
