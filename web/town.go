package web

// Town is the municipality whose counter this is.
type Town struct {
	Name      string // "Comune di Pinerolo"
	Short     string // "Pinerolo"
	Motto     string
	Region    string
	RegionURL string
	Address   string
	Phone     string
	Email     string
	PEC       string // certified e-mail
	TaxCode   string
	TZ        string
}

// Pinerolo is the town of the demonstration. The contacts are made up.
func Pinerolo() Town {
	return Town{
		Name: "Comune di Pinerolo", Short: "Pinerolo", Region: "Regione Piemonte", RegionURL: "https://www.regione.piemonte.it/",
		Address: "Piazza Vittorio Veneto 1, 10064 Pinerolo (TO)", Phone: "0121 000 000",
		Email: "sportello@comune.pinerolo.example", PEC: "protocollo@pec.comune.pinerolo.example", TZ: "Europe/Rome",
	}
}
