package protocol

// Code is a typed error.
type Code string

// The errors. Those of the gate close the socket.
const (
	CodeVersion      Code = "version"       // another protocol version
	CodeBadMessage   Code = "bad-message"   // not JSON, unknown type, a field out of range, a binary frame, a message out of turn
	CodeTooLarge     Code = "too-large"     // a message or file above the limit
	CodeTooMany      Code = "too-many"      // too many files or transfers at once
	CodeRateLimited  Code = "rate-limited"  // too many messages
	CodeJoinTimeout  Code = "join-timeout"  // no join in time
	CodeTokenDamaged Code = "token-damaged" // the secret is not whole: copied badly, or tampered with
	CodeTokenUnknown Code = "token-unknown" // no such grant
	CodeTooEarly     Code = "too-early"
	CodeTooLate      Code = "too-late"
	CodeCancelled    Code = "cancelled"   // the appointment was cancelled, or the guest link revoked
	CodeResumeLost   Code = "resume-lost" // the seat is gone; join with the token again
	CodeRoomFull     Code = "room-full"
	CodeForbidden    Code = "forbidden"   // the role may not
	CodeNotInRoom    Code = "not-in-room" // media before admission
	CodeUnknownPeer  Code = "unknown-peer"
	CodeUnknownFile  Code = "unknown-file"
	CodeBadOffer     Code = "bad-offer"   // an SDP that cannot be answered
	CodeUnavailable  Code = "unavailable" // a store is away; try again
	CodeInternal     Code = "internal"
)

// Codes lists every code.
func Codes() []Code {
	return []Code{
		CodeVersion, CodeBadMessage, CodeTooLarge, CodeTooMany, CodeRateLimited, CodeJoinTimeout,
		CodeTokenDamaged, CodeTokenUnknown, CodeTooEarly, CodeTooLate, CodeCancelled, CodeResumeLost,
		CodeRoomFull, CodeForbidden, CodeNotInRoom, CodeUnknownPeer, CodeUnknownFile, CodeBadOffer,
		CodeUnavailable, CodeInternal,
	}
}

// CloseStatus is the status the socket closes with after a fatal error with
// this code (RFC 6455, 7.4.2: 4000 to 4999 are the application's).
func (c Code) CloseStatus() int {
	switch c {
	case CodeVersion:
		return 4000
	case CodeBadMessage:
		return 4001
	case CodeTooLarge:
		return 4002
	case CodeRateLimited:
		return 4003
	case CodeJoinTimeout:
		return 4004
	case CodeTooMany:
		return 4005
	case CodeTokenDamaged:
		return 4010
	case CodeTokenUnknown:
		return 4011
	case CodeTooEarly:
		return 4012
	case CodeTooLate:
		return 4013
	case CodeCancelled:
		return 4014
	case CodeResumeLost:
		return 4015
	case CodeRoomFull:
		return 4016
	case CodeForbidden:
		return 4020
	case CodeNotInRoom:
		return 4021
	case CodeUnknownPeer:
		return 4022
	case CodeUnknownFile:
		return 4023
	case CodeBadOffer:
		return 4024
	case CodeUnavailable:
		return 4030
	case CodeInternal:
		return 4031
	}
	return 4031
}

// Fatal says whether an error with this code closes the socket of somebody
// who is in the lobby or the room. Before that (before the first waiting or
// joined) every error does.
func (c Code) Fatal() bool {
	switch c {
	case CodeVersion, CodeRateLimited, CodeJoinTimeout, CodeTokenDamaged, CodeTokenUnknown, CodeTooEarly,
		CodeTooLate, CodeCancelled, CodeResumeLost, CodeInternal:
		return true
	case CodeBadMessage, CodeTooLarge, CodeTooMany, CodeRoomFull, CodeForbidden, CodeNotInRoom,
		CodeUnknownPeer, CodeUnknownFile, CodeBadOffer, CodeUnavailable:
		return false
	}
	return true
}
