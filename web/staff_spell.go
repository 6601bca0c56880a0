package web

// spelled is one sign of a code with the word that names it on the phone.
type spelled struct {
	Sign, Word string
	Letter     bool // "A as in Ancona"; a digit is its own word
}

// spell gives the words to dictate a code with. Crockford's alphabet has no
// I, L, O and U, so nothing can be heard twice.
func spell(code, lang string) []spelled {
	words := italianAlphabet
	if lang == "en" {
		words = englishAlphabet
	}
	var out []spelled
	for _, r := range code {
		sign := string(r)
		if r != '-' {
			out = append(out, spelled{Sign: sign, Word: words(r), Letter: r > '9'})
		}
	}
	return out
}

// italianAlphabet names a letter by a town, as Italians do on the phone.
func italianAlphabet(r rune) string {
	switch r {
	case 'A':
		return "Ancona"
	case 'B':
		return "Bologna"
	case 'C':
		return "Como"
	case 'D':
		return "Domodossola"
	case 'E':
		return "Empoli"
	case 'F':
		return "Firenze"
	case 'G':
		return "Genova"
	case 'H':
		return "hotel"
	case 'J':
		return "i lunga"
	case 'K':
		return "kappa"
	case 'M':
		return "Milano"
	case 'N':
		return "Napoli"
	case 'P':
		return "Palermo"
	case 'Q':
		return "quadro"
	case 'R':
		return "Roma"
	case 'S':
		return "Savona"
	case 'T':
		return "Torino"
	case 'V':
		return "Venezia"
	case 'W':
		return "doppia vu"
	case 'X':
		return "ics"
	case 'Y':
		return "ipsilon"
	case 'Z':
		return "Zara"
	}
	return digitWord(r, []string{"zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"})
}

// englishAlphabet is the ICAO's (Annex 10, volume II, 5.2.1.3).
func englishAlphabet(r rune) string {
	words := []string{
		"Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India", "Juliett", "Kilo", "Lima", "Mike",
		"November", "Oscar", "Papa", "Quebec", "Romeo", "Sierra", "Tango", "Uniform", "Victor", "Whiskey", "X-ray", "Yankee", "Zulu",
	}
	if r >= 'A' && r <= 'Z' {
		return words[r-'A']
	}
	return digitWord(r, []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"})
}

func digitWord(r rune, words []string) string {
	if r >= '0' && r <= '9' {
		return words[r-'0']
	}
	return string(r)
}
