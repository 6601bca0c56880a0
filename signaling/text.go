package signaling

import "sportello/signaling/protocol"

// textFor is what a person reads when an error reaches them.
func textFor(code protocol.Code, lang string) string {
	it, en := texts(code)
	if lang == "en" {
		return en
	}
	return it
}

func texts(code protocol.Code) (it, en string) {
	switch code {
	case protocol.CodeVersion:
		return "Questa pagina non è aggiornata: ricaricala.", "This page is out of date: reload it."
	case protocol.CodeBadMessage:
		return "La richiesta non è valida.", "The request is not valid."
	case protocol.CodeTooLarge:
		return "È troppo grande.", "It is too large."
	case protocol.CodeTooMany:
		return "Ce ne sono troppi insieme: attendi che qualcuno finisca.", "There are too many at once: wait for some to finish."
	case protocol.CodeRateLimited:
		return "Troppe richieste in poco tempo: riprova tra poco.", "Too many requests in a short time: try again in a moment."
	case protocol.CodeJoinTimeout:
		return "Il collegamento non si è completato in tempo: riprova.", "The connection was not completed in time: try again."
	case protocol.CodeTokenDamaged:
		return "Il collegamento non è completo: copialo di nuovo per intero.", "The link is not complete: copy all of it again."
	case protocol.CodeTokenUnknown:
		return "Non troviamo un appuntamento per questo collegamento.", "We find no appointment for this link."
	case protocol.CodeTooEarly:
		return "Non è ancora ora: torna poco prima dell'appuntamento.", "It is not time yet: come back shortly before the appointment."
	case protocol.CodeTooLate:
		return "Il tempo di questo appuntamento è passato.", "The time of this appointment is over."
	case protocol.CodeCancelled:
		return "Questo appuntamento è stato annullato.", "This appointment was cancelled."
	case protocol.CodeResumeLost:
		return "Il posto non è più riservato: entra di nuovo.", "The seat is no longer kept: enter again."
	case protocol.CodeRoomFull:
		return "La stanza è al completo.", "The room is full."
	case protocol.CodeForbidden:
		return "Solo l'operatore può farlo.", "Only the clerk may do this."
	case protocol.CodeNotInRoom:
		return "Non sei ancora nella stanza.", "You are not in the room yet."
	case protocol.CodeUnknownPeer:
		return "La persona non è più qui.", "The person is no longer here."
	case protocol.CodeUnknownFile:
		return "Il file non è più disponibile.", "The file is no longer available."
	case protocol.CodeBadOffer:
		return "Audio e video non si sono potuti collegare.", "Audio and video could not be connected."
	case protocol.CodeUnavailable:
		return "Il servizio non è raggiungibile: riprova tra poco.", "The service cannot be reached: try again shortly."
	case protocol.CodeInternal:
		return "Qualcosa è andato storto: riprova.", "Something went wrong: try again."
	}
	return "Qualcosa è andato storto: riprova.", "Something went wrong: try again."
}
