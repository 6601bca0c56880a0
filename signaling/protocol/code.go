package protocol

// Code is a typed error.
type Code string

// The errors. Those of the gate close the socket.
const (
	CodeVersion      Code = "version"       // another protocol version
	CodeBadMessage   Code = "bad-message"   // not JSON, unknown type, a field out of range, a binary frame
	CodeTooLarge     Code = "too-large"     // a message or file above the limit
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
