// How pictures are packed. VP8 is offered first and sent at first; the server
// names another one while everybody in the room can show it.

interface Manner {
  /** What the SDP parameters hold in the profile that all browsers have. */
  readonly profile: readonly string[];
  /** Temporal layers, which the server can leave out: of VP8 alone. A mode must be named, else two encodings of VP9 become one stream. */
  readonly camera: string;
  readonly screen: string;
  /** Of the bit rate that VP8 takes for a picture as good. */
  readonly rate: number;
}

const vp8: Manner = { profile: [], camera: 'L1T3', screen: 'L1T2', rate: 1 };
const MANNERS: Readonly<Record<string, Manner>> = {
  vp8,
  h264: { profile: ['packetization-mode=1', 'profile-level-id=42e01f'], camera: 'L1T1', screen: 'L1T1', rate: 1 },
  vp9: { profile: ['profile-id=0'], camera: 'L1T1', screen: 'L1T1', rate: 0.75 },
  av1: { profile: ['profile=0'], camera: 'L1T1', screen: 'L1T1', rate: 0.75 },
};

/** mannerOf is VP8's for a codec that this page does not know. */
export const mannerOf = (codec: string): Manner => MANNERS[codec] ?? vp8;

/** Fields of RTCRtpEncodingParameters that not every browser has yet (WebRTC extensions, WebRTC SVC). */
export interface Encoding extends RTCRtpEncodingParameters {
  codec?: RTCRtpCodec;
  scalabilityMode?: string;
}

function fits(codec: RTCRtpCodec, name: string): boolean {
  const manner = MANNERS[name];
  return (
    manner !== undefined &&
    codec.mimeType.toLowerCase() === `video/${name}` &&
    manner.profile.every((part) => codec.sdpFmtpLine?.split(';').includes(part))
  );
}

/** preferCodecs keeps the offer small: Opus, VP8 first, and what the server names, each in one profile; voices with redundancy too. */
export function preferCodecs(transceiver: RTCRtpTransceiver, further: readonly string[]): void {
  const kind = transceiver.receiver.track.kind;
  const all = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const wanted =
    kind === 'audio'
      ? voices(all, false)
      : [
          ...['vp8', ...further].flatMap((name) => all.find((c) => fits(c, name)) ?? []),
          ...all.filter((c) => c.mimeType.toLowerCase() === 'video/rtx'),
        ];
  if (wanted.length > 0 && 'setCodecPreferences' in transceiver) transceiver.setCodecPreferences(wanted);
}

/** preferRedundancy says whether the next offer puts a voice with redundancy first; false where the browser has none. */
export function preferRedundancy(transceiver: RTCRtpTransceiver, redundant: boolean): boolean {
  const all = RTCRtpSender.getCapabilities('audio')?.codecs ?? [];
  const wanted = voices(all, redundant);
  if (wanted.length < 2 || !('setCodecPreferences' in transceiver)) return false;
  transceiver.setCodecPreferences(wanted);
  return true;
}

/** voices are Opus and Opus with redundancy (RFC 2198), of which a browser sends the first. */
function voices(all: readonly RTCRtpCodec[], redundant: boolean): RTCRtpCodec[] {
  const of = (mime: string): RTCRtpCodec[] => all.filter((c) => c.mimeType.toLowerCase() === mime);
  const [opus, red] = [of('audio/opus'), of('audio/red')];
  return redundant ? [...red, ...opus] : [...opus, ...red];
}

/** agreed finds a codec among those that a section may send; none where it is not there. */
export function agreed(parameters: RTCRtpSendParameters, name: string): RTCRtpCodec | undefined {
  return parameters.codecs.find((codec) => fits(codec, name));
}
