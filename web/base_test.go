package web

import (
	"encoding/json"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
)

// catalogueOf reads one catalogue file as key → all its forms joined.
func catalogueOf(t *testing.T, name string) map[string]string {
	t.Helper()
	data, err := fs.ReadFile(embedded(), name)
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	out := map[string]string{}
	for k, v := range raw {
		switch v := v.(type) {
		case string:
			out[k] = v
		case map[string]any:
			var forms []string
			for form, text := range v {
				s, ok := text.(string)
				if !ok || (form != "one" && form != "other" && form != "many") {
					t.Errorf("%s: %s has form %q", name, k, form)
				}
				forms = append(forms, s)
			}
			out[k] = strings.Join(forms, "\n")
		default:
			t.Errorf("%s: %s is neither text nor plural", name, k)
		}
		if strings.TrimSpace(out[k]) == "" {
			t.Errorf("%s: %s is empty", name, k)
		}
	}
	return out
}

func placeholders(text string) []string {
	found := regexp.MustCompile(`\{\{[^}]*\}\}`).FindAllString(text, -1)
	sort.Strings(found)
	return slices.Compact(found)
}

func TestCataloguesSayTheSameInBothLanguages(t *testing.T) {
	names, err := fs.Glob(embedded(), "locales/*it.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no Italian catalogue: %v", err)
	}
	for _, name := range names {
		english := path.Dir(name) + "/" + strings.TrimSuffix(path.Base(name), "it.json") + "en.json"
		it, en := catalogueOf(t, name), catalogueOf(t, english)
		for k, text := range it {
			if _, ok := en[k]; !ok {
				t.Errorf("%s lacks %s", english, k)
			} else if a, b := placeholders(text), placeholders(en[k]); !slices.Equal(a, b) {
				t.Errorf("%s: placeholders %v in Italian, %v in English", k, a, b)
			}
		}
		for k := range en {
			if _, ok := it[k]; !ok {
				t.Errorf("%s lacks %s", name, k)
			}
		}
	}
}

// TestTemplatesUseKnownTexts finds {{t "key"}} without an entry.
func TestTemplatesUseKnownTexts(t *testing.T) {
	known := map[string]string{}
	names, err := fs.Glob(embedded(), "locales/*it.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for k, v := range catalogueOf(t, name) {
			known[k] = v
		}
	}
	use := regexp.MustCompile(`\bt "([a-z0-9_.]+)"`)
	pages, err := fs.Glob(embedded(), "templates/*/*.html")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	for _, p := range pages {
		text, err := fs.ReadFile(embedded(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range use.FindAllStringSubmatch(string(text), -1) {
			if _, ok := known[m[1]]; !ok {
				t.Errorf("%s uses %q, which no catalogue has", p, m[1])
			}
		}
	}
}
