package web

// adminNav is the administrator's way about: some groups, and where the reader is.
type adminNav struct {
	Groups []adminNavGroup
	Group  adminNavGroup
	Page   adminNavItem
}

// adminNavGroup is a heading, which leads to its first page, and its pages.
type adminNavGroup struct {
	adminNavItem
	Pages []adminNavItem
}

// adminNavItem is a link; Title is a key of the catalogue.
type adminNavItem struct {
	here, Path, Title string
	Current           bool
}

// adminGroup has at least one page; its own link leads to the first.
type adminGroup struct {
	title string
	pages []adminNavItem
}

func adminGroups(mailbox bool) []adminGroup {
	groups := []adminGroup{
		{"admin.nav.agenda", []adminNavItem{
			{here: "", Path: adminPath, Title: "staff.admin.offices"},
			{here: "closures", Path: adminPath + "/chiusure", Title: "staff.admin.closures"},
			{here: "unsettled", Path: unsettledPath, Title: "unsettled.title"},
			{here: "week", Path: adminPath + "/settimana", Title: "admin.week.title"},
			{here: "halls", Path: hallsPath, Title: "staff.halls.title"},
		}},
		{"admin.nav.people", []adminNavItem{
			{here: "people", Path: adminPath + "/persone", Title: "staff.admin.people"},
			{here: "audit", Path: adminPath + "/registro", Title: "admin.audit.title"},
			{here: "data", Path: adminPath + "/dati", Title: "admin.data.title"},
		}},
		{"admin.nav.numbers", []adminNavItem{
			{here: "statistics", Path: adminPath + "/statistiche", Title: "admin.stat.title"},
			{here: "agenda", Path: agendaPath, Title: "admin.agenda.title"},
		}},
		{"admin.nav.links", []adminNavItem{
			{here: "tokens", Path: tokensPath, Title: "admin.tokens.title"},
			{here: "embed", Path: adminPath + "/incorpora", Title: "admin.embed.title"},
		}},
	}
	if mailbox {
		last := &groups[len(groups)-1]
		last.pages = append(last.pages, adminNavItem{here: "mailbox", Path: "/staff/posta", Title: "mailbox.title"})
	}
	return groups
}

// adminNavAt is the way about from one of the pages.
func adminNavAt(here string, mailbox bool) (nav adminNav) {
	for _, g := range adminGroups(mailbox) {
		group := adminNavGroup{adminNavItem{Path: g.pages[0].Path, Title: g.title}, g.pages}
		for i := range g.pages {
			if g.pages[i].here == here {
				g.pages[i].Current, group.Current = true, true
				nav.Page = g.pages[i]
			}
		}
		if group.Current {
			nav.Group = group
		}
		nav.Groups = append(nav.Groups, group)
	}
	return nav
}
